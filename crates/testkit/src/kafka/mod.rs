//! A real Kafka for tests: the one that `EMBERLINE_TEST_KAFKA=host:port` names, or one
//! started here with Java and Maven, or with Docker.
//!
//! A Kafka that was started here listens on loopback, keeps its data in a temporary
//! directory and ends with the process that started it, however that ends.
//!
//! Start at [`TestKafka::start`]; [`availability`] tells beforehand whether it can. What only a
//! cluster of Java processes can do, such as to lose a node, is in `cluster`.

mod certificates;
mod client;
mod cluster;
mod docker;
mod groups;
mod jars;
mod node;
mod proxied;
mod rights;
mod secured;
mod topics;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use tokio::sync::OnceCell;

pub use certificates::{Authority, Identity};
pub use client::{NewRecord, StoredRecord};
pub use cluster::{NoJava, java};
use docker::Container;
use node::Cluster;
pub use proxied::KafkaProxies;
pub use rights::Right;
pub use secured::{SecuredKafka, USER, password};

/// Where the tests' Kafka comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provider {
    /// It runs already, at this address.
    Running(String),
    /// Started from jars that Maven fetches.
    Java,
    /// Started as a container.
    Docker,
}

/// There is no way to a real Kafka on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing;

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            "needs a real Kafka: install Java 17 or later and Maven, or start Docker, or set \
             EMBERLINE_TEST_KAFKA=host:port",
        )
    }
}

impl std::error::Error for Missing {}

/// Names the environment variable that points at a running Kafka.
const RUNNING: &str = "EMBERLINE_TEST_KAFKA";
/// Until a Kafka that was just started answers; the first start also fetches the jars.
const START_LIMIT: Duration = Duration::from_secs(90);

/// Which Kafka there is for tests. Cheap, except that Docker is asked whether it runs.
///
/// # Errors
/// [`Missing`], whose text is one line that says what to install.
pub fn availability() -> Result<Provider, Missing> {
    if let Some(address) = std::env::var(RUNNING).ok().filter(|address| !address.is_empty()) {
        return Ok(Provider::Running(address));
    }
    if java().is_ok() {
        return Ok(Provider::Java);
    }
    if docker::is_running() { Ok(Provider::Docker) } else { Err(Missing) }
}

/// A Kafka for tests. What was started ends when this is dropped.
pub struct TestKafka {
    bootstrap: String,
    running: Running,
    /// Whose turn it is to listen at the fronts of the nodes.
    fronts: Arc<tokio::sync::Mutex<()>>,
}

enum Running {
    Elsewhere,
    Nodes(Mutex<Cluster>),
    /// Held for its end.
    Container(#[expect(dead_code, reason = "ends when dropped")] Container),
}

impl TestKafka {
    /// One node.
    ///
    /// # Errors
    /// [`Missing`], or it did not start; the text has the end of its log.
    pub async fn start() -> Result<Self> {
        let provider = availability()?;
        let (bootstrap, running) = match provider {
            Provider::Running(address) => (address, Running::Elsewhere),
            Provider::Java => return Self::start_cluster(1).await,
            Provider::Docker => {
                let container = Container::start()?;
                (container.bootstrap(), Running::Container(container))
            }
        };
        let kafka = Self { bootstrap, running, fronts: Arc::default() };
        client::wait_until_up(&kafka.bootstrap, 1, START_LIMIT, || Ok(())).await?;
        Ok(kafka)
    }

    /// The one Kafka of this process, started when first asked for and kept until the
    /// process ends. Tests that share it take topics of their own ([`unique`]).
    ///
    /// # Errors
    /// As [`TestKafka::start`].
    pub async fn shared() -> Result<Arc<Self>> {
        static SHARED: OnceCell<Arc<TestKafka>> = OnceCell::const_new();
        let started = SHARED.get_or_try_init(async || Self::start().await.map(Arc::new));
        started.await.cloned()
    }

    /// `host:port`, comma separated.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Makes a topic and waits until it can be written to.
    ///
    /// # Errors
    /// What the broker says.
    pub async fn create_topic(
        &self,
        name: &str,
        partitions: i32,
        configs: &[(&str, &str)],
    ) -> Result<()> {
        client::create_topic(&self.bootstrap, name, partitions, configs)
            .await
            .with_context(|| format!("could not create the topic {name}"))
    }

    /// Writes records, in their order, and waits until all are acknowledged.
    ///
    /// # Errors
    /// One that was not.
    pub async fn produce(&self, topic: &str, records: &[NewRecord]) -> Result<()> {
        client::produce(&self.bootstrap, topic, records).await
    }

    /// All records that are in a topic now, by partition and offset.
    ///
    /// # Errors
    /// It could not be read to its end in 30 s.
    pub async fn read_all(&self, topic: &str) -> Result<Vec<StoredRecord>> {
        let (bootstrap, topic) = (self.bootstrap.clone(), topic.to_owned());
        tokio::task::spawn_blocking(move || client::read_all(&bootstrap, &topic)).await?
    }

    /// What a group has committed for a topic, as partition to offset and text.
    ///
    /// # Errors
    /// No answer.
    pub async fn committed(
        &self,
        group: &str,
        topic: &str,
    ) -> Result<BTreeMap<i32, (i64, String)>> {
        let (bootstrap, group) = (self.bootstrap.clone(), group.to_owned());
        let topic = topic.to_owned();
        tokio::task::spawn_blocking(move || client::committed(&bootstrap, &group, &topic)).await?
    }
}

/// A name that no other test and no earlier run has used.
pub fn unique(name: &str) -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (millis, count) = (since.as_millis(), COUNTER.fetch_add(1, Ordering::Relaxed));
    format!("{name}-{millis:x}-{:x}-{count}", std::process::id())
}
