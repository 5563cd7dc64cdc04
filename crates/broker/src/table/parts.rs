//! Partitions of a topic that come and go: each is read from its beginning when it is asked
//! for, and followed until it is left.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use rdkafka::Offset;
use tokio::sync::mpsc;

use super::feed::{self, Feed};
use super::thread::{GoesOn, ReaderThread};
use super::{ASK_AGAIN, LOOK, REST, TIMEOUT, TableRecord, end_of};
use crate::bounds::{Bounds, PartitionBounds};
use crate::client::parts_config;
use crate::error::{BrokerError, ErrorClass};
use crate::native::ForwardedPartition;
use crate::settings::KafkaSettings;

/// What a [`PartsReader`] tells.
#[derive(Debug)]
pub enum PartsEvent {
    /// A partition has been read to the end that it had when it was asked for. Told once a
    /// tenure.
    Complete {
        /// The partition.
        partition: i32,
        /// The tenure that it was asked for with.
        tenure: u64,
        /// That end: one past the last offset.
        end: i64,
        /// How many partitions the topic has.
        topic_partitions: i32,
    },
    /// Something must be changed before reading goes on: a topic that is missing, a right.
    Failed(BrokerError),
}

/// Partitions of one topic that are read and followed. Reading ends when this is dropped.
///
/// A *tenure* is a number of the caller's for one time that a partition is asked for.
pub struct PartsReader {
    shared: Arc<Shared>,
    thread: ReaderThread,
}

#[derive(Default)]
struct Shared {
    requests: Mutex<Vec<Request>>,
    answers: Mutex<Vec<Answer>>,
}

/// The bounds of a partition, as they were asked for with a tenure.
struct Answer {
    partition: i32,
    tenure: u64,
    /// Of several that have none for the same reason, one has the error.
    bounds: Result<PartitionBounds, Option<BrokerError>>,
}

/// Of these partitions, each with its tenure.
enum Request {
    Read(Vec<(i32, u64)>),
    Leave(Vec<(i32, u64)>),
}

impl PartsReader {
    /// Begins with no partition, in a thread of its own, where `on_record` is called for each
    /// record of a partition in order. A record of a partition may still come after it was
    /// left.
    ///
    /// # Errors
    /// Settings that librdkafka refuses, or no thread. A missing topic or right is told as
    /// [`PartsEvent::Failed`].
    pub fn start(
        kafka: &KafkaSettings,
        topic: &str,
        on_record: impl FnMut(TableRecord<'_>) + Send + 'static,
        told: mpsc::UnboundedSender<PartsEvent>,
    ) -> Result<Self, BrokerError> {
        let bounds = Bounds::new(kafka)?;
        let consumer = feed::consumer(&parts_config(kafka))?;
        let shared = Arc::new(Shared::default());
        let (topic, of_thread) = (topic.to_owned(), Arc::clone(&shared));
        let thread = ReaderThread::start("kafka-parts", move |goes_on| {
            let follower = Follower {
                parts: Vec::new(),
                feed: Feed::new(consumer, topic),
                bounds: Arc::new(bounds),
                shared: of_thread,
                on_record,
                told,
            };
            follower.run(&goes_on);
        })?;
        Ok(Self { shared, thread })
    }

    /// Reads partitions, each with its tenure, from their beginning. One that is read already
    /// is begun anew.
    pub fn read(&self, parts: Vec<(i32, u64)>) {
        self.ask(Request::Read(parts));
    }

    /// Reads partitions no more, unless they are read for another tenure by now.
    pub fn leave(&self, parts: Vec<(i32, u64)>) {
        self.ask(Request::Leave(parts));
    }

    fn ask(&self, request: Request) {
        self.shared.requests.lock().push(request);
        self.thread.wake();
    }

    /// Ends reading and waits until the thread has.
    pub async fn stop(self) {
        self.thread.stop().await;
    }
}

/// The state of the thread. The order of the fields matters: the forwarding ends before the
/// consumer.
struct Follower<F> {
    parts: Vec<Part>,
    feed: Feed,
    bounds: Arc<Bounds>,
    shared: Arc<Shared>,
    on_record: F,
    told: mpsc::UnboundedSender<PartsEvent>,
}

struct Part {
    partition: i32,
    tenure: u64,
    state: State,
}

enum State {
    /// Its bounds are to be asked for, not before this moment.
    New { not_before: Instant },
    /// They are being asked for, on a thread that may wait for a leader: others go on meanwhile.
    Asked,
    /// Read up to `target`, which is to be told.
    Restoring { target: i64, topic_partitions: i32, forwarded: ForwardedPartition },
    /// Held for its end.
    Followed { _forwarded: ForwardedPartition },
}

impl State {
    /// To be asked for once more, after a while.
    fn again() -> Self {
        Self::New { not_before: Instant::now() + ASK_AGAIN }
    }
}

impl<F: FnMut(TableRecord<'_>)> Follower<F> {
    fn run(mut self, goes_on: &GoesOn) {
        while goes_on.is_on() {
            let read = self.feed.read(&mut self.on_record);
            for error in read.errors {
                self.fail(error);
            }
            self.take_requests();
            self.ask();
            self.begin();
            self.tell();
            if !read.some {
                let waits =
                    self.parts.iter().any(|part| !matches!(part.state, State::Followed { .. }));
                std::thread::park_timeout(if waits { LOOK } else { REST });
            }
        }
        self.feed.end();
    }

    fn take_requests(&mut self) {
        let requests = std::mem::take(&mut *self.shared.requests.lock());
        for request in requests {
            match request {
                Request::Read(parts) => {
                    self.leave(|left| parts.iter().any(|(new, _)| *new == left.partition));
                    let new = parts.into_iter();
                    self.parts.extend(new.map(|(partition, tenure)| Part {
                        partition,
                        tenure,
                        state: State::New { not_before: Instant::now() },
                    }));
                }
                Request::Leave(parts) => {
                    self.leave(|left| parts.contains(&(left.partition, left.tenure)));
                }
            }
        }
    }

    fn leave(&mut self, is_left: impl Fn(&Part) -> bool) {
        let left: Vec<Part> = self.parts.extract_if(.., |part| is_left(part)).collect();
        let read =
            left.iter().filter(|part| !matches!(part.state, State::New { .. } | State::Asked));
        let mut read = read.map(|part| part.partition).peekable();
        if read.peek().is_some() {
            self.feed.unassign(read);
        }
    }

    /// Asks for the bounds of partitions that are new.
    fn ask(&mut self) {
        let now = Instant::now();
        let mut new = Vec::new();
        for part in &mut self.parts {
            if matches!(part.state, State::New { not_before } if not_before <= now) {
                part.state = State::Asked;
                new.push((part.partition, part.tenure));
            }
        }
        if new.is_empty() {
            return;
        }
        let (bounds, shared) = (Arc::clone(&self.bounds), Arc::clone(&self.shared));
        let (topic, follower) = (self.feed.topic.clone(), std::thread::current());
        let mut answer = move |answer| {
            shared.answers.lock().push(answer);
            follower.unpark();
        };
        let asker = std::thread::Builder::new().name("kafka-parts-ask".to_owned());
        let asked = new.clone();
        if let Err(error) = asker.spawn(move || ask_for_each(&bounds, &topic, &asked, &mut answer))
        {
            self.shared.answers.lock().extend(without_bounds(&new, error.into()));
        }
    }

    /// Begins to read partitions whose bounds are known by now.
    fn begin(&mut self) {
        let answers = std::mem::take(&mut *self.shared.answers.lock());
        let mut known = Vec::new();
        let mut errors = Vec::new();
        for Answer { partition, tenure, bounds } in answers {
            let is_it = |part: &Part| {
                (part.partition, part.tenure) == (partition, tenure)
                    && matches!(part.state, State::Asked)
            };
            // One that was left meanwhile is not to be read any more.
            let Some(index) = self.parts.iter().position(is_it) else { continue };
            match bounds {
                Ok(bounds) => known.push((index, bounds)),
                Err(error) => {
                    self.parts[index].state = State::again();
                    errors.extend(error);
                }
            }
        }
        if !known.is_empty() {
            let places = known.iter().map(|(_, it)| (it.partition, Offset::Offset(it.low)));
            match self.feed.assign(places) {
                Ok(forwarded) => {
                    for ((index, bounds), forwarded) in known.into_iter().zip(forwarded) {
                        let (target, topic_partitions) = (end_of(&bounds), bounds.topic_partitions);
                        self.parts[index].state =
                            State::Restoring { target, topic_partitions, forwarded };
                    }
                }
                Err(error) => {
                    for (index, _) in known {
                        self.parts[index].state = State::again();
                    }
                    errors.push(error);
                }
            }
        }
        for error in errors {
            self.fail(error);
        }
    }

    /// Tells of partitions that have been read to their end.
    fn tell(&mut self) {
        if !self.parts.iter().any(|part| matches!(part.state, State::Restoring { .. })) {
            return;
        }
        let positions = self.feed.positions();
        for part in &mut self.parts {
            let position = positions.get(&part.partition).copied().unwrap_or(0);
            part.state = match std::mem::replace(&mut part.state, State::Asked) {
                State::Restoring { target, topic_partitions, forwarded } if position >= target => {
                    let (partition, tenure) = (part.partition, part.tenure);
                    let told =
                        PartsEvent::Complete { partition, tenure, end: target, topic_partitions };
                    // Who asked may have gone.
                    let _ = self.told.send(told);
                    State::Followed { _forwarded: forwarded }
                }
                state => state,
            };
        }
    }

    /// Tells of what waiting is of no use for; else goes on.
    fn fail(&self, error: BrokerError) {
        tracing::warn!(%error, topic = self.feed.topic, "could not read a table");
        if error.class() == ErrorClass::Permanent {
            let _ = self.told.send(PartsEvent::Failed(error));
        }
    }
}

/// Asks for the bounds of partitions: of all at once, or, where that may be the fault of one of
/// them, of each.
fn ask_for_each(
    bounds: &Bounds,
    topic: &str,
    parts: &[(i32, u64)],
    answer: &mut dyn FnMut(Answer),
) {
    let names: Vec<_> = parts.iter().map(|(partition, _)| (topic.to_owned(), *partition)).collect();
    match bounds.of_partitions(&names, TIMEOUT) {
        Ok(found) => {
            for ((partition, tenure), bounds) in parts.iter().zip(found) {
                answer(Answer { partition: *partition, tenure: *tenure, bounds: Ok(bounds) });
            }
        }
        Err(error) if error.class() == ErrorClass::Permanent || parts.len() == 1 => {
            without_bounds(parts, error).for_each(answer);
        }
        Err(_) => {
            for part in parts {
                ask_for_each(bounds, topic, std::slice::from_ref(part), answer);
            }
        }
    }
}

/// Answers of partitions that have no bounds for this reason.
fn without_bounds(parts: &[(i32, u64)], error: BrokerError) -> impl Iterator<Item = Answer> {
    let mut error = Some(error);
    parts.iter().map(move |(partition, tenure)| Answer {
        partition: *partition,
        tenure: *tenure,
        bounds: Err(error.take()),
    })
}
