//! Reading parts of a topic, each once, from a place to another that is there already.
//!
//! Absent: a group that is joined, commits, and following. A topic that is followed is read
//! by [`crate::TableReader`].
//!
//! [`scan`] reads one part. A [`Scanner`] reads one after the other, which spares the making
//! of a client for each: from the newest to the oldest, for one.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers as _, Message};
use rdkafka::{Offset, TopicPartitionList};

use crate::bounds::{Bounds, PartitionBounds};
use crate::client::{LogOnly, scan_config};
use crate::error::{BrokerError, ErrorClass, is_of_group};
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

/// A part of a partition: the offsets from `from` to before `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OffsetRange {
    /// The partition's number.
    pub partition: i32,
    /// The first offset.
    pub from: i64,
    /// One past the last offset.
    pub to: i64,
}

impl OffsetRange {
    /// How many offsets it has; 0 where it ends before it begins.
    pub fn len(&self) -> u64 {
        u64::try_from(self.to.saturating_sub(self.from)).unwrap_or(0)
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
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

    /// The key; `None` without.
    pub fn key(&self) -> Option<&[u8]> {
        self.0.key()
    }

    /// The headers in their order. One without a value is empty.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let headers = self.0.headers().into_iter().flat_map(|headers| headers.iter());
        headers.map(|header| (header.key, header.value.unwrap_or_default()))
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
    let bounds = Bounds::new(kafka)?.of_topics(&[topic.to_owned()], patience)?;
    let ranges = extent.ranges(&bounds);
    let records = Scanner::new(kafka, topic)?.read(&ranges, patience, |record| {
        on_record(record);
        ControlFlow::Continue(())
    })?;
    Ok(Scanned { partitions: bounds.len(), records })
}

/// Reads parts of one topic, one call after the other.
pub struct Scanner {
    consumer: BaseConsumer<LogOnly>,
    topic: String,
}

impl Scanner {
    /// A client of its own for the topic.
    ///
    /// # Errors
    /// Settings that librdkafka refuses.
    pub fn new(kafka: &KafkaSettings, topic: &str) -> Result<Self, BrokerError> {
        let consumer: BaseConsumer<LogOnly> = scan_config(kafka)
            .create_with_context(LogOnly::default())
            .map_err(|error| BrokerError::creation(&error))?;
        Ok(Self { consumer, topic: topic.to_owned() })
    }

    /// Reads these parts, at most one of each partition, each in order and all together,
    /// until `on_record` breaks. Returned is how many records were handed over: where offsets
    /// are missing from the log (compaction, transactions, retention) fewer than the ranges
    /// have. Blocks.
    ///
    /// A range must not reach beyond the end of its log. `patience` is the longest time
    /// without a record or a partition's end.
    ///
    /// # Errors
    /// A missing right, or no answer within the patience. Records may have been handed over
    /// by then.
    pub fn read(
        &mut self,
        ranges: &[OffsetRange],
        patience: Duration,
        mut on_record: impl FnMut(&ScanRecord<'_>) -> ControlFlow<()>,
    ) -> Result<u64, BrokerError> {
        let mut open = Open::of(ranges);
        let mut records = 0;
        if open.is_empty() {
            return Ok(records);
        }
        let asked = || format!("read {}", self.topic);
        self.consumer
            .assign(&open.list(&self.topic))
            .map_err(|error| BrokerError::asked(asked(), &error))?;
        let mut deadline = Instant::now() + patience;
        while !open.is_empty() {
            match self.consumer.poll(LOOK) {
                Some(Ok(message)) => {
                    let (partition, offset) = (message.partition(), message.offset());
                    if open.takes(partition, offset) {
                        records += 1;
                        if on_record(&ScanRecord(&message)).is_break() {
                            break;
                        }
                        deadline = Instant::now() + patience;
                    }
                }
                // What lay before the end was a hole: no record is left.
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    open.ended(partition);
                    deadline = Instant::now() + patience;
                }
                Some(Err(error)) if is_of_group(&error) => {}
                Some(Err(error)) => {
                    let error = BrokerError::reading(&self.topic, &error);
                    if error.class() == ErrorClass::Permanent {
                        return Err(error);
                    }
                    tracing::debug!(%error, topic = self.topic, "reading goes on");
                }
                None => {}
            }
            if Instant::now() > deadline {
                let code = format!("no record for {} s", patience.as_secs());
                let class = ErrorClass::Transient;
                return Err(BrokerError::Asked { asked: asked(), code, class });
            }
        }
        // What is still fetched of these parts is of no use to the next ones.
        self.consumer.unassign().map_err(|error| BrokerError::asked(asked(), &error))?;
        Ok(records)
    }
}

impl Extent {
    fn ranges(self, bounds: &[PartitionBounds]) -> Vec<OffsetRange> {
        let held = |it: &PartitionBounds| u64::try_from(it.high - it.low).unwrap_or_default();
        let held: Vec<u64> = bounds.iter().map(held).collect();
        let taken = match self {
            Self::Whole => held,
            Self::Newest(count) => evenly(&held, count),
        };
        let ranges = bounds.iter().zip(taken).map(|(it, taken)| OffsetRange {
            partition: it.partition,
            from: it.high - taken.cast_signed(),
            to: it.high,
        });
        ranges.collect()
    }
}

/// The ranges that are not read to their end.
struct Open(Vec<OffsetRange>);

impl Open {
    fn of(ranges: &[OffsetRange]) -> Self {
        Self(ranges.iter().copied().filter(|range| !range.is_empty()).collect())
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn list(&self, topic: &str) -> TopicPartitionList {
        let mut list = TopicPartitionList::with_capacity(self.0.len());
        for range in &self.0 {
            // Cannot fail: an offset of a log is never negative.
            let _ = list.add_partition_offset(topic, range.partition, Offset::Offset(range.from));
        }
        list
    }

    /// Whether a record is wanted; the one before a range's end closes it.
    fn takes(&mut self, partition: i32, offset: i64) -> bool {
        let Some(place) = self.0.iter().position(|open| open.partition == partition) else {
            return false;
        };
        let OffsetRange { from, to, .. } = self.0[place];
        if offset + 1 >= to {
            self.0.swap_remove(place);
        }
        // One left over from an earlier read may come first.
        (from..to).contains(&offset)
    }

    fn ended(&mut self, partition: i32) {
        self.0.retain(|open| open.partition != partition);
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
