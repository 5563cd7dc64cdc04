//! Whether deliveries go on, seen by what the group commits.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
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

/// Tells what happens, and sees meanwhile that no partition of the devices' topic that has a
/// backlog stands still for so long. Tells the longest standstill, too.
pub(crate) async fn while_no_partition_stands_still<T>(
    world: &World,
    limit: Duration,
    story: impl Future<Output = Result<T>>,
) -> Result<(T, Duration)> {
    let mut frontiers = Frontiers::default();
    let watch = async {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let ends = world.kafka.ends(&world.devices()).await?;
            let committed = world.committed("devices", &world.devices()).await?;
            frontiers.look(&ends, |partition| committed.get(&partition).map_or(0, |(at, _)| *at));
            if frontiers.longest > limit {
                bail!("a partition stands still: {:?} of ends {ends:?}", frontiers.at);
            }
        }
    };
    let told = tokio::select! {
        told = story => told?,
        stands = watch => stands?,
    };
    Ok((told, frontiers.longest))
}

/// Each partition's frontier, and since when it is there although there is more.
#[derive(Debug, Default)]
struct Frontiers {
    at: BTreeMap<i32, (i64, Instant)>,
    longest: Duration,
}

impl Frontiers {
    fn look(&mut self, ends: &BTreeMap<i32, i64>, committed: impl Fn(i32) -> i64) {
        let now = Instant::now();
        for (partition, end) in ends {
            let frontier = committed(*partition);
            let known = self.at.entry(*partition).or_insert((frontier, now));
            if known.0 != frontier || frontier >= *end {
                *known = (frontier, now);
            }
            self.longest = self.longest.max(now - known.1);
        }
    }
}
