//! Reading topics as a member of a group: one consumer, one thread that serves its
//! events for ever.
//!
//! Backpressure is to read only when there is room: records wait in a queue of ours
//! and are fetched by nobody else. A rebalance is handled inside librdkafka's
//! callback: assigned partitions are looked up and forwarded, revoked ones are
//! drained by the worker and committed before they go. A worker that must know something
//! before it takes a partition's records opens the partition's gate when it does.
//!
//! Absent: settling, ledgers, decoding. The worker says what may be committed.
//!
//! Start at [`Source::start`]; the thread is `poller`, the callback `rebalance`.

mod commits;
mod context;
mod control;
mod events;
mod intake;
mod look_up;
mod partitions;
mod poller;
mod rebalance;
mod settings;
mod trouble;

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use tokio::sync::{mpsc, oneshot};

pub use control::Pulse;
pub use events::{
    AssignedPartition, Commit, CommitError, Frontier, Revocation, SourceError, SourceEvent,
};
pub use settings::{Committed, Ends, SourceSettings, where_it_left_off};

use crate::bounds::Bounds;
use crate::client;
use crate::error::BrokerError;
use crate::record::RecordReader;
use crate::room::Room;
use crate::settings::KafkaSettings;
use context::SourceContext;
use control::Control;
use poller::Poller;

/// A running source. Dropping it makes it leave its group in the background;
/// [`Source::close`] tells when it has.
pub struct Source {
    control: Arc<Control>,
    ended: Option<oneshot::Receiver<()>>,
    close_deadline: Duration,
}

impl Source {
    /// Joins the group and begins to read.
    ///
    /// `start_of` decides where the reading of an assigned partition starts; what it
    /// says is kept within the log's bounds. It runs inside the rebalance callback and
    /// must be quick. What the reader makes of the records is sent to `events`, in one
    /// order with what happens to the partitions.
    ///
    /// # Errors
    /// Settings that librdkafka refuses, or no thread. Missing rights and topics come
    /// as [`SourceEvent::Failed`].
    pub fn start<R: RecordReader>(
        kafka: &KafkaSettings,
        settings: SourceSettings,
        reader: R,
        start_of: impl Fn(&Committed<'_>) -> i64 + Send + 'static,
        room: Arc<Room>,
        events: mpsc::Sender<SourceEvent<R::Batch>>,
    ) -> Result<Self, BrokerError> {
        let control = Arc::new(Control::new(settings.intake_paused));
        let close_deadline =
            settings.drain_deadline + settings.commit_deadline + Duration::from_secs(10);
        let context = SourceContext::new(
            &settings,
            Bounds::new(kafka)?,
            Box::new(start_of),
            events.clone(),
            Arc::clone(&control),
        );
        let consumer: BaseConsumer<SourceContext<R::Batch>> =
            client::source_config(kafka, &settings.group)
                .create_with_context(context)
                .map_err(|error| BrokerError::creation(&error))?;
        let topics: Vec<&str> = settings.topics.iter().map(String::as_str).collect();
        consumer
            .subscribe(&topics)
            .map_err(|error| BrokerError::asked("subscribe to the topics", &error))?;

        let (end, ended) = oneshot::channel();
        let shared = Arc::clone(&control);
        std::thread::Builder::new().name("kafka-source".to_owned()).spawn(move || {
            // Dropped at the end of the thread, also when a reader panics.
            let _end = end;
            Poller::new(consumer, settings, reader, room, events, shared).run();
        })?;
        Ok(Self { control, ended: Some(ended), close_deadline })
    }

    /// Commits in the background. The result comes as an event; commits that follow
    /// while one is under way are gathered, the latest of each partition wins.
    pub fn commit(&self, commits: Vec<Commit>) {
        if !commits.is_empty() {
            self.control.commit(commits);
        }
    }

    /// Stops reading, or goes on. The source stays a member of its group all the same.
    pub fn pause_intake(&self, paused: bool) {
        self.control.pause_intake(paused);
    }

    /// For liveness: tells when the thread last went round.
    pub fn pulse(&self) -> Pulse {
        self.control.pulse().clone()
    }

    /// Leaves the group: partitions are revoked (which the worker answers as ever, so
    /// events must be received on while this is awaited), then the channel closes.
    ///
    /// # Errors
    /// [`BrokerError::StillClosing`] when that takes longer than the drain and the
    /// commit deadline and 10 s more.
    pub async fn close(mut self) -> Result<(), BrokerError> {
        self.control.stop();
        let Some(ended) = self.ended.take() else { return Ok(()) };
        let limit = self.close_deadline;
        match tokio::time::timeout(limit, ended).await {
            // An error is the sender dropped: the thread has ended.
            Ok(_) => Ok(()),
            Err(_) => Err(BrokerError::StillClosing(limit)),
        }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.control.stop();
    }
}
