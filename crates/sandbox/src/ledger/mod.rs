//! What the sandbox accepted: how often, in which order, and whether two calls for the
//! same device and category were ever under way at once. The judge of the end-to-end
//! tests.
//!
//! Invariant: its memory is bounded by settings, and what a bound cuts off is counted.
//!
//! Start at [`Ledger`]; one device's page is `device`.

mod arrivals;
mod browse;
mod calls;
mod device;
mod hash;
mod pace;
mod refusals;
mod totals;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use dashmap::DashMap;

use crate::SandboxSettings;
use crate::clock::unix_seconds;
use crate::read::thing_model::{CATEGORIES, MOST_VALUES};
pub use arrivals::{Arrival, Arrivals};
pub(crate) use browse::{DeviceRow, DeviceSeen, SeenReport};
pub(crate) use calls::{CallOutcome, Calls, RunningCall};
use device::DevicePage;
pub(crate) use device::StateRow;
use hash::{HalfHash, Hash128};
pub(crate) use pace::Second;
pub(crate) use refusals::{Refusals, RefusedCall};
pub use totals::{ActionTotals, SignatureTotals, Totals};

/// One report as a call carries it, already checked: its time and its values in steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CheckedReport {
    pub(crate) time: i64,
    /// By ascending `SubType`; the rest is 0.
    pub(crate) steps: [i32; MOST_VALUES],
}

/// What a call may not share with another one at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    /// A device's data, by the index of its category.
    Data(usize),
    /// A device's online state.
    State,
}

impl Topic {
    const COUNT: usize = CATEGORIES.len() + 1;

    const fn index(self) -> usize {
        match self {
            Self::Data(index) => index,
            Self::State => CATEGORIES.len(),
        }
    }
}

/// An accepted report.
#[derive(Debug, Clone, PartialEq)]
pub struct AcceptedReport {
    /// `DataCategory`.
    pub category: u16,
    /// `ReportTime`, Unix seconds.
    pub report_time: i64,
    /// The values by ascending `SubType`: the circuit number first, where there is one.
    pub values: Vec<f64>,
    /// How often this same report had been accepted then, itself included: 1 unless it
    /// was sent again.
    pub occurrence: u32,
}

/// Everything accepted since the start.
pub struct Ledger {
    pages: DashMap<Hash128, DevicePage, HalfHash>,
    pub(crate) calls: Calls,
    pub(crate) refusals: Refusals,
    reports_accepted: AtomicU64,
    sent_twice: AtomicU64,
    order_inversions: AtomicU64,
    overlapping_calls: AtomicU64,
    states_accepted: AtomicU64,
    identities: AtomicU64,
    identities_forgotten: AtomicU64,
    devices_reported: AtomicU64,
    history: usize,
    max_identities: u64,
}

impl Ledger {
    pub(crate) fn new(settings: &SandboxSettings) -> Self {
        Self {
            pages: DashMap::with_hasher(HalfHash),
            calls: Calls::new(settings.max_arrivals),
            refusals: Refusals::default(),
            reports_accepted: AtomicU64::new(0),
            sent_twice: AtomicU64::new(0),
            order_inversions: AtomicU64::new(0),
            overlapping_calls: AtomicU64::new(0),
            states_accepted: AtomicU64::new(0),
            identities: AtomicU64::new(0),
            identities_forgotten: AtomicU64::new(0),
            devices_reported: AtomicU64::new(0),
            history: settings.history_per_device,
            max_identities: settings.max_identities,
        }
    }

    /// Changes the page of a device of which something is accepted.
    fn on_page<T>(&self, device: &str, accept: impl FnOnce(&mut DevicePage) -> T) -> T {
        let mut page = self.pages.entry(Hash128::of(device.as_bytes())).or_default();
        if page.hears_of(device, unix_seconds()) {
            self.devices_reported.fetch_add(1, Relaxed);
        }
        accept(&mut page)
    }

    /// Marks a call for a device and topic as under way until the guard is dropped.
    pub(crate) fn under_way(&self, device: &str, topic: Topic) -> UnderWay<'_> {
        let key = Hash128::of(device.as_bytes());
        let others = self.pages.entry(key).or_default().enter(topic);
        if others > 0 {
            self.overlapping_calls.fetch_add(1, Relaxed);
        }
        UnderWay { ledger: self, key, topic }
    }

    /// Takes the reports of one call, all of one category.
    pub(crate) fn accept_reports(
        &self,
        device: &str,
        category_index: usize,
        reports: &[CheckedReport],
    ) {
        // Another call may pass the bound at the same moment: it is a bound on memory,
        // not a count.
        let known = self.identities.load(Relaxed);
        let mut room = self.max_identities.saturating_sub(known);
        let taken = self
            .on_page(device, |page| page.accept(category_index, reports, &mut room, self.history));
        self.reports_accepted.fetch_add(reports.len() as u64, Relaxed);
        self.sent_twice.fetch_add(taken.repeated, Relaxed);
        self.order_inversions.fetch_add(taken.inversions, Relaxed);
        self.identities.fetch_add(taken.remembered, Relaxed);
        self.identities_forgotten.fetch_add(taken.forgotten, Relaxed);
    }

    pub(crate) fn accept_state(&self, device: &str, online_status: u8) {
        self.on_page(device, |page| page.accept_state(online_status, self.history));
        self.states_accepted.fetch_add(1, Relaxed);
    }

    /// The reports of a device (`ProductId/DeviceName`) in the order of their acceptance,
    /// as far back as history is kept.
    pub fn reports_of(&self, device: &str) -> Vec<AcceptedReport> {
        let page = self.pages.get(&Hash128::of(device.as_bytes()));
        page.map(|page| page.reports().collect()).unwrap_or_default()
    }

    /// How many reports and states of a device were accepted, as far back as history is kept.
    pub fn accepted_of(&self, device: &str) -> usize {
        let page = self.pages.get(&Hash128::of(device.as_bytes()));
        page.map(|page| page.accepted()).unwrap_or_default()
    }

    /// The values of `OnlineStatus` accepted for a device, in order, likewise.
    pub fn states_of(&self, device: &str) -> Vec<u8> {
        let page = self.pages.get(&Hash128::of(device.as_bytes()));
        page.map(|page| page.states().map(|row| row.online_status).collect()).unwrap_or_default()
    }

    /// When calls came, as far back as it is remembered.
    pub fn arrivals(&self) -> Arrivals {
        self.calls.arrivals()
    }

    /// The sums. While calls are under way they may be a call apart from each other.
    pub fn totals(&self) -> Totals {
        let reports_accepted = self.reports_accepted.load(Relaxed);
        let sent_twice = self.sent_twice.load(Relaxed);
        Totals {
            reports_accepted,
            distinct_reports: reports_accepted.saturating_sub(sent_twice),
            sent_twice,
            order_inversions: self.order_inversions.load(Relaxed),
            overlapping_calls: self.overlapping_calls.load(Relaxed),
            states_accepted: self.states_accepted.load(Relaxed),
            identities_forgotten: self.identities_forgotten.load(Relaxed),
            devices_reported: self.devices_reported.load(Relaxed),
            ..self.calls.totals()
        }
    }
}

/// A call for a device and topic that is under way.
pub(crate) struct UnderWay<'a> {
    ledger: &'a Ledger,
    key: Hash128,
    topic: Topic,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some(mut page) = self.ledger.pages.get_mut(&self.key) {
            page.leave(self.topic);
        }
    }
}

/// Appends to a list of which only the last `bound` are kept.
fn push_bounded<T>(list: &mut VecDeque<T>, item: T, bound: usize) {
    if bound == 0 {
        return;
    }
    if list.len() >= bound {
        list.pop_front();
    }
    list.push_back(item);
}
