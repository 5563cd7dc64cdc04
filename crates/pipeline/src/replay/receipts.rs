//! Reading what was accepted, before anything is pushed again.

use std::ops::ControlFlow;
use std::time::Duration;

use emberline_broker::{
    AtTime, Bounds, BrokerError, KafkaSettings, OffsetRange, PartitionBounds, ScanRecord, Scanner,
};
use emberline_flow::newest::counts_as;
use emberline_model::{DeviceKey, EventTime, OnlineStatus};
use emberline_wire::receipt::{Receipt, Received};
use hashbrown::HashMap;

use super::plan::{GO_ON, PATIENCE, Tell};
use super::{Marks, NewestState, ReplayError};

/// A record's time is its producer's, and a receipt's is ours: so far they may be apart.
pub(super) const CLOCKS_APART_MS: i64 = 3_600_000;

/// What the receipts tell.
#[derive(Debug, Default)]
pub(super) struct Accepted {
    pub(super) marks: Marks,
    /// The newest state that was accepted, of the devices that matter.
    pub(super) newest_states: HashMap<DeviceKey, NewestState>,
    /// Receipts that could not be read.
    pub(super) unreadable: u64,
}

/// Which receipts are wanted, and what of them.
pub(super) trait Wanted {
    /// Whether a record is looked at.
    fn record(&self, record: &ScanRecord<'_>) -> bool;
    /// Whether the mark of a report or state is.
    fn mark(&self, mark: u64) -> bool;
    /// Whether a device's newest state is.
    fn state_of(&self, device: DeviceKey) -> bool;
}

/// Reads the wanted receipts from this time on, up to the topic's present end. A state's time
/// may lie so long after its arrival, which was before its receipt.
///
/// # Errors
/// No answer from Kafka, or more than can be held.
pub(super) fn since(
    kafka: &KafkaSettings,
    topic: &str,
    (from_ms, states_known): (i64, Duration),
    wanted: &impl Wanted,
    tell: &Tell<'_>,
) -> Result<Accepted, ReplayError> {
    let ranges = ranges_since(kafka, topic, from_ms)?;
    let mut accepted = Accepted::default();
    tell.read((kafka, topic), "receipts", &ranges, |record| {
        if wanted.record(record) {
            accepted.take(record.value(), states_known, wanted);
        }
        if accepted.has_too_many() { ControlFlow::Break(()) } else { GO_ON }
    })?;
    if accepted.has_too_many() { Err(ReplayError::TooManyMarks) } else { Ok(accepted) }
}

impl Accepted {
    fn has_too_many(&self) -> bool {
        self.marks.len() > Marks::MOST
    }

    fn take(&mut self, value: Option<&[u8]>, states_known: Duration, wanted: &impl Wanted) {
        let Some(Ok(Receipt { received, time_ms: accepted_ms, .. })) = value.map(Receipt::decode)
        else {
            self.unreadable += 1;
            return;
        };
        self.marks.add(&received, |mark| wanted.mark(mark));
        if let Received::State { device_id, status, time_ms } = &received {
            let device = DeviceKey::of(device_id);
            let status = OnlineStatus::from_code(*status);
            let time = EventTime::from_millis(*time_ms);
            let counts_as = counts_as(time, EventTime::from_millis(accepted_ms), states_known);
            let accepted = NewestState { counts_as, time, status };
            if wanted.state_of(device) {
                let newest = self.newest_states.entry(device).or_insert(accepted);
                if accepted.counts_as >= newest.counts_as {
                    *newest = accepted;
                }
            }
        }
    }
}

fn ranges_since(
    kafka: &KafkaSettings,
    topic: &str,
    from_ms: i64,
) -> Result<Vec<OffsetRange>, BrokerError> {
    let bounds = Bounds::new(kafka)?;
    let partitions = bounds.of_topics(&[topic.to_owned()], PATIENCE)?;
    let starts = match bounds.at_time(&partitions, from_ms, PATIENCE)? {
        AtTime::Offsets(offsets) => offsets,
        AtTime::Unknown => partitions.iter().map(|it| it.low).collect(),
    };
    let range = |(it, from): (&PartitionBounds, i64)| OffsetRange {
        partition: it.partition,
        from,
        to: it.high,
    };
    Ok(partitions.iter().zip(starts).map(range).collect())
}

/// Since when every partition has all receipts there were, Unix milliseconds; `None` if there is
/// not one. Where the beginning of a partition's log is gone, it has them only from its first
/// one on; another has them all, from the first that was ever written. One that has lost all of
/// its receipts tells nothing: they are older than those of the others.
///
/// # Errors
/// No answer from Kafka.
pub(super) fn reach_back_to(
    kafka: &KafkaSettings,
    topic: &str,
) -> Result<Option<i64>, BrokerError> {
    let partitions = Bounds::new(kafka)?.of_topics(&[topic.to_owned()], PATIENCE)?;
    let mut scanner = Scanner::new(kafka, topic)?;
    let (mut first, mut lost_before) = (None, None);
    for it in partitions {
        let whole = OffsetRange { partition: it.partition, from: it.low, to: it.high };
        let time = first_time(&mut scanner, &[whole])?;
        first = first.into_iter().chain(time).min();
        if it.low > 0 {
            lost_before = lost_before.max(time);
        }
    }
    Ok(first.max(lost_before))
}

/// The time of the oldest first record of these ranges, Unix milliseconds; `None` if they hold
/// none.
pub(super) fn first_time(
    scanner: &mut Scanner,
    ranges: &[OffsetRange],
) -> Result<Option<i64>, BrokerError> {
    let mut first: Option<i64> = None;
    for range in ranges {
        scanner.read(std::slice::from_ref(range), PATIENCE, |record| {
            let time = record.timestamp_ms();
            first = Some(first.map_or(time, |first| first.min(time)));
            ControlFlow::Break(())
        })?;
    }
    Ok(first)
}
