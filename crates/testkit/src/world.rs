//! A world of its own for one story: topics, groups, a service, settings, processes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use emberline_fleet::{FleetRecord, Topic};
use emberline_sandbox::{Sandbox, SandboxSettings};
use tempfile::TempDir;

use crate::background::Background;
use crate::emberline::{Emberline, binary};
use crate::judge::{Verdict, judge};
use crate::kafka::{KafkaProxies, NewRecord, StoredRecord, TestKafka, unique};
use crate::load::Load;
use crate::proxy::Proxy;
use crate::wait::wait_for;

/// Longest that something in a story may take, where the story says nothing else. Far more
/// than it does, also on a machine that is busy with other things.
const LIMIT: Duration = Duration::from_secs(90);
/// Partitions of each input topic, where nothing else is said.
const PARTITIONS: i32 = 4;
/// Lines of each process's log that are shown of a story that failed.
const LOG_LINES: usize = 40;

/// A world of one story.
pub struct World {
    /// The Kafka, which stories may share; the topics are this world's own.
    pub kafka: Arc<TestKafka>,
    /// The service.
    pub sandbox: Sandbox,
    name: String,
    settings: BTreeMap<String, String>,
    directory: TempDir,
    started: AtomicUsize,
    limit: Duration,
    /// The service and the proxies run here.
    background: Background,
}

impl World {
    /// The secret that calls are signed with.
    pub const APP_SECRET: &str = "canary-app-secret-5b1f";

    /// A world on the Kafka that all stories share, with a service of these settings.
    ///
    /// # Errors
    /// No Kafka, or no port for the service.
    pub async fn start(service: SandboxSettings) -> Result<Self> {
        Self::start_on(TestKafka::shared().await?, PARTITIONS, service).await
    }

    /// A world on this Kafka, with so many partitions of each input topic, and a service of
    /// these settings (its address, secret and memory are set here). Topics have as many
    /// replicas as the Kafka gives by itself: three on a cluster of three.
    ///
    /// # Errors
    /// The topics can't be made, or no port for the service.
    pub async fn start_on(
        kafka: Arc<TestKafka>,
        partitions: i32,
        service: SandboxSettings,
    ) -> Result<Self> {
        let background = Background::start()?;
        let service = SandboxSettings {
            listen: ([127, 0, 0, 1], 0).into(),
            app_secret: Self::APP_SECRET.to_owned(),
            history_per_device: 1_000_000,
            max_arrivals: 2_000_000,
            ..service
        };
        let sandbox = background.run(Sandbox::start(service)).await??;
        let name = unique("story");
        let mut world = Self {
            kafka,
            name,
            settings: BTreeMap::new(),
            directory: logs_directory()?,
            started: AtomicUsize::new(0),
            limit: LIMIT,
            sandbox,
            background,
        };
        for topic in [world.devices(), world.bindings()] {
            world.kafka.create_topic(&topic, partitions, &[]).await?;
        }
        for (key, value) in [
            ("kafka.brokers", quoted(world.kafka.bootstrap())),
            ("kafka.group", quoted(&world.name)),
            // The shortest that brokers allow: a killed member is missed after it.
            ("kafka.properties", r#"{ "session.timeout.ms" = "6000" }"#.to_owned()),
            ("topics.devices", format!("[{:?}]", world.devices())),
            ("topics.bindings", format!("[{:?}]", world.bindings())),
            // Stories of claims name theirs.
            ("topics.customers", "[]".to_owned()),
            ("topics.orders", "[]".to_owned()),
            ("topics.prefix", quoted(&world.name)),
            ("service.url", quoted(&world.sandbox.url())),
            ("service.app_key", quoted("ServiceAppKey")),
            ("service.app_secret", quoted(Self::APP_SECRET)),
            ("batch.linger", quoted("100ms")),
            ("limits.rate", quoted("none")),
            ("http.listen", quoted("127.0.0.1:0")),
            ("admin.listen", quoted("127.0.0.1:0")),
            ("shutdown.drain", quoted("20s")),
        ] {
            world.set(key, &value);
        }
        Ok(world)
    }

    /// The topic of telemetry and states.
    pub fn devices(&self) -> String {
        format!("{}-devices", self.name)
    }

    /// The topic of binding events.
    pub fn bindings(&self) -> String {
        format!("{}-bindings", self.name)
    }

    /// The topic of customers, once [`World::read_claims`] was called.
    pub fn customers(&self) -> String {
        format!("{}-customers", self.name)
    }

    /// The topic of orders, once [`World::read_claims`] was called.
    pub fn orders(&self) -> String {
        format!("{}-orders", self.name)
    }

    /// Makes topics of customers and orders, which the processes started from now on read.
    ///
    /// # Errors
    /// The topics can't be made.
    pub async fn read_claims(&mut self) -> Result<()> {
        for (key, topic) in
            [("topics.customers", self.customers()), ("topics.orders", self.orders())]
        {
            self.kafka.create_topic(&topic, PARTITIONS, &[]).await?;
            self.set(key, &format!("[{topic:?}]"));
        }
        Ok(())
    }

    /// One of the pipeline's own topics, such as `dead-letters`.
    pub fn own_topic(&self, name: &str) -> String {
        format!("{}.{name}", self.name)
    }

    /// Changes a setting for the processes started from now on: its dotted key and its value
    /// in TOML.
    pub fn set(&mut self, key: &str, value: &str) {
        self.settings.insert(key.to_owned(), value.to_owned());
    }

    /// The topic of devices is one that is not keyed by device: it is keyed anew.
    pub fn repartition(&mut self) {
        let topic = format!("[{:?}]", self.devices());
        self.set("topics.repartition", &topic);
    }

    /// Sets how long [`World::wait_for`] and what rests on it wait, where something takes
    /// longer than 90 s by its nature.
    pub fn set_patience(&mut self, limit: Duration) {
        self.limit = limit;
    }

    /// A worker's group.
    pub fn group(&self, worker: &str) -> String {
        format!("{}-{worker}", self.name)
    }

    /// Puts a proxy between the service and the processes started from now on.
    ///
    /// # Errors
    /// No port.
    pub async fn proxy_service(&mut self) -> Result<Proxy> {
        let address = self.sandbox.address();
        let proxy = self.background.run(async move { Proxy::start(address) }).await??;
        let url = self.sandbox.url().replace(&address.to_string(), &proxy.address().to_string());
        self.set("service.url", &quoted(&url));
        Ok(proxy)
    }

    /// Puts proxies between Kafka's nodes and the processes started from now on. Two stories
    /// can't have proxies before the same cluster at once: the second waits.
    ///
    /// # Errors
    /// Not a Kafka that was started from Java.
    pub async fn proxy_kafka(&mut self) -> Result<KafkaProxies> {
        let kafka = Arc::clone(&self.kafka);
        let proxies = self.background.run(async move { kafka.proxies().await }).await??;
        self.set("kafka.brokers", &quoted(&proxies.bootstrap()));
        Ok(proxies)
    }

    /// Makes every customer of a fleet known to the service, and writes the bindings that
    /// there are at the start.
    ///
    /// # Errors
    /// They are not taken.
    pub async fn introduce(&self, load: &Load) -> Result<()> {
        for (customer, _) in load.fleet().customers() {
            self.create_customer(customer.customer.as_str())?;
        }
        self.tell(load.fleet().bindings()).await
    }

    /// Makes a customer known to the service.
    ///
    /// # Errors
    /// Its id is none.
    pub fn create_customer(&self, id: &str) -> Result<()> {
        let created = self.sandbox.create_customer(id, "86", "13900000000");
        created.map_err(anyhow::Error::msg)
    }

    /// Writes a fleet's records to their topics, each topic's in order.
    ///
    /// # Errors
    /// One is not acknowledged.
    pub async fn tell(&self, records: impl IntoIterator<Item = FleetRecord>) -> Result<()> {
        let (mut bindings, mut devices) = (Vec::new(), Vec::new());
        for record in records {
            match record.topic {
                Topic::Bindings => bindings.push(as_new(record)),
                Topic::Devices => devices.push(as_new(record)),
                Topic::Customers | Topic::Orders => {}
            }
        }
        for (topic, records) in [(self.bindings(), bindings), (self.devices(), devices)] {
            if !records.is_empty() {
                self.kafka.produce(&topic, &records).await?;
            }
        }
        Ok(())
    }

    /// As [`World::tell`], with the records of devices in the partitions of this topic in turn, as
    /// who does not key them by device writes them.
    ///
    /// # Errors
    /// One is not acknowledged.
    pub async fn tell_in_turn(
        &self,
        topic: &str,
        records: impl IntoIterator<Item = FleetRecord>,
    ) -> Result<()> {
        let partitions = i32::try_from(self.kafka.ends(topic).await?.len())?;
        let (devices, others): (Vec<_>, Vec<_>) =
            records.into_iter().partition(|record| record.topic == Topic::Devices);
        self.tell(others).await?;
        let mut devices: Vec<NewRecord> = devices.into_iter().map(as_new).collect();
        for (record, partition) in devices.iter_mut().zip((0..partitions).cycle()) {
            record.key = None;
            record.partition = Some(partition);
        }
        self.kafka.produce(topic, &devices).await
    }

    /// Starts `emberline` with these arguments and the world's settings.
    ///
    /// # Errors
    /// It can't be built or started.
    pub async fn emberline(&self, arguments: &[&str]) -> Result<Emberline> {
        let binary = tokio::task::spawn_blocking(binary).await??;
        let number = self.started.fetch_add(1, Ordering::Relaxed) + 1;
        let file = self.write(&format!("{number}.toml"), &self.configuration()?)?;
        let file = file.to_str().context("a path that is no UTF-8")?;
        let arguments = arguments.iter().copied().chain(["-c", file]);
        Emberline::start(binary, arguments, &self.log(number))
    }

    /// Writes the settings as they are now for the process that was started last: what it read
    /// at its start has changed.
    ///
    /// # Errors
    /// They can't be written.
    pub fn write_settings(&self) -> Result<()> {
        let number = self.started.load(Ordering::Relaxed);
        self.write(&format!("{number}.toml"), &self.configuration()?)?;
        Ok(())
    }

    fn configuration(&self) -> Result<String> {
        let mut text = String::new();
        for (key, value) in &self.settings {
            writeln!(text, "{key} = {value}")?;
        }
        Ok(text)
    }

    /// Runs every worker until all that is there now is settled.
    ///
    /// # Errors
    /// It does not end in time, or not with success.
    pub async fn run_to_end(&self) -> Result<()> {
        let mut run = self.emberline(&["run", "--exit-at-end"]).await?;
        run.succeeds(self.limit).await
    }

    /// Waits for something, for as long as anything in a story may take.
    ///
    /// # Errors
    /// What `look` says, or that it did not come about.
    pub async fn wait_for<T>(
        &self,
        what: &str,
        look: impl AsyncFnMut() -> Result<Option<T>>,
    ) -> Result<T> {
        wait_for(what, self.limit, look).await
    }

    /// Waits until the service has accepted so many different reports.
    ///
    /// # Errors
    /// It has not in time.
    pub async fn accepted(&self, reports: u64) -> Result<()> {
        let enough = || self.sandbox.ledger().totals().distinct_reports >= reports;
        let what = format!("{reports} reports are accepted");
        self.wait_for(&what, async || Ok(enough().then_some(()))).await
    }

    /// Waits until a group's frontier of a topic is the topic's end.
    ///
    /// # Errors
    /// It is not in time.
    pub async fn settled(&self, worker: &str, topic: &str) -> Result<()> {
        let ends = self.kafka.ends(topic).await?;
        let what = format!("{worker} has settled {topic}");
        self.wait_for(&what, async || {
            let committed = self.committed(worker, topic).await?;
            let reached = |(partition, end): (&i32, &i64)| {
                *end == 0 || committed.get(partition).is_some_and(|(offset, _)| offset >= end)
            };
            Ok(ends.iter().all(reached).then_some(()))
        })
        .await
    }

    /// What a worker's group has committed for a topic: offset and text by partition.
    ///
    /// # Errors
    /// No answer.
    pub async fn committed(
        &self,
        worker: &str,
        topic: &str,
    ) -> Result<BTreeMap<i32, (i64, String)>> {
        self.kafka.committed(&self.group(worker), topic).await
    }

    /// The dead letters so far.
    ///
    /// # Errors
    /// They can't be read.
    pub async fn dead_letters(&self) -> Result<Vec<StoredRecord>> {
        self.kafka.read_all(&self.own_topic("dead-letters")).await
    }

    /// Takes a setting back.
    pub fn unset(&mut self, key: &str) {
        self.settings.remove(key);
    }

    /// Writes a file of this world, anew if it is there, and tells where it is.
    ///
    /// # Errors
    /// It can't be written.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.directory.path().join(name);
        fs::write(&path, text)?;
        Ok(path)
    }

    /// How what was expected of a fleet beside what the service accepted.
    pub fn judge(&self, load: &Load) -> Verdict {
        judge(load.expectation(), self.sandbox.ledger())
    }

    /// What is known of a story that failed: the service's sums and the ends of all logs.
    pub fn account(&self) -> String {
        let mut text = format!("the sandbox: {:?}\n", self.sandbox.ledger().totals());
        for number in 1..=self.started.load(Ordering::Relaxed) {
            let log = fs::read_to_string(self.log(number)).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let end = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n");
            let _ = writeln!(text, "process {number} wrote {} lines:\n{end}", lines.len());
        }
        text
    }

    fn log(&self, number: usize) -> PathBuf {
        self.directory.path().join(format!("{number}.log"))
    }
}

/// Where the processes write: gone with the world, unless `EMBERLINE_TEST_LOGS` names a
/// directory to keep it in.
fn logs_directory() -> Result<TempDir> {
    let Some(kept) = std::env::var_os("EMBERLINE_TEST_LOGS").filter(|dir| !dir.is_empty()) else {
        return Ok(tempfile::tempdir()?);
    };
    Ok(tempfile::Builder::new().prefix("story-").disable_cleanup(true).tempdir_in(kept)?)
}

/// A text in TOML.
fn quoted(text: &str) -> String {
    format!("{text:?}")
}

fn as_new(record: FleetRecord) -> NewRecord {
    NewRecord {
        key: Some(record.key),
        value: Some(record.value),
        headers: record.headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        timestamp_ms: Some(record.timestamp_ms),
        partition: None,
    }
}
