//! The records of partitions that are assigned by hand, on the thread that reads them.

use std::collections::HashMap;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::TableRecord;
use crate::client::LogOnly;
use crate::error::{BrokerError, is_of_group};
use crate::native::{EventQueue, ForwardedPartition, ReadQueue, RecordBuffer};

/// Most records of one read: requests get their turn in between.
const AT_ONCE: usize = 1_000;

/// A client of this configuration.
pub(super) fn consumer(config: &ClientConfig) -> Result<BaseConsumer<LogOnly>, BrokerError> {
    config.create_with_context(LogOnly::default()).map_err(|error| BrokerError::creation(&error))
}

/// One topic's records, by one queue. The order of the fields matters: what comes from the
/// consumer is dropped before it.
pub(super) struct Feed {
    /// `None`: librdkafka had no memory for it.
    queue: Option<ReadQueue>,
    events: Option<EventQueue>,
    buffer: RecordBuffer,
    consumer: BaseConsumer<LogOnly>,
    pub(super) topic: String,
}

/// What came of one read.
#[derive(Default)]
pub(super) struct Read {
    /// Whether there was something: there may be more.
    pub(super) some: bool,
    pub(super) errors: Vec<BrokerError>,
}

impl Feed {
    /// To be called on the thread that reads.
    pub(super) fn new(mut consumer: BaseConsumer<LogOnly>, topic: String) -> Self {
        let thread = std::thread::current();
        let queue = ReadQueue::new(&consumer, thread.clone());
        consumer.set_nonempty_callback(move || thread.unpark());
        let events = EventQueue::of(&consumer);
        Self { queue, events, buffer: RecordBuffer::new(AT_ONCE), consumer, topic }
    }

    /// Reads what is there, up to a bound.
    pub(super) fn read(&mut self, mut on_record: impl FnMut(TableRecord<'_>)) -> Read {
        let mut read = Read::default();
        self.serve_events(&mut on_record, &mut read);
        let Some(queue) = self.queue.as_ref().filter(|queue| queue.len() > 0) else { return read };
        read.some = true;
        queue.read(Duration::ZERO, AT_ONCE, &mut self.buffer);
        while let Some(record) = self.buffer.take() {
            if let Some(code) = record.error() {
                let error = KafkaError::MessageConsumption(code);
                read.errors.push(BrokerError::reading(&self.topic, &error));
                continue;
            }
            on_record(TableRecord {
                partition: record.partition(),
                offset: record.offset(),
                timestamp_ms: record.timestamp_ms(),
                key: record.key(),
                value: record.value(),
            });
        }
        read
    }

    /// Errors, and what librdkafka has to do itself. Records come by the own queue.
    fn serve_events(&self, on_record: &mut impl FnMut(TableRecord<'_>), read: &mut Read) {
        match self.consumer.poll(Duration::ZERO) {
            None => {}
            // Not to be expected of a partition that is forwarded; lost it would be for good.
            Some(Ok(record)) => on_record(TableRecord {
                partition: record.partition(),
                offset: record.offset(),
                timestamp_ms: record.timestamp().to_millis().unwrap_or(-1),
                key: record.key(),
                value: record.payload(),
            }),
            Some(Err(error)) if is_of_group(&error) => {}
            Some(Err(error)) => read.errors.push(BrokerError::reading(&self.topic, &error)),
        }
        read.some = self.events.as_ref().is_some_and(|events| !events.is_empty());
    }

    /// Begins to read partitions from these places. What is returned ends the forwarding when
    /// it is dropped, in the order of the partitions.
    pub(super) fn assign(
        &self,
        places: impl Iterator<Item = (i32, Offset)>,
    ) -> Result<Vec<ForwardedPartition>, BrokerError> {
        let no_memory = || BrokerError::ThreadEnded("a table's consumer");
        let queue = self.queue.as_ref().ok_or_else(no_memory)?;
        let mut list = TopicPartitionList::new();
        let mut forwarded = Vec::new();
        for (partition, place) in places {
            // Before the assignment: else the first records come by the consumer's own queue.
            let here = queue.forward(&self.consumer, &self.topic, partition);
            forwarded.push(here.ok_or_else(no_memory)?);
            list.add_partition_offset(&self.topic, partition, place)
                .map_err(|error| self.asked(&error))?;
        }
        self.consumer.incremental_assign(&list).map_err(|error| self.asked(&error))?;
        Ok(forwarded)
    }

    /// Reads these partitions no more. After it their forwarding may end, and they may be
    /// assigned again.
    pub(super) fn unassign(&self, partitions: impl Iterator<Item = i32>) {
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            list.add_partition(&self.topic, partition);
        }
        // Stopping a partition ends its forwarding and forgets its position, in librdkafka's
        // main thread. That thread answers the question after it.
        let ended = self.consumer.incremental_unassign(&list);
        if let Err(error) = ended.and_then(|()| self.consumer.assignment().map(drop)) {
            tracing::warn!(%error, topic = self.topic, "could not leave partitions of a table");
        }
    }

    /// Where reading is, by partition; none of those of which nothing came yet. The last
    /// record's offset doesn't tell: markers of transactions and holes of compaction come
    /// after it.
    pub(super) fn positions(&self) -> HashMap<i32, i64> {
        let Ok(positions) = self.consumer.position() else { return HashMap::new() };
        let known = positions.elements();
        let known = known.iter().filter_map(|element| match element.offset() {
            Offset::Offset(offset) => Some((element.partition(), offset)),
            _ => None,
        });
        known.collect()
    }

    /// To be called when no more is read, before this is dropped.
    pub(super) fn end(&self) {
        if let Err(error) = self.consumer.unassign() {
            tracing::debug!(%error, "kafka table reader could not unassign");
        }
    }

    fn asked(&self, error: &KafkaError) -> BrokerError {
        BrokerError::asked(format!("read {}", self.topic), error)
    }
}
