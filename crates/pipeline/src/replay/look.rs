//! The passes over the topics that planning takes: dead letters, receipts, the records.

use std::sync::Arc;

use emberline_broker::{
    AtTime, Bounds, BrokerError, KafkaSettings, OffsetRange, PartitionBounds, ScanRecord, Scanner,
};
use emberline_model::DeviceKey;
use emberline_wire::device::DeviceRecord;
use hashbrown::HashSet;

use super::plan::{GO_ON, PATIENCE, Planned, Tell};
use super::planner::Planner;
use super::receipts::{Accepted, CLOCKS_APART_MS, Wanted};
use super::{Marks, Receipts, ReplayError, ReplayRun, letters, receipts};
use crate::asked::ASK;
use crate::intake::Content;
use crate::settings::{PipelineSettings, WorkerKind};
use crate::table::Bindings;

/// Planning, with bindings at hand. Blocks.
pub(super) struct Look<'a> {
    pub(super) settings: &'a PipelineSettings,
    pub(super) bindings: &'a Arc<Bindings>,
    pub(super) tell: Tell<'a>,
}

impl Look<'_> {
    pub(super) fn plan(&self, mut run: ReplayRun) -> Result<Planned, ReplayError> {
        let states_from = self.states_from(&run)?;
        Arc::make_mut(&mut run.selection).states_known = self.settings.delivery.states_known();
        if self.kind() == WorkerKind::Redrive {
            let copies = letters::copies(self.settings, &run.ranges, &self.tell)?;
            Arc::make_mut(&mut run.selection).copies = copies;
        }
        if run.dead_letters_only {
            let found = letters::places(self.settings, &run.topic, &run.ranges, &self.tell)?;
            Arc::make_mut(&mut run.selection).places = Some(found);
        }
        let Accepted { marks, newest_states, unreadable } = self.accepted(&run)?;
        // Marks may be many: the selection is nobody else's here, and is not copied.
        let selection = Arc::make_mut(&mut run.selection);
        (selection.accepted, selection.newest_states) = (marks, newest_states);

        let mut planner =
            Planner::new((self.settings, self.kind()), &run, Arc::clone(self.bindings));
        if run.selection.missing_only && self.kind() == WorkerKind::Replay {
            let topic = self.settings.topics.receipts();
            planner.receipts_since(receipts::reach_back_to(&self.settings.kafka, &topic)?);
        }
        self.read(&run.topic, &run.ranges, |record| planner.take(record))?;
        if planner.has_states() {
            let (before, after) = around(self.settings, &run)?;
            self.read(&run.topic, &before, |record| planner.note_before(record))?;
            self.read(&run.topic, &after, |record| planner.note_later(record))?;
        }
        let (plan, newest_states) = planner.finish();
        run.states_from = if plan.states + plan.superseded > 0 { states_from } else { Vec::new() };
        Arc::make_mut(&mut run.selection).newest_states = newest_states;
        Ok(Planned { plan, run, unreadable_receipts: unreadable })
    }

    /// From where newer states are looked for. What is replayed was looked through up to the
    /// end by the plan; of what is redriven only that was accepted which has a receipt, so all
    /// counts that live delivery has not settled yet, and without receipts all there is.
    fn states_from(&self, run: &ReplayRun) -> Result<Vec<(String, OffsetRange)>, BrokerError> {
        let topics = &self.settings.topics;
        let is_redrive = self.kind() == WorkerKind::Redrive;
        let mut topics = if is_redrive { topics.read_by_devices() } else { topics.of_devices() };
        topics.retain(|topic| is_redrive || *topic == run.topic);
        let group = WorkerKind::Devices.group(&self.settings.kafka.group);
        let kafka = KafkaSettings { group, ..self.settings.kafka.clone() };
        let asked = Bounds::new(&kafka)?;
        let bounds = asked.of_topics(&topics, ASK)?;
        let names: Vec<_> = bounds.iter().map(PartitionBounds::name).collect();
        let settled = if is_redrive && self.settings.delivery.receipts {
            asked.committed(&names, ASK)?
        } else {
            vec![None; names.len()]
        };
        let start = |(it, settled): (PartitionBounds, Option<i64>)| {
            let from = if is_redrive { settled.unwrap_or(it.low).max(it.low) } else { it.high };
            (it.topic, OffsetRange { partition: it.partition, from, to: it.high })
        };
        Ok(bounds.into_iter().zip(settled).map(start).collect())
    }

    fn kind(&self) -> WorkerKind {
        self.settings.workers.first().copied().unwrap_or(WorkerKind::Replay)
    }

    fn read(
        &self,
        topic: &str,
        ranges: &[OffsetRange],
        mut each: impl FnMut(&ScanRecord<'_>),
    ) -> Result<(), ReplayError> {
        self.tell.read((&self.settings.kafka, topic), "records", ranges, |record| {
            each(record);
            GO_ON
        })
    }

    /// What has a receipt.
    fn accepted(&self, run: &ReplayRun) -> Result<Accepted, ReplayError> {
        if self.kind() == WorkerKind::Redrive {
            return self.accepted_of_letters(run);
        }
        let from_ms = match run.receipts {
            Receipts::Ignored => return Ok(Accepted::default()),
            Receipts::Since(from_ms) => from_ms,
            Receipts::All => {
                let mut scanner = Scanner::new(&self.settings.kafka, &run.topic)?;
                let first = receipts::first_time(&mut scanner, &run.ranges)?;
                let Some(first) = first else { return Ok(Accepted::default()) };
                first - CLOCKS_APART_MS
            }
        };
        let devices = run.selection.devices.iter().map(|it| it.as_str().as_bytes());
        self.receipts(from_ms, &OfDevices(devices.collect()))
    }

    /// Letters are from far apart: of all receipts since the first of them only theirs are
    /// held. Whatever is sent again, the newest states count.
    fn accepted_of_letters(&self, run: &ReplayRun) -> Result<Accepted, ReplayError> {
        if !self.settings.delivery.receipts {
            return Ok(Accepted::default());
        }
        let (wanted, first) = self.letters(run)?;
        let Some(first) = first else { return Ok(Accepted::default()) };
        let mut accepted = self.receipts(first - CLOCKS_APART_MS, &wanted)?;
        accepted.marks = match run.receipts {
            Receipts::All => accepted.marks,
            Receipts::Ignored => Marks::default(),
            Receipts::Since(from_ms) => self.receipts(from_ms, &wanted)?.marks,
        };
        Ok(accepted)
    }

    fn receipts(&self, from_ms: i64, wanted: &impl Wanted) -> Result<Accepted, ReplayError> {
        let topic = self.settings.topics.receipts();
        let since = (from_ms, self.settings.delivery.states_known());
        receipts::since(&self.settings.kafka, &topic, since, wanted, &self.tell)
    }

    /// What the meant letters are about, and the first time of their records.
    fn letters(&self, run: &ReplayRun) -> Result<(OfLetters, Option<i64>), ReplayError> {
        let mut planner =
            Planner::new((self.settings, self.kind()), run, Arc::clone(self.bindings));
        let (mut wanted, mut first) = (OfLetters::default(), None);
        self.read(&run.topic, &run.ranges, |record| {
            let intake = planner.read(record);
            match &intake.content {
                Content::Device(DeviceRecord::Telemetry(telemetry)) => {
                    let key = telemetry.device.key();
                    let reports = telemetry.reports.iter();
                    reports.for_each(|report| wanted.marks.add_report(key, report));
                }
                Content::Device(DeviceRecord::State(state)) => {
                    wanted.marks.add_state(state);
                    wanted.with_states.insert(state.device.key());
                }
                _ => return,
            }
            let time = intake.arrival.millis();
            first = Some(first.map_or(time, |first: i64| first.min(time)));
        })?;
        if wanted.marks.len() > Marks::MOST {
            return Err(ReplayError::TooManyMarks);
        }
        Ok((wanted, first))
    }
}

/// All receipts of these devices; of all devices if there are none.
struct OfDevices<'a>(HashSet<&'a [u8]>);

impl Wanted for OfDevices<'_> {
    fn record(&self, record: &ScanRecord<'_>) -> bool {
        self.0.is_empty() || record.key().is_some_and(|it| self.0.contains(it))
    }

    fn mark(&self, _: u64) -> bool {
        true
    }

    fn state_of(&self, _: DeviceKey) -> bool {
        // A topic of devices tells itself which states are the newest.
        false
    }
}

/// What dead letters are about.
#[derive(Default)]
struct OfLetters {
    marks: Marks,
    with_states: HashSet<DeviceKey>,
}

impl Wanted for OfLetters {
    fn record(&self, _: &ScanRecord<'_>) -> bool {
        true
    }

    fn mark(&self, mark: u64) -> bool {
        self.marks.contains(mark)
    }

    fn state_of(&self, device: DeviceKey) -> bool {
        self.with_states.contains(&device)
    }
}

/// What comes before the ranges, as far back as a worker knows devices' states, and after them,
/// up to the logs' ends.
fn around(
    settings: &PipelineSettings,
    run: &ReplayRun,
) -> Result<(Vec<OffsetRange>, Vec<OffsetRange>), BrokerError> {
    let asked = Bounds::new(&settings.kafka)?;
    let mut bounds = asked.of_topics(std::slice::from_ref(&run.topic), ASK)?;
    bounds.retain(|it| run.start_of(it.partition).is_some());
    let mut scanner = Scanner::new(&settings.kafka, &run.topic)?;
    let known = settings.delivery.states_known().as_millis();
    let since = receipts::first_time(&mut scanner, &run.ranges)?
        .map(|first| first.saturating_sub(i64::try_from(known).unwrap_or(i64::MAX)));
    let starts = match since.map(|since| asked.at_time(&bounds, since, PATIENCE)).transpose()? {
        Some(AtTime::Offsets(starts)) => starts,
        Some(AtTime::Unknown) => bounds.iter().map(|it| it.low).collect(),
        None => bounds.iter().map(|it| it.high).collect(),
    };
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for (bounds, start) in bounds.iter().zip(starts) {
        let ranges = run.ranges.iter().filter(|range| range.partition == bounds.partition);
        for range in ranges {
            before.push(OffsetRange { from: start, to: range.from.min(bounds.high), ..*range });
            let from = range.to.max(bounds.low);
            after.push(OffsetRange { from, to: bounds.high, ..*range });
        }
    }
    Ok((before, after))
}
