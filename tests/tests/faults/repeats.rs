//! Messages that the platform sends again and again, whoever reads them by then.

use std::time::Duration;

use anyhow::{Result, ensure};
use emberline_fleet::{FleetPlan, FleetRecord};
use emberline_sandbox::FaultPlan;
use emberline_testkit::{Load, World};

use crate::replicas::Replicas;
use crate::scale::Scale;

/// How long after its first sending a message comes again, in milliseconds.
const AGAIN_AFTER: [i64; 3] = [1_000, 3_000, 10_000];
/// How long a call takes: long enough that some are in flight whatever happens.
const CALL: Duration = Duration::from_secs(1);

pub(crate) async fn four_times(world: &mut World, scale: Scale) -> Result<()> {
    let mut load = Load::new(FleetPlan::all_called_for(60));
    world.introduce(&load).await?;
    world.set("batch.max_reports", "5");
    world.set("limits.in_flight", "8");
    // What was read is delivered before a partition goes, in time.
    world.set("limits.records", "100");
    world.sandbox.faults().set(FaultPlan { latency: CALL, ..FaultPlan::default() });
    let mut replicas = Replicas::start(world, 2).await?;

    for _ in 0..scale.of(1, 10) {
        let messages = load.records(1_000);
        let again = |times: usize| sent_again(&messages, AGAIN_AFTER[times]);
        world.tell(messages.clone()).await?;
        world.tell(again(0)).await?;
        replicas.are_calling(world).await?;
        // One is restarted, while calls are in flight.
        replicas.stop(world, 0..1).await?;
        replicas.add(world, 1).await?;
        world.tell(again(1)).await?;
        // One more comes, and the partitions are divided anew.
        replicas.is_calling(world, 0).await?;
        replicas.add(world, 1).await?;
        replicas.own_partitions(world).await?;
        world.tell(again(2)).await?;
        let reports = load.expectation().counts().reports;
        world.accepted(reports).await?;
        world.settled("devices", &world.devices()).await?;
        // And goes again, for the next round.
        replicas.stop_idle(0..1).await?;
    }
    let again = [("outcome", "duplicate")];
    let duplicates = replicas.count("emberline_outcomes_total", &again).await?;
    ensure!(duplicates > 0, "nobody has seen a message again");
    replicas.stop_all().await?;
    let totals = world.sandbox.ledger().totals();
    ensure!(totals.sent_twice == 0, "{} reports twice at the service", totals.sent_twice);
    world.judge(&load).is_exactly_once_in_order()
}

/// The same messages, so many milliseconds later.
fn sent_again(messages: &[FleetRecord], after_ms: i64) -> Vec<FleetRecord> {
    let later = |message: &FleetRecord| FleetRecord {
        timestamp_ms: message.timestamp_ms + after_ms,
        ..message.clone()
    };
    messages.iter().map(later).collect()
}
