//! Whether deliveries go on, seen by what the group commits and what the service accepts.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use emberline_testkit::{World, wait_for};
use tokio::time::{MissedTickBehavior, interval};

/// How often the frontiers are looked at.
const EVERY: Duration = Duration::from_millis(250);

/// Waits until records that were written from now on are delivered and committed, of every
/// partition of the devices' topic. Somebody has to write them.
pub(crate) async fn resumes(world: &World, limit: Duration) -> Result<()> {
    let topic = world.devices();
    let mut since = None;
    wait_for("deliveries resume", limit, async || {
        if since.is_none() {
            // Without leaders there is no answer, and nothing can be written.
            since = world.kafka.ends(&topic).await.ok();
        }
        let committed = world.committed("devices", &topic).await;
        let (Some(since), Ok(committed)) = (&since, committed) else { return Ok(None) };
        let passed = |(partition, end): (&i32, &i64)| {
            committed.get(partition).is_some_and(|(offset, _)| offset > end)
        };
        Ok(since.iter().all(passed).then_some(()))
    })
    .await
}

/// Tells what happens, and sees meanwhile that no partition of this topic, which the devices
/// workers read, stands still for so long with a backlog: nothing of it is accepted, nor
/// committed. While a group rebalances once more nothing can be committed, and deliveries go on.
/// Tells the longest standstill, too.
pub(crate) async fn while_no_partition_stands_still<T>(
    world: &World,
    (topic, limit): (&str, Duration),
    story: impl Future<Output = Result<T>>,
) -> Result<(T, Duration)> {
    let mut frontiers = Frontiers::default();
    let watch = async {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let ends = world.kafka.ends(topic).await?;
            let committed = world.committed("devices", topic).await?;
            frontiers.learn_devices(world, topic, &ends).await?;
            let accepted = frontiers.accepted(world);
            frontiers.look(&ends, |partition| {
                let frontier = committed.get(&partition).map_or(0, |(at, _)| *at);
                (frontier, accepted.get(&partition).copied().unwrap_or_default())
            });
            if frontiers.longest > limit {
                bail!("a partition stands still: {:?} of ends {ends:?}", frontiers.at);
            }
        }
    };
    let told = tokio::select! {
        told = story => told?,
        stands = watch => stands?,
    };
    let accepted = frontiers.accepted(world);
    ensure!(accepted.values().any(|count| *count > 0), "no device is known by its key");
    Ok((told, frontiers.longest))
}

/// With so many records in the topic each device has some.
const MANY: i64 = 500;

/// Where a partition is: its frontier, and how much of it the service has accepted.
type Place = (i64, usize);

/// Where each partition is, and since when it is there although there is more.
#[derive(Debug, Default)]
struct Frontiers {
    at: BTreeMap<i32, (Place, Instant)>,
    /// The devices of each partition.
    devices: BTreeMap<i32, BTreeSet<String>>,
    longest: Duration,
}

impl Frontiers {
    async fn learn_devices(
        &mut self,
        world: &World,
        topic: &str,
        ends: &BTreeMap<i32, i64>,
    ) -> Result<()> {
        if !self.devices.is_empty() || ends.values().sum::<i64>() < MANY {
            return Ok(());
        }
        for record in world.kafka.read_all(topic).await? {
            let device = String::from_utf8(record.key.unwrap_or_default())?;
            self.devices.entry(record.partition).or_default().insert(device);
        }
        Ok(())
    }

    fn accepted(&self, world: &World) -> BTreeMap<i32, usize> {
        let ledger = world.sandbox.ledger();
        let of_partition = |devices: &BTreeSet<String>| {
            devices.iter().map(|device| ledger.accepted_of(device)).sum()
        };
        self.devices.iter().map(|(at, devices)| (*at, of_partition(devices))).collect()
    }

    fn look(&mut self, ends: &BTreeMap<i32, i64>, place_of: impl Fn(i32) -> Place) {
        let now = Instant::now();
        for (partition, end) in ends {
            let place = place_of(*partition);
            let known = self.at.entry(*partition).or_insert((place, now));
            if known.0 != place || place.0 >= *end {
                *known = (place, now);
            }
            self.longest = self.longest.max(now - known.1);
        }
    }
}
