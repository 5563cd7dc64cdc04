//! The ledger for the eyes of people: which devices were heard of, and what of one.
//!
//! A shard of the table is held only as long as its ids are looked through, and of what is
//! found no more than a page is copied.

use std::cmp::{Ordering, Reverse};

use super::device::{DevicePage, StateRow};
use super::{CheckedReport, Hash128, Ledger};
use crate::browse::{Found, GatherSorted, Needle, Window};
use crate::read::thing_model::{DataCategory, Quantity};

/// An accepted report, its values in steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SeenReport {
    pub(crate) category: &'static DataCategory,
    pub(crate) report: CheckedReport,
    /// How often it had been accepted then, itself included.
    pub(crate) occurrence: u32,
}

impl SeenReport {
    /// Its values by ascending `SubType`, in the contract's units.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&'static Quantity, f64)> {
        let in_units = |(quantity, steps): (&'static Quantity, i32)| {
            (quantity, f64::from(steps) / f64::from(10_u32.pow(quantity.decimals)))
        };
        self.category.quantities.iter().zip(self.report.steps).map(in_units)
    }
}

/// A device in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeviceRow {
    pub(crate) id: Box<str>,
    /// When something was accepted last, in Unix seconds.
    pub(crate) heard: i64,
    pub(crate) state: Option<StateRow>,
    pub(crate) report: Option<SeenReport>,
}

/// What is remembered of one device, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeviceSeen {
    pub(crate) heard: i64,
    pub(crate) states: Vec<StateRow>,
    pub(crate) reports: Vec<SeenReport>,
}

impl Ledger {
    /// The devices with this text in their id, the last heard of first.
    pub(crate) fn devices(&self, needle: &Needle, window: Window) -> Found<DeviceRow> {
        let mut gather = GatherSorted::new(window);
        for page in &self.pages {
            let Some(id) = page.id().filter(|id| needle.is_in(id)) else { continue };
            let heard = page.heard();
            gather.offer(|other| order((heard, id), other).is_lt(), || Place::of(heard, id));
        }
        let Found { rows, total } = gather.found();
        let rows = rows.into_iter().filter_map(|place| self.row(place.id)).collect();
        Found { rows, total }
    }

    fn row(&self, id: Box<str>) -> Option<DeviceRow> {
        let page = self.pages.get(&Hash128::of(id.as_bytes()))?;
        let (state, report) = (page.states().next_back(), page.rows().next_back());
        Some(DeviceRow { heard: page.heard(), state, report, id })
    }

    /// The last so many states and reports of a device; `None` if nothing of it was accepted.
    pub(crate) fn device(&self, id: &str, most: usize) -> Option<DeviceSeen> {
        let page = self.pages.get(&Hash128::of(id.as_bytes()))?;
        let page: &DevicePage = &page;
        page.id()?;
        let mut states: Vec<_> = page.states().rev().take(most).collect();
        let mut reports: Vec<_> = page.rows().rev().take(most).collect();
        let heard = page.heard();
        states.reverse();
        reports.reverse();
        Some(DeviceSeen { heard, states, reports })
    }
}

/// A device's place in the list.
#[derive(PartialEq, Eq)]
struct Place {
    heard: i64,
    id: Box<str>,
}

impl Place {
    fn of(heard: i64, id: &str) -> Self {
        Self { heard, id: id.into() }
    }
}

fn order((heard, id): (i64, &str), other: &Place) -> Ordering {
    Reverse(heard).cmp(&Reverse(other.heard)).then_with(|| id.cmp(&other.id))
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        order((self.heard, &self.id), other)
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use crate::SandboxSettings;
    use crate::browse::{Needle, Window};
    use crate::ledger::{CheckedReport, Ledger, Topic};

    #[test]
    fn only_devices_of_which_something_was_accepted_are_listed() {
        let ledger = Ledger::new(&SandboxSettings::default());
        drop(ledger.under_way("P/refused", Topic::State));
        ledger.accept_state("P/on", 1);
        ledger.accept_reports("Q/power", 4, &[CheckedReport { time: 9, steps: [125, 0, 0] }]);
        let window = Window::new(1, 50);
        let all = ledger.devices(&Needle::default(), window);
        let mut ids: Vec<&str> = all.rows.iter().map(|row| &*row.id).collect();
        ids.sort_unstable();
        assert_eq!((ids, all.total), (vec!["P/on", "Q/power"], 2));

        let found = ledger.devices(&Needle::new("q/"), window).rows;
        assert_eq!(found[0].report.map(|seen| seen.category.code), Some(400));
        assert_eq!(found[0].state, None);
        assert!(ledger.device("P/refused", 10).is_none());
        assert_eq!(ledger.device("P/on", 10).unwrap().states[0].online_status, 1);
    }

    #[test]
    fn of_a_devices_history_only_the_last_part_is_copied() {
        let ledger = Ledger::new(&SandboxSettings::default());
        let report = |time| CheckedReport { time, steps: [1, 0, 0] };
        ledger.accept_reports("P/a", 4, &(0..10).map(report).collect::<Vec<_>>());
        let seen = ledger.device("P/a", 3).unwrap();
        let times: Vec<i64> = seen.reports.iter().map(|seen| seen.report.time).collect();
        assert_eq!(times, [7, 8, 9]);
    }
}
