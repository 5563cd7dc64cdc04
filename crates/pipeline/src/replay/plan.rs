//! What a replay would do: the same records through the same reader and the same window of
//! duplicates, and nothing sent.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use emberline_broker::{BrokerError, KafkaSettings, OffsetRange, ScanRecord, Scanner, TableReader};

use super::look::Look;
use super::{ReplayError, ReplayRun};
use crate::settings::PipelineSettings;
use crate::table::Bindings;

/// Longest silence of the brokers.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// Records between two words on how far reading has come.
const TELL_EVERY: u64 = 20_000;

/// What a replay would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Records in the ranges.
    pub records: u64,
    /// Of these, records that are not meant.
    pub not_selected: u64,
    /// Reports to be pushed.
    pub reports: u64,
    /// Of these, reports of devices that nobody has bound: they go to a retry topic.
    pub unbound: u64,
    /// Reports and states that come a second time within the window of duplicates, and binding
    /// events that change nothing.
    pub duplicates: u64,
    /// States to be pushed: the newest of each device.
    pub states: u64,
    /// States that a newer one has replaced.
    pub superseded: u64,
    /// Where only what has no receipt is meant: of the reports and states to be pushed, those of
    /// records from before the time that receipts reach back to. Whether these were accepted
    /// nobody knows.
    pub before_receipts: u64,
    /// Since when there are receipts, Unix milliseconds; `None` if there are none, or they were
    /// not asked.
    pub receipts_since: Option<i64>,
    /// Binding events, customers and orders. Of the latter two, what the service has already is
    /// found out when it is asked: it is counted here, and a duplicate in the run.
    pub events: u64,
    /// Properties that can't be sent, and records that can't be read: dead letters.
    pub dead: u64,
    /// Dead letters that were redriven as often as they may be, and stay.
    pub redriven_too_often: u64,
    /// Calls that this takes at least, with full batches.
    pub calls: u64,
    /// Devices with reports.
    pub devices: usize,
    /// Of these, devices that nobody has bound.
    pub unbound_devices: usize,
    /// There are more of them: these are no more counted.
    pub devices_at_least: bool,
    /// Kafka's times of the first and of the last record that is meant, Unix milliseconds.
    pub times: Option<(i64, i64)>,
}

impl Plan {
    /// Records that are meant.
    pub fn selected(&self) -> u64 {
        self.records - self.not_selected
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.reports + self.states + self.events + self.dead == 0
    }
}

/// A plan, and what its run needs to know.
#[derive(Debug, Clone)]
pub struct Planned {
    /// What it would do.
    pub plan: Plan,
    /// The same run, with what was found out: newest states, receipts, newer letters.
    pub run: ReplayRun,
    /// Receipts that could not be read: what they are about may be sent again.
    pub unreadable_receipts: u64,
}

/// Hears how far reading has come, and may break it off.
pub(super) struct Tell<'a>(&'a dyn Fn(&'static str, u64, u64) -> ControlFlow<()>);

impl Tell<'_> {
    /// Reads these ranges of a topic until `each` breaks, and tells of every so many records
    /// what they are, how many were read, and of how many.
    ///
    /// # Errors
    /// No answer from Kafka, or told to stop.
    pub(super) fn read(
        &self,
        (kafka, topic): (&KafkaSettings, &str),
        what: &'static str,
        ranges: &[OffsetRange],
        mut each: impl FnMut(&ScanRecord<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReplayError> {
        let all: u64 = ranges.iter().map(OffsetRange::len).sum();
        let (mut read, mut stopped) = (0_u64, false);
        Scanner::new(kafka, topic)?.read(ranges, PATIENCE, |record| {
            read += 1;
            stopped = read.is_multiple_of(TELL_EVERY) && (self.0)(what, read, all).is_break();
            let goes_on = each(record);
            if stopped { ControlFlow::Break(()) } else { goes_on }
        })?;
        if stopped { Err(ReplayError::Stopped) } else { Ok(()) }
    }
}

pub(super) const GO_ON: ControlFlow<()> = ControlFlow::Continue(());

/// Counts what a replay would do, and completes what it needs to know.
///
/// `tell` hears every now and then what is being read, how many of them were, and how many
/// there are; it may break that off.
///
/// # Errors
/// [`ReplayError`]
pub async fn plan(
    settings: &PipelineSettings,
    run: ReplayRun,
    tell: impl Fn(&'static str, u64, u64) -> ControlFlow<()> + Send + 'static,
) -> Result<Planned, ReplayError> {
    // What events of bindings change is told by the sets.
    let has_bindings = settings.topics.bindings.contains(&run.topic)
        || settings.topics.dead_letters() == run.topic;
    let bindings = Arc::new(Bindings::new(has_bindings));
    let table = Arc::clone(&bindings);
    let topic = settings.topics.customer_devices();
    let reader = TableReader::start(&settings.kafka, &topic, move |record| {
        table.read(record.key, record.value, Some(record.offset));
    })?;
    reader.read_to_current_end().await?;
    reader.stop().await;
    let settings = settings.clone();
    let planned = tokio::task::spawn_blocking(move || {
        Look { settings: &settings, bindings: &bindings, tell: Tell(&tell) }.plan(run)
    });
    planned.await.map_err(|_| BrokerError::ThreadEnded("replay plan"))?
}
