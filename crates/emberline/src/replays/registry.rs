//! The registry against Kafka: read to its end and followed, and written.

use std::sync::Arc;
use std::time::{Duration, Instant};

use emberline_broker::{
    AwaitedProducer, Bounds, BrokerError, ErrorClass, KafkaSettings, Record, TableReader,
};
use emberline_flow::replay_lease::{Contender, Holder, Next};
use emberline_model::ReplayName;
use emberline_wire::replay::{ReplayRecord, ReplayStatus, encode_key};
use parking_lot::Mutex;
use tokio::sync::{OnceCell, watch};
use tokio::time::{sleep, sleep_until, timeout};

use super::book::Book;
use super::entry::Run;
use super::{ClaimError, Entry, RegistryError, Tenure, Timing, this_host, unix_ms};
use crate::output;
use crate::span::shown;

/// Longest wait for an answer of the brokers.
const PATIENCE: Duration = Duration::from_secs(20);
/// Before what was not written is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(300);

/// The named replays, as of now: the topic is followed until this is dropped.
pub struct Registry {
    kafka: KafkaSettings,
    topic: String,
    pub(super) timing: Timing,
    pub(super) host: String,
    pub(super) shared: Arc<Shared>,
    /// Follows the topic.
    reader: TableReader,
    /// Made by the first write: who only looks needs no right to write.
    producer: OnceCell<AwaitedProducer>,
}

/// What the reading thread shares.
pub(super) struct Shared {
    pub(super) book: Mutex<Book>,
    /// A record was read.
    pub(super) changed: watch::Sender<()>,
}

/// A replay that was had by a claim that counts.
pub(super) struct Won {
    pub(super) run: Run,
    /// As it was before.
    pub(super) before: Option<Entry>,
}

impl Registry {
    /// Reads the topic to its end. Needs a running runtime.
    ///
    /// # Errors
    /// [`RegistryError`]: the topic is not there or not as it must be, or Kafka gives no
    /// answer.
    pub async fn open(
        kafka: &KafkaSettings,
        topic: String,
        timing: Timing,
    ) -> Result<Self, RegistryError> {
        match partitions(kafka, &topic).await? {
            None => return Err(RegistryError::NoTopic(topic)),
            Some(1) => {}
            Some(partitions) => return Err(RegistryError::Partitions { topic, partitions }),
        }
        let changed = watch::Sender::new(());
        let shared = Arc::new(Shared { book: Mutex::default(), changed });
        let reads = Arc::clone(&shared);
        let reader = TableReader::start(kafka, &topic, move |record| {
            reads.book.lock().read(record, Instant::now());
            reads.changed.send_replace(());
        })?;
        let registry = Self {
            kafka: kafka.clone(),
            topic,
            timing,
            host: this_host(),
            shared,
            reader,
            producer: OnceCell::new(),
        };
        registry.read_on().await?;
        Ok(registry)
    }

    /// Reads to the end that the topic has now.
    pub(super) async fn read_on(&self) -> Result<(), RegistryError> {
        let read = timeout(PATIENCE, self.reader.read_to_current_end()).await;
        Ok(read.map_err(|_| unanswered(&self.topic))??)
    }

    /// All that were ever begun, by name.
    pub fn list(&self) -> Vec<Entry> {
        self.shared.book.lock().entries(unix_ms(), self.timing.silence)
    }

    /// The one of that name.
    pub fn find(&self, name: &ReplayName) -> Option<Entry> {
        self.shared.book.lock().entry(name, unix_ms(), self.timing.silence)
    }

    /// Has the replay of that name from now on, and writes what `begin` makes of how it stood
    /// before (`None`: nobody ever ran it), with this machine's name. If somebody may be alive who runs it, that is said
    /// on stderr and waited for: at most the silence, and a new name not at all.
    ///
    /// # Errors
    /// [`ClaimError::Alive`] if somebody runs it; Kafka gives no answer.
    pub async fn claim(
        self,
        name: &ReplayName,
        begin: impl FnOnce(Option<&Entry>) -> ReplayStatus,
    ) -> Result<Tenure, ClaimError> {
        let won = self.take(name).await?;
        let mut status = begin(won.before.as_ref());
        (status.host, status.ended_ms) = (self.host.clone(), None);
        self.write_patiently(name, &won, &status).await?;
        Ok(Tenure::begin(Arc::new(self), name.clone(), won, status))
    }

    /// Has the replay of that name from now on; writes no word.
    pub(super) async fn take(&self, name: &ReplayName) -> Result<Won, ClaimError> {
        let me = Holder(fastrand::u128(..));
        let mut changed = self.shared.changed.subscribe();
        self.shared.book.lock().want(name, Contender::new(me, self.timing.silence));
        let mut told = false;
        loop {
            changed.mark_unchanged();
            let next = self.shared.book.lock().next(Instant::now());
            match next {
                Some(Next::Wait(until)) => {
                    if !std::mem::replace(&mut told, true) {
                        self.tell_of_waiting(name, until);
                    }
                    tokio::select! {
                        _ = changed.changed() => {}
                        () = sleep_until(until.into()) => {}
                    }
                }
                Some(Next::Claim { follows }) => {
                    let host = self.host.clone();
                    self.write(name, ReplayRecord::Claim { by: me.0, follows, host }).await?;
                }
                Some(Next::ReadOn) => {
                    let read = timeout(PATIENCE, changed.changed()).await;
                    read.map_err(|_| unanswered(&self.topic))?.unwrap_or_default();
                }
                Some(Next::Runs { term }) => {
                    return Ok(Won { run: (me, term), before: self.find(name) });
                }
                Some(Next::Refused | Next::TakenOver) | None => return Err(self.refused(name)),
            }
        }
    }

    fn tell_of_waiting(&self, name: &ReplayName, until: Instant) {
        let seconds = until.saturating_duration_since(Instant::now()).as_secs_f64().ceil();
        let who = self.find(name).map_or_else(
            || format!("replay {name} was claimed on {}", self.shared.book.lock().claimed_on(name)),
            |entry| {
                let (host, heard) = (&entry.status.host, shown(entry.heard_ms));
                format!("replay {name} has not ended on {host} (last sign of life {heard})")
            },
        );
        output::notice(&format!("{who}: waiting up to {seconds} s to see whether it is alive …"));
    }

    fn refused(&self, name: &ReplayName) -> ClaimError {
        self.find(name)
            .map_or_else(|| ClaimError::Registry(self.taken_over(name)), ClaimError::alive)
    }

    pub(super) fn taken_over(&self, name: &ReplayName) -> RegistryError {
        let host = self.shared.book.lock().claimed_on(name);
        RegistryError::TakenOver { name: name.clone(), host }
    }

    /// Writes a record and waits for the brokers' word.
    pub(super) async fn write(
        &self,
        name: &ReplayName,
        record: ReplayRecord,
    ) -> Result<(), RegistryError> {
        let key = encode_key(name, record.kind());
        let value = record.encode();
        let record = Record {
            topic: &self.topic,
            partition: None,
            key: Some(&key),
            value: Some(&value),
            headers: &[],
            timestamp_ms: None,
        };
        // A word that comes later than the silence is worth nothing.
        let patience = self.timing.silence;
        let made = async || AwaitedProducer::new(self.kafka.clone(), patience);
        let written = self.producer.get_or_try_init(made).await?.write(record).await;
        let topic = || self.topic.clone();
        written.map(drop).map_err(|error| RegistryError::NotWritten { topic: topic(), error })
    }

    /// Writes a word, again and again where it may help.
    pub(super) async fn write_patiently(
        &self,
        name: &ReplayName,
        won: &Won,
        status: &ReplayStatus,
    ) -> Result<(), RegistryError> {
        let (Holder(by), term) = won.run;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let written = self.write(name, ReplayRecord::word(by, term, status.clone())).await;
            match written {
                Err(RegistryError::NotWritten { error, .. })
                    if error.class() == ErrorClass::Transient && Instant::now() < deadline =>
                {
                    tracing::warn!(%error, %name, "a replay's status is not written yet");
                    sleep(TRY_AGAIN).await;
                }
                ended => return ended,
            }
        }
    }
}

fn unanswered(topic: &str) -> RegistryError {
    RegistryError::Unanswered { topic: topic.to_owned(), patience: PATIENCE }
}

async fn partitions(kafka: &KafkaSettings, topic: &str) -> Result<Option<i32>, BrokerError> {
    let (bounds, topic) = (Bounds::new(kafka)?, topic.to_owned());
    let asked = tokio::task::spawn_blocking(move || bounds.partition_count(&topic, PATIENCE));
    asked.await.map_err(|_| BrokerError::ThreadEnded("kafka bounds"))?
}
