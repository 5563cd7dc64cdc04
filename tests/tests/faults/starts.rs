//! Replicas that are started together.

use anyhow::Result;
use emberline_testkit::World;

use crate::replicas::Replicas;
use crate::scale::Scale;

/// Each of them finds that topics are missing, and makes them; on a cluster not every node
/// knows at once what another made.
pub(crate) async fn all_at_once(world: &mut World, scale: Scale) -> Result<()> {
    for round in 0..scale.of(3, 20) {
        world.set("topics.prefix", &format!("{:?}", world.own_topic(&format!("new-{round}"))));
        world.set("kafka.group", &format!("{:?}", world.group(&format!("new-{round}"))));
        let mut replicas = Replicas::start(world, 3).await?;
        replicas.are_ready().await?;
        replicas.stop_all().await?;
    }
    Ok(())
}
