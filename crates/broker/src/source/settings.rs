//! What a source reads and how far it goes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::room::Room;

/// One past the last offset that is read, by topic and partition.
pub type Ends = HashMap<(String, i32), i64>;

/// What a source reads, and its bounds.
#[derive(Debug, Clone)]
pub struct SourceSettings {
    /// The topics, by name. [`crate::TopicIndex`] counts in this order.
    pub topics: Vec<String>,
    /// The group that it is a member of.
    pub group: String,
    /// Most records of one batch read. Default 1000.
    pub batch_max: usize,
    /// How long a revocation waits for its answer. To be well below librdkafka's
    /// `max.poll.interval.ms` (5 min). Default 25 s.
    pub drain_deadline: Duration,
    /// Most offsets that a partition is read beyond its frontier. The others go on
    /// when one has reached it. Default 100,000.
    pub gap_limit: u64,
    /// How long an answer to a commit is waited for. Default 10 s.
    pub commit_deadline: Duration,
    /// Room for records that are read before they are due, beside the room for those in
    /// flight. Whoever works on one when its time has come moves its charge from here to
    /// there. `None`: nothing is read before it is due. Default `None`.
    pub ahead: Option<Arc<Room>>,
    /// Where reading ends, by topic and partition: the first offset that is not read. A
    /// partition that is not named is not read at all. `None`: there is no end. Default
    /// `None`.
    pub ends: Option<Arc<Ends>>,
    /// Joins the group and reads nothing until [`crate::Source::pause_intake`] says so.
    /// Default false.
    pub intake_paused: bool,
    /// Each partition begins with its gate closed: nothing of it is read until
    /// [`crate::Frontier::open`] says so. Default false.
    pub gated: bool,
}

impl SourceSettings {
    /// The defaults, for these topics and this group.
    pub fn new(topics: Vec<String>, group: impl Into<String>) -> Self {
        Self {
            topics,
            group: group.into(),
            batch_max: 1000,
            drain_deadline: Duration::from_secs(25),
            gap_limit: 100_000,
            commit_deadline: Duration::from_secs(10),
            ahead: None,
            ends: None,
            intake_paused: false,
            gated: false,
        }
    }
}

/// What a start rule decides by.
#[derive(Debug, Clone, Copy)]
pub struct Committed<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The partition.
    pub partition: i32,
    /// What the group had committed; `None`: nothing yet.
    pub offset: Option<i64>,
    /// The text committed with it, empty without.
    pub metadata: &'a str,
    /// First offset of the log.
    pub low: i64,
    /// One past the last offset of the log.
    pub high: i64,
}

/// The usual start rule: where the group left off, else the beginning.
pub fn where_it_left_off(committed: &Committed<'_>) -> i64 {
    committed.offset.unwrap_or(committed.low)
}
