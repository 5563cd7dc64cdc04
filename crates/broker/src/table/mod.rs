//! Reading a topic from its beginning, and then following it: how a compacted topic becomes
//! a table in memory.
//!
//! Absent: a group and commits. Who reads says of which partitions, and reads them from their
//! beginning every time.
//!
//! Start at [`TableReader`] for a whole topic, at [`PartsReader`] for partitions that come
//! and go.

mod feed;
mod parts;
mod thread;
mod whole;

use std::time::Duration;

pub use parts::{PartsEvent, PartsReader};
pub use whole::TableReader;

use crate::bounds::PartitionBounds;

/// Longest sleep of a reader's thread.
const REST: Duration = Duration::from_millis(100);
/// Between two looks at how far a request has come.
const LOOK: Duration = Duration::from_millis(5);
/// Before a question that failed is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(5);

/// The position that shows that a partition has been read to the end that it has now. Of a log
/// that holds nothing nothing comes that would tell a position.
fn end_of(bounds: &PartitionBounds) -> i64 {
    if bounds.low < bounds.high { bounds.high } else { 0 }
}

/// A record of a table, borrowed while it is read.
#[derive(Debug, Clone, Copy)]
pub struct TableRecord<'a> {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Unix milliseconds; -1 without.
    pub timestamp_ms: i64,
    /// The key; `None` where there is none.
    pub key: Option<&'a [u8]>,
    /// The value; `None` is a tombstone: the key has gone.
    pub value: Option<&'a [u8]>,
}
