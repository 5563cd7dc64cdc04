//! Pushing a part of a topic again: a replay of inputs, or a redrive of dead letters.
//!
//! It is a worker like any other, with a group and a part of the rate of its own: the same
//! engine, dedupe, join and failure table. What differs is where it begins and ends, and
//! that it leaves out what was not asked for ([`Selection`]). What it would do is counted
//! beforehand by reading the same records through the same reader ([`plan`]).

mod copies;
mod later_states;
mod letters;
mod look;
mod marks;
mod plan;
mod planner;
mod receipts;
mod selection;

use std::sync::Arc;

use emberline_broker::{BrokerError, Ends, OffsetRange};

pub use copies::Copies;
pub(crate) use copies::Part;
pub(crate) use later_states::LaterStates;
pub use later_states::Unfollowed;
pub use letters::Places;
pub(crate) use letters::redriven;
pub use marks::Marks;
pub use plan::{Plan, Planned, plan};
pub(crate) use selection::Place;
pub use selection::{NewestState, Selection};

use crate::error::PipelineError;
use crate::worker;

/// Why nothing can be pushed again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// Kafka gives no answer, or does not allow it.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The bindings can't be read.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// More receipts than can be held.
    #[error(
        "there are receipts of more than {} reports: choose a shorter range, or fewer devices",
        Marks::MOST
    )]
    TooManyMarks,
    /// Told to stop.
    #[error("stopped while planning: nothing was sent")]
    Stopped,
}

/// Which receipts are looked up beforehand. What has one is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipts {
    /// None.
    Ignored,
    /// Those that may be about these records.
    All,
    /// Those since this time, Unix milliseconds.
    Since(i64),
}

/// What is pushed again.
#[derive(Debug, Clone)]
pub struct ReplayRun {
    /// A part of its group's name, and what it goes on by after a stop.
    pub name: String,
    /// An input topic, or for a redrive that of the dead letters.
    pub topic: String,
    /// Which records: one range a partition, within the log.
    pub ranges: Vec<OffsetRange>,
    /// Only records that became dead letters, and of these only the parts that did.
    pub dead_letters_only: bool,
    /// Which receipts count.
    pub receipts: Receipts,
    /// Where states that come meanwhile are looked for, by topic; only the beginnings count.
    /// None where no state is pushed.
    pub states_from: Vec<(String, OffsetRange)>,
    /// Which of them.
    pub selection: Arc<Selection>,
}

impl ReplayRun {
    /// Where a partition begins; `None` if it has no part in this.
    pub(crate) fn start_of(&self, partition: i32) -> Option<i64> {
        self.ranges.iter().find(|range| range.partition == partition).map(|range| range.from)
    }

    /// Where reading ends, by topic and partition.
    pub(crate) fn ends(&self) -> Ends {
        self.ranges.iter().map(|range| ((self.topic.clone(), range.partition), range.to)).collect()
    }

    /// The ends that are reached when everything is settled.
    pub(crate) fn to_be_reached(&self) -> worker::Ends {
        let ranges = self.ranges.iter().filter(|range| !range.is_empty());
        let offsets = ranges.map(|range| ((self.topic.clone(), range.partition), range.to));
        worker::Ends { offsets: offsets.collect(), stop_there: true }
    }
}
