//! Knobs of the mock cluster.

use rdkafka::producer::{Producer, ProducerContext, ThreadedProducer};
use rdkafka_sys as sys;

/// Makes the groups of a mock cluster answer fast: no wait before the first
/// rebalance, and a heartbeat every 100 ms for members of the KIP-848 protocol.
///
/// False when the producer has no mock cluster.
pub(crate) fn hurry_mock_groups<C: ProducerContext>(producer: &ThreadedProducer<C>) -> bool {
    // SAFETY: the client is alive, the cluster belongs to it and is checked for null.
    unsafe {
        let cluster = sys::rd_kafka_handle_mock_cluster(producer.client().native_ptr());
        if cluster.is_null() {
            return false;
        }
        sys::rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, 0);
        sys::rd_kafka_mock_set_group_consumer_heartbeat_interval_ms(cluster, 100);
    }
    true
}
