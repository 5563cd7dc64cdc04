//! Reading a part of a topic once, from a place to the end that it has now.
//!
//! Absent: a group that is joined, commits, and following. A topic that is followed is read
//! by [`crate::TableReader`].

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers as _, Message};
use rdkafka::{Offset, TopicPartitionList};

use crate::bounds::{Bounds, PartitionBounds};
use crate::client::{LogOnly, scan_config};
use crate::error::{BrokerError, ErrorClass};
use crate::settings::KafkaSettings;

/// Longest wait for one record before the time is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Which part of a topic is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All that it holds.
    Whole,
    /// The newest records, about so many of all partitions together: each partition gives
    /// an even part of them, and more where others have less. Where offsets are missing from
    /// the log (compaction, transactions) it is fewer.
    Newest(u64),
}

/// What was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scanned {
    /// How many partitions the topic has.
    pub partitions: usize,
    /// How many records were handed over.
    pub records: u64,
}

/// A record, borrowed while it is read.
pub struct ScanRecord<'a>(&'a BorrowedMessage<'a>);

impl ScanRecord<'_> {
    /// Its partition.
    pub fn partition(&self) -> i32 {
        self.0.partition()
    }

    /// Its offset.
    pub fn offset(&self) -> i64 {
        self.0.offset()
    }

    /// Unix milliseconds; -1 without.
    pub fn timestamp_ms(&self) -> i64 {
        self.0.timestamp().to_millis().unwrap_or(-1)
    }

    /// The value; `None` for a tombstone.
    pub fn value(&self) -> Option<&[u8]> {
        self.0.payload()
    }

    /// The value of the last header of that name. A header without a value is empty.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let named = self.0.headers()?.iter().filter(|header| header.key == name).last()?;
        Some(named.value.unwrap_or_default())
    }
}

/// Reads a part of a topic, each partition in order, up to the end that it has when this is
/// called. Blocks; in async code to be called where blocking is allowed.
///
/// `patience` is the longest time without a record or a partition's end.
///
/// # Errors
/// [`BrokerError::NoTopic`], a missing right, or no answer within the patience. Records may
/// have been handed over by then.
pub fn scan(
    kafka: &KafkaSettings,
    topic: &str,
    extent: Extent,
    patience: Duration,
    mut on_record: impl FnMut(&ScanRecord<'_>),
) -> Result<Scanned, BrokerError> {
    let asked = || format!("read {topic}");
    let bounds = Bounds::new(kafka)?.of_topics(&[topic.to_owned()], patience)?;
    let partitions = bounds.len();
    let mut open = Open::of(&bounds, extent);
    let mut records = 0;
    if open.is_empty() {
        return Ok(Scanned { partitions, records });
    }

    let consumer: BaseConsumer<LogOnly> = scan_config(kafka)
        .create_with_context(LogOnly)
        .map_err(|error| BrokerError::creation(&error))?;
    consumer.assign(&open.list(topic)).map_err(|error| BrokerError::asked(asked(), &error))?;
    let mut deadline = Instant::now() + patience;
    while !open.is_empty() {
        match consumer.poll(LOOK) {
            Some(Ok(message)) => {
                let (partition, offset) = (message.partition(), message.offset());
                if open.takes(partition, offset) {
                    on_record(&ScanRecord(&message));
                    records += 1;
                    deadline = Instant::now() + patience;
                }
            }
            // What lay before the end was a hole: no record is left.
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                open.ended(partition);
                deadline = Instant::now() + patience;
            }
            Some(Err(error)) => {
                let error = BrokerError::asked(asked(), &error);
                if error.class() == ErrorClass::Permanent {
                    return Err(error);
                }
                tracing::debug!(%error, topic, "reading goes on");
            }
            None => {}
        }
        if Instant::now() > deadline {
            let code = format!("no record for {} s", patience.as_secs());
            return Err(BrokerError::Asked { asked: asked(), code, class: ErrorClass::Transient });
        }
    }
    Ok(Scanned { partitions, records })
}

/// The partitions that are not read to their end: number, first offset, and the one after
/// the last.
struct Open(Vec<(i32, i64, i64)>);

impl Open {
    fn of(bounds: &[PartitionBounds], extent: Extent) -> Self {
        let held = |it: &PartitionBounds| u64::try_from(it.high - it.low).unwrap_or_default();
        let held: Vec<u64> = bounds.iter().map(held).collect();
        let taken = match extent {
            Extent::Whole => held,
            Extent::Newest(count) => evenly(&held, count),
        };
        let parts = bounds.iter().zip(taken).filter(|(_, taken)| *taken > 0);
        Self(
            parts
                .map(|(it, taken)| (it.partition, it.high - taken.cast_signed(), it.high))
                .collect(),
        )
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn list(&self, topic: &str) -> TopicPartitionList {
        let mut list = TopicPartitionList::with_capacity(self.0.len());
        for (partition, first, _) in &self.0 {
            // Cannot fail: an offset of a log is never negative.
            let _ = list.add_partition_offset(topic, *partition, Offset::Offset(*first));
        }
        list
    }

    /// Whether a record is wanted; the one before a partition's end closes it.
    fn takes(&mut self, partition: i32, offset: i64) -> bool {
        let Some(place) = self.0.iter().position(|(open, ..)| *open == partition) else {
            return false;
        };
        let end = self.0[place].2;
        if offset + 1 >= end {
            self.0.swap_remove(place);
        }
        offset < end
    }

    fn ended(&mut self, partition: i32) {
        self.0.retain(|(open, ..)| *open != partition);
    }
}

/// Divides a count over what each holds: the same for all, and what one lacks goes to the
/// others.
fn evenly(held: &[u64], count: u64) -> Vec<u64> {
    let mut taken = vec![0; held.len()];
    let mut smallest_first: Vec<usize> = (0..held.len()).collect();
    smallest_first.sort_unstable_by_key(|place| held[*place]);
    let mut left = count;
    for (done, place) in smallest_first.iter().enumerate() {
        let others = (held.len() - done) as u64;
        taken[*place] = held[*place].min(left.div_ceil(others));
        left -= taken[*place];
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::evenly;

    #[test]
    fn a_count_is_divided_evenly_and_what_one_lacks_goes_to_the_others() {
        assert_eq!(evenly(&[100, 100, 100], 30), [10, 10, 10]);
        assert_eq!(evenly(&[100, 2, 100], 30), [14, 2, 14]);
        assert_eq!(evenly(&[0, 0, 100], 30), [0, 0, 30]);
        assert_eq!(evenly(&[5, 5], 30), [5, 5]);
        assert_eq!(evenly(&[9, 9, 9], 4).iter().sum::<u64>(), 4);
        assert_eq!(evenly(&[], 4), [0; 0]);
        assert_eq!(evenly(&[9], 0), [0]);
    }
}
