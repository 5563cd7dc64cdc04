//! How a story is run: in a world of its own on a cluster, to a deadline, with an account of
//! the world where it fails.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use emberline_sandbox::SandboxSettings;
use emberline_testkit::harness::{failed, tell};
use emberline_testkit::kafka::TestKafka;
use emberline_testkit::{World, binary};
use libtest_mimic::{Failed, Trial};

use crate::scale::Scale;

/// Partitions of each input topic: two for each of three replicas.
const PARTITIONS: i32 = 6;
/// What is many of them.
pub(crate) const MANY_PARTITIONS: i32 = 96;

/// A story as a test of this name, on the cluster that all of these share.
pub(crate) fn story<S>(name: &str, scale: Scale, story: S) -> Trial
where
    S: AsyncFnOnce(&mut World, Scale) -> Result<()> + Send + 'static,
{
    Trial::test(name, move || run(scale, (PARTITIONS, TestKafka::shared_cluster()), story))
}

/// A story as a test of this name, on that cluster, with many partitions.
pub(crate) fn story_of_many_partitions<S>(name: &str, scale: Scale, story: S) -> Trial
where
    S: AsyncFnOnce(&mut World, Scale) -> Result<()> + Send + 'static,
{
    Trial::test(name, move || run(scale, (MANY_PARTITIONS, TestKafka::shared_cluster()), story))
}

/// A story as a test of this name, on a cluster of its own: its nodes may be killed.
pub(crate) fn story_of_brokers<S>(name: &str, scale: Scale, story: S) -> Trial
where
    S: AsyncFnOnce(&mut World, Scale) -> Result<()> + Send + 'static,
{
    let own = async || TestKafka::start_cluster(3).await.map(Arc::new);
    Trial::test(name, move || run(scale, (PARTITIONS, own()), story))
}

/// A story as a test of this name, on a node of its own that asks for rights.
pub(crate) fn story_of_rights<S>(name: &str, scale: Scale, story: S) -> Trial
where
    S: AsyncFnOnce(&mut World, Scale) -> Result<()> + Send + 'static,
{
    let asking = TestKafka::start_asking_for_rights;
    Trial::test(name, move || run(scale, (PARTITIONS, asking()), story))
}

fn run(
    scale: Scale,
    (partitions, kafka): (i32, impl Future<Output = Result<Arc<TestKafka>>>),
    story: impl AsyncFnOnce(&mut World, Scale) -> Result<()>,
) -> Result<(), Failed> {
    // To build the program may take longer than any story.
    binary().map_err(|error| failed(&error))?;
    let limit = scale.of(Duration::from_mins(4), Duration::from_mins(90));
    tell(world(scale, partitions, kafka), limit, async |world: &mut World| {
        story(world, scale).await
    })
}

/// A world whose own topics are there already, as the manual has it.
async fn world(
    scale: Scale,
    partitions: i32,
    kafka: impl Future<Output = Result<Arc<TestKafka>>>,
) -> Result<World> {
    let mut world = World::start_on(kafka.await?, partitions, SandboxSettings::default()).await?;
    world.emberline(&["topics", "create"]).await?.succeeds(Duration::from_mins(1)).await?;
    world.set_patience(scale.of(Duration::from_mins(2), Duration::from_mins(20)));
    Ok(world)
}
