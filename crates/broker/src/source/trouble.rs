//! What to do about an error that librdkafka reports to a source.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::{Offset, TopicPartitionList};

use super::context::{SourceContext, Tenancy};
use super::events::{SourceError, SourceEvent};
use super::intake::Trouble;
use crate::bounds::Bounds;

const TIMEOUT: Duration = Duration::from_secs(5);

/// Tells the worker, or finds a new place to read from.
pub(super) fn meet<B: Send + 'static>(
    consumer: &BaseConsumer<SourceContext<B>>,
    bounds: &Bounds,
    tenancy: &mut Tenancy<B>,
    trouble: &Trouble,
) {
    let text = || match &trouble.partition {
        Some((topic, partition)) => format!("{topic}/{partition}: {}", trouble.text),
        None => trouble.text.clone(),
    };
    let topic = || trouble.partition.as_ref().map_or_else(text, |(topic, _)| topic.clone());
    let error = match trouble.code {
        _ if trouble.fatal => SourceError::ClientFailed(text()),
        Some(Code::AutoOffsetReset | Code::OffsetOutOfRange) => {
            return find_new_start(consumer, bounds, tenancy, trouble);
        }
        // A partition that was paused or moved: librdkafka goes on by itself.
        Some(Code::PartitionEOF) => return,
        Some(Code::GroupAuthorizationFailed) => {
            SourceError::GroupForbidden(consumer.context().group.clone())
        }
        Some(Code::TopicAuthorizationFailed) => SourceError::TopicForbidden(topic()),
        Some(Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition) => {
            SourceError::NoTopic(topic())
        }
        Some(Code::Authentication | Code::SaslAuthenticationFailed) => {
            SourceError::Credentials(text())
        }
        Some(Code::AllBrokersDown | Code::BrokerTransportFailure | Code::Resolve) => {
            SourceError::Unreachable(text())
        }
        _ => SourceError::Other(text()),
    };
    tenancy.fail(error);
}

/// The offset to read next is not in the log. Where the log begins later, reading goes on
/// at its beginning, with an alarm: what lay between is gone. Where it ends earlier the
/// offsets mean other records now, and the tenure can't go on.
fn find_new_start<B: Send + 'static>(
    consumer: &BaseConsumer<SourceContext<B>>,
    bounds: &Bounds,
    tenancy: &mut Tenancy<B>,
    trouble: &Trouble,
) {
    let names: Vec<(String, i32)> = match &trouble.partition {
        Some(name) => vec![name.clone()],
        None => tenancy
            .partitions
            .iter_mut()
            .map(|partition| (partition.at.topic.to_string(), partition.at.partition))
            .collect(),
    };
    let found = match bounds.of_partitions(&names, TIMEOUT) {
        Ok(found) => found,
        Err(error) => return tenancy.fail(SourceError::NoStart(error.to_string())),
    };
    let mut again = TopicPartitionList::new();
    let mut alarms = Vec::new();
    for found in found {
        let Some(partition) = tenancy.partitions.find(&found.topic, found.partition) else {
            continue;
        };
        let (wanted, low, high) = (partition.next, found.low, found.high);
        if wanted > high {
            let (topic, partition) = (found.topic, found.partition);
            return tenancy.fail(SourceError::LogCutOff { topic, partition, wanted, high });
        }
        if wanted >= low && trouble.partition.is_none() {
            continue;
        }
        partition.held.clear();
        partition.held_until = None;
        partition.next = wanted.max(low);
        let offset = Offset::Offset(partition.next);
        if again.add_partition_offset(&found.topic, found.partition, offset).is_err() {
            continue;
        }
        if wanted < low {
            let (at, resumed_at) = (partition.at.clone(), partition.next);
            alarms.push(SourceEvent::OffsetOutOfRange { at, wanted, low, high, resumed_at });
        }
    }
    if again.count() > 0
        && let Err(error) = assign_anew(consumer, tenancy, &again)
    {
        return tenancy.fail(SourceError::NoStart(error.to_string()));
    }
    tenancy.outbox.extend(alarms);
}

/// The error stopped the partitions for good, and a seek would be refused. To assign them
/// anew starts them, and concerns nobody else in the group.
fn assign_anew<B: Send + 'static>(
    consumer: &BaseConsumer<SourceContext<B>>,
    tenancy: &mut Tenancy<B>,
    list: &TopicPartitionList,
) -> KafkaResult<()> {
    consumer.incremental_unassign(list)?;
    // Stopping a partition ends its forwarding, in librdkafka's main thread. That thread
    // answers this question after it.
    consumer.assignment()?;
    let Tenancy { partitions, queue, .. } = tenancy;
    for element in list.elements() {
        let (topic, number) = (element.topic(), element.partition());
        if let (Some(partition), Some(queue)) = (partitions.find(topic, number), queue.as_ref()) {
            // The end of the old forwarding would end a new one.
            partition.forwarded = None;
            partition.forwarded = queue.forward(consumer, topic, number);
        }
    }
    consumer.incremental_assign(list)
}
