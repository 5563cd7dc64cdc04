//! The laws of what the service accepts: nothing twice, nothing out of order.

use super::input::{Fact, ReportKey};
use super::kafka::topic_of;
use super::story::AcceptedState;
use super::world::{Sabotage, World};

impl World {
    /// What waits to be parked leaves the order of its lane, also where that comes to
    /// nothing.
    pub(super) fn mark_parking(&mut self, number: usize) {
        let Some(Some(member)) = self.members.get(number) else { return };
        let records = &member.worker.records;
        for (record, _) in records.parking() {
            let at = &records.partitions[record.partition].at;
            let place = ((topic_of(&at.topic), at.partition), record.offset);
            let Some(facts) = self.story.facts.get(&place) else { continue };
            for fact in facts {
                if let Fact::Report(key) = fact
                    && let Some(told) = self.story.reports.get_mut(key)
                {
                    told.set_aside = true;
                }
            }
        }
    }

    /// Laws 4 and 6 at an acceptance.
    pub(super) fn accept_report(&mut self, key: ReportKey) {
        let Some(told) = self.story.reports.get_mut(&key) else {
            self.breach(1, format_args!("nobody told {key:?}"));
            return;
        };
        told.accepted += 1;
        let (accepted, excused, set_aside) = (told.accepted, told.excused, told.set_aside);
        let place = told.places.first().copied();
        if accepted > 1 {
            self.cover.saw("duplicate at the service");
        }
        if accepted > 1 + excused {
            self.breach(6, format_args!("{key:?} accepted {accepted} times, {excused} excused"));
        }
        if accepted > 1 || set_aside {
            return;
        }
        let Some(place) = place else { return };
        let lane = (key.device, key.category);
        let last = self.story.last_first.entry(lane).or_insert(place);
        let before = std::mem::replace(last, (*last).max(place));
        if before > place {
            self.breach(4, format_args!("{key:?} of {place:?} accepted after one of {before:?}"));
        }
    }

    /// Law 5 at an acceptance; `fresh`: its tenure is not over.
    pub(super) fn accept_state(&mut self, device: u8, state: AcceptedState, fresh: bool) {
        self.story.accepted_states.insert((device, state.second));
        let late = self.sabotage == Some(Sabotage::TakesStatesLate) && self.draw.percent(30);
        let history = self.story.state_history.entry(device).or_default();
        let last = history.last().copied();
        let of_same = history.iter().rev().find(|other| other.epoch == state.epoch).copied();
        history.push(state);
        if late && let Some(before) = history.len().checked_sub(2) {
            history.swap(before, before + 1);
        }
        if !fresh && last.is_some_and(|last| last.second > state.second) {
            // Nobody can call it back.
            self.cover.saw("state of a tenure that is over arrives late");
            self.story.stale_states.insert(device);
        } else if fresh {
            self.story.stale_states.remove(&device);
        }
        if of_same.is_some_and(|other| other.second > state.second) {
            self.breach(
                5,
                format_args!("a state of {device} goes backwards: {of_same:?} {state:?}"),
            );
        }
    }
}
