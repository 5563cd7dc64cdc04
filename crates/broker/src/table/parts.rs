//! Partitions of a topic that come and go: each is read from its beginning when it is asked
//! for, and followed until it is left.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Thread;
use std::time::Instant;

use parking_lot::Mutex;
use rdkafka::Offset;
use tokio::sync::{mpsc, oneshot};

use super::feed::{self, Feed};
use super::{ASK_AGAIN, LOOK, REST, TIMEOUT, TableRecord};
use crate::bounds::Bounds;
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
    thread: Thread,
    ended: Option<oneshot::Receiver<()>>,
}

#[derive(Default)]
struct Shared {
    requests: Mutex<Vec<Request>>,
    stop: AtomicBool,
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
        let (end, ended) = oneshot::channel();
        let (topic, of_thread) = (topic.to_owned(), Arc::clone(&shared));
        let handle =
            std::thread::Builder::new().name("kafka-parts".to_owned()).spawn(move || {
                let _end = end;
                let follower = Follower {
                    parts: Vec::new(),
                    feed: Feed::new(consumer, topic),
                    bounds,
                    shared: of_thread,
                    on_record,
                    told,
                    ask_at: Instant::now(),
                };
                follower.run();
            })?;
        Ok(Self { shared, thread: handle.thread().clone(), ended: Some(ended) })
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
        self.thread.unpark();
    }

    /// Ends reading and waits until the thread has.
    pub async fn stop(mut self) {
        self.end();
        if let Some(ended) = self.ended.take() {
            // An error is the sender dropped: the thread has ended.
            let _ = ended.await;
        }
    }

    fn end(&self) {
        self.shared.stop.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

impl Drop for PartsReader {
    fn drop(&mut self) {
        self.end();
    }
}

/// The state of the thread. The order of the fields matters: the forwarding ends before the
/// consumer.
struct Follower<F> {
    parts: Vec<Part>,
    feed: Feed,
    bounds: Bounds,
    shared: Arc<Shared>,
    on_record: F,
    told: mpsc::UnboundedSender<PartsEvent>,
    ask_at: Instant,
}

struct Part {
    partition: i32,
    tenure: u64,
    state: State,
}

enum State {
    /// Its bounds are to be asked for.
    Asked,
    /// Read up to `target`, which is to be told.
    Restoring { target: i64, topic_partitions: i32, forwarded: ForwardedPartition },
    /// Held for its end.
    Followed { _forwarded: ForwardedPartition },
}

impl<F: FnMut(TableRecord<'_>)> Follower<F> {
    fn run(mut self) {
        while !self.shared.stop.load(Ordering::Acquire) {
            let read = self.feed.read(&mut self.on_record);
            for error in read.errors {
                self.fail(error);
            }
            self.take_requests();
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
                        state: State::Asked,
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
        let read = left.iter().filter(|part| !matches!(part.state, State::Asked));
        let mut read = read.map(|part| part.partition).peekable();
        if read.peek().is_some() {
            self.feed.unassign(read);
        }
    }

    /// Learns the bounds of partitions that were asked for, and reads them.
    fn begin(&mut self) {
        let is_new = |part: &&mut Part| matches!(part.state, State::Asked);
        let mut new: Vec<_> = self.parts.iter_mut().filter(is_new).collect();
        if new.is_empty() || self.ask_at > Instant::now() {
            return;
        }
        let names: Vec<_> =
            new.iter().map(|part| (self.feed.topic.clone(), part.partition)).collect();
        let begun = self.bounds.of_partitions(&names, TIMEOUT).and_then(|bounds| {
            let places = bounds.iter().map(|it| (it.partition, Offset::Offset(it.low)));
            let forwarded = self.feed.assign(places)?;
            for ((part, bounds), forwarded) in new.iter_mut().zip(bounds).zip(forwarded) {
                // Of a log that holds nothing nothing comes that would tell a position.
                let target = if bounds.low < bounds.high { bounds.high } else { 0 };
                let topic_partitions = bounds.topic_partitions;
                part.state = State::Restoring { target, topic_partitions, forwarded };
            }
            Ok(())
        });
        if let Err(error) = begun {
            self.ask_at = Instant::now() + ASK_AGAIN;
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
                    let told = PartsEvent::Complete { partition, tenure, topic_partitions };
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
