//! The replicas of a story: processes of one group that come, go and are killed.

use std::time::Duration;

use anyhow::{Result, ensure};
use emberline_testkit::{Emberline, Signal, World};

use crate::roles::Role;

/// Longest that a process may take to end after SIGTERM: what Kubernetes gives it by default.
const GRACE: Duration = Duration::from_secs(30);
/// Longest that the operating system may take to end a process.
const KILL_LIMIT: Duration = Duration::from_secs(10);

/// The processes that run, oldest first, all with the same workers.
#[derive(Default)]
pub(crate) struct Replicas {
    role: Role,
    running: Vec<Emberline>,
}

impl Replicas {
    /// None yet, of processes that have this role.
    pub(crate) const fn with(role: Role) -> Self {
        Self { role, running: Vec::new() }
    }

    /// So many processes, each with all workers.
    pub(crate) async fn start(world: &World, count: usize) -> Result<Self> {
        let mut replicas = Self::default();
        replicas.add(world, count).await?;
        Ok(replicas)
    }

    /// Starts some more.
    pub(crate) async fn add(&mut self, world: &World, count: usize) -> Result<()> {
        for _ in 0..count {
            self.running.push(world.emberline(self.role.arguments()).await?);
        }
        Ok(())
    }

    /// Waits until all of them say that they work.
    pub(crate) async fn are_ready(&mut self) -> Result<()> {
        for replica in &mut self.running {
            replica.ready().await?;
        }
        Ok(())
    }

    /// Those that run, oldest first.
    pub(crate) fn running(&mut self) -> &mut [Emberline] {
        &mut self.running
    }

    /// Waits until every one of them has partitions of the topic that the devices workers read.
    pub(crate) async fn own_partitions(&mut self, world: &World) -> Result<()> {
        let topic = self.role.topic(world);
        for replica in &mut self.running {
            let owns = async || Ok((partitions_of(&topic, replica).await? > 0).then_some(()));
            world.wait_for("a replica has partitions", owns).await?;
        }
        Ok(())
    }

    /// Waits until they have these partitions of the topic that the devices workers read between
    /// them, as evenly as it goes.
    pub(crate) async fn share(&mut self, world: &World, partitions: usize) -> Result<()> {
        let topic = self.role.topic(world);
        let running = &mut self.running;
        let (least, most) = (partitions / running.len(), partitions.div_ceil(running.len()));
        world
            .wait_for("the replicas share the partitions", async || {
                let mut counts = Vec::new();
                for replica in running.iter_mut() {
                    counts.push(partitions_of(&topic, replica).await?);
                }
                let even = counts.iter().all(|count| (least..=most).contains(count));
                Ok((even && counts.iter().sum::<usize>() == partitions).then_some(()))
            })
            .await
    }

    /// How many lines of what they have logged so far have these words in them.
    pub(crate) fn told(&self, words: &str) -> usize {
        let lines = |replica: &Emberline| replica.log().matches(words).count();
        self.running.iter().map(lines).sum()
    }

    /// What their last figures show of something that is counted, all together.
    pub(crate) async fn count(&mut self, metric: &str, labels: &[(&str, &str)]) -> Result<u64> {
        let mut count = 0;
        for replica in &mut self.running {
            count += replica.metrics().await?.count(metric, labels);
        }
        Ok(count)
    }

    /// Waits until this one has calls for devices in flight.
    pub(crate) async fn is_calling(&mut self, world: &World, index: usize) -> Result<()> {
        let replica = &mut self.running[index];
        world.wait_for("a replica has calls in flight", async || calls(replica).await).await
    }

    /// Draws one of those that have calls for devices in flight: what is left to be delivered
    /// may all be another's.
    pub(crate) async fn one_that_is_calling(
        &mut self,
        world: &World,
        dice: &mut fastrand::Rng,
    ) -> Result<usize> {
        let running = &mut self.running;
        world
            .wait_for("one of the replicas has calls in flight", async || {
                let mut calling = Vec::new();
                for (index, replica) in running.iter_mut().enumerate() {
                    if calls(replica).await?.is_some() {
                        calling.push(index);
                    }
                }
                Ok(dice.choice(calling))
            })
            .await
    }

    /// Waits until all of them have calls for devices in flight.
    pub(crate) async fn are_calling(&mut self, world: &World) -> Result<()> {
        for index in 0..self.running.len() {
            self.is_calling(world, index).await?;
        }
        Ok(())
    }

    /// Kills one that has calls in flight, and waits until the service has noticed that they
    /// have lost their caller. Says how many those were.
    pub(crate) async fn kill(&mut self, world: &World, index: usize) -> Result<u64> {
        self.is_calling(world, index).await?;
        let abandoned = || world.sandbox.ledger().totals().abandoned_calls;
        let before = abandoned();
        self.kill_anyhow(index).await?;
        let hit = async || Ok(Some(abandoned() - before).filter(|calls| *calls > 0));
        world.wait_for("the kill has hit calls in flight", hit).await
    }

    /// Kills one, whatever it does.
    pub(crate) async fn kill_anyhow(&mut self, index: usize) -> Result<()> {
        let mut victim = self.running.remove(index);
        victim.signal(Signal::Kill)?;
        ensure!(victim.ended(KILL_LIMIT).await? == Signal::KILLED, "it was not the kill");
        Ok(())
    }

    /// Stops some in good order while they have calls in flight, all at once, and sees that
    /// they end in time.
    pub(crate) async fn stop(
        &mut self,
        world: &World,
        which: std::ops::Range<usize>,
    ) -> Result<()> {
        for index in which.clone() {
            self.is_calling(world, index).await?;
        }
        let mut leaving: Vec<_> = self.running.drain(which).collect();
        for replica in &mut leaving {
            replica.signal(Signal::Terminate)?;
        }
        for replica in &mut leaving {
            replica.succeeds(GRACE).await?;
        }
        Ok(())
    }

    /// Stops some in good order, whatever they do.
    pub(crate) async fn stop_idle(&mut self, which: std::ops::Range<usize>) -> Result<()> {
        Self { role: self.role, running: self.running.drain(which).collect() }.stop_all().await
    }

    /// Stops all of them, whatever they do.
    pub(crate) async fn stop_all(mut self) -> Result<()> {
        for replica in &mut self.running {
            replica.signal(Signal::Terminate)?;
        }
        for replica in &mut self.running {
            replica.succeeds(GRACE).await?;
        }
        Ok(())
    }
}

/// Whether a replica's last figures show calls in flight.
async fn calls(replica: &mut Emberline) -> Result<Option<()>> {
    let page = replica.metrics().await?;
    let calls = page.count("emberline_calls_in_flight", &[("worker", "devices")]);
    Ok((calls > 0).then_some(()))
}

/// How many partitions of a topic a replica's last figures show.
pub(crate) async fn partitions_of(topic: &str, replica: &mut Emberline) -> Result<usize> {
    let page = replica.metrics().await?;
    let frontiers = page.samples.iter().filter(|sample| {
        sample.name == "emberline_partition_frontier"
            && sample.labels.get("topic").is_some_and(|of| of == topic)
            && !sample.value.is_nan()
    });
    Ok(frontiers.count())
}
