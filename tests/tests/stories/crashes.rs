//! Ends without a word.

use std::time::Duration;

use anyhow::{Result, ensure};
use emberline_fleet::FleetPlan;
use emberline_sandbox::FaultPlan;
use emberline_testkit::{Load, Signal, World};

use crate::story::LIMIT;

const IN_FLIGHT: usize = 24;
const MOST_REPORTS: usize = 10;
/// Longer than the time between two commits, so that no slot for a call ends two calls
/// between them.
const LATENCY: Duration = Duration::from_millis(500);

/// What may be repeated: the reports of the calls that were under way, and of those that
/// ended after the last commit.
const MOST_REPEATED: usize = 2 * IN_FLIGHT * MOST_REPORTS;

pub(crate) async fn crash(world: &mut World) -> Result<()> {
    let mut load = Load::new(FleetPlan { devices: 60, ..FleetPlan::default() });
    world.introduce(&load).await?;
    world.tell(load.records(1_200)).await?;
    world.tell(load.rest()).await?;
    world.set("batch.max_reports", &MOST_REPORTS.to_string());
    world.set("limits.in_flight", &IN_FLIGHT.to_string());
    let slowly = FaultPlan { latency: LATENCY, ..FaultPlan::default() };
    world.sandbox.faults().set(slowly);

    let reports = load.expectation().counts().reports;
    let mut run = world.emberline(&["run", "--exit-at-end"]).await?;
    world.accepted(reports / 2).await?;
    run.signal(Signal::Kill)?;
    ensure!(run.ended(LIMIT).await? == Signal::KILLED);
    let accepted = world.sandbox.ledger().totals().reports_accepted;
    ensure!(accepted < reports, "it was not in the middle");

    world.sandbox.faults().clear();
    world.run_to_end().await?;
    let verdict = world.judge(&load);
    verdict.is_at_least_once_in_order()?;
    let repeated = verdict.twice.len();
    ensure!(repeated <= MOST_REPEATED, "{repeated} repeated, at most {MOST_REPEATED} may be");
    Ok(())
}
