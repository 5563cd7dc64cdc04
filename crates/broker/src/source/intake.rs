//! One batch read: records out of the queue, through the reader.

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::context::SourceContext;
use super::partitions::{Partition, Partitions};
use super::rebalance::report;
use crate::native::{RawRecord, ReadQueue, RecordBuffer};
use crate::record::{Headers, PartitionRef, RecordReader, RecordRef};
use crate::room::Room;

/// A read waits this long to fill its batch: a wake-up of the worker for each record
/// would cost more than the records.
const GATHER: Duration = Duration::from_millis(1);

/// The reader and what one read needs.
pub(super) struct Intake<R> {
    buffer: RecordBuffer,
    reader: R,
    batch_max: usize,
    gap_limit: u64,
    ahead: Option<Arc<Room>>,
    /// Records that may still be read before they are due, of this read.
    ahead_left: usize,
    now_ms: i64,
}

/// What came of one read.
pub(super) struct Read<B> {
    pub(super) batch: Option<B>,
    pub(super) records: usize,
    pub(super) bytes: usize,
    /// Of these, records and bytes that are read before they are due.
    pub(super) early: (usize, usize),
    /// Partitions that are left alone now: their gap is full, their gate closed, or their
    /// records are not due.
    pub(super) filled: Vec<PartitionRef>,
    /// Partitions that were read to where reading ends.
    pub(super) ended: Vec<PartitionRef>,
    /// Partitions that have caught up with what was held back of them.
    pub(super) emptied: Vec<PartitionRef>,
    pub(super) troubles: Vec<Trouble>,
    /// Nothing was there to be read.
    pub(super) idle: bool,
}

/// An error that came instead of a record or an event.
pub(super) struct Trouble {
    pub(super) code: Option<RDKafkaErrorCode>,
    pub(super) fatal: bool,
    pub(super) text: String,
    /// The partition that it is about, where that is told.
    pub(super) partition: Option<(String, i32)>,
}

impl Trouble {
    /// `said` is librdkafka's own text, if there is one: it has what the error lacks, such as
    /// the topic's name.
    pub(super) fn of_client(error: &KafkaError, said: Option<String>) -> Self {
        Self {
            code: error.rdkafka_error_code(),
            fatal: matches!(error, KafkaError::MessageConsumptionFatal(_)),
            text: said.unwrap_or_else(|| error.to_string()),
            partition: None,
        }
    }

    fn of_record(code: RDKafkaErrorCode, record: &RawRecord) -> Self {
        let text = record.value().map(String::from_utf8_lossy).unwrap_or_default().into_owned();
        Self {
            code: Some(code),
            fatal: false,
            text: if text.is_empty() { code.to_string() } else { text },
            partition: Some((record.topic().to_owned(), record.partition())),
        }
    }
}

impl<R: RecordReader> Intake<R> {
    pub(super) fn new(
        reader: R,
        batch_max: usize,
        gap_limit: u64,
        ahead: Option<Arc<Room>>,
    ) -> Self {
        let buffer = RecordBuffer::new(batch_max);
        Self { buffer, reader, batch_max, gap_limit, ahead, ahead_left: 0, now_ms: 0 }
    }

    /// Reads up to `room` records: first what was held back and may go on now.
    pub(super) fn read(
        &mut self,
        queue: &ReadQueue,
        partitions: &mut Partitions,
        room: usize,
    ) -> Read<R::Batch> {
        let room = room.min(self.batch_max);
        self.ahead_left = self.ahead.as_ref().map_or(0, |ahead| ahead.try_room());
        self.now_ms = unix_millis();
        let mut read = Read {
            batch: None,
            records: 0,
            bytes: 0,
            early: (0, 0),
            filled: Vec::new(),
            ended: Vec::new(),
            emptied: Vec::new(),
            troubles: Vec::new(),
            idle: false,
        };
        if partitions.any_paused() {
            self.read_held(partitions, room, &mut read);
        }
        let left = room - read.records;
        if left > 0 && queue.len() > 0 {
            queue.read(GATHER, left, &mut self.buffer);
            while let Some(record) = self.buffer.take() {
                if let Some(code) = record.error() {
                    read.troubles.push(Trouble::of_record(code, &record));
                } else if let Some(partition) = partitions.of_record(&record) {
                    self.read_one(partition, record, &mut read);
                }
            }
        } else {
            read.idle = read.records == 0;
        }
        if read.records > 0 {
            read.batch = self.reader.finish();
        }
        read
    }

    fn read_one(
        &mut self,
        partition: &mut Partition,
        record: RawRecord,
        read: &mut Read<R::Batch>,
    ) {
        let offset = record.offset();
        // A refetch may begin earlier than it should. The worker is promised that offsets
        // grow.
        if offset < partition.next {
            return;
        }
        if offset >= partition.end {
            if !std::mem::replace(&mut partition.ended, true) {
                read.ended.push(partition.at.clone());
            }
            return;
        }
        let in_line = partition.paused || !partition.may_read(offset, self.gap_limit);
        if in_line || !self.hand_over(partition, &record, read) {
            if !partition.paused {
                partition.paused = true;
                read.filled.push(partition.at.clone());
            }
            partition.held.push_back(record);
        }
    }

    /// Lets the reader read a record; `false` if it is not due and there is no room for it.
    fn hand_over(
        &mut self,
        partition: &mut Partition,
        raw: &RawRecord,
        read: &mut Read<R::Batch>,
    ) -> bool {
        let mut record = partition.record_ref(raw);
        let due = self.reader.due(&record).filter(|due| *due > self.now_ms);
        if due.is_some() {
            if self.ahead_left == 0 {
                partition.held_until = due;
                return false;
            }
            self.ahead_left -= 1;
            record.early = true;
            read.early.0 += 1;
            read.early.1 += record.bytes();
        }
        read.records += 1;
        read.bytes += record.bytes();
        let next = record.offset + 1;
        self.reader.read(record);
        partition.next = next;
        partition.held_until = None;
        true
    }

    /// Held records go on once the gate is open and half of the gap is free, so that a
    /// partition isn't paused and resumed for each record.
    fn read_held(&mut self, partitions: &mut Partitions, room: usize, read: &mut Read<R::Batch>) {
        for partition in partitions.iter_mut().filter(|partition| partition.paused) {
            let waits = partition.held_until.is_some_and(|due| due > self.now_ms);
            if !partition.may_read(partition.next, self.gap_limit.div_ceil(2))
                || (waits && self.ahead_left == 0)
            {
                continue;
            }
            while read.records < room {
                let Some(record) = partition.held.pop_front() else { break };
                if !partition.may_read(record.offset(), self.gap_limit)
                    || !self.hand_over(partition, &record, read)
                {
                    partition.held.push_front(record);
                    break;
                }
            }
            if partition.held.is_empty() {
                partition.paused = false;
                read.emptied.push(partition.at.clone());
            }
        }
    }
}

impl Partition {
    fn record_ref<'a>(&'a self, raw: &'a RawRecord) -> RecordRef<'a> {
        RecordRef {
            topic: &self.at.topic,
            topic_index: self.at.topic_index,
            partition: self.at.partition,
            slot: self.at.slot,
            epoch: self.at.epoch,
            offset: raw.offset(),
            timestamp_ms: raw.timestamp_ms(),
            key: raw.key(),
            value: raw.value(),
            headers: Headers::of(raw),
            early: false,
        }
    }
}

fn unix_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Stops fetching partitions whose gap is full, whose gate is closed, or whose records are not
/// due. What was prefetched of them is thrown away, so that a full gap costs no memory; it is
/// fetched again later. (Frequent pausing would fetch everything many times: backpressure as a
/// whole is not reading.)
pub(super) fn pause<B: Send + 'static>(
    consumer: &BaseConsumer<SourceContext<B>>,
    partitions: &mut Partitions,
    filled: &[PartitionRef],
) {
    set_paused(consumer, partitions, filled, true);
}

/// Fetches nothing more of partitions that were read to their end.
pub(super) fn leave_alone<B: Send + 'static>(
    consumer: &BaseConsumer<SourceContext<B>>,
    ended: &[PartitionRef],
) {
    let mut list = TopicPartitionList::new();
    for at in ended {
        list.add_partition(&at.topic, at.partition);
    }
    if list.count() > 0 {
        report("pause partitions", consumer.pause(&list));
    }
}

/// Fetches partitions again.
pub(super) fn resume<B: Send + 'static>(
    consumer: &BaseConsumer<SourceContext<B>>,
    partitions: &mut Partitions,
    emptied: &[PartitionRef],
) {
    set_paused(consumer, partitions, emptied, false);
}

fn set_paused<B: Send + 'static>(
    consumer: &BaseConsumer<SourceContext<B>>,
    partitions: &mut Partitions,
    which: &[PartitionRef],
    paused: bool,
) {
    if which.is_empty() {
        return;
    }
    let mut list = TopicPartitionList::new();
    for at in which {
        list.add_partition(&at.topic, at.partition);
        if let Some(partition) = partitions.find(&at.topic, at.partition) {
            partition.frontier.set_waited_for(paused);
        }
    }
    partitions.recount_paused();
    if paused {
        report("pause partitions", consumer.pause(&list));
    } else {
        report("resume partitions", consumer.resume(&list));
    }
}
