//! Whether a topic is keyed by device at all: if not, nothing else here can keep a device's
//! order.

use emberline_service_client::Transport;

use super::Worker;
use crate::intake::Content;
use crate::partitions::PartitionId;

impl<T: Transport + Clone> Worker<T> {
    /// Notes in which partition a device's record was read, and tells of a device that is in
    /// another one, too: of the first of a topic in the log, of all in a metric.
    pub(super) fn look_for_spread(&mut self, content: &Content, partition: PartitionId) {
        let (Some(spread), Content::Device(record)) = (&mut self.spread, content) else { return };
        let Some(device) = record.device() else { return };
        let at = &self.records.partitions[partition].at;
        let Some(other) = spread.observe(at.topic_index.0, device.key(), at.partition) else {
            return;
        };
        if self.metrics.is_spread(&at.topic) {
            tracing::warn!(topic = %at.topic, device = %device, partitions = ?[other, at.partition],
                "the topic is not keyed by device: its order is not kept, nor are duplicates found. Write it keyed by device, or list it in topics.repartition");
        }
    }
}
