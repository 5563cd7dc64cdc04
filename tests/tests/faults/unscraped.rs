//! A long day at full rate that nobody looks at.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use emberline_fleet::FleetPlan;
use emberline_testkit::{Emberline, Load, World};

use crate::feed::while_devices_talk;
use crate::replicas::Replicas;
use crate::scale::Scale;
use crate::watch::for_a_while;

/// How much more memory there may be after the whole time than after a third of it, in bytes.
const MORE_MEMORY: u64 = 4 << 20;
/// What is written, and what is to be delivered at least, a second.
const RECORDS_A_SECOND: usize = 2_000;
const LEAST_REPORTS_A_SECOND: f64 = 1_000.0;
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(crate) async fn a_long_run(world: &mut World, scale: Scale) -> Result<()> {
    let plan = FleetPlan { devices: 500, unbound: 0.0, ..FleetPlan::default() };
    let mut load = Load::in_step(plan, u32::try_from(RECORDS_A_SECOND)?);
    world.introduce(&load).await?;
    // Full after a third of the time, as it is after two minutes otherwise.
    world.set("dedupe.window", scale.of(r#""10s""#, r#""2m""#));
    let mut replicas = Replicas::start(world, 1).await?;
    replicas.own_partitions(world).await?;
    world.settled("bindings", &world.bindings()).await?;
    world.tell(load.records(1_000)).await?;
    world.settled("devices", &world.devices()).await?;
    let [replica] = replicas.running() else { anyhow::bail!("there is one replica") };
    let series_before = series(replica).await?;

    let third = scale.of(Duration::from_secs(40), Duration::from_mins(20));
    let accepted = || world.sandbox.ledger().totals().reports_accepted;
    let (before, began) = (accepted(), Instant::now());
    let run = async {
        let mut memory = Vec::new();
        for_a_while(LOOK_EVERY, third * 3, async || {
            memory.push((began.elapsed(), replica.memory()?.resident));
            Ok(())
        })
        .await?;
        Ok(memory)
    };
    let memory = while_devices_talk(world, &mut load, RECORDS_A_SECOND, run).await?;
    #[expect(clippy::cast_precision_loss, reason = "a count of a test, far below 2^53")]
    let rate = (accepted() - before) as f64 / began.elapsed().as_secs_f64();
    ensure!(rate > LEAST_REPORTS_A_SECOND, "{rate:.0} reports a second are no full rate");
    // The most of the last third beside the most of the second.
    let most = |from: Duration| {
        let within = memory.iter().filter(|(at, _)| (from..from + third).contains(at));
        within.map(|(_, resident)| *resident).max().unwrap_or_default()
    };
    let (middle, end) = (most(third), most(third * 2));
    ensure!(end <= middle + MORE_MEMORY, "{} MiB became {} MiB", middle >> 20, end >> 20);

    world.tell(load.rest()).await?;
    world.accepted(load.expectation().counts().reports).await?;
    world.settled("devices", &world.devices()).await?;
    let series_after = series(replica).await?;
    let new: Vec<_> = series_after.symmetric_difference(&series_before).collect();
    ensure!(new.is_empty(), "series came or went: {new:?}");
    replicas.stop_all().await?;
    world.judge(&load).is_exactly_once_in_order()
}

/// Every series of a process's metrics.
async fn series(replica: &mut Emberline) -> Result<BTreeSet<String>> {
    let page = replica.metrics().await?;
    Ok(page.samples.iter().map(|sample| format!("{}{:?}", sample.name, sample.labels)).collect())
}
