//! All partitions of a topic, each read from its beginning and followed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use rdkafka::Offset;
use tokio::sync::oneshot;

use super::feed::{self, Feed};
use super::thread::{GoesOn, ReaderThread};
use super::{ASK_AGAIN, LOOK, REST, TIMEOUT, TableRecord, end_of};
use crate::bounds::{Bounds, PartitionBounds};
use crate::client::table_config;
use crate::error::{BrokerError, ErrorClass};
use crate::native::ForwardedPartition;
use crate::settings::KafkaSettings;

/// A topic that is read whole and followed. Reading ends when this is dropped.
pub struct TableReader {
    shared: Arc<Shared>,
    thread: ReaderThread,
}

type Answer = oneshot::Sender<Result<(), BrokerError>>;

#[derive(Default)]
struct Shared {
    requests: Mutex<Vec<Answer>>,
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
        let consumer = feed::consumer(&table_config(kafka))?;
        let shared = Arc::new(Shared::default());
        let (topic, of_thread) = (topic.to_owned(), Arc::clone(&shared));
        let thread = ReaderThread::start("kafka-table", move |goes_on| {
            let follower = Follower {
                forwarded: Vec::new(),
                feed: Feed::new(consumer, topic),
                bounds,
                shared: of_thread,
                on_record,
                places: Vec::new(),
                waiting: Vec::new(),
                targets: None,
                ask_at: Instant::now(),
            };
            follower.run(&goes_on);
        })?;
        Ok(Self { shared, thread })
    }

    /// Waits until everything has been read that was in the topic when this was called.
    /// After the start it tells when the table is complete.
    ///
    /// # Errors
    /// [`BrokerError::NoTopic`], or a missing right. Brokers out of reach are waited for.
    pub async fn read_to_current_end(&self) -> Result<(), BrokerError> {
        let (answer, answered) = oneshot::channel();
        self.shared.requests.lock().push(answer);
        self.thread.wake();
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
    pub async fn stop(self) {
        self.thread.stop().await;
    }
}

/// The state of the thread. The order of the fields matters: what comes from the consumer is
/// dropped before it.
struct Follower<F> {
    forwarded: Vec<ForwardedPartition>,
    feed: Feed,
    bounds: Bounds,
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
    fn run(mut self, goes_on: &GoesOn) {
        while goes_on.is_on() {
            let read = self.read();
            self.take_requests();
            self.ask_for_targets();
            self.answer_at_the_end();
            if !read {
                std::thread::park_timeout(if self.waiting.is_empty() { REST } else { LOOK });
            }
        }
        self.feed.end();
    }

    fn read(&mut self) -> bool {
        let Self { feed, on_record, places, .. } = self;
        let read = feed.read(|record| {
            let (partition, next) = (record.partition, record.offset + 1);
            on_record(record);
            let place = usize::try_from(partition).ok().and_then(|index| places.get_mut(index));
            if let Some(place) = place {
                place.1 = next;
            }
        });
        for error in read.errors {
            self.fail(error);
        }
        self.show_progress();
        read.some
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
        match self.bounds.of_topics(std::slice::from_ref(&self.feed.topic), TIMEOUT) {
            Ok(bounds) => {
                if let Err(error) = self.read_new(&bounds) {
                    return self.fail(error);
                }
                let to_pass = bounds.iter().map(|bounds| bounds.high - bounds.low);
                self.shared.to_pass.store(sum(to_pass), Ordering::Relaxed);
                self.shared.is_told.store(true, Ordering::Relaxed);
                self.targets = Some(bounds.iter().map(end_of).collect());
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
        let new_places = new.iter().map(|bounds| (bounds.partition, Offset::Beginning));
        self.forwarded.append(&mut self.feed.assign(new_places)?);
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
        let positions = self.feed.positions();
        let reached = (0..).zip(targets).all(|(partition, target)| {
            *target == 0 || positions.get(&partition).is_some_and(|at| at >= target)
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
        tracing::warn!(%error, topic = self.feed.topic, "could not read a table");
        if error.class() == ErrorClass::Permanent {
            // The error goes to one of them; the others ask again and get their own.
            let mut waiting = self.waiting.drain(..);
            if let Some(first) = waiting.next() {
                let text = error.to_string();
                let _ = first.send(Err(error));
                for other in waiting {
                    let _ = other.send(Err(BrokerError::Asked {
                        asked: format!("read {}", self.feed.topic),
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
