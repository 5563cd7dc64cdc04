//! The records in flight: what is left to do of each, and the ledger of its partition.
//!
//! Invariant: a record is settled in its partition's ledger exactly when every item
//! made of it has reached its outcome, and only while the partition is ours.
//!
//! Start at [`Records::deliver`] and [`Records::settle`].

use std::sync::Arc;
use std::sync::atomic::Ordering;

use emberline_broker::Room;
use emberline_model::{Category, EventTime, Identity, Outcome, ParkReason};
use emberline_wire::headers::{Categories, RetryHeader};
use slab::Slab;

use crate::metrics::{Totals, WorkerMetrics};
use crate::partitions::{PartitionId, Partitions};
use crate::raw::RawRecord;

/// A record in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct RecordId(u32);

/// Why items of a record are to be parked or dead-lettered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The service's error code, or ours.
    pub(crate) code: String,
    /// In words; no secret, no telephone number.
    pub(crate) message: String,
    /// Of the last call, if there was one.
    pub(crate) request_id: String,
}

/// Items of a record that go to a retry topic together.
#[derive(Debug)]
struct Parking {
    items: u16,
    reason: ParkReason,
    categories: Vec<Category>,
    failure: Failure,
}

/// A record read and not settled.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) partition: PartitionId,
    pub(crate) offset: i64,
    /// Its Kafka timestamp.
    pub(crate) arrival: EventTime,
    pub(crate) raw: RawRecord,
    /// Read before it is due, and charged to the room for that.
    early: bool,
    /// What happened before, for a record that comes from a retry topic.
    pub(crate) history: Option<Box<RetryHeader>>,
    /// Items without an outcome.
    remaining: u16,
    /// Whether an item has its outcome already, or a write under way that will give it one:
    /// given up now, the record would be sent again, or settled without its other items.
    partly_settled: bool,
    parking: Option<Box<Parking>>,
    /// Identities of its parked reports: reserved although the write is not durable yet.
    parked: Vec<Identity>,
}

/// A record whose remaining items all wait for the same thing: to be written to a retry
/// topic.
#[derive(Debug)]
pub(crate) struct ReadyToPark {
    pub(crate) record: RecordId,
    pub(crate) items: u16,
    pub(crate) reason: ParkReason,
    /// `None` where the record is no telemetry.
    pub(crate) categories: Option<Categories>,
    pub(crate) failure: Failure,
}

/// All records in flight.
pub(crate) struct Records {
    slab: Slab<Record>,
    pub(crate) partitions: Partitions,
    items: u64,
    room: Arc<Room>,
    ahead: Arc<Room>,
    totals: Arc<Totals>,
}

impl Records {
    pub(crate) fn new((room, ahead): (Arc<Room>, Arc<Room>), totals: Arc<Totals>) -> Self {
        Self { slab: Slab::new(), partitions: Partitions::default(), items: 0, room, ahead, totals }
    }

    /// Takes in a record that makes `items` items, at least one.
    pub(crate) fn deliver(
        &mut self,
        partition: PartitionId,
        offset: i64,
        arrival: EventTime,
        (raw, history, early): (RawRecord, Option<Box<RetryHeader>>, bool),
        items: u16,
        metrics: &WorkerMetrics,
    ) -> RecordId {
        self.partitions[partition].ledger.deliver(offset);
        self.partitions.record_added(partition);
        self.items += u64::from(items);
        self.totals.in_flight.store(self.items, Ordering::Relaxed);
        self.totals.records_read.fetch_add(1, Ordering::Relaxed);
        self.totals.items_read.fetch_add(u64::from(items), Ordering::Relaxed);
        metrics.records_read.increment(1);
        metrics.items_read.increment(u64::from(items));
        let record = Record {
            partition,
            offset,
            arrival,
            raw,
            early,
            history,
            remaining: items,
            partly_settled: false,
            parking: None,
            parked: Vec::new(),
        };
        let id = self.slab.insert(record);
        RecordId(u32::try_from(id).expect("records in flight are bounded far below 2^32"))
    }

    /// A record that was read early is worked on from now on.
    pub(crate) fn is_due(&mut self, id: RecordId) {
        let record = &mut self.slab[id.0 as usize];
        if std::mem::take(&mut record.early) {
            self.ahead.refund(1, record.raw.bytes());
            self.room.charge(1, record.raw.bytes());
        }
    }

    /// Gives the room back of a record that was read and is not taken in.
    pub(crate) fn refuse(&self, early: bool, bytes: usize) {
        if early { self.ahead.refund(1, bytes) } else { self.room.refund(1, bytes) }
    }

    pub(crate) fn get(&self, id: RecordId) -> &Record {
        &self.slab[id.0 as usize]
    }

    /// Records in flight.
    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }

    /// Items in flight.
    pub(crate) fn items(&self) -> u64 {
        self.items
    }

    /// The records of which a part is settled, or waits to be parked with the rest: given
    /// up now, it would be sent again.
    pub(crate) fn partly_settled(&self) -> impl Iterator<Item = RecordId> {
        let partly = self
            .slab
            .iter()
            .filter(|(_, record)| record.partly_settled || record.parking.is_some());
        partly.map(|(id, _)| RecordId(u32::try_from(id).unwrap_or(u32::MAX)))
    }

    /// A write begins that settles a part of the record.
    pub(crate) fn write_begins(&mut self, id: RecordId) {
        self.slab[id.0 as usize].partly_settled = true;
    }

    /// Whether the record's partition was given up meanwhile.
    pub(crate) fn is_fenced(&self, id: RecordId) -> bool {
        self.partitions[self.get(id).partition].fenced
    }

    /// `count` items of the record have reached this outcome. Where what remains waits to
    /// be parked, the write that is due now is returned.
    pub(crate) fn settle(
        &mut self,
        id: RecordId,
        outcome: Outcome,
        count: u16,
        metrics: &WorkerMetrics,
    ) -> Option<ReadyToPark> {
        let record = &mut self.slab[id.0 as usize];
        record.remaining -= count;
        record.partly_settled = true;
        let count = u64::from(count);
        self.items -= count;
        self.totals.in_flight.store(self.items, Ordering::Relaxed);
        if self.partitions[record.partition].fenced {
            self.totals.handed_over.fetch_add(count, Ordering::Relaxed);
            metrics.handed_over.increment(count);
        } else {
            self.totals.outcomes[outcome.index()].fetch_add(count, Ordering::Relaxed);
            metrics.settled(outcome, count);
        }
        self.after_change(id)
    }

    /// One item of the record is to be parked. The write becomes due when all that remains
    /// of the record is to be parked: one retry record, not one an item. `reserved` is the
    /// item's identity, where it stays a duplicate when it comes again.
    pub(crate) fn park(
        &mut self,
        id: RecordId,
        (category, reserved): (Option<Category>, Option<Identity>),
        reason: ParkReason,
        failure: &Failure,
    ) -> Option<ReadyToPark> {
        let record = &mut self.slab[id.0 as usize];
        let parking = record.parking.get_or_insert_with(|| {
            Box::new(Parking {
                items: 0,
                reason,
                categories: Vec::new(),
                failure: Failure::default(),
            })
        });
        parking.items += 1;
        parking.reason = reason;
        parking.failure.clone_from(failure);
        parking.categories.extend(category);
        record.parked.extend(reserved);
        self.after_change(id)
    }

    /// Gives up `count` items whose partition is fenced or being given up.
    pub(crate) fn hand_over(&mut self, id: RecordId, count: u16, metrics: &WorkerMetrics) {
        let record = &mut self.slab[id.0 as usize];
        record.remaining -= count;
        self.items -= u64::from(count);
        self.totals.in_flight.store(self.items, Ordering::Relaxed);
        self.totals.handed_over.fetch_add(u64::from(count), Ordering::Relaxed);
        metrics.handed_over.increment(u64::from(count));
        if record.remaining == 0 {
            self.forget(id, false);
        }
    }

    /// Gives up what waits to be parked of these tenures. Returned are the identities that
    /// are no duplicates when they come again: the parked reports' whose write is not
    /// durable, each with its record's arrival.
    pub(crate) fn give_up_parking(
        &mut self,
        tenures: &[PartitionId],
        metrics: &WorkerMetrics,
    ) -> Vec<(Identity, EventTime)> {
        let mut released = Vec::new();
        let mut unwritten = Vec::new();
        for (index, record) in &mut self.slab {
            if tenures.contains(&record.partition) {
                released.extend(record.parked.drain(..).map(|parked| (parked, record.arrival)));
                unwritten.extend(record.parking.take().map(|parking| (index, parking.items)));
            }
        }
        for (index, items) in unwritten {
            self.hand_over(RecordId(u32::try_from(index).unwrap_or(u32::MAX)), items, metrics);
        }
        released
    }

    fn after_change(&mut self, id: RecordId) -> Option<ReadyToPark> {
        let record = &mut self.slab[id.0 as usize];
        if record.remaining == 0 {
            self.forget(id, true);
            return None;
        }
        let all_parked =
            record.parking.as_ref().is_some_and(|parking| parking.items == record.remaining);
        let parking = *if all_parked { record.parking.take() } else { None }?;
        Some(ReadyToPark {
            record: id,
            items: parking.items,
            reason: parking.reason,
            categories: (!parking.categories.is_empty())
                .then(|| parking.categories.into_iter().collect()),
            failure: parking.failure,
        })
    }

    fn forget(&mut self, id: RecordId, settled: bool) {
        let record = self.slab.remove(id.0 as usize);
        self.refuse(record.early, record.raw.bytes());
        self.partitions.record_gone(record.partition, record.offset, settled);
    }

    /// Records in flight of these tenures.
    pub(crate) fn of_partitions(&self, partitions: &[PartitionId]) -> usize {
        partitions.iter().map(|id| self.partitions[*id].records).sum()
    }
}
