//! Several nodes: started, killed, stopped and started again, and asked which of them leads.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::sync::OnceCell;

use super::node::{Cluster, Further};
use super::{Running, START_LIMIT, TestKafka, client};
use crate::guard;
use crate::wait::wait_for;

/// Longest that a node may take to stop in good order.
const STOP_LIMIT: Duration = Duration::from_mins(1);
/// Longest that replicas may take to catch up after a node was away.
const IN_SYNC_LIMIT: Duration = Duration::from_secs(90);

/// What is needed to start nodes that can be killed is not on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoJava;

impl std::fmt::Display for NoJava {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("needs a Kafka of several nodes: install Java 17 or later and Maven")
    }
}

impl std::error::Error for NoJava {}

/// Whether nodes can be started as processes of this machine.
///
/// # Errors
/// [`NoJava`], whose text is one line that says what to install.
pub fn java() -> Result<(), NoJava> {
    if guard::on_path("java") && guard::on_path("mvn") { Ok(()) } else { Err(NoJava) }
}

impl TestKafka {
    /// So many nodes of one cluster, each a process. Where there are three, topics get three
    /// replicas, and a write waits for two of them. Only with Java.
    ///
    /// # Errors
    /// [`NoJava`], or they did not start; the text has the end of a log.
    pub async fn start_cluster(nodes: usize) -> Result<Self> {
        Self::start_nodes(nodes, Further::default()).await
    }

    /// As [`TestKafka::start_cluster`], where each node has more to it.
    pub(super) async fn start_nodes(nodes: usize, further: Further) -> Result<Self> {
        java()?;
        let further = Arc::new(further);
        // Between finding a free port and listening on it someone else may take it.
        let mut tries = 0;
        loop {
            tries += 1;
            let further = Arc::clone(&further);
            let cluster = tokio::task::spawn_blocking(move || Cluster::start(nodes, &further));
            let cluster = cluster.await??;
            let (bootstrap, cluster) = (cluster.bootstrap(), Mutex::new(cluster));
            let up =
                client::wait_until_up(&bootstrap, nodes, START_LIMIT, || locked(&cluster).check());
            match up.await {
                Ok(()) => {
                    let running = Running::Nodes(cluster);
                    return Ok(Self { bootstrap, running, fronts: Arc::default() });
                }
                Err(_) if tries < 3 && locked(&cluster).lost_a_port() => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The one cluster of three nodes of this process, started when first asked for and kept
    /// until the process ends. Who shares it takes topics of its own, and leaves the nodes
    /// in peace: who kills some starts a cluster of its own.
    ///
    /// # Errors
    /// As [`TestKafka::start_cluster`].
    pub async fn shared_cluster() -> Result<Arc<Self>> {
        static SHARED: OnceCell<Arc<TestKafka>> = OnceCell::const_new();
        let started = SHARED.get_or_try_init(async || Self::start_cluster(3).await.map(Arc::new));
        started.await.cloned()
    }

    /// Kills a node, counted from 1, with SIGKILL.
    ///
    /// # Errors
    /// Not a node that was started from Java.
    pub fn kill_node(&self, node: usize) -> Result<()> {
        self.nodes()?.kill(node)
    }

    /// Stops a node in good order, as who maintains it does: what it leads goes to others
    /// first.
    ///
    /// # Errors
    /// Not a node that was started from Java, or it goes on for longer than a minute.
    pub async fn stop_node(&self, node: usize) -> Result<()> {
        self.nodes()?.ask_to_stop(node)?;
        wait_for("a node stops", STOP_LIMIT, async || {
            Ok((!self.nodes()?.runs(node)?).then_some(()))
        })
        .await?;
        self.kill_node(node)
    }

    /// Starts a node again on the data that it left. [`TestKafka::wait_until_up`] waits for it.
    ///
    /// # Errors
    /// Not a node that was started from Java, or it does not start.
    pub fn restart_node(&self, node: usize) -> Result<()> {
        self.nodes()?.restart(node)
    }

    /// Waits until all nodes answer.
    ///
    /// # Errors
    /// They don't within 90 s.
    pub async fn wait_until_up(&self) -> Result<()> {
        let nodes = match &self.running {
            Running::Nodes(cluster) => locked(cluster).size(),
            _ => 1,
        };
        client::wait_until_up(&self.bootstrap, nodes, START_LIMIT, || Ok(())).await
    }

    /// Waits until every replica of every partition is in sync, so that the next node may go
    /// without a partition having too few.
    ///
    /// # Errors
    /// They are not within 90 s.
    pub async fn wait_until_in_sync(&self) -> Result<()> {
        wait_for("all replicas are in sync", IN_SYNC_LIMIT, async || {
            let bootstrap = self.bootstrap.clone();
            let asked = tokio::task::spawn_blocking(move || client::is_in_sync(&bootstrap));
            // Who is asked may be the node that is coming back.
            Ok(asked.await?.is_ok_and(|in_sync| in_sync).then_some(()))
        })
        .await
    }

    /// The node that leads a partition.
    ///
    /// # Errors
    /// There is none, or no answer.
    pub async fn leader_of(&self, topic: &str, partition: i32) -> Result<usize> {
        let (bootstrap, topic) = (self.bootstrap.clone(), topic.to_owned());
        let asked = move || client::leaders(&bootstrap, &topic);
        let leaders = tokio::task::spawn_blocking(asked).await??;
        let leader = usize::try_from(partition).ok().and_then(|index| leaders.get(index).copied());
        usize::try_from(leader.context("there is no such partition")?).context("it has no leader")
    }

    /// The node that coordinates a group: the leader of the partition that the group's
    /// commits are in. Only once some group has committed.
    ///
    /// # Errors
    /// There is none, or no answer.
    pub async fn coordinator_of(&self, group: &str) -> Result<usize> {
        let (bootstrap, topic) = (self.bootstrap.clone(), "__consumer_offsets");
        let asked = move || client::leaders(&bootstrap, topic);
        let leaders = tokio::task::spawn_blocking(asked).await??;
        let Ok(count) = i32::try_from(leaders.len()) else { bail!("too many partitions") };
        self.leader_of(topic, place_of(group) % count.max(1)).await
    }

    pub(super) fn nodes(&self) -> Result<MutexGuard<'_, Cluster>> {
        match &self.running {
            Running::Nodes(cluster) => Ok(locked(cluster)),
            _ => bail!("only nodes started with Java can be killed and started again"),
        }
    }
}

fn locked(cluster: &Mutex<Cluster>) -> MutexGuard<'_, Cluster> {
    cluster.lock().unwrap_or_else(PoisonError::into_inner)
}

/// By which Kafka places groups: the amount of Java's `String.hashCode`, and 0 for the one
/// number that has no amount.
fn place_of(group: &str) -> i32 {
    let units = group.encode_utf16().map(i32::from);
    let hash = units.fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(unit));
    hash.checked_abs().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::place_of;

    #[test]
    fn a_group_has_the_place_that_kafka_gives_it() {
        assert_eq!(place_of("hello"), 99_162_322);
        assert_eq!(place_of("story-1-devices"), 542_917_527, "its hash is negative");
        assert_eq!(place_of("polygenelubricants"), 0, "its hash is the smallest number");
    }
}
