//! A record as it comes out of Kafka, and who reads it.

use std::sync::Arc;

use crate::native::RawRecord;

/// Which of [`crate::SourceSettings::topics`] a record is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicIndex(pub u16);

/// A small number for a partition while it is assigned: an index for tables. A slot
/// is used again after its partition was revoked; the epoch tells the tenures apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartitionSlot(pub u32);

impl PartitionSlot {
    /// As an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One tenure of a partition.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PartitionRef {
    /// The topic's name.
    pub topic: Arc<str>,
    /// Which of the source's topics it is.
    pub topic_index: TopicIndex,
    /// The partition's number.
    pub partition: i32,
    /// Unique in this process and growing: two tenures of a partition never share it.
    pub epoch: u64,
    /// Index while the tenure lasts.
    pub slot: PartitionSlot,
}

/// A record, borrowed from librdkafka's memory while it is read.
#[derive(Clone, Copy)]
pub struct RecordRef<'a> {
    /// The topic's name.
    pub topic: &'a Arc<str>,
    /// Which of the source's topics it is.
    pub topic_index: TopicIndex,
    /// The partition's number.
    pub partition: i32,
    /// The partition's slot.
    pub slot: PartitionSlot,
    /// The tenure that it was read in.
    pub epoch: u64,
    /// Its offset.
    pub offset: i64,
    /// Unix milliseconds, as the producer or the broker set them; -1 without.
    pub timestamp_ms: i64,
    /// The key; `None` where there is none.
    pub key: Option<&'a [u8]>,
    /// The value; `None` for a tombstone.
    pub value: Option<&'a [u8]>,
    /// Its headers, parsed only when asked for.
    pub headers: Headers<'a>,
    /// Read before its time ([`RecordReader::due`]), and charged to
    /// [`crate::SourceSettings::ahead`].
    pub early: bool,
}

impl RecordRef<'_> {
    /// What the record is charged for in the [`crate::Room`]: bytes of key and value.
    pub fn bytes(&self) -> usize {
        self.key.map_or(0, <[u8]>::len) + self.value.map_or(0, <[u8]>::len)
    }
}

/// The headers of a record. librdkafka parses them on the first question.
#[derive(Clone, Copy)]
pub struct Headers<'a> {
    record: &'a RawRecord,
}

impl<'a> Headers<'a> {
    pub(crate) fn of(record: &'a RawRecord) -> Self {
        Self { record }
    }

    /// The value of the last header of that name. A header without a value is empty.
    pub fn find(&self, name: &str) -> Option<&'a [u8]> {
        self.iter().filter(|(key, _)| *key == name.as_bytes()).last().map(|(_, value)| value)
    }

    /// All headers in order, as name and value. A name may be any bytes.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let record = self.record;
        (0..).map_while(move |index| record.header(index))
    }
}

/// Reads records on the polling thread: decoding happens here, so that what goes
/// through the channel is one item a batch.
///
/// A reader that panics ends the source.
pub trait RecordReader: Send + 'static {
    /// What is sent through the channel after a batch read.
    type Batch: Send + 'static;

    /// Before when a record is not to be worked on, in Unix milliseconds. Such records are
    /// read ahead as far as [`crate::SourceSettings::ahead`] has room; then their partition
    /// is left alone until the first of them is due. Default `None`: at once.
    fn due(&mut self, record: &RecordRef<'_>) -> Option<i64> {
        let _ = record;
        None
    }

    /// Reads one record. The batch owns what it needs of it afterwards.
    fn read(&mut self, record: RecordRef<'_>);

    /// Ends a batch read of at most [`crate::SourceSettings::batch_max`] records. `None`:
    /// nothing to send, and the room is charged for none of the records.
    fn finish(&mut self) -> Option<Self::Batch>;
}
