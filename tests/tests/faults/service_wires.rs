//! Connections to the service that fail amid calls, in every way that a network knows.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use emberline_sandbox::{Action, Fault, FaultPlan, FaultRule, Totals};
use emberline_testkit::{Proxy, ProxyCounts, ProxyFaults, World};
use tokio::time::{MissedTickBehavior, interval};

use crate::feed::{one_report_a_message, while_devices_talk};
use crate::progress::resumes;
use crate::replicas::Replicas;
use crate::scale::Scale;

const REPLICAS: usize = 2;
const MOST_REPORTS: usize = 10;
/// How long a call takes at least.
const LATENCY: Duration = Duration::from_millis(20);
const RECORDS_A_SECOND: usize = 150;
/// Longest that it may take after a fault until every partition's records are delivered.
const RESUME_LIMIT: Duration = Duration::from_secs(30);
/// How often the faults change where they are mixed.
const CHANGE_EVERY: Duration = Duration::from_millis(500);

/// A way to spoil connections, and what of it has hit some that were in use.
type Spoil = (&'static str, ProxyFaults, fn(&ProxyCounts) -> u64);

/// Each befalls most connections, so that the others show that the service is there.
fn spoils() -> [Spoil; 6] {
    let most = || ProxyFaults { share: 0.7, ..ProxyFaults::default() };
    [
        ("cut amid the request", ProxyFaults { cut_there: Some(1..=600), ..most() }, |c| {
            c.cut_amid
        }),
        ("cut amid the answer", ProxyFaults { cut_back: Some(1..=200), ..most() }, |c| c.cut_amid),
        ("half open", ProxyFaults { half_open: true, ..most() }, |c| c.swallowed_bytes),
        ("a byte a second there", ProxyFaults { bytes_a_second_there: Some(1), ..most() }, |c| {
            c.slowed_bytes
        }),
        ("a byte a second back", ProxyFaults { bytes_a_second_back: Some(1), ..most() }, |c| {
            c.slowed_bytes
        }),
        ("refused", ProxyFaults { refuse: true, ..most() }, |c| c.refused),
    ]
}

/// Answers that end in the middle, though the call was carried out.
fn cut_answers() -> FaultPlan {
    let cut = |fault| FaultRule::share(0.3, fault).after_acting();
    FaultPlan {
        latency: LATENCY,
        rules: vec![cut(Fault::TruncatedJson), cut(Fault::CutBody), cut(Fault::Reset)],
        ..FaultPlan::default()
    }
}

/// Repeated is what was carried out and whose answer did not arrive.
pub(crate) async fn spoilt_connections(world: &mut World, scale: Scale) -> Result<()> {
    let mut load = one_report_a_message(world).await?;
    world.set("batch.max_reports", &MOST_REPORTS.to_string());
    let proxy = world.proxy_service().await?;
    for limit in ["service.timeout", "service.read_timeout", "service.connect_timeout"] {
        world.set(limit, "\"1s\"");
    }
    // No report goes by the retry topics, where it would lose its place in the order.
    world.set("retry.in_place", "100");
    world.set("retry.budget", "\"1000%\"");
    world.set("retry.backoff_cap", "\"1s\"");
    let healthy = FaultPlan { latency: LATENCY, ..FaultPlan::default() };
    world.sandbox.faults().set(healthy.clone());

    let world = &*world;
    let failures = scale.of(5, 25);
    let spoilt = async {
        let mut replicas = Replicas::start(world, REPLICAS).await?;
        replicas.are_calling(world).await?;
        for (what, faults, hit) in spoils() {
            let before = (hit(&proxy.counts()), calls(&mut replicas, "transient").await?);
            proxy.set(faults);
            if what == "refused" {
                proxy.cut_all();
            }
            let told = async || {
                let failed = calls(&mut replicas, "transient").await?;
                let enough = hit(&proxy.counts()) > before.0 && failed >= before.1 + failures;
                Ok(enough.then_some(()))
            };
            world.wait_for(what, told).await?;
            proxy.heal();
            resumes(world, RESUME_LIMIT).await.context(what)?;
        }
        let faulted = || world.sandbox.ledger().totals().faulted_calls;
        world.sandbox.faults().set(cut_answers());
        let told = async || Ok((faulted() >= 10 * failures).then_some(()));
        world.wait_for("answers are cut", told).await?;
        mix(&proxy, scale.of(2, 20)).await;
        proxy.heal();
        world.sandbox.faults().set(healthy);
        resumes(world, RESUME_LIMIT).await.context("all of them mixed")?;
        Ok(replicas)
    };
    let mut replicas = while_devices_talk(world, &mut load, RECORDS_A_SECOND, spoilt).await?;
    world.tell(load.rest()).await?;

    world.accepted(load.expectation().counts().reports).await?;
    world.settled("devices", &world.devices()).await?;
    let answered = calls(&mut replicas, "ok").await?;
    replicas.stop_all().await?;
    let verdict = world.judge(&load);
    let ambiguous = carried_out(&verdict.totals) - answered;
    verdict.is_at_least_once_in_order()?;
    ensure!(verdict.totals.order_inversions == 0, "disorder: {:?}", verdict.totals);
    ensure!(ambiguous > 0, "no call was left in doubt: {:?}", proxy.counts());
    let (repeated, most) = (verdict.twice.len() as u64, ambiguous * MOST_REPORTS as u64);
    ensure!(repeated <= most, "{repeated} repeated, at most {most} may be");
    Ok(())
}

/// All ways to spoil connections in quick succession, so many times.
async fn mix(proxy: &Proxy, times: usize) {
    let mut ticks = interval(CHANGE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for (_, faults, _) in std::iter::repeat_with(spoils).take(times).flatten() {
        proxy.set(ProxyFaults { share: 0.5, ..faults });
        ticks.tick().await;
    }
}

/// Calls with reports that were carried out, whatever was answered.
fn carried_out(totals: &Totals) -> u64 {
    let calls = totals.by_action[Action::ReportDeviceData.name()];
    calls.accepted + calls.faulted
}

/// Calls with reports that ended in this way, as the replicas see it.
async fn calls(replicas: &mut Replicas, outcome: &str) -> Result<u64> {
    let ended = [("action", Action::ReportDeviceData.name()), ("outcome", outcome)];
    replicas.count("emberline_calls_total", &ended).await
}
