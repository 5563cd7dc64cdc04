//! Credentials that the service refuses, for all replicas at once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use emberline_fleet::FleetPlan;
use emberline_sandbox::{Arrivals, Fault, FaultPlan};
use emberline_testkit::{Load, World, wait_for};

use crate::replicas::Replicas;
use crate::scale::Scale;
use crate::watch::{for_a_while, nothing_is_set_aside};

const REPLICAS: usize = 2;
/// How long a call takes: what is in flight when the first is refused is refused, too.
const CALL: Duration = Duration::from_millis(300);
/// Longest until an alarm is to be seen.
const ALARM: Duration = Duration::from_secs(5);
/// How often it is looked whether all is as it should be.
const LOOK_EVERY: Duration = Duration::from_millis(500);

pub(crate) async fn refused(world: &mut World, scale: Scale) -> Result<()> {
    // What is settled without a call would rightly be committed past.
    let mut load = Load::new(FleetPlan::all_called_for(90));
    world.introduce(&load).await?;
    world.set("service.probe_interval", r#""1s""#);
    world.set("batch.max_reports", "10");
    slowly(world, None);
    let mut replicas = Replicas::start(world, REPLICAS).await?;
    world.tell(load.records(300)).await?;
    replicas.own_partitions(world).await?;

    let refusals = [
        Fault::status(401),
        Fault::status(403),
        Fault::error("InvalidParameterValue", "Signature 无效"),
    ];
    for refusal in refusals {
        world.accepted(load.expectation().counts().reports).await?;
        world.settled("devices", &world.devices()).await?;
        let stay = scale.of(Duration::from_secs(8), Duration::from_mins(1));
        refuse(world, &mut replicas, &mut load, (refusal, stay)).await?;
    }
    world.accepted(load.expectation().counts().reports).await?;
    world.settled("devices", &world.devices()).await?;
    nothing_is_set_aside(world).await?;
    replicas.stop_all().await?;
    world.judge(&load).is_exactly_once_in_order()
}

/// Calls take their time, and are refused or not.
fn slowly(world: &World, refusal: Option<Fault>) {
    let plan = refusal.map(FaultPlan::always).unwrap_or_default();
    world.sandbox.faults().set(FaultPlan { latency: CALL, ..plan });
}

/// All calls are refused for a while, from the first of some records on.
async fn refuse(
    world: &World,
    replicas: &mut Replicas,
    load: &mut Load,
    (refusal, stay): (Fault, Duration),
) -> Result<()> {
    let before = world.sandbox.ledger().totals();
    let committed = committed(world).await?;
    slowly(world, Some(refusal));
    world.tell(load.records(1_000)).await?;
    let refused = || world.sandbox.ledger().totals().faulted_calls - before.faulted_calls;
    world.wait_for("a call is refused", async || Ok((refused() > 0).then_some(()))).await?;
    wait_for("every replica is halted", ALARM, async || halted(replicas, REPLICAS).await).await?;

    let since = Instant::now();
    for_a_while(LOOK_EVERY, stay, async || {
        ensure!(halted(replicas, REPLICAS).await?.is_some(), "a replica goes on");
        let now = self::committed(world).await?;
        ensure!(now == committed, "committed {now:?}, it was {committed:?}");
        Ok(())
    })
    .await?;
    ensure!(world.sandbox.ledger().totals().reports_accepted == before.reports_accepted);
    nothing_is_set_aside(world).await?;
    let hit = refused();
    let mut probes = world.sandbox.ledger().arrivals();
    probes.calls.retain(|call| call.at >= since);
    probes_are_seldom(&probes, stay)?;
    let in_flight = hit - probes.calls.len() as u64;
    ensure!(in_flight > 2 * REPLICAS as u64, "only {in_flight} calls were in flight");

    slowly(world, None);
    wait_for("every replica goes on", ALARM, async || halted(replicas, 0).await).await
}

/// Each replica tries now and then whether it is accepted again, at most once a second.
fn probes_are_seldom(probes: &Arrivals, stay: Duration) -> Result<()> {
    let (most, all) = (probes.most_in_any_second(), probes.calls.len());
    ensure!(most <= REPLICAS, "{most} probes within a second");
    // Each comes a second after the answer to the one before.
    let least = REPLICAS * usize::try_from(stay.as_secs() / 2)?;
    ensure!(all >= least / 2, "{all} probes in {stay:?}: they are too few");
    Ok(())
}

/// Something if so many replicas show that they are halted.
async fn halted(replicas: &mut Replicas, expected: usize) -> Result<Option<()>> {
    let mut halted = 0;
    for replica in replicas.running() {
        let page = replica.metrics().await?;
        halted += usize::from(page.count("emberline_halted", &[("worker", "devices")]) == 1);
    }
    Ok((halted == expected).then_some(()))
}

async fn committed(world: &World) -> Result<BTreeMap<i32, i64>> {
    let committed = world.committed("devices", &world.devices()).await?;
    Ok(committed.into_iter().map(|(partition, (offset, _))| (partition, offset)).collect())
}
