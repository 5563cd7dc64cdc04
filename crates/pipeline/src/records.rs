//! The records in flight: what is left to do of each, and the ledger of its partition.
//!
//! Invariant: a record is settled in its partition's ledger exactly when every item
//! made of it has reached its outcome, and only while the partition is ours.
//!
//! Start at [`Records::deliver`] and [`Records::settle`].

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use emberline_broker::{Commit, Room};
use emberline_flow::commit_metadata::Unsettled;
use emberline_model::{Category, DeviceKey, EventTime, Identity, Outcome, ParkReason};
use emberline_wire::headers::{Categories, RetryHeader};
use slab::Slab;

use crate::claim_state::Origin;
use crate::metrics::{Totals, WorkerMetrics};
use crate::partitions::{NotSettled, PartitionId, Partitions};
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

impl Failure {
    /// One of our own, not of a call.
    pub(crate) fn own(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), request_id: String::new() }
    }
}

/// Items of a record that go to a retry topic together.
#[derive(Debug)]
struct Parking {
    items: u16,
    reason: ParkReason,
    categories: Vec<Category>,
    failure: Failure,
}

/// What of a record is to be parked, or is being parked. Few records have it.
#[derive(Debug, Default)]
struct SetAside {
    /// Until its write begins.
    parking: Option<Parking>,
    /// Identities of its parked reports: reserved although the write is not durable yet.
    reserved: Vec<Identity>,
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
    /// Whose telemetry it is; nothing else is settled in parts.
    device: Option<DeviceKey>,
    /// The categories that it has.
    parts: Categories,
    /// Those whose item has its outcome: these are not sent again after a crash.
    settled: Categories,
    /// Whether an item has its outcome already, or a write under way that will give it one:
    /// given up now, the record would be sent again, or settled without its other items.
    partly_settled: bool,
    set_aside: Option<Box<SetAside>>,
    /// An item was given up: the record is another owner's, whatever the others come to.
    given_up: bool,
}

/// Tens of thousands are in flight, and of each call's some are looked at long after they were
/// last: two lines of the processor's cache hold one.
const _: () = assert!(size_of::<Record>() <= 128);

impl Record {
    /// Its items that wait to be parked with the rest.
    fn parking(&self) -> Option<&Parking> {
        self.set_aside.as_ref()?.parking.as_ref()
    }

    /// What is settled of it; `None` if it is no telemetry.
    fn unsettled(&self) -> Option<Unsettled<DeviceKey>> {
        Some(Unsettled {
            offset: self.offset,
            device: self.device?,
            parts: self.parts.bits(),
            settled: self.settled.bits(),
        })
    }
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

/// What a look over all records in flight tells.
#[derive(Debug, Default)]
pub(crate) struct InFlightLook {
    /// Items without an outcome, counted one by one and not kept as a sum.
    pub(crate) items: u64,
    /// The Kafka timestamp of each tenure's oldest record, Unix milliseconds.
    pub(crate) oldest_ms: HashMap<PartitionId, i64>,
    /// When that record failed first which waits for longest, Unix milliseconds.
    pub(crate) parked_since_ms: Option<i64>,
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
            device: None,
            parts: Categories::default(),
            settled: Categories::default(),
            partly_settled: false,
            set_aside: None,
            given_up: false,
        };
        id_of(self.slab.insert(record))
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

    /// All records in flight.
    pub(crate) fn ids(&self) -> impl Iterator<Item = RecordId> {
        self.slab.iter().map(|(index, _)| id_of(index))
    }

    /// What is seen of them by looking at each.
    pub(crate) fn look(&self) -> InFlightLook {
        let mut look = InFlightLook::default();
        for (_, record) in &self.slab {
            look.items += u64::from(record.remaining);
            let arrival = record.arrival.millis();
            let oldest = look.oldest_ms.entry(record.partition).or_insert(arrival);
            *oldest = arrival.min(*oldest);
            let since = record.history.as_ref().map(|history| history.first_seen_ms);
            look.parked_since_ms = look.parked_since_ms.into_iter().chain(since).min();
        }
        look
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
            .filter(|(_, record)| record.partly_settled || record.parking().is_some());
        partly.map(|(index, _)| id_of(index))
    }

    /// The record is telemetry of this device with these parts, of which some were settled in
    /// an earlier tenure.
    pub(crate) fn is_telemetry(
        &mut self,
        id: RecordId,
        device: DeviceKey,
        (parts, settled): (Categories, Categories),
    ) {
        let record = &mut self.slab[id.0 as usize];
        record.device = Some(device);
        record.parts = parts;
        record.settled = settled;
    }

    /// The item of this category has reached an outcome that holds; to be told before it is
    /// settled. A duplicate has not: what it is one of may yet be given up, and both copies
    /// would wait for each other.
    pub(crate) fn settles_part(&mut self, id: RecordId, category: Category) {
        self.slab[id.0 as usize].settled.insert(category);
    }

    /// The telemetry in flight of each tenure of which something is settled in part, or was
    /// before it.
    fn not_settled(&self) -> NotSettled {
        let mut unsettled: NotSettled =
            self.partitions.telling_of_parts().map(|id| (id, Vec::new())).collect();
        for (_, record) in self.slab.iter().filter(|(_, record)| !record.settled.is_empty()) {
            unsettled.entry(record.partition).or_default();
        }
        for (_, record) in &self.slab {
            if let Some(of_partition) = unsettled.get_mut(&record.partition) {
                of_partition.extend(record.unsettled());
            }
        }
        unsettled
    }

    /// A write begins that settles a part of the record.
    pub(crate) fn write_begins(&mut self, id: RecordId) {
        self.slab[id.0 as usize].partly_settled = true;
    }

    /// Records of which items wait to be parked with the rest, and how many.
    #[cfg(test)]
    pub(crate) fn parking(&self) -> impl Iterator<Item = (&Record, u16)> {
        let parking = |record: &Record| record.parking().map(|parking| parking.items);
        self.slab.iter().filter_map(move |(_, record)| Some((record, parking(record)?)))
    }

    /// The record's tenure and offset: what no other record ever has.
    pub(crate) fn origin(&self, id: RecordId) -> Origin {
        let record = self.get(id);
        (self.partitions[record.partition].at.epoch, record.offset)
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

    /// The commits due for these tenures.
    pub(crate) fn due_commits(&mut self, ids: Vec<PartitionId>) -> Vec<Commit> {
        let unsettled = self.not_settled();
        self.partitions.due_commits(ids, unsettled)
    }

    /// Those of these tenures whose commit can't tell all that is settled.
    pub(crate) fn untellable(&mut self, ids: &[PartitionId]) -> Vec<PartitionId> {
        let unsettled = self.not_settled();
        self.partitions.untellable(ids, unsettled)
    }

    /// The last commits of tenures that end.
    pub(crate) fn last_commits(&mut self, ids: &[PartitionId]) -> Vec<Commit> {
        let unsettled = self.not_settled();
        self.partitions.last_commits(ids, unsettled)
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
        let set_aside = record.set_aside.get_or_insert_default();
        let parking = set_aside.parking.get_or_insert_with(|| Parking {
            items: 0,
            reason,
            categories: Vec::new(),
            failure: Failure::default(),
        });
        parking.items += 1;
        parking.reason = reason;
        parking.failure.clone_from(failure);
        parking.categories.extend(category);
        set_aside.reserved.extend(reserved);
        self.after_change(id)
    }

    /// Gives up `count` items whose partition is fenced or being given up.
    pub(crate) fn hand_over(&mut self, id: RecordId, count: u16, metrics: &WorkerMetrics) {
        let record = &mut self.slab[id.0 as usize];
        record.remaining -= count;
        record.given_up = true;
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
            if !tenures.contains(&record.partition) {
                continue;
            }
            let Some(SetAside { parking, reserved }) = record.set_aside.take().map(|it| *it) else {
                continue;
            };
            released.extend(reserved.into_iter().map(|identity| (identity, record.arrival)));
            unwritten.extend(parking.map(|parking| (index, parking.items)));
        }
        for (index, items) in unwritten {
            self.hand_over(id_of(index), items, metrics);
        }
        released
    }

    fn after_change(&mut self, id: RecordId) -> Option<ReadyToPark> {
        let record = &mut self.slab[id.0 as usize];
        if record.remaining == 0 {
            let settled = !record.given_up;
            self.forget(id, settled);
            return None;
        }
        let remaining = record.remaining;
        let parking = &mut record.set_aside.as_mut()?.parking;
        let parking = parking.take_if(|parking| parking.items == remaining)?;
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
        if settled && !self.partitions[record.partition].fenced {
            self.totals.records_settled.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(unsettled) = record.unsettled().filter(|_| !settled) {
            self.partitions.given_up(record.partition, unsettled);
        }
        self.refuse(record.early, record.raw.bytes());
        self.partitions.record_gone(record.partition, record.offset, settled);
    }

    /// Records in flight of these tenures.
    pub(crate) fn of_partitions(&self, partitions: &[PartitionId]) -> usize {
        partitions.iter().map(|id| self.partitions[*id].records).sum()
    }
}

fn id_of(index: usize) -> RecordId {
    RecordId(u32::try_from(index).expect("records in flight are bounded far below 2^32"))
}
