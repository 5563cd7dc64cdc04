//! Customers' sets, written on as facts: of each device in a set a record, in the partition of
//! the device's own records. So who owns that partition can know whose its devices are.
//!
//! Invariant: of a customer one set is under way, so the facts about a device are written in the
//! order of the customer's sets. A set is settled when all of its facts are there.
//!
//! Absent: any memory of what was written before. A set is written whole, also where one fact of
//! it is new; a fact that is written twice says the same.
//!
//! Start at [`Worker::project`].

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use emberline_broker::Record;
use emberline_flow::lanes::{Gather, LaneId};
use emberline_model::{CustomerId, DeviceId, Outcome, SkipReason};
use emberline_service_client::Transport;
use emberline_wire::customer_devices::DeviceEntries;
use emberline_wire::device_customers::{DeviceCustomer, encode_key};

use super::Worker;
use super::set_aside::Written;
use crate::lane::{About, Item, Lane, What, customer_key};
use crate::outbox::Destination;
use crate::records::RecordId;

/// Facts of one set that are being written at a time: others have their turn beside a large one.
pub(super) const FACTS_AT_ONCE: usize = 1_000;
/// The same of all sets. librdkafka's queue takes 100,000 records, and the devices' go there too.
pub(super) const FACTS_UNWRITTEN: usize = 20_000;

/// The sets whose facts are being written.
#[derive(Default)]
pub(super) struct Projections {
    under_way: HashMap<LaneId, Projection>,
    /// Those with facts of which the write has not begun, in the order of their turns.
    unfinished: VecDeque<LaneId>,
    /// Facts that are being written, of all.
    unwritten: usize,
}

struct Projection {
    record: RecordId,
    /// Where in the record's value the facts begin of which the write has not begun.
    at: usize,
    /// Facts that are being written.
    unwritten: usize,
    /// No more are begun.
    all_begun: bool,
    /// Whether all that was come by could be read.
    readable: bool,
}

impl Projections {
    /// The set of this lane that is under way.
    pub(super) fn record_of(&self, id: LaneId) -> Option<RecordId> {
        self.under_way.get(&id).map(|set| set.record)
    }
}

impl<T: Transport + Clone> Worker<T> {
    /// A set waits for those of its customer that went before it.
    pub(super) fn queue_for_customer(
        &mut self,
        record: RecordId,
        customer: &CustomerId,
        now: Instant,
    ) {
        let gather = Gather { linger: Duration::ZERO, full_at: 1 };
        let item = Item { record, what: What::Record };
        self.lanes.push(customer_key(customer), item, gather, now, || {
            Lane::about(About::Set { customer: customer.clone() })
        });
    }

    /// Begins to write the facts of the lane's first set.
    pub(super) fn project(&mut self, id: LaneId, now: Instant) {
        let Some(record) = self.lanes.front(id).map(|item| item.record) else { return };
        let projection =
            Projection { record, at: 0, unwritten: 0, all_begun: false, readable: true };
        self.projections.under_way.insert(id, projection);
        self.projections.unfinished.push_back(id);
        self.lanes.start(id, 1);
        self.records.write_begins(record);
        self.go_on_projecting(now);
    }

    /// Writes as many facts as may be under way, of each set in turn.
    pub(super) fn go_on_projecting(&mut self, now: Instant) {
        for _ in 0..self.projections.unfinished.len() {
            if self.projections.unwritten >= FACTS_UNWRITTEN {
                break;
            }
            let Some(id) = self.projections.unfinished.pop_front() else { break };
            self.write_facts(id, now);
            match self.projections.under_way.get(&id) {
                Some(set) if !set.all_begun => self.projections.unfinished.push_back(id),
                Some(set) if set.unwritten == 0 => self.projected(id, now),
                _ => {}
            }
        }
    }

    /// Writes facts of a set.
    fn write_facts(&mut self, id: LaneId, now: Instant) {
        let Some(set) = self.projections.under_way.get_mut(&id) else { return };
        let About::Set { customer } = &self.lanes.about(id).about else { return };
        if self.records.is_fenced(set.record) {
            // The rest is the next owner's. Written now, it could come behind a newer set of its.
            set.all_begun = true;
            return;
        }
        let value = self.records.get(set.record).raw.value().unwrap_or_default();
        let mut entries = DeviceEntries::of(&value[set.at..]);
        while set.unwritten < FACTS_AT_ONCE && self.projections.unwritten < FACTS_UNWRITTEN {
            let Some(entry) = entries.next() else {
                set.all_begun = true;
                break;
            };
            let named = entry.ok().and_then(|it| Some((DeviceId::parse(it.device_id).ok()?, it)));
            let Some((device, entry)) = named else {
                set.readable = false;
                continue;
            };
            let write = Record {
                topic: &self.facts_topic,
                partition: self.shared.keyed_partition(device.as_str().as_bytes()),
                key: Some(&encode_key(&device, customer)),
                value: Some(&DeviceCustomer::from(entry).encode()),
                headers: &[],
                timestamp_ms: None,
            };
            self.outbox.write(Destination::DeviceCustomers, write, Written::Fact { lane: id }, now);
            set.unwritten += 1;
            self.projections.unwritten += 1;
        }
        set.at = value.len() - entries.left().len();
    }

    /// A fact is there, or not to be written any more.
    pub(super) fn fact_written(&mut self, id: LaneId, now: Instant) {
        self.projections.unwritten -= 1;
        if let Some(set) = self.projections.under_way.get_mut(&id) {
            set.unwritten -= 1;
            if set.all_begun && set.unwritten == 0 {
                self.projected(id, now);
            }
        }
    }

    /// All facts of the set are there, and the customer's next set goes.
    fn projected(&mut self, id: LaneId, now: Instant) {
        let Some(set) = self.projections.under_way.remove(&id) else { return };
        self.lanes.finish(id, now, |_| {});
        if set.readable {
            self.settle(set.record, Outcome::Repartitioned, 1, now);
        } else {
            self.unreadable_set(set.record, now);
        }
    }

    /// What could be read of a set is written on; the rest is for a version that can read it,
    /// once the group's offsets are set back.
    pub(super) fn unreadable_set(&mut self, id: RecordId, now: Instant) {
        let record = self.records.get(id);
        let (partition, offset) =
            (self.records.partitions[record.partition].at.partition, record.offset);
        tracing::error!(partition, offset, "a customer's set can't be read to its end");
        self.settle(id, Outcome::Skipped(SkipReason::UnreadableSet), 1, now);
    }
}
