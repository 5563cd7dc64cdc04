//! What must come of the records that a fleet has made so far.

use emberline_model::{
    Category, CustomerId, DeviceId, DeviceState, EventTime, OnlineStatus, Report,
};

use crate::paperwork::customer_of;
use crate::plan::FleetPlan;
use crate::text::device_id;

/// What must come of the records made so far.
///
/// Reports and states that were sent again are expected once. Those of devices that are
/// bound later are expected too: they wait for their binding.
pub struct Expectation {
    plan: FleetPlan,
    counts: Counts,
    /// By device and [`Category::index`]; empty where nothing is tracked.
    reports: Vec<[Vec<Report>; Category::ALL.len()]>,
    /// By device; empty where nothing is tracked.
    states: Vec<Option<(EventTime, OnlineStatus)>>,
}

/// Numbers of what was made for the devices' topic. Bindings and the like are not in
/// them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records, of whatever content.
    pub records: u64,
    /// Different reports.
    pub reports: u64,
    /// Different states.
    pub states: u64,
    /// Reports in records that were sent again.
    pub duplicate_reports: u64,
    /// States in records that were sent again.
    pub duplicate_states: u64,
    /// Records that are no telemetry.
    pub skipped: u64,
    /// Properties outside of the standard model.
    pub unknown_properties: u64,
    /// Properties whose value is none.
    pub refused: u64,
    /// Records that can't be read.
    pub undecodable: u64,
}

impl Counts {
    /// Everything that ends in an outcome of its own. Each of the numbers here counts it
    /// as often as it was sent.
    pub const fn items(&self) -> u64 {
        self.reports
            + self.states
            + self.duplicates()
            + self.skipped
            + self.unknown_properties
            + self.dead_letters()
    }

    /// Reports and states that were there before.
    pub const fn duplicates(&self) -> u64 {
        self.duplicate_reports + self.duplicate_states
    }

    /// What can only end as a dead letter.
    pub const fn dead_letters(&self) -> u64 {
        self.refused + self.undecodable
    }
}

/// All reports of one category of one device, in the order in which they must arrive.
pub struct Story<'a> {
    /// The device.
    pub device: DeviceId,
    /// Whose it is, at the latest after the late bindings.
    pub customer: CustomerId,
    /// The reports' category.
    pub category: Category,
    /// Each is there once.
    pub reports: &'a [Report],
}

/// What one record is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Made {
    Report { good: u8, refused: u8, unknown: u8 },
    State,
    NoTelemetry,
    Undecodable,
}

impl Expectation {
    pub(crate) fn new(plan: FleetPlan) -> Self {
        let tracked = if plan.track { plan.devices as usize } else { 0 };
        let mut reports = Vec::new();
        reports.resize_with(tracked, Default::default);
        Self { plan, counts: Counts::default(), reports, states: vec![None; tracked] }
    }

    /// The numbers.
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Every report expected. Empty unless [`FleetPlan::track`] is set.
    pub fn stories(&self) -> impl Iterator<Item = Story<'_>> {
        (0..).zip(&self.reports).flat_map(move |(device, by_category)| {
            let told = Category::ALL.into_iter().zip(by_category);
            told.filter(|(_, reports)| !reports.is_empty()).map(move |(category, reports)| Story {
                device: device_id(device),
                customer: customer_of(&self.plan, device),
                category,
                reports,
            })
        })
    }

    /// The newest state of every device that told one. Empty unless
    /// [`FleetPlan::track`] is set.
    pub fn final_states(&self) -> impl Iterator<Item = DeviceState> {
        (0..).zip(&self.states).filter_map(|(device, state)| {
            state.map(|(time, status)| DeviceState { device: device_id(device), status, time })
        })
    }

    pub(crate) fn count(&mut self, made: Made, again: bool) {
        let counts = &mut self.counts;
        counts.records += 1;
        match made {
            Made::Report { good, refused, unknown } => {
                let reports =
                    if again { &mut counts.duplicate_reports } else { &mut counts.reports };
                *reports += u64::from(good);
                counts.refused += u64::from(refused);
                counts.unknown_properties += u64::from(unknown);
            }
            Made::State if again => counts.duplicate_states += 1,
            Made::State => counts.states += 1,
            Made::NoTelemetry => counts.skipped += 1,
            Made::Undecodable => counts.undecodable += 1,
        }
    }

    pub(crate) const fn is_tracking(&self) -> bool {
        self.plan.track
    }

    pub(crate) fn expect_report(&mut self, device: u32, report: Report) {
        if let Some(by_category) = self.reports.get_mut(device as usize) {
            by_category[report.category().index()].push(report);
        }
    }

    pub(crate) fn expect_state(&mut self, device: u32, time: EventTime, status: OnlineStatus) {
        if let Some(newest) = self.states.get_mut(device as usize) {
            *newest = Some((time, status));
        }
    }
}
