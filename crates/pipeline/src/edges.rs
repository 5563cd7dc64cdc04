//! Where a worker touches the world: what it reads by, what it writes by, and the clock.
//!
//! Each is one small trait, so that tests and the simulator can put themselves in its
//! place. Calls to the service have theirs already: `Transport`.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use emberline_broker::{
    BrokerError, Commit, KafkaSettings, PartsReader, PolledProducer, ProduceError,
    ProducerSettings, Record, Room, Source, SourceEvent,
};
use tokio::sync::mpsc::{Receiver, UnboundedSender};

use crate::intake::Intake;
use crate::join::Join;
use crate::outbox::WriteEnd;
use crate::settings::WorkerKind;

/// What a worker is put into.
pub(crate) struct Edges {
    /// `None` for a worker that is driven by hand.
    pub(crate) source: Option<Box<dyn Upstream>>,
    pub(crate) events: Receiver<SourceEvent<Vec<Intake>>>,
    pub(crate) room: Arc<Room>,
    /// Room for what is read before it is due.
    pub(crate) ahead: Arc<Room>,
    pub(crate) writers: Box<dyn Writers>,
    pub(crate) join: Join,
    pub(crate) clock: WallClock,
}

/// Unix milliseconds now. It may jump: what needs a duration uses an `Instant`.
#[derive(Clone)]
pub(crate) struct WallClock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl WallClock {
    /// The system's.
    pub(crate) fn system() -> Self {
        Self(Arc::new(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
        }))
    }

    /// One that shows what it is told.
    #[cfg(test)]
    pub(crate) fn showing(now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub(crate) fn unix_millis(&self) -> i64 {
        (self.0)()
    }
}

/// The source as its worker commands it.
pub(crate) trait Upstream: Send {
    /// Commits in the background; the result comes as an event.
    fn commit(&self, commits: Vec<Commit>);
    /// Stops reading, or goes on.
    fn pause_intake(&self, paused: bool);
    /// Leaves the group. What follows comes as events, until their channel closes.
    fn leave(self: Box<Self>);
}

impl Upstream for Source {
    fn commit(&self, commits: Vec<Commit>) {
        Source::commit(self, commits);
    }

    fn pause_intake(&self, paused: bool) {
        Source::pause_intake(self, paused);
    }

    fn leave(self: Box<Self>) {
        tokio::spawn(async move {
            if let Err(error) = self.close().await {
                tracing::error!(%error, "source did not close");
            }
        });
    }
}

/// The reader of the own partitions' tables as its worker commands it.
pub(crate) trait PartsUpstream: Send {
    /// Reads partitions from their beginning, each with its tenure.
    fn read(&self, parts: Vec<(i32, u64)>);
    /// Reads partitions no more, unless they are read for another tenure by now.
    fn leave(&self, parts: Vec<(i32, u64)>);
    /// Ends reading; awaited, until it has ended.
    fn end(self: Box<Self>) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

impl PartsUpstream for PartsReader {
    fn read(&self, parts: Vec<(i32, u64)>) {
        PartsReader::read(self, parts);
    }

    fn leave(&self, parts: Vec<(i32, u64)>) {
        PartsReader::leave(self, parts);
    }

    fn end(self: Box<Self>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(self.stop())
    }
}

/// Writes records. Exactly one [`WriteEnd`] follows for each that it took.
pub(crate) trait LogWriter: Send {
    /// # Errors
    /// The record was not taken.
    fn write(&mut self, record: Record<'_>, token: usize) -> Result<(), ProduceError>;

    /// Asks for the ends that are known by now.
    fn ask(&self);
}

impl LogWriter for PolledProducer {
    fn write(&mut self, record: Record<'_>, token: usize) -> Result<(), ProduceError> {
        self.send(record, token)
    }

    fn ask(&self) {
        self.poll();
    }
}

/// Makes writers: one that has failed for good is replaced.
pub(crate) trait Writers: Send {
    /// # Errors
    /// If none can be made of its settings.
    fn make(&self, ends: UnboundedSender<WriteEnd>) -> Result<Box<dyn LogWriter>, BrokerError>;
}

/// What fits into the producer's queue, in bytes.
const LARGEST_RECORD: usize = 60_000_000;

/// Makes producers of these settings.
pub(crate) struct Producers {
    pub(crate) kafka: KafkaSettings,
    /// Largest record, in bytes.
    pub(crate) max_record: usize,
    pub(crate) kind: WorkerKind,
}

/// How long a write may wait for others: each request less is time saved on both sides. A
/// receipt holds up nobody but the items of its call, except where something is pushed again:
/// there calls are counted until it is written. A customer's lane waits for each of its writes,
/// and a device's where its records are keyed anew.
const fn linger(kind: WorkerKind) -> Duration {
    Duration::from_millis(match kind {
        WorkerKind::Devices | WorkerKind::Retries => 50,
        WorkerKind::Bindings | WorkerKind::Claims | WorkerKind::Replay | WorkerKind::Redrive => 10,
        WorkerKind::Repartition => 5,
    })
}

impl Writers for Producers {
    fn make(&self, ends: UnboundedSender<WriteEnd>) -> Result<Box<dyn LogWriter>, BrokerError> {
        // How large a record may be is for its topic to say: what the client refused would
        // still be refused after the topic was mended.
        let message_max_bytes = self.max_record.max(LARGEST_RECORD);
        let settings = ProducerSettings {
            message_max_bytes,
            linger: linger(self.kind),
            ..ProducerSettings::default()
        };
        Ok(Box::new(PolledProducer::new(&self.kafka, &settings, ends)?))
    }
}
