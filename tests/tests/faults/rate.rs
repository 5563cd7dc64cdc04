//! One rate for the whole group, however many replicas there are.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use emberline_fleet::FleetPlan;
use emberline_sandbox::FaultPlan;
use emberline_testkit::{Load, World};

use crate::replicas::Replicas;
use crate::scale::Scale;
use crate::watch::for_a_while;

/// Calls a second of the group.
const RATE: f64 = 100.0;
/// Most in any second, wherever it begins.
const MOST: usize = 105;
/// Least calls a second on average, with a backlog.
const LEAST: u128 = 90;
/// How long a call takes.
const CALL: Duration = Duration::from_millis(300);
/// Replicas, one number after the other.
const REPLICAS: [usize; 4] = [1, 2, 4, 1];
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What was read is too much for so short a drain at this rate: what is in flight at its end
/// may be repeated, each time that partitions go.
pub(crate) async fn one_for_all(world: &mut World, scale: Scale) -> Result<()> {
    let mut load = Load::new(FleetPlan {
        devices: 120,
        unbound: 0.0,
        duplicates: 0.0,
        states: 0.0,
        most_properties: 1,
        ..FleetPlan::default()
    });
    world.introduce(&load).await?;
    world.tell(load.records(scale.of(12_000, 40_000))).await?;
    world.set("batch.max_reports", "1");
    world.set("limits.rate", r#""100/s""#);
    no_part_for_replays(world);
    // A share rises only after so long.
    world.set("shutdown.drain", r#""3s""#);
    world.sandbox.faults().set(FaultPlan { latency: CALL, ..FaultPlan::default() });

    let reports = load.expectation().counts().reports;
    let steady = scale.of(Duration::from_secs(5), Duration::from_mins(1));
    let mut replicas = Replicas::default();
    let mut told = Vec::new();
    for count in REPLICAS {
        let running = replicas.running().len();
        if count > running {
            replicas.add(world, count - running).await?;
        } else {
            replicas.stop(world, 0..running - count).await?;
        }
        replicas.are_calling(world).await?;
        shared_out(world, &mut replicas, RATE).await?;
        let from = Instant::now();
        for_a_while(LOOK_EVERY, steady, async || {
            let rate = rate(&mut replicas).await?;
            ensure!(rate.round() <= RATE, "{count} replicas have {rate} calls a second");
            Ok(())
        })
        .await?;
        let seconds = from.elapsed();
        let calls = world.sandbox.ledger().arrivals().calls_between(from, from + seconds);
        told.push((count, calls as u128 * 1_000 / seconds.as_millis()));
    }
    ensure!(world.sandbox.ledger().totals().distinct_reports < reports, "there was no backlog");
    let arrivals = world.sandbox.ledger().arrivals();
    let most = arrivals.most_in_any_second();
    ensure!(arrivals.forgotten == 0 && most <= MOST, "{most} calls within a second; {told:?}");
    let slow = told.iter().any(|(_, rate)| *rate < LEAST);
    ensure!(!slow, "replicas and their calls a second: {told:?}, at most {most} in one");
    replicas.stop_all().await?;

    world.set("limits.rate", r#""none""#);
    world.set("batch.max_reports", "100");
    world.sandbox.faults().clear();
    world.run_to_end().await?;
    let verdict = world.judge(&load);
    verdict.is_at_least_once_in_order()?;
    let most = REPLICAS.len() * usize::try_from(MOST as u128 * CALL.as_millis() / 1000)?;
    let repeated = verdict.twice.len();
    ensure!(repeated <= most, "{repeated} repeated, at most {most} may be");
    Ok(())
}

/// Nothing is replayed: what that would have of the rate would lie idle.
pub(crate) fn no_part_for_replays(world: &mut World) {
    world.set("limits.devices_part", r#""60%""#);
    world.set("limits.replay_part", r#""0%""#);
}

/// Waits until the replicas' shares make up so much in all.
pub(crate) async fn shared_out(world: &World, replicas: &mut Replicas, least: f64) -> Result<()> {
    world
        .wait_for("the whole rate is shared out", async || {
            Ok((rate(replicas).await?.round() >= least).then_some(()))
        })
        .await
}

/// What the replicas may call in a second, all together.
async fn rate(replicas: &mut Replicas) -> Result<f64> {
    let mut rate = 0.0;
    for replica in replicas.running() {
        rate += replica.metrics().await?.sum("emberline_rate_limit", &[("worker", "devices")]);
    }
    Ok(rate)
}
