//! Reading a topic whole, from its beginning, and then following it: how a compacted
//! topic becomes a table in memory.
//!
//! Absent: a group and commits. Each reader reads all partitions, every time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::oneshot;

use crate::bounds::{Bounds, PartitionBounds};
use crate::client::{LogOnly, table_config};
use crate::error::{BrokerError, ErrorClass};
use crate::native::{EventQueue, ForwardedPartition, ReadQueue, RecordBuffer};
use crate::settings::KafkaSettings;

/// Longest sleep of the thread.
const REST: Duration = Duration::from_millis(100);
/// Most records of one read: requests get their turn in between.
const AT_ONCE: usize = 1_000;
/// Between two looks at how far a request has come.
const LOOK: Duration = Duration::from_millis(5);
/// Before a question that failed is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(5);

/// A record of a table, borrowed while it is read.
#[derive(Debug, Clone, Copy)]
pub struct TableRecord<'a> {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Unix milliseconds; -1 without.
    pub timestamp_ms: i64,
    /// The key; `None` where there is none.
    pub key: Option<&'a [u8]>,
    /// The value; `None` is a tombstone: the key has gone.
    pub value: Option<&'a [u8]>,
}

/// A topic that is read whole and followed. Reading ends when this is dropped.
pub struct TableReader {
    shared: Arc<Shared>,
    thread: Thread,
    ended: Option<oneshot::Receiver<()>>,
}

type Answer = oneshot::Sender<Result<(), BrokerError>>;

#[derive(Default)]
struct Shared {
    requests: Mutex<Vec<Answer>>,
    stop: AtomicBool,
    /// Offsets passed, and those to be passed.
    passed: AtomicU64,
    to_pass: AtomicU64,
    /// Whether the offsets to be passed are known.
    is_told: AtomicBool,
}

impl TableReader {
    /// Begins to read in a thread of its own, where `on_record` is called for each record
    /// of a partition in order.
    ///
    /// # Errors
    /// Settings that librdkafka refuses, or no thread. A missing topic or right is told by
    /// [`TableReader::read_to_current_end`].
    pub fn start(
        kafka: &KafkaSettings,
        topic: &str,
        on_record: impl FnMut(TableRecord<'_>) + Send + 'static,
    ) -> Result<Self, BrokerError> {
        let bounds = Bounds::new(kafka)?;
        let consumer: BaseConsumer<LogOnly> = table_config(kafka)
            .create_with_context(LogOnly::default())
            .map_err(|error| BrokerError::creation(&error))?;
        let shared = Arc::new(Shared::default());
        let (end, ended) = oneshot::channel();
        let follower = Follower {
            topic: topic.to_owned(),
            forwarded: Vec::new(),
            queue: None,
            bounds,
            consumer,
            shared: Arc::clone(&shared),
            on_record,
            places: Vec::new(),
            waiting: Vec::new(),
            targets: None,
            ask_at: Instant::now(),
        };
        let handle =
            std::thread::Builder::new().name("kafka-table".to_owned()).spawn(move || {
                let _end = end;
                follower.run();
            })?;
        Ok(Self { shared, thread: handle.thread().clone(), ended: Some(ended) })
    }

    /// Waits until everything has been read that was in the topic when this was called.
    /// After the start it tells when the table is complete.
    ///
    /// # Errors
    /// [`BrokerError::NoTopic`], or a missing right. Brokers out of reach are waited for.
    pub async fn read_to_current_end(&self) -> Result<(), BrokerError> {
        let (answer, answered) = oneshot::channel();
        self.shared.requests.lock().push(answer);
        self.thread.unpark();
        answered.await.unwrap_or(Err(BrokerError::ThreadEnded("kafka-table")))
    }

    /// Offsets passed, of those that the topic held when its end was last asked for; `None`
    /// while that is not known. Compaction leaves holes: it is not a count of records.
    pub fn progress(&self) -> Option<(u64, u64)> {
        let to_pass = self.shared.to_pass.load(Ordering::Relaxed);
        let passed = self.shared.passed.load(Ordering::Relaxed);
        let is_told = self.shared.is_told.load(Ordering::Relaxed);
        is_told.then(|| (passed.min(to_pass), to_pass))
    }

    /// Ends reading and waits until the thread has.
    pub async fn stop(mut self) {
        self.shared.stop.store(true, Ordering::Release);
        self.thread.unpark();
        if let Some(ended) = self.ended.take() {
            // An error is the sender dropped: the thread has ended.
            let _ = ended.await;
        }
    }
}

impl Drop for TableReader {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

/// The state of the thread. The order of the fields matters: what comes from the consumer is
/// dropped before it.
struct Follower<F> {
    topic: String,
    forwarded: Vec<ForwardedPartition>,
    /// Of the thread that reads; made by it.
    queue: Option<ReadQueue>,
    bounds: Bounds,
    consumer: BaseConsumer<LogOnly>,
    shared: Arc<Shared>,
    on_record: F,
    /// Of each partition that is read: where it begins, and one past the last record read.
    places: Vec<(i64, i64)>,
    /// Who waits for `targets`.
    waiting: Vec<Answer>,
    /// The offset to be reached, by partition; `None`: to be asked for.
    targets: Option<Vec<i64>>,
    ask_at: Instant,
}

impl<F: FnMut(TableRecord<'_>)> Follower<F> {
    fn run(mut self) {
        let thread = std::thread::current();
        self.queue = ReadQueue::new(&self.consumer, thread.clone());
        self.consumer.set_nonempty_callback(move || thread.unpark());
        let events = EventQueue::of(&self.consumer);
        let mut buffer = RecordBuffer::new(AT_ONCE);
        while !self.shared.stop.load(Ordering::Acquire) {
            self.serve_events();
            let read = self.read(&mut buffer);
            self.take_requests();
            self.ask_for_targets();
            self.answer_at_the_end();
            if !read && events.as_ref().is_none_or(EventQueue::is_empty) {
                std::thread::park_timeout(if self.waiting.is_empty() { REST } else { LOOK });
            }
        }
        if let Err(error) = self.consumer.unassign() {
            tracing::debug!(%error, "kafka table reader could not unassign");
        }
    }

    /// Errors, and what librdkafka has to do itself. Records come by the own queue.
    fn serve_events(&mut self) {
        match self.consumer.poll(Duration::ZERO) {
            None => {}
            // Not to be expected of a partition that is forwarded; lost it would be for good.
            Some(Ok(record)) => (self.on_record)(TableRecord {
                partition: record.partition(),
                offset: record.offset(),
                timestamp_ms: record.timestamp().to_millis().unwrap_or(-1),
                key: record.key(),
                value: record.payload(),
            }),
            Some(Err(error)) => self.fail(BrokerError::reading(&self.topic, &error)),
        }
    }

    /// Reads what is there, up to a bound, so that requests get their turn.
    fn read(&mut self, buffer: &mut RecordBuffer) -> bool {
        let Some(queue) = self.queue.as_ref().filter(|queue| queue.len() > 0) else { return false };
        queue.read(Duration::ZERO, AT_ONCE, buffer);
        while let Some(record) = buffer.take() {
            if let Some(code) = record.error() {
                let error = KafkaError::MessageConsumption(code);
                self.fail(BrokerError::reading(&self.topic, &error));
                continue;
            }
            let (partition, offset) = (record.partition(), record.offset());
            (self.on_record)(TableRecord {
                partition,
                offset,
                timestamp_ms: record.timestamp_ms(),
                key: record.key(),
                value: record.value(),
            });
            let place =
                usize::try_from(partition).ok().and_then(|index| self.places.get_mut(index));
            if let Some((_, next)) = place {
                *next = offset + 1;
            }
        }
        self.show_progress();
        true
    }

    fn show_progress(&self) {
        let Some(targets) = &self.targets else { return };
        let places = self.places.iter().zip(targets);
        let passed = places.map(|((low, next), target)| (*next.min(target) - low).max(0));
        self.shared.passed.store(sum(passed), Ordering::Relaxed);
    }

    fn take_requests(&mut self) {
        let mut requests = self.shared.requests.lock();
        if !requests.is_empty() {
            self.waiting.append(&mut requests);
            // The end now may lie beyond the one that is being waited for. Who came
            // first waits a little longer; a table in use isn't asked often.
            self.targets = None;
        }
    }

    /// Learns the partitions and their ends, and reads partitions that are new.
    fn ask_for_targets(&mut self) {
        if self.targets.is_some() || self.ask_at > Instant::now() {
            return;
        }
        if self.waiting.is_empty() && !self.places.is_empty() {
            return;
        }
        match self.bounds.of_topics(std::slice::from_ref(&self.topic), TIMEOUT) {
            Ok(bounds) => {
                if let Err(error) = self.read_new(&bounds) {
                    return self.fail(error);
                }
                let target = |bounds: &PartitionBounds| {
                    if bounds.low < bounds.high { bounds.high } else { 0 }
                };
                let to_pass = bounds.iter().map(|bounds| bounds.high - bounds.low);
                self.shared.to_pass.store(sum(to_pass), Ordering::Relaxed);
                self.shared.is_told.store(true, Ordering::Relaxed);
                self.targets = Some(bounds.iter().map(target).collect());
                self.show_progress();
            }
            Err(error) => {
                self.ask_at = Instant::now() + ASK_AGAIN;
                self.fail(error);
            }
        }
    }

    /// Begins to read the partitions that are not read yet.
    fn read_new(&mut self, bounds: &[PartitionBounds]) -> Result<(), BrokerError> {
        let new = bounds.get(self.places.len()..).unwrap_or_default();
        if new.is_empty() {
            return Ok(());
        }
        let no_memory = || BrokerError::ThreadEnded("kafka-table");
        let queue = self.queue.as_ref().ok_or_else(no_memory)?;
        let mut list = TopicPartitionList::new();
        let mut forwarded = Vec::new();
        for PartitionBounds { partition, .. } in new {
            // Before the assignment: else the first records come by the consumer's own queue.
            let here = queue.forward(&self.consumer, &self.topic, *partition);
            forwarded.push(here.ok_or_else(no_memory)?);
            // Cannot fail: the beginning is a place of its own.
            let _ = list.add_partition_offset(&self.topic, *partition, Offset::Beginning);
        }
        self.consumer
            .incremental_assign(&list)
            .map_err(|error| BrokerError::asked(format!("read {}", self.topic), &error))?;
        self.forwarded.append(&mut forwarded);
        self.places.extend(new.iter().map(|bounds| (bounds.low, bounds.low)));
        Ok(())
    }

    /// The end is reached when every position passes it. The last record's offset
    /// doesn't tell: markers of transactions and holes of compaction come after it.
    fn answer_at_the_end(&mut self) {
        let Some(targets) = &self.targets else { return };
        if self.waiting.is_empty() {
            return;
        }
        let Ok(positions) = self.consumer.position() else { return };
        let positions = positions.to_topic_map();
        let reached = (0..).zip(targets).all(|(partition, target)| {
            let position = positions.get(&(self.topic.clone(), partition));
            *target == 0 || matches!(position, Some(Offset::Offset(at)) if at >= target)
        });
        if reached {
            for answer in self.waiting.drain(..) {
                // Who asked may have gone.
                let _ = answer.send(Ok(()));
            }
        }
    }

    /// Tells who waits when waiting is of no use; else goes on.
    fn fail(&mut self, error: BrokerError) {
        tracing::warn!(%error, topic = self.topic, "could not read a table");
        if error.class() == ErrorClass::Permanent {
            // The error goes to one of them; the others ask again and get their own.
            let mut waiting = self.waiting.drain(..);
            if let Some(first) = waiting.next() {
                let text = error.to_string();
                let _ = first.send(Err(error));
                for other in waiting {
                    let _ = other.send(Err(BrokerError::Asked {
                        asked: format!("read {}", self.topic),
                        code: text.clone(),
                        class: ErrorClass::Permanent,
                    }));
                }
            }
        }
    }
}

/// Of counts that are not negative.
fn sum(counts: impl Iterator<Item = i64>) -> u64 {
    u64::try_from(counts.sum::<i64>()).unwrap_or(0)
}
