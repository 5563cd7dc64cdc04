//! Stops in good order, and what the next process remembers.

use std::time::Duration;

use anyhow::{Result, ensure};
use emberline_fleet::FleetPlan;
use emberline_sandbox::FaultPlan;
use emberline_testkit::{Load, Signal, World};

use crate::story::LIMIT;

pub(crate) async fn stop_in_the_middle(world: &mut World) -> Result<()> {
    let mut load = Load::new(FleetPlan { devices: 300, ..FleetPlan::default() });
    world.introduce(&load).await?;
    world.tell(load.records(5_000)).await?;
    world.tell(load.rest()).await?;
    world.set("batch.max_reports", "5");
    world.set("limits.in_flight", "16");
    // What was read is delivered before a partition is given up: that must not be all.
    world.set("limits.records", "500");
    let slowly = FaultPlan { latency: Duration::from_millis(15), ..FaultPlan::default() };
    world.sandbox.faults().set(slowly);

    let reports = load.expectation().counts().reports;
    let mut run = world.emberline(&["run", "--exit-at-end"]).await?;
    world.accepted(reports / 3).await?;
    run.signal(Signal::Terminate)?;
    run.succeeds(LIMIT).await?;
    let accepted = world.sandbox.ledger().totals().reports_accepted;
    ensure!(accepted < reports, "it was not in the middle");

    world.run_to_end().await?;
    world.judge(&load).is_exactly_once_in_order()
}

pub(crate) async fn duplicates_across_restart(world: &mut World) -> Result<()> {
    let mut load = Load::new(FleetPlan {
        devices: 200,
        duplicates: 0.0,
        unbound: 0.0,
        ..FleetPlan::default()
    });
    world.introduce(&load).await?;
    let records = load.records(2_000);
    world.tell(records.clone()).await?;
    world.run_to_end().await?;
    world.judge(&load).is_exactly_once_in_order()?;

    let before = world.sandbox.ledger().totals();
    world.tell(records).await?;
    world.tell(load.records(500)).await?;
    world.run_to_end().await?;
    let after = world.sandbox.ledger().totals();
    ensure!(after.reports_accepted > before.reports_accepted, "nothing new was delivered");
    world.judge(&load).is_exactly_once_in_order()
}
