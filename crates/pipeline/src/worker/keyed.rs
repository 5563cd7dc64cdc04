//! Records of topics that are not keyed by device, written to the one that is.
//!
//! Invariant: of a device at most one write is under way, so that whatever fails and is tried
//! again, the topic has the device's records in the order in which they were read. A record
//! that is written twice (a crash before the commit, an acknowledgement that was lost) is a
//! duplicate for whoever reads it there: bytes, headers and timestamp are the same.

use std::time::Instant;

use emberline_flow::lanes::{Gather, LaneId};
use emberline_model::{DeviceId, Outcome};
use emberline_service_client::Transport;

use super::Worker;
use super::set_aside::Written;
use crate::lane::{About, Item, Lane, What, records_key};
use crate::outbox::{Destination, Outgoing};
use crate::records::RecordId;

impl<T: Transport + Clone> Worker<T> {
    /// A record waits for those of its device that were read before it.
    pub(super) fn to_keyed(&mut self, record: RecordId, device: DeviceId, now: Instant) {
        let gather = Gather { linger: std::time::Duration::ZERO, full_at: 1 };
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
        let (item, key) = (item.record, device.as_str().as_bytes().to_vec());
        let record = self.records.get(item);
        let origin = self.origin(record, self.clock.unix_millis());
        let write = Outgoing {
            topic: self.shared.settings.topics.keyed_devices(),
            key: Some(key),
            value: record.raw.value().map(<[u8]>::to_vec),
            headers: self.own_headers(record, &origin),
            timestamp_ms: Some(origin.timestamp_ms),
        };
        self.lanes.start(id, 1);
        self.records.write_begins(item);
        self.outbox.write(Destination::KeyedDevices, write, Written::Keyed { lane: id }, now);
    }

    /// The record is there; the device's next one goes.
    pub(super) fn keyed(&mut self, id: LaneId, now: Instant) {
        let mut written = None;
        self.lanes.finish(id, now, |item| written = Some(item.record));
        if let Some(record) = written {
            self.settle(record, Outcome::Repartitioned, 1, now);
        }
    }
}
