//! Writes to the pipeline's own topics: retries, dead letters, customers' device sets, the
//! order book, receipts.
//!
//! A write is done when the brokers have acknowledged it; until then it is tried again,
//! for as long as it takes. What a record waits for stays unsettled meanwhile.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use emberline_broker::{BrokerError, Delivered, ProduceError, Record};
use emberline_wire::headers::DeadLetter;
use metrics::Counter;
use slab::Slab;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::edges::{LogWriter, Writers};
use crate::metrics::WRITES;
use crate::settings::WorkerKind;

/// Where a write goes, for counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Destination {
    Retry,
    DeadLetters,
    CustomerDevices,
    OrderBook,
    Receipts,
    KeyedDevices,
}

impl Destination {
    /// The metric labels, in the order of the variants.
    const NAMES: [&str; 6] =
        ["retry", "dead_letters", "customer_devices", "order_book", "receipts", "devices"];
}

/// Longest pause before a failed write is tried again.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// A record to be written.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) topic: Arc<str>,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    /// Unix milliseconds; `None`: when it is written.
    pub(crate) timestamp_ms: Option<i64>,
}

impl Outgoing {
    /// Makes it smaller without losing what it is about: only what explains it is cut.
    fn cut_context(&mut self) {
        for (name, value) in &mut self.headers {
            if name == DeadLetter::MESSAGE_HEADER {
                value.clear();
            }
        }
    }
}

/// The end of a write: its token, and whether it is durable.
pub(crate) type WriteEnd = (usize, Result<Delivered, ProduceError>);

struct Pending<W> {
    record: Outgoing,
    destination: Destination,
    waiting: W,
    failures: u32,
}

/// Writes under way; `W` is what waits for each.
pub(crate) struct Outbox<W> {
    writer: Box<dyn LogWriter>,
    writers: Box<dyn Writers>,
    sender: UnboundedSender<WriteEnd>,
    acknowledgements: UnboundedReceiver<WriteEnd>,
    pending: Slab<Pending<W>>,
    /// Of the pending, those that have failed and were not acknowledged since.
    failing: usize,
    again: BinaryHeap<Reverse<(Instant, usize)>>,
    acknowledged: [Counter; Destination::NAMES.len()],
    failed: [Counter; Destination::NAMES.len()],
}

impl<W> Outbox<W> {
    /// # Errors
    /// If no writer can be made.
    pub(crate) fn new(kind: WorkerKind, writers: Box<dyn Writers>) -> Result<Self, BrokerError> {
        let (sender, acknowledgements) = unbounded_channel();
        let writer = writers.make(sender.clone())?;
        let counter = |destination: &'static str, result: &'static str| metrics::counter!(WRITES, "worker" => kind.name(), "destination" => destination, "result" => result);
        Ok(Self {
            writer,
            writers,
            sender,
            acknowledgements,
            pending: Slab::new(),
            failing: 0,
            again: BinaryHeap::new(),
            acknowledged: Destination::NAMES.map(|destination| counter(destination, "ok")),
            failed: Destination::NAMES.map(|destination| counter(destination, "failed")),
        })
    }

    /// Begins a write; `waiting` comes back from [`ended`](Self::ended) once it is durable.
    pub(crate) fn write(
        &mut self,
        destination: Destination,
        record: Outgoing,
        waiting: W,
        now: Instant,
    ) {
        let token = self.pending.insert(Pending { record, destination, waiting, failures: 0 });
        self.send(token, now);
    }

    fn send(&mut self, token: usize, now: Instant) {
        let record = &self.pending[token].record;
        let headers: Vec<(&str, &[u8])> =
            record.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let sent = self.writer.write(
            Record {
                topic: &record.topic,
                key: record.key.as_deref(),
                value: record.value.as_deref(),
                headers: &headers,
                timestamp_ms: record.timestamp_ms,
            },
            token,
        );
        if let Err(error) = sent {
            self.failed(token, &error, now);
        }
    }

    /// The next end of a write, if one has come.
    pub(crate) fn next_ended(&mut self) -> Option<WriteEnd> {
        self.acknowledgements.try_recv().ok()
    }

    /// Takes in what [`next_ended`](Self::next_ended) brought: what waited for it and where it was written,
    /// if it was.
    pub(crate) fn ended(
        &mut self,
        (token, result): WriteEnd,
        now: Instant,
    ) -> Option<(W, Delivered)> {
        match result {
            Ok(delivered) => {
                let pending = self.pending.remove(token);
                self.failing -= usize::from(pending.failures > 0);
                self.acknowledged[pending.destination as usize].increment(1);
                Some((pending.waiting, delivered))
            }
            Err(error) => {
                self.failed(token, &error, now);
                None
            }
        }
    }

    fn failed(&mut self, token: usize, error: &ProduceError, now: Instant) {
        let pending = &mut self.pending[token];
        self.failed[pending.destination as usize].increment(1);
        if *error == ProduceError::TooLarge {
            pending.record.cut_context();
        }
        let pause = FIRST_PAUSE.saturating_mul(1 << pending.failures.min(6)).min(LONGEST_PAUSE);
        if pending.failures == 0 {
            self.failing += 1;
            tracing::warn!(topic = %pending.record.topic, %error, "write failed; it is tried again");
        }
        pending.failures = pending.failures.saturating_add(1);
        self.again.push(Reverse((now + pause, token)));
        if matches!(error, ProduceError::Fatal(_)) {
            self.replace_writer();
        }
    }

    /// A producer that has failed for good takes nothing more. What it had under way comes
    /// back as failed when it is dropped, and goes out with the new one.
    fn replace_writer(&mut self) {
        match self.writers.make(self.sender.clone()) {
            Ok(writer) => {
                tracing::error!("a kafka producer failed for good and was replaced");
                self.writer = writer;
            }
            Err(error) => tracing::error!(%error, "a kafka producer can't be replaced"),
        }
    }

    /// What waits for writes.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &W> {
        self.pending.iter().map(|(_, pending)| &pending.waiting)
    }

    /// Writes that are not acknowledged, and how many of them have failed so far.
    pub(crate) fn unacknowledged(&self) -> (usize, usize) {
        (self.pending.len(), self.failing)
    }

    /// Tries again what is due.
    pub(crate) fn retry(&mut self, now: Instant) {
        while let Some(Reverse((due, token))) = self.again.peek().copied() {
            if due > now {
                break;
            }
            self.again.pop();
            self.send(token, now);
        }
    }

    /// Writes that are not durable yet.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.pending.len()
    }

    /// Those writes.
    #[cfg(test)]
    pub(crate) fn records(&self) -> impl Iterator<Item = &Outgoing> {
        self.pending.iter().map(|(_, pending)| &pending.record)
    }

    /// When [`retry`](Self::retry) has something to do.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.again.peek().map(|Reverse((due, _))| *due)
    }
}

#[cfg(test)]
mod tests;
