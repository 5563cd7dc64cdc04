//! What librdkafka's callbacks and the polling thread share. All of it runs on the
//! polling thread; the lock is for the type system and never waited for.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaRespErr;
use tokio::sync::mpsc;

use super::commits::CommitDesk;
use super::control::Control;
use super::events::{SourceError, SourceEvent};
use super::partitions::Partitions;
use super::settings::{Committed, SourceSettings};
use crate::bounds::Bounds;
use crate::client;
use crate::native::ReadQueue;

pub(super) type StartRule = Box<dyn Fn(&Committed<'_>) -> i64 + Send>;

/// The consumer's context.
pub(super) struct SourceContext<B: Send + 'static> {
    pub(super) group: String,
    /// What librdkafka said of the error that comes out of `poll` next.
    pub(super) said: Mutex<Option<String>>,
    pub(super) tenancy: Mutex<Tenancy<B>>,
    pub(super) bounds: Bounds,
    pub(super) events: mpsc::Sender<SourceEvent<B>>,
    pub(super) control: Arc<Control>,
    pub(super) drain_deadline: Duration,
    pub(super) commit_deadline: Duration,
}

/// What changes while a source runs.
pub(super) struct Tenancy<B> {
    pub(super) partitions: Partitions,
    pub(super) desk: CommitDesk,
    /// Events that wait for a place in the channel. While there are any, nothing is read,
    /// so that their order holds.
    pub(super) outbox: VecDeque<SourceEvent<B>>,
    pub(super) queue: Option<Arc<ReadQueue>>,
    pub(super) start_of: StartRule,
    /// Whether a tenure begins with its gate closed.
    pub(super) gated: bool,
    /// A fatal error was told: nothing is read any more.
    pub(super) broken: bool,
    /// The source is leaving: an assignment that still comes is taken and not read.
    pub(super) closing: bool,
}

impl<B> Tenancy<B> {
    /// Warnings beyond this many are left out while nobody receives.
    const OUTBOX_FOR_WARNINGS: usize = 64;

    /// Queues an error; a fatal one ends reading.
    pub(super) fn fail(&mut self, error: SourceError) {
        self.broken |= error.is_fatal();
        if error.is_fatal() || self.outbox.len() < Self::OUTBOX_FOR_WARNINGS {
            self.outbox.push_back(SourceEvent::Failed(error));
        }
    }

    /// Sends what waits, as far as the channel has places.
    pub(super) fn flush(&mut self, events: &mpsc::Sender<SourceEvent<B>>) {
        while !self.outbox.is_empty() {
            let Ok(permit) = events.try_reserve() else { return };
            if let Some(event) = self.outbox.pop_front() {
                permit.send(event);
            }
        }
    }
}

impl<B: Send + 'static> SourceContext<B> {
    pub(super) fn new(
        settings: &SourceSettings,
        bounds: Bounds,
        start_of: StartRule,
        events: mpsc::Sender<SourceEvent<B>>,
        control: Arc<Control>,
    ) -> Self {
        let tenancy = Tenancy {
            partitions: Partitions::of(&settings.topics, settings.ends.clone()),
            desk: CommitDesk::default(),
            outbox: VecDeque::new(),
            queue: None,
            start_of,
            gated: settings.gated,
            broken: false,
            closing: false,
        };
        Self {
            group: settings.group.clone(),
            said: Mutex::default(),
            tenancy: Mutex::new(tenancy),
            bounds,
            events,
            control,
            drain_deadline: settings.drain_deadline,
            commit_deadline: settings.commit_deadline,
        }
    }
}

impl<B: Send + 'static> ClientContext for SourceContext<B> {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client::log(level, facility, message);
    }

    fn stats_raw(&self, _: &[u8]) {}

    fn error(&self, error: KafkaError, reason: &str) {
        // The same error comes out of `poll`, where it becomes an event.
        tracing::debug!(%error, reason, "kafka source error");
        *self.said.lock() = Some(reason.to_owned());
    }
}

impl<B: Send + 'static> ConsumerContext for SourceContext<B> {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        kind: RDKafkaRespErr,
        list: &mut TopicPartitionList,
    ) {
        match kind {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.assigned(consumer, list),
            _ => self.revoked(consumer, list),
        }
    }
}
