//! What changes in a running process, and what it says of the rest.

use anyhow::{Result, ensure};
use emberline_fleet::FleetPlan;
use emberline_sandbox::{Fault, FaultRule};
use emberline_testkit::{Emberline, Load, MetricsPage, Signal, World};

use crate::story::LIMIT;

const RATE: &str = "emberline_rate_limit";

pub(crate) async fn reloads(world: &mut World) -> Result<()> {
    let mut load = Load::new(FleetPlan { devices: 20, unbound: 0.0, ..FleetPlan::default() });
    world.introduce(&load).await?;
    world.tell(load.records(200)).await?;
    world.set("limits.rate", r#""50/s""#);
    world.set("service.app_secret", r#""the wrong one""#);
    world.set("service.probe_interval", r#""1s""#);
    let mut run = world.emberline(&["run"]).await?;
    let before = reaches(world, &mut run, "a rate and a halt", |page| {
        page.sum(RATE, &[]) > 0.0 && page.sum("emberline_halted", &[]) > 0.0
    });
    let before = full_rate(&before.await?);
    ensure!(world.sandbox.ledger().totals().bind_calls == 0);

    // What is taken over, and what is not, told by SIGHUP.
    world.set("service.app_secret", &format!("{:?}", World::APP_SECRET));
    world.set("limits.rate", r#""500/s""#);
    world.set("log.level", r#""debug""#);
    world.set("limits.in_flight", "7");
    world.write_settings()?;
    run.signal(Signal::Hangup)?;
    world.accepted(load.expectation().counts().reports).await?;
    let page =
        reaches(world, &mut run, "ten times the rate", |page| full_rate(page) / before > 9.9);
    let page = page.await?;
    ensure!((full_rate(&page) / before - 10.0).abs() < 0.1, "{before}: {}", full_rate(&page));
    ensure!(reloads_that(&page, "partly") > 0);
    ensure!(page.count("emberline_config_restart_needed", &[]) == 1);
    let log = run.log();
    ensure!(log.contains("limits.rate, log.level, service.app_secret"), "{log}");
    let told: Vec<_> = log.lines().filter(|line| line.contains("needs a restart")).collect();
    let all_of_it = told.iter().all(|line| line.contains("limits.in_flight"));
    ensure!(!told.is_empty() && all_of_it, "{told:?}");
    // A failed call is told at the new level only.
    world.sandbox.faults().add(FaultRule::first(1, Fault::status(503)));
    world.tell(load.records(100)).await?;
    reaches_log(world, &run, r#""level":"DEBUG""#).await?;

    // A file that is wrong changes nothing; nobody has to tell.
    world.set("limits.rate", r#""quickly""#);
    world.write_settings()?;
    let page = reaches(world, &mut run, "a refusal", |page| reloads_that(page, "refused") > 0);
    ensure!(full_rate(&page.await?) / before > 9.9);
    let log = run.log();
    let refused = log.lines().find(|line| line.contains("configuration refused"));
    ensure!(refused.is_some_and(|line| line.contains("limits.rate") && line.contains("quickly")));

    // And one that is right again is taken over.
    world.set("limits.rate", r#""50/s""#);
    world.set("limits.in_flight", "64");
    world.write_settings()?;
    let page = reaches(world, &mut run, "the first rate", |page| {
        reloads_that(page, "applied") > 0 && (full_rate(page) / before - 1.0).abs() < 0.01
    });
    ensure!(page.await?.count("emberline_config_restart_needed", &[]) == 0);
    ensure!(!run.log().contains(World::APP_SECRET) && !run.log().contains("the wrong one"));

    world.tell(load.rest()).await?;
    run.signal(Signal::Terminate)?;
    run.succeeds(LIMIT).await?;
    world.run_to_end().await?;
    world.judge(&load).is_exactly_once_in_order()
}

fn reloads_that(page: &MetricsPage, outcome: &str) -> u64 {
    page.count("emberline_config_reloads_total", &[("outcome", outcome)])
}

/// The rate that a process with all partitions would have: with the share, which grows while
/// the workers join their groups, taken out. The worker that starts first tells it for all.
fn full_rate(page: &MetricsPage) -> f64 {
    let of = [("worker", "bindings")];
    page.sum(RATE, &of) / page.sum("emberline_rate_share", &of)
}

/// Waits for a page of metrics that shows this.
async fn reaches(
    world: &World,
    run: &mut Emberline,
    what: &str,
    shows: impl Fn(&MetricsPage) -> bool,
) -> Result<MetricsPage> {
    world
        .wait_for(what, async || {
            let page = run.metrics().await?;
            Ok(shows(&page).then_some(page))
        })
        .await
}

async fn reaches_log(world: &World, run: &Emberline, text: &str) -> Result<()> {
    world.wait_for(text, async || Ok(run.log().contains(text).then_some(()))).await
}
