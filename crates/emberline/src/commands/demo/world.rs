//! What the demonstration happens in: Kafka in memory, the stand-in for the service on a
//! thread of its own, and settings that bring the two and the workers together.

use anyhow::Context;
use emberline_broker::EmbeddedBroker;
use emberline_pipeline::{PipelineSettings, WorkerKind};
use emberline_sandbox::{Sandbox, SandboxSettings};
use tokio::sync::oneshot;

use crate::commands::topics::plan::{input_topics, own_topics};
use crate::settings::{HumanDuration, Listen, Property, Rate, SecretText, Settings};
use crate::wiring;

/// Partitions of the devices' topic. The broker in memory keeps 5 MB of each, some ten
/// thousand messages.
const DEVICE_PARTITIONS: i32 = 12;
/// Partitions of the other topics.
const PARTITIONS: i32 = 4;
/// How long a read waits where nothing is there, in milliseconds. Unlike a real one, the
/// broker in memory lets it wait so long even if something comes meanwhile.
const FETCH_WAIT_MS: &str = "20";
/// Reports that the stand-in knows again, of about 40 bytes each.
const IDENTITIES: u64 = 5_000_000;

/// Everything around the workers.
pub(super) struct World {
    /// Ends when dropped.
    broker: EmbeddedBroker,
    pub(super) sandbox: Sandbox,
    sandbox_thread: Thread,
    pub(super) settings: Settings,
}

impl World {
    /// # Errors
    /// If a part cannot start.
    pub(super) async fn start(listen: Listen) -> anyhow::Result<Self> {
        let service = SandboxSettings {
            listen: ([127, 0, 0, 1], 0).into(),
            max_identities: IDENTITIES,
            ..SandboxSettings::default()
        };
        let (app_key, app_secret) = (service.app_key.clone(), service.app_secret.clone());
        let (sandbox, sandbox_thread) = start_sandbox(service).await?;
        let broker = EmbeddedBroker::start(&[]).context("the Kafka in memory cannot start")?;

        let mut settings = Settings::default();
        let kafka = broker.settings(&settings.kafka.group);
        settings.kafka.brokers = kafka.brokers;
        for (name, value) in &kafka.properties {
            settings.kafka.properties.insert(name.clone(), Property::from(value.as_str()));
        }
        let wait = Property::from(FETCH_WAIT_MS);
        settings.kafka.properties.insert("fetch.wait.max.ms".to_owned(), wait);
        settings.service.url = sandbox.url();
        settings.service.app_key = Some(app_key);
        settings.service.app_secret = Some(SecretText::new(app_secret));
        settings.http.listen = listen;
        settings.admin.listen = Listen::On(([127, 0, 0, 1], 0).into());
        hurry(&mut settings)?;
        let world = Self { broker, sandbox, sandbox_thread, settings };
        world.make_topics()?;
        Ok(world)
    }

    /// What the workers are told.
    ///
    /// # Errors
    /// None with these settings.
    pub(super) fn pipeline(&self) -> anyhow::Result<PipelineSettings> {
        Ok(wiring::pipeline(&self.settings, WorkerKind::ALL.to_vec(), false)?)
    }

    /// The broker in memory has no admin interface, so they are not made as `run` makes them.
    fn make_topics(&self) -> anyhow::Result<()> {
        for topic in own_topics(&self.settings) {
            self.broker.create_topic(&topic.name, topic.partitions_of(PARTITIONS))?;
        }
        for topic in input_topics(&self.settings) {
            let is_devices = self.settings.topics.devices.contains(&topic.name);
            let partitions = if is_devices { DEVICE_PARTITIONS } else { PARTITIONS };
            self.broker.create_topic(&topic.name, partitions)?;
        }
        Ok(())
    }

    /// Ends what listens.
    pub(super) async fn stop(self) {
        self.sandbox.stop().await;
        self.sandbox_thread.join();
    }
}

/// Times that suit a run of seconds: who is bound late shall be heard before its end.
fn hurry(settings: &mut Settings) -> anyhow::Result<()> {
    settings.limits.rate = "none".parse::<Rate>()?;
    settings.batch.linger = HumanDuration::from_millis(200);
    settings.join.wait = HumanDuration::from_secs(2);
    settings.retry.tiers = vec![HumanDuration::from_secs(2), HumanDuration::from_secs(10)];
    Ok(())
}

/// A thread with a runtime of its own, so that what the service costs is not the workers'.
struct Thread {
    /// The thread ends when this is dropped.
    stays: oneshot::Sender<()>,
    handle: std::thread::JoinHandle<()>,
}

impl Thread {
    fn join(self) {
        drop(self.stays);
        // It has nothing left to do. Had it panicked, that was told already.
        let _ = self.handle.join();
    }
}

async fn start_sandbox(settings: SandboxSettings) -> anyhow::Result<(Sandbox, Thread)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (started, starting) = oneshot::channel();
    let (stays, left) = oneshot::channel::<()>();
    let handle = std::thread::Builder::new().name("sandbox".to_owned()).spawn(move || {
        runtime.block_on(async {
            if started.send(Sandbox::start(settings).await).is_ok() {
                // An error is the sign to leave: the sender was dropped.
                let _ = left.await;
            }
        });
    })?;
    let sandbox = starting.await.context("the sandbox's thread ended early")?;
    let sandbox = sandbox.context("the sandbox cannot listen on loopback")?;
    Ok((sandbox, Thread { stays, handle }))
}
