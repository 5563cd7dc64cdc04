//! Seen from outside: health, metrics, the end.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, ensure};
use emberline_fleet::FleetPlan;
use emberline_sandbox::{Fault, FaultPlan};
use emberline_testkit::{Load, MetricsPage, Signal, World};
use emberline_tests::{metrics_fixture, metrics_line};

use crate::story::LIMIT;
use crate::sum::at_rest;

pub(crate) async fn pages_and_metrics(world: &mut World) -> Result<()> {
    let mut load = Load::new(FleetPlan { devices: 50, ..FleetPlan::default() });
    world.introduce(&load).await?;
    world.tell(load.records(500)).await?;
    world.tell(load.rest()).await?;
    let mut run = world.emberline(&["run"]).await?;
    run.ready().await?;
    ensure!(run.get("/livez").await?.0 == 200);
    ensure!(run.get("/nothing").await?.0 == 404);
    let counts = *load.expectation().counts();
    at_rest(world, &mut run, ("devices", counts.records)).await?;
    // Gauges of partitions come with the first look at them, once a second.
    let page = world
        .wait_for("the lag is shown", async || {
            let page = run.metrics().await?;
            Ok(page.kinds.contains_key("emberline_partition_lag").then_some(page))
        })
        .await?;
    let (served, promised) = (promises(&page), metrics_fixture());
    let missing: Vec<_> = promised.difference(&served).collect();
    let unknown: Vec<_> = served.difference(&promised).collect();
    ensure!(missing.is_empty() && unknown.is_empty(), "missing {missing:?}, unknown {unknown:?}");
    let stranger = page.samples.iter().find(|sample| !sample.name.starts_with("emberline_"));
    ensure!(stranger.is_none(), "{stranger:?}");

    run.signal(Signal::Terminate)?;
    run.succeeds(LIMIT).await
}

/// Every metric of a page as a line of the fixture.
fn promises(page: &MetricsPage) -> BTreeSet<String> {
    let line = |(name, kind): (&String, &String)| {
        let own = |sample: &&str| {
            let suffix = sample.strip_prefix(name.as_str()).unwrap_or("_other");
            matches!(suffix, "" | "_bucket" | "_sum" | "_count")
        };
        let samples = page.samples.iter().filter(|sample| own(&sample.name.as_str()));
        let labels = samples.flat_map(|sample| sample.labels.keys().map(String::as_str));
        metrics_line(name, kind, labels.filter(|label| *label != "le"))
    };
    page.kinds.iter().map(line).collect()
}

pub(crate) async fn stop_while_a_call_hangs(world: &mut World) -> Result<()> {
    let mut load = Load::new(FleetPlan { devices: 20, ..FleetPlan::default() });
    world.introduce(&load).await?;
    world.run_to_end().await?;
    world.tell(load.records(100)).await?;
    world.set("shutdown.drain", r#""2s""#);
    world.set("service.timeout", r#""10m""#);
    world.set("service.read_timeout", r#""10m""#);
    world.sandbox.faults().set(FaultPlan::always(Fault::Hang));
    let mut run = world.emberline(&["run"]).await?;
    world
        .wait_for("calls hang", async || {
            let page = run.metrics().await?;
            Ok((page.count("emberline_calls_in_flight", &[]) > 0).then_some(()))
        })
        .await?;
    // The service is down, and that is no reason to be restarted.
    ensure!(run.get("/livez").await?.0 == 200);
    run.signal(Signal::Terminate)?;
    run.succeeds(Duration::from_secs(20)).await?;

    world.sandbox.faults().clear();
    world.tell(load.rest()).await?;
    world.run_to_end().await?;
    world.judge(&load).is_exactly_once_in_order()
}
