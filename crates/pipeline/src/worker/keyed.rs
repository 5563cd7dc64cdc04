//! Records of topics that are not keyed by device, written to the one that is.
//!
//! Invariant: of a device at most one write is under way, so that whatever fails and is tried
//! again, the topic has the device's records in the order in which they were read. A record
//! that is written twice (a crash before the commit, an acknowledgement that was lost) is a
//! duplicate for whoever reads it there: bytes, headers and timestamp are the same.

use std::time::{Duration, Instant};

use emberline_broker::Record;
use emberline_flow::lanes::{Gather, LaneId};
use emberline_model::{DeviceId, Outcome};
use emberline_service_client::Transport;

use super::Worker;
use super::assignment::Draining;
use super::set_aside::Written;
use crate::lane::{About, Item, Lane, What, records_key};
use crate::outbox::{Destination, borrowed};
use crate::partitions::PartitionId;
use crate::records::RecordId;
use crate::settings::WorkerKind;

/// How long a record waits for partitions that have more to read and of which nothing comes.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// Records that go at once where there is no room to read those that they wait for.
const AT_ONCE: usize = 1_000;

impl<T: Transport + Clone> Worker<T> {
    /// Records go to their devices' lanes in the order of their times, as far as the partitions
    /// are read here.
    pub(super) fn go_in_time(&mut self, now: Instant) {
        if self.in_time.is_empty() {
            return;
        }
        let partitions = &self.records.partitions;
        // Customers' sets have no part in the order of devices' records.
        let sets = &self.sets_topic;
        let leaving = self.draining.as_ref().map_or(&[][..], Draining::partitions);
        let comes = |id: PartitionId| {
            let reads = self.exit.is_none() && !leaving.contains(&id);
            let partition = &partitions[id];
            reads && partition.position < partition.high && partition.at.topic != *sets
        };
        let some_comes = partitions.owned().any(|(id, _)| comes(id) && !self.in_time.has(id));
        let mut going = Vec::new();
        self.in_time.pop(now, some_comes, comes, |record| going.push(record));
        // What is being written will make room by itself, unless it fails.
        let (pending, failing) = self.outbox.unacknowledged();
        let idle = going.is_empty() && pending == failing;
        if idle && self.room.is_blocked() {
            self.in_time.pop_some(AT_ONCE, |record| going.push(record));
        }
        for (record, device) in going {
            self.queue_for_device(record, device, now);
        }
    }

    /// Takes over how far the logs reach now, where it matters for what is waited for.
    pub(super) fn note_ends(&mut self) {
        if self.kind != WorkerKind::Repartition {
            return;
        }
        let highs = self.shared.highs.lock();
        for (_, partition) in self.records.partitions.owned_mut() {
            let name = (partition.at.topic.to_string(), partition.at.partition);
            let told = highs.offsets.get(&name).copied().unwrap_or_default();
            partition.high = partition.high.max(told);
            if highs.lows.get(&name).is_some_and(|low| *low >= partition.high) {
                // Deleted unread: nothing comes of it.
                partition.high = partition.position;
            }
        }
    }

    /// A record waits for those of its device that went before it.
    fn queue_for_device(&mut self, record: RecordId, device: DeviceId, now: Instant) {
        let gather = Gather { linger: Duration::ZERO, full_at: 1 };
        let item = Item { record, what: What::Record };
        self.lanes.push(records_key(device.key()), item, gather, now, || {
            Lane::about(About::Records { device })
        });
    }

    /// Writes the lane's first record, with what its own topic says of it in a header: the
    /// type that the topic is configured for.
    pub(super) fn write_keyed(&mut self, id: LaneId, now: Instant) {
        let (Some(item), About::Records { device }) =
            (self.lanes.front(id), &self.lanes.about(id).about)
        else {
            return;
        };
        let (item, device) = (item.record, device.clone());
        let record = self.records.get(item);
        let origin = self.origin(record, self.clock.unix_millis());
        let headers = self.own_headers(record, &origin);
        let key = device.as_str().as_bytes();
        let write = Record {
            topic: &self.keyed_topic,
            partition: self.shared.keyed_partition(key),
            key: Some(key),
            value: record.raw.value(),
            headers: &borrowed(&headers),
            timestamp_ms: Some(origin.timestamp_ms),
        };
        self.outbox.write(Destination::KeyedDevices, write, Written::Keyed { lane: id }, now);
        self.lanes.start(id, 1);
        self.records.write_begins(item);
    }

    /// The record is there, or not to be written any more; the device's next one goes.
    pub(super) fn keyed(&mut self, id: LaneId, now: Instant) {
        let mut written = None;
        self.lanes.finish(id, now, |item| written = Some(item.record));
        if let Some(record) = written {
            self.settle(record, Outcome::Repartitioned, 1, now);
        }
    }
}
