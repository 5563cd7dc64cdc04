//! Counting what a replay would do, record by record.

use std::collections::HashMap;
use std::sync::Arc;

use emberline_broker::{ScanRecord, TopicIndex};
use emberline_flow::customer_set::Change;
use emberline_flow::dedupe::{DedupeWindow, Seen};
use emberline_flow::newest::counts_as;
use emberline_model::{BindingEvent, CustomerId, DeviceKey, DeviceState, EventTime};
use emberline_service_api::DataInfoForm;
use emberline_wire::device::{DeviceRecord, Telemetry};
use hashbrown::HashSet;

use super::copies::Part;
use super::selection::Place;
use super::{NewestState, Plan, ReplayRun, Selection};
use crate::intake::{Content, Intake, Reader, Selecting};
use crate::lane::{data_key, state_identity};
use crate::raw::RawRecord;
use crate::settings::{PipelineSettings, WorkerKind};
use crate::table::Bindings;

/// (device, category) that are told apart when calls are counted.
const MOST_LANES: usize = 4_000_000;

/// A device's states.
#[derive(Debug, Clone, Copy)]
struct States {
    /// The newest, meant or not.
    newest: NewestState,
    meant: Option<Meant>,
}

/// The newest states of a device that are meant.
#[derive(Debug, Clone, Copy)]
struct Meant {
    counts_as: EventTime,
    /// How many count as of that time.
    count: u64,
    /// How many more came a second time.
    again: u64,
    /// How many are from before the receipts.
    before_receipts: u64,
}

pub(super) struct Planner {
    selection: Arc<Selection>,
    reader: Reader,
    bindings: Arc<Bindings>,
    dedupe: Option<DedupeWindow>,
    batch: u64,
    /// Reports of each (device, category).
    lanes: HashMap<[u64; 2], u64>,
    devices: HashSet<[u64; 2]>,
    unbound_devices: HashSet<[u64; 2]>,
    /// By device.
    states: HashMap<DeviceKey, States>,
    states_meant: u64,
    /// What is older is from before the receipts.
    receipts_from_ms: i64,
    /// Customers whose set is to be pushed.
    pushed: HashSet<CustomerId>,
    plan: Plan,
}

impl Planner {
    pub(super) fn new(
        (settings, kind): (&PipelineSettings, WorkerKind),
        run: &ReplayRun,
        bindings: Arc<Bindings>,
    ) -> Self {
        let delivery = &settings.delivery;
        // Of an input topic everything is to be seen: also a state that is not meant may be a
        // device's newest.
        let selecting = (kind == WorkerKind::Redrive).then(|| Selecting {
            selection: Arc::clone(&run.selection),
            bindings: Arc::clone(&bindings),
            began_ms: 0,
        });
        let names = std::slice::from_ref(&run.topic);
        let window = delivery.dedupe_window;
        let batch = match settings.dialect.data_info {
            DataInfoForm::Array => delivery.batch_max_reports as u64,
            DataInfoForm::Object => 1,
        };
        let states = run
            .selection
            .newest_states
            .iter()
            .map(|(device, newest)| (*device, States { newest: *newest, meant: None }));
        Self {
            selection: Arc::clone(&run.selection),
            reader: Reader::new(kind, names, &settings.topics).selecting(selecting),
            bindings,
            dedupe: (!window.is_zero())
                .then(|| DedupeWindow::new(window, delivery.dedupe_max_entries)),
            batch,
            lanes: HashMap::new(),
            devices: HashSet::new(),
            unbound_devices: HashSet::new(),
            states: states.collect(),
            states_meant: 0,
            pushed: HashSet::new(),
            receipts_from_ms: i64::MIN,
            plan: Plan::default(),
        }
    }

    /// Since when there are receipts: of older records it is not known what was accepted.
    pub(super) fn receipts_since(&mut self, unix_ms: Option<i64>) {
        self.plan.receipts_since = unix_ms;
        self.receipts_from_ms = unix_ms.unwrap_or(i64::MAX);
    }

    pub(super) fn take(&mut self, record: &ScanRecord<'_>) {
        let intake = self.read(record);
        self.plan.records += 1;
        let slot = usize::try_from(record.partition()).unwrap_or_default();
        let part = intake.history.as_ref().and_then(|history| history.categories);
        let is_again = intake.history.is_some();
        if let Content::Device(DeviceRecord::State(state)) = &intake.content {
            self.note_state(state, self.counts_as(state, intake.arrival));
        }
        let content = if is_again {
            intake.content
        } else {
            let place = Place {
                partition: record.partition(),
                offset: record.offset(),
                timestamp_ms: record.timestamp_ms(),
                arrival: intake.arrival,
            };
            self.selection.of(intake.content, place, Part(None), &self.bindings)
        };
        match content {
            Content::NotSelected => {
                self.plan.not_selected += 1;
                return;
            }
            Content::RedrivenTooOften => self.plan.redriven_too_often += 1,
            Content::Superseded(_) => self.plan.superseded += 1,
            Content::Device(DeviceRecord::Telemetry(mut telemetry)) => {
                let is_left = |category| part.is_none_or(|part| part.contains(category));
                telemetry.reports.retain(|it| is_left(it.category()));
                let refused = telemetry.refused.iter().filter(|it| is_left(it.category));
                self.plan.dead += refused.count() as u64;
                let before = self.plan.reports;
                self.telemetry(slot, &telemetry, intake.arrival);
                if record.timestamp_ms() < self.receipts_from_ms {
                    self.plan.before_receipts += self.plan.reports - before;
                }
            }
            Content::Device(DeviceRecord::State(state)) => {
                self.state(slot, &state, intake.arrival);
            }
            Content::Device(DeviceRecord::Skipped(_))
            | Content::Tombstone
            | Content::ForLaterVersion
            | Content::ToKeyed(_)
            | Content::Set(_)
            | Content::UnreadableSet => {}
            Content::Binding(event) => self.binding(&event),
            Content::Customer(_) | Content::Order(_) => {
                self.plan.events += 1;
                self.plan.calls += 1;
            }
            Content::Undecodable(_) => self.plan.dead += 1,
        }
        let at = record.timestamp_ms();
        let (first, last) = self.plan.times.unwrap_or((at, at));
        self.plan.times = Some((first.min(at), last.max(at)));
    }

    pub(super) fn read(&mut self, record: &ScanRecord<'_>) -> Intake {
        let raw = RawRecord::of_scan(record);
        let at = (0, record.partition(), record.offset(), record.timestamp_ms());
        self.reader.intake(TopicIndex(0), at, raw)
    }

    fn telemetry(&mut self, slot: usize, telemetry: &Telemetry, arrival: EventTime) {
        let key = telemetry.device.key();
        for report in &telemetry.reports {
            let identity = report.identity(key);
            let seen = self.dedupe.as_mut().map(|it| it.observe(slot, identity, arrival));
            if seen == Some(Seen::Duplicate) {
                self.plan.duplicates += 1;
                continue;
            }
            self.plan.reports += 1;
            let bound = self.bindings.is_bound(key);
            let full = self.lanes.len() >= MOST_LANES;
            self.plan.devices_at_least |= full;
            if !bound {
                self.plan.unbound += 1;
                if !full {
                    self.unbound_devices.insert(key.0);
                }
            }
            if !full {
                self.devices.insert(key.0);
            }
            if !bound {
                continue;
            }
            let lane = data_key(key, report.category()).0;
            if full && !self.lanes.contains_key(&lane) {
                self.plan.calls += 1;
            } else {
                *self.lanes.entry(lane).or_default() += 1;
            }
        }
    }

    fn state(&mut self, slot: usize, state: &DeviceState, arrival: EventTime) {
        let key = state.device.key();
        let identity = state_identity(key, state.status, state.time);
        let seen = self.dedupe.as_mut().map(|it| it.observe(slot, identity, arrival));
        let is_again = seen == Some(Seen::Duplicate);
        self.states_meant += 1;
        let counts_as = self.counts_as(state, arrival);
        let Some(States { meant, .. }) = self.states.get_mut(&key) else { return };
        let one = (u64::from(!is_again), u64::from(is_again));
        let before_receipts = u64::from(arrival.millis() < self.receipts_from_ms);
        match meant {
            Some(it) if it.counts_as == counts_as => {
                it.count += one.0;
                it.again += one.1;
                it.before_receipts += one.0 * before_receipts;
            }
            Some(it) if it.counts_as > counts_as => {}
            // What is older is left out by the run: none of it makes this a duplicate.
            _ => *meant = Some(Meant { counts_as, count: 1, again: 0, before_receipts }),
        }
    }

    /// What an event changes in its customer's set, as the events before it leave it.
    fn binding(&mut self, event: &BindingEvent) {
        let Some(mut set) = self.bindings.set_of(&event.customer) else {
            // It waits, in the run too.
            self.plan.events += 1;
            return;
        };
        match set.apply(event) {
            Change::Unchanged => {
                self.plan.duplicates += 1;
                return;
            }
            Change::Added | Change::Updated => _ = self.pushed.insert(event.customer.clone()),
            // The service has no call for these.
            Change::Removed | Change::Noted => {}
        }
        self.plan.events += 1;
        self.bindings.keep(&event.customer, &set);
    }

    fn counts_as(&self, state: &DeviceState, arrival: EventTime) -> EventTime {
        counts_as(state.time, arrival, self.selection.states_known)
    }

    pub(super) fn has_states(&self) -> bool {
        !self.states.is_empty()
    }

    /// A device's state, of the ranges or around them: it may be its newest.
    fn note_state(&mut self, state: &DeviceState, counts_as: EventTime) {
        if !self.selection.takes_states_of(&state.device, &self.bindings) {
            return;
        }
        let newest = NewestState { counts_as, time: state.time, status: Some(state.status) };
        let entry = self.states.entry(state.device.key());
        let states = entry.or_insert(States { newest, meant: None });
        if newest.counts_as >= states.newest.counts_as {
            states.newest = newest;
        }
    }

    /// A record before the ranges: a state that is newer than those of its device in them.
    pub(super) fn note_before(&mut self, record: &ScanRecord<'_>) {
        let Intake { content, arrival, .. } = self.read(record);
        let Content::Device(DeviceRecord::State(state)) = content else { return };
        let counts_as = self.counts_as(&state, arrival);
        let known = self.states.get(&state.device.key());
        if known.is_some_and(|it| counts_as > it.newest.counts_as) {
            self.note_state(&state, counts_as);
        }
    }

    /// A record after the ranges.
    pub(super) fn note_later(&mut self, record: &ScanRecord<'_>) {
        let Intake { content, arrival, .. } = self.read(record);
        let Content::Device(DeviceRecord::State(state)) = content else { return };
        let mut counts_as = self.counts_as(&state, arrival);
        let Some(States { newest, .. }) = self.states.get(&state.device.key()) else { return };
        // Of two at the same time the later arrival counts as the newer.
        let is_other = newest.status.is_some_and(|it| it != state.status);
        if counts_as == newest.counts_as && is_other {
            counts_as = EventTime::from_millis(counts_as.millis() + 1);
        }
        self.note_state(&state, counts_as);
    }

    pub(super) fn finish(mut self) -> (Plan, hashbrown::HashMap<DeviceKey, NewestState>) {
        let full = |reports: u64| reports.div_ceil(self.batch.max(1));
        self.plan.calls += self.lanes.values().map(|reports| full(*reports)).sum::<u64>();
        let newest = |it: &States| it.meant.filter(|meant| meant.counts_as == it.newest.counts_as);
        let mut again = 0;
        for it in self.states.values().filter_map(newest) {
            self.plan.states += it.count;
            again += it.again;
            self.plan.before_receipts += it.before_receipts;
        }
        // Of an older state it does not matter how often it came.
        self.plan.superseded += self.states_meant - self.plan.states - again;
        self.plan.duplicates += again;
        self.plan.calls += self.plan.states + self.pushed.len() as u64;
        self.plan.devices = self.devices.len();
        self.plan.unbound_devices = self.unbound_devices.len();
        let newest = self.states.iter().map(|(key, it)| (*key, it.newest));
        let newest = newest.collect();
        (self.plan, newest)
    }
}
