//! The ledger's page of one device.

use std::collections::{HashMap, VecDeque};

use super::hash::{HalfHash, Hash128};
use super::{AcceptedReport, CheckedReport, SeenReport, Topic, push_bounded};
use crate::read::thing_model::{CATEGORIES, MOST_VALUES};

/// What was accepted of one device, and how many calls for it are under way.
#[derive(Default)]
pub(super) struct DevicePage {
    under_way: [u16; Topic::COUNT],
    tracks: [Option<Box<Track>>; CATEGORIES.len()],
    reports: VecDeque<HistoryRow>,
    states: VecDeque<StateRow>,
    /// `None` until something of it is accepted: a call may be under way in vain.
    id: Option<Box<str>>,
    /// When something was accepted last, in Unix seconds.
    heard: i64,
}

/// An online state, and when it was accepted, in Unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StateRow {
    pub(crate) at: i64,
    pub(crate) online_status: u8,
}

/// What was accepted of one category.
#[derive(Default)]
struct Track {
    /// The latest report time of all.
    newest: Option<i64>,
    /// How often each identity was accepted.
    identities: HashMap<Hash128, u32, HalfHash>,
}

struct HistoryRow {
    report: CheckedReport,
    category_index: u8,
    occurrence: u32,
}

/// What one call's reports changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// Reports that had been accepted before.
    pub(super) repeated: u64,
    /// New reports that are older than one accepted before.
    pub(super) inversions: u64,
    /// New identities noted, and those there was no room for.
    pub(super) remembered: u64,
    pub(super) forgotten: u64,
}

impl DevicePage {
    /// Reports and states in the history.
    pub(super) fn accepted(&self) -> usize {
        self.reports.len() + self.states.len()
    }

    /// Counts a call in; tells how many others are under way.
    pub(super) fn enter(&mut self, topic: Topic) -> u16 {
        let calls = &mut self.under_way[topic.index()];
        let others = *calls;
        *calls = calls.saturating_add(1);
        others
    }

    pub(super) fn leave(&mut self, topic: Topic) {
        let calls = &mut self.under_way[topic.index()];
        *calls = calls.saturating_sub(1);
    }

    /// Takes reports of one category in the order in which the call carries them.
    ///
    /// Whether they are in order is judged by the first acceptance of each alone: a
    /// batch that is sent again after a lost answer is a repeat, not a disorder.
    pub(super) fn accept(
        &mut self,
        category_index: usize,
        reports: &[CheckedReport],
        room: &mut u64,
        history: usize,
    ) -> Taken {
        let track = self.tracks[category_index].get_or_insert_default();
        let mut taken = Taken::default();
        for report in reports {
            let identity = report.identity();
            let occurrence = if let Some(times) = track.identities.get_mut(&identity) {
                *times = times.saturating_add(1);
                taken.repeated += 1;
                *times
            } else {
                if *room > 0 {
                    *room -= 1;
                    track.identities.insert(identity, 1);
                    taken.remembered += 1;
                } else {
                    taken.forgotten += 1;
                }
                if track.newest.is_some_and(|newest| report.time < newest) {
                    taken.inversions += 1;
                }
                track.newest = track.newest.max(Some(report.time));
                1
            };
            #[expect(clippy::cast_possible_truncation, reason = "there are six categories")]
            let category_index = category_index as u8;
            let row = HistoryRow { report: *report, category_index, occurrence };
            push_bounded(&mut self.reports, row, history);
        }
        taken
    }

    pub(super) fn accept_state(&mut self, online_status: u8, history: usize) {
        let row = StateRow { at: self.heard, online_status };
        push_bounded(&mut self.states, row, history);
    }

    /// Something of the device is accepted now. Tells whether it is the first.
    pub(super) fn hears_of(&mut self, device: &str, now: i64) -> bool {
        self.heard = now;
        if self.id.is_some() {
            return false;
        }
        self.id = Some(device.into());
        true
    }

    /// Its id, once something of it was accepted.
    pub(super) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// When something was accepted last, in Unix seconds.
    pub(super) fn heard(&self) -> i64 {
        self.heard
    }

    pub(super) fn states(&self) -> impl DoubleEndedIterator<Item = StateRow> {
        self.states.iter().copied()
    }

    /// As they were accepted, without a copy of each one's values.
    pub(super) fn rows(&self) -> impl DoubleEndedIterator<Item = SeenReport> {
        self.reports.iter().map(|row| SeenReport {
            category: &CATEGORIES[usize::from(row.category_index)],
            report: row.report,
            occurrence: row.occurrence,
        })
    }

    pub(super) fn reports(&self) -> impl Iterator<Item = AcceptedReport> {
        self.rows().map(|seen| AcceptedReport {
            category: seen.category.code,
            report_time: seen.report.time,
            values: seen.values().map(|(_, value)| value).collect(),
            occurrence: seen.occurrence,
        })
    }
}

impl CheckedReport {
    /// The same for the same time and values; device and category are the table's.
    fn identity(&self) -> Hash128 {
        let mut bytes = [0_u8; 8 + 4 * MOST_VALUES];
        let (time, values) = bytes.split_at_mut(8);
        time.copy_from_slice(&self.time.to_le_bytes());
        for (place, steps) in values.chunks_exact_mut(4).zip(self.steps) {
            place.copy_from_slice(&steps.to_le_bytes());
        }
        Hash128::of(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::{DevicePage, Taken};
    use crate::ledger::{CheckedReport, Topic};

    fn report(time: i64, steps: i32) -> CheckedReport {
        CheckedReport { time, steps: [steps, 0, 0] }
    }

    fn accept(page: &mut DevicePage, reports: &[CheckedReport]) -> Taken {
        page.accept(4, reports, &mut 100, 100)
    }

    #[test]
    fn a_repeat_is_no_disorder() {
        let mut page = DevicePage::default();
        let batch = [report(1, 10), report(2, 10)];
        let first = accept(&mut page, &batch);
        assert_eq!(first, Taken { remembered: 2, ..Taken::default() });
        let again = accept(&mut page, &batch);
        assert_eq!(again, Taken { repeated: 2, ..Taken::default() });
        let occurrences: Vec<_> = page.reports().map(|report| report.occurrence).collect();
        assert_eq!(occurrences, [1, 1, 2, 2]);
    }

    #[test]
    fn an_older_report_after_a_newer_one_is_an_inversion() {
        let mut page = DevicePage::default();
        accept(&mut page, &[report(5, 1)]);
        assert_eq!(accept(&mut page, &[report(5, 2)]).inversions, 0, "the same time is none");
        assert_eq!(accept(&mut page, &[report(3, 1), report(4, 1)]).inversions, 2);
        assert_eq!(page.accept(3, &[report(1, 1)], &mut 100, 100).inversions, 0);
    }

    #[test]
    fn what_has_no_room_is_counted() {
        let mut page = DevicePage::default();
        let mut room = 1;
        let taken = page.accept(0, &[report(1, 1), report(2, 1)], &mut room, 1);
        assert_eq!((taken.remembered, taken.forgotten, room), (1, 1, 0));
        assert_eq!(page.reports().count(), 1, "history is bounded too");
    }

    #[test]
    fn calls_under_way_are_counted_by_topic() {
        let mut page = DevicePage::default();
        assert_eq!(page.enter(Topic::Data(0)), 0);
        assert_eq!(page.enter(Topic::Data(1)), 0);
        assert_eq!(page.enter(Topic::State), 0);
        assert_eq!(page.enter(Topic::Data(0)), 1);
        page.leave(Topic::Data(0));
        page.leave(Topic::Data(0));
        assert_eq!(page.enter(Topic::Data(0)), 0);
    }
}
