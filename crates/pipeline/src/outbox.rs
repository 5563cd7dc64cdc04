//! Writes to the pipeline's own topics: retries, dead letters, customers' device sets and their
//! facts, the order book, receipts, records keyed by device.
//!
//! A write is done when the brokers have acknowledged it; until then it is tried again,
//! for as long as it takes, or until nobody waits for it any more. What a record waits for stays
//! unsettled meanwhile.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use emberline_broker::{
    BrokerError, Delivered, OwnedRecord, ProduceError, Record, Unwritten, Word,
};
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
    DeviceCustomers,
}

impl Destination {
    /// The metric labels, in the order of the variants.
    const NAMES: [&str; 7] = [
        "retry",
        "dead_letters",
        "customer_devices",
        "order_book",
        "receipts",
        "devices",
        "device_customers",
    ];
}

/// Longest pause before a failed write is tried again.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The writer is not asked more often than so: each question costs something, and most writes
/// end together with many others.
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(1);

/// The end of a write: its token, and whether it is durable. If it is not, the record is there.
pub(crate) type WriteEnd = Word;

struct Pending<W> {
    destination: Destination,
    waiting: W,
    failures: u32,
    /// What the writer does not give back: the record's own, if it has them.
    timestamp_ms: Option<i64>,
    partition: Option<i32>,
    /// Its record, from a failure until it is tried again. Otherwise the writer has it.
    failed: Option<Box<OwnedRecord>>,
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
    /// The writer is not asked before.
    next_question: Instant,
    acknowledged: [Counter; Destination::NAMES.len()],
    failed: [Counter; Destination::NAMES.len()],
}

impl<W> Outbox<W> {
    /// # Errors
    /// If no writer can be made.
    pub(crate) fn new(
        kind: WorkerKind,
        writers: Box<dyn Writers>,
        now: Instant,
    ) -> Result<Self, BrokerError> {
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
            next_question: now,
            acknowledged: Destination::NAMES.map(|destination| counter(destination, "ok")),
            failed: Destination::NAMES.map(|destination| counter(destination, "failed")),
        })
    }

    /// Begins a write; `waiting` comes back from [`ended`](Self::ended) once it is durable.
    pub(crate) fn write(
        &mut self,
        destination: Destination,
        record: Record<'_>,
        waiting: W,
        now: Instant,
    ) {
        let Record { timestamp_ms, partition, .. } = record;
        let pending =
            Pending { destination, waiting, failures: 0, timestamp_ms, partition, failed: None };
        let token = self.pending.insert(pending);
        self.send(token, record, now);
    }

    fn send(&mut self, token: usize, record: Record<'_>, now: Instant) {
        if let Err(error) = self.writer.write(record, token) {
            let record = OwnedRecord::of(record);
            self.failed(token, Unwritten { error, record }, now);
        }
    }

    /// Asks how the writes have ended, where that was not asked a moment ago.
    pub(crate) fn ask(&mut self, now: Instant) {
        if now >= self.next_question {
            self.next_question = now + BETWEEN_QUESTIONS;
            self.writer.ask();
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
            Err(unwritten) => {
                self.failed(token, *unwritten, now);
                None
            }
        }
    }

    fn failed(&mut self, token: usize, unwritten: Unwritten, now: Instant) {
        let Unwritten { error, mut record } = unwritten;
        let pending = &mut self.pending[token];
        self.failed[pending.destination as usize].increment(1);
        if error == ProduceError::TooLarge {
            cut_context(&mut record);
        }
        let pause = FIRST_PAUSE.saturating_mul(1 << pending.failures.min(6)).min(LONGEST_PAUSE);
        if pending.failures == 0 {
            self.failing += 1;
            tracing::warn!(topic = %record.topic, %error, "write failed; it is tried again");
        }
        pending.failed = Some(Box::new(record));
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

    /// Tries again what is due, or gives it up where `is_over` says of what waits for it that
    /// nobody does any more. Returned is what waited for that.
    pub(crate) fn retry(&mut self, now: Instant, is_over: impl Fn(&W) -> bool) -> Vec<W> {
        let mut given_up = Vec::new();
        while let Some(Reverse((due, token))) = self.again.peek().copied() {
            if due > now {
                break;
            }
            self.again.pop();
            let pending = &mut self.pending[token];
            let Some(record) = pending.failed.take() else { continue };
            if is_over(&pending.waiting) {
                self.failing -= 1;
                given_up.push(self.pending.remove(token).waiting);
                continue;
            }
            let again = Record {
                topic: &record.topic,
                partition: pending.partition,
                key: record.key.as_deref(),
                value: record.value.as_deref(),
                headers: &borrowed(&record.headers),
                timestamp_ms: pending.timestamp_ms,
            };
            self.send(token, again, now);
        }
        given_up
    }

    /// Writes that are not durable yet.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.pending.len()
    }

    /// When [`retry`](Self::retry) has something to do.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.again.peek().map(|Reverse((due, _))| *due)
    }
}

/// Headers as a [`Record`] has them.
pub(crate) fn borrowed(headers: &[(String, Vec<u8>)]) -> Vec<(&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect()
}

/// Makes a record smaller without losing what it is about: only what explains it is cut.
fn cut_context(record: &mut OwnedRecord) {
    for (name, value) in &mut record.headers {
        if name == DeadLetter::MESSAGE_HEADER {
            value.clear();
        }
    }
}

#[cfg(test)]
mod tests;
