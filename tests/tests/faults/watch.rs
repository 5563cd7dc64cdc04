//! What has to hold for a while, not only in the end.

use std::time::Duration;

use anyhow::{Result, ensure};
use emberline_testkit::World;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Looks at something once every so often, for so long.
pub(crate) async fn for_a_while(
    every: Duration,
    long: Duration,
    mut look: impl AsyncFnMut() -> Result<()>,
) -> Result<()> {
    let until = Instant::now() + long;
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while ticks.tick().await < until {
        look().await?;
    }
    Ok(())
}

/// Nothing was moved to a retry topic or to the dead letters.
pub(crate) async fn nothing_is_set_aside(world: &World) -> Result<()> {
    nothing_waits(world).await?;
    are_empty(world, &["dead-letters"]).await
}

/// Nothing was moved to a retry topic.
pub(crate) async fn nothing_waits(world: &World) -> Result<()> {
    are_empty(world, &["retry.30s", "retry.5m", "retry.1h"]).await
}

async fn are_empty(world: &World, names: &[&str]) -> Result<()> {
    for name in names {
        let records = world.kafka.read_all(&world.own_topic(name)).await?.len();
        ensure!(records == 0, "{records} records in {name}");
    }
    Ok(())
}
