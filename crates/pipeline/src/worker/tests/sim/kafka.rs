//! The logs: topics of partitions of records, with holes between offsets, as the markers
//! of transactions make them.

use std::collections::HashMap;

use super::super::made_up::draw::Draw;

pub(super) const DEVICES: usize = 0;
pub(super) const BINDINGS: usize = 1;
pub(super) const DEAD_LETTERS: usize = 5;
pub(super) const CUSTOMER_DEVICES: usize = 6;
pub(super) const RECEIPTS: usize = 7;
/// What the bindings are divided into by partitions, where they are.
pub(super) const FACTS: usize = 8;
pub(super) const TOPICS: [&str; 9] = [
    "devices",
    "bindings",
    "own.retry.5s",
    "own.retry.20s",
    "own.retry.1m",
    "own.dead-letters",
    "own.customer-devices",
    "own.receipts",
    "own.device-customers",
];

/// Whether records of this topic have headers that say where they come from.
pub(super) fn is_set_aside(topic: usize) -> bool {
    !matches!(topic, CUSTOMER_DEVICES | RECEIPTS | FACTS)
}

/// A partition: its topic's place among [`TOPICS`], and its number.
pub(super) type Part = (usize, i32);

/// A record's place.
pub(super) type Place = (Part, i64);

pub(super) struct Stored {
    pub(super) offset: i64,
    pub(super) timestamp_ms: i64,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) headers: Vec<(String, Vec<u8>)>,
}

pub(super) struct PartitionLog {
    pub(super) low: i64,
    pub(super) records: Vec<Stored>,
    /// One past the last offset, markers included.
    pub(super) end: i64,
}

impl PartitionLog {
    /// The records from this offset on.
    pub(super) fn from(&self, offset: i64) -> &[Stored] {
        &self.records[self.records.partition_point(|record| record.offset < offset)..]
    }
}

pub(super) struct Log {
    topics: Vec<Vec<PartitionLog>>,
}

pub(super) fn topic_of(name: &str) -> usize {
    TOPICS.iter().position(|topic| *topic == name).unwrap_or_else(|| panic!("no topic {name}"))
}

impl Log {
    pub(super) fn new(partitions: i32, draw: &mut Draw) -> Self {
        let mut partition = || {
            let low = draw.pick(&[0, 0, 7, 1_000]);
            PartitionLog { low, records: Vec::new(), end: low }
        };
        let mut topic = |index: usize| {
            let one = index >= DEAD_LETTERS && index != FACTS;
            let count = if one { 1 } else { partitions };
            (0..count).map(|_| partition()).collect()
        };
        Self { topics: (0..TOPICS.len()).map(&mut topic).collect() }
    }

    pub(super) fn partitions(&self, topic: usize) -> i32 {
        i32::try_from(self.topics[topic].len()).unwrap_or(i32::MAX)
    }

    /// One past the last offset of each partition, as the brokers tell it.
    pub(super) fn ends(&self) -> HashMap<(String, i32), i64> {
        let ends = self.topics.iter().zip(TOPICS).flat_map(|(partitions, topic)| {
            let end =
                move |(number, log): (i32, &PartitionLog)| ((topic.to_owned(), number), log.end);
            (0..).zip(partitions).map(end)
        });
        ends.collect()
    }

    pub(super) fn part(&self, (topic, partition): Part) -> &PartitionLog {
        &self.topics[topic][usize::try_from(partition).unwrap_or_default()]
    }

    fn part_mut(&mut self, (topic, partition): Part) -> &mut PartitionLog {
        &mut self.topics[topic][usize::try_from(partition).unwrap_or_default()]
    }

    /// For compaction.
    pub(super) fn records_mut(&mut self, part: Part) -> &mut Vec<Stored> {
        &mut self.part_mut(part).records
    }

    /// Appends a record to the partition of its key.
    pub(super) fn append(
        &mut self,
        topic: usize,
        parts: (Option<Vec<u8>>, Option<Vec<u8>>),
        headers: Vec<(String, Vec<u8>)>,
        timestamp_ms: i64,
        draw: &mut Draw,
    ) -> Place {
        let sum: usize = parts.0.iter().flatten().map(|byte| usize::from(*byte)).sum();
        let partition = i32::try_from(sum % self.topics[topic].len()).unwrap_or(i32::MAX);
        self.append_to((topic, partition), parts, headers, timestamp_ms, draw)
    }

    /// Appends a record to this partition.
    pub(super) fn append_to(
        &mut self,
        part: Part,
        (key, value): (Option<Vec<u8>>, Option<Vec<u8>>),
        headers: Vec<(String, Vec<u8>)>,
        timestamp_ms: i64,
        draw: &mut Draw,
    ) -> Place {
        let log = self.part_mut(part);
        let offset = log.end;
        log.records.push(Stored { offset, timestamp_ms, key, value, headers });
        log.end += if draw.percent(15) { draw.pick(&[2, 3, 70]) } else { 1 };
        (part, offset)
    }
}
