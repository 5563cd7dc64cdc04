//! The laws that hold when everything has come to rest.

use std::collections::{BTreeMap, BTreeSet};

use emberline_wire::customer_devices::for_each_device;

use super::input::{Fact, customer_id, number_of};
use super::kafka::CUSTOMER_DEVICES;
use super::plan::KINDS;
use super::world::{World, restlessness};

impl World {
    pub(super) fn judge(&mut self) {
        self.everything_is_read();
        self.workers_are_empty();
        self.nothing_is_lost();
        self.receipts_are_there();
        self.states_are_right();
        self.bindings_are_right();
        self.tables_are_right();
        for member in 0..self.members.len() {
            if let Some(member) = &self.members[member] {
                let totals = std::sync::Arc::clone(&member.totals);
                self.count_outcomes(&totals);
            }
        }
    }

    fn everything_is_read(&mut self) {
        for kind in KINDS {
            for part in self.parts_of(kind) {
                let group = &self.groups[kind as usize];
                let at = group.committed.get(&part).map_or(0, |(offset, _)| *offset);
                let last = self.log.part(part).records.last().map(|record| record.offset);
                if last.is_some_and(|last| at <= last) {
                    let owner = group.owner.get(&part).copied();
                    let member = owner.and_then(|owner| self.members[owner].as_ref());
                    let owner = member.map(restlessness);
                    self.breach(
                        0,
                        format_args!("{part:?} rests at {at} of {last:?}, owner {owner:?}"),
                    );
                }
            }
        }
    }

    /// Law 8 at rest.
    fn workers_are_empty(&mut self) {
        for number in 0..self.members.len() {
            let Some(member) = &self.members[number] else { continue };
            let worker = &member.worker;
            let shared = &worker.shared;
            let claimed = shared.lanes_in_calls.as_ref().is_some_and(|it| !it.lock().is_empty());
            let left = [
                ("records", worker.records.len() > 0),
                ("items", worker.records.items() > 0),
                ("lanes", worker.lanes.lanes_len() > 0),
                ("lane items", worker.lanes.items_len() > 0),
                ("calls", worker.in_calls > 0),
                ("ghosts", !worker.ghosts.is_empty()),
                ("records not due", !worker.waiting.is_empty()),
                ("room ahead", member.ahead.in_flight() != (0, 0)),
                ("sets pushed", !worker.pushed_sets.is_empty()),
                ("a prepared set", worker.prepared_set.is_some()),
                ("writes", worker.outbox.len() > 0),
                ("a drain", worker.draining.is_some()),
                ("room", member.room.in_flight() != (0, 0)),
                ("lanes in calls", claimed),
                (
                    "claims",
                    (0..self.plan.customers)
                        .any(|customer| shared.bindings.claim(&customer_id(customer)).is_none()),
                ),
                ("tables that are not complete", worker.status.tables().restoring > 0),
                ("something to do", !member.is_idle()),
            ];
            if let Some((what, _)) = left.iter().find(|(_, left)| *left) {
                let room = member.room.in_flight();
                self.breach(8, format_args!("member {number} keeps {what}; room {room:?}"));
            }
        }
    }

    /// Law 1.
    fn nothing_is_lost(&mut self) {
        let mut lost = Vec::new();
        for (key, told) in &self.story.reports {
            let poison = self.poison.contains(key);
            let reasons: Vec<&String> = self.story.reasons(Fact::Report(*key)).collect();
            let right = if poison {
                told.accepted == 0 && !reasons.is_empty()
            } else if self.story.is_bound(key.device) && !self.leapt {
                told.accepted > 0 && reasons.is_empty()
            } else {
                told.accepted > 0 || reasons.iter().any(|reason| *reason == "too_old")
            };
            if !right {
                lost.push(format!("{key:?}: poison {poison}, {told:?}, {reasons:?}"));
            }
        }
        for (place, facts) in &self.story.facts {
            if self.story.origins.contains_key(place) {
                continue;
            }
            for fact in facts {
                let wanted = match fact {
                    Fact::Impossible(_) => "impossible_value",
                    Fact::Undecodable => "undecodable",
                    _ => continue,
                };
                let reasons = self.story.dead.get(&(*place, *fact));
                if !reasons.is_some_and(|it| it.iter().all(|reason| reason == wanted)) {
                    lost.push(format!("{fact:?} at {place:?}: {reasons:?}"));
                }
            }
        }
        if let Some(first) = lost.first() {
            self.breach(1, format_args!("{} lost, the first {first}", lost.len()));
        }
    }

    /// Law 12: whatever is accepted in the end has its receipt. Left out is what was accepted
    /// by a call that seemed to fail, and then given up.
    fn receipts_are_there(&mut self) {
        if !self.plan.settings.delivery.receipts {
            return;
        }
        let lacking = self.story.reports.iter().find(|(key, told)| {
            let given_up = self.story.reasons(Fact::Report(**key)).next().is_some();
            told.accepted > 0 && !given_up && !self.story.receipts.contains(key)
        });
        let lacking = lacking.map(|(key, told)| format!("{key:?} has no receipt: {told:?}"));
        if let Some(lacking) = lacking {
            self.breach(12, format_args!("{lacking}"));
        }
    }

    /// Law 5 at rest.
    fn states_are_right(&mut self) {
        for (device, states) in self.story.states.clone() {
            let Some((newest, online)) = states.last_key_value() else { continue };
            let last = self.story.state_history.get(&device).and_then(|states| states.last());
            let given_up = self.leapt && self.story.states_given_up.contains(&device);
            let right = last.is_some_and(|last| last.second == *newest && last.online == *online);
            if !right && !given_up && !self.story.stale_states.contains(&device) {
                let text = format!("{device} rests at {last:?}, its newest is {newest} {online}");
                self.breach(5, format_args!("{text}"));
            }
        }
    }

    /// Law 11: each customer's devices are known as they were told last. Where one process
    /// made all of its sets, the last one says it all; two may each write one without the
    /// other's device.
    fn bindings_are_right(&mut self) {
        let compacted = self.compacted_bindings();
        for (of, told) in self.story.bindings.clone() {
            let makers = self.story.set_makers.get(&of.0).map_or(0, BTreeSet::len);
            let known = if makers == 1 { &compacted } else { &self.story.written_bindings };
            let written = known.get(&of).copied();
            let dead = self.leapt
                && self.story.dead.keys().any(|(_, fact)| matches!(fact, Fact::Binding { .. }));
            if written != Some(told) && !dead {
                self.breach(11, format_args!("{of:?} is written as {written:?}, told {told:?}"));
            }
        }
    }

    /// What compaction leaves of the sets: the last of each customer.
    fn compacted_bindings(&self) -> BTreeMap<(u8, u8), (i64, bool)> {
        let mut last: BTreeMap<u8, &[u8]> = BTreeMap::new();
        for record in &self.log.part((CUSTOMER_DEVICES, 0)).records {
            let key = std::str::from_utf8(record.key.as_deref().unwrap_or_default());
            last.insert(
                number_of(key.unwrap_or_default()),
                record.value.as_deref().unwrap_or_default(),
            );
        }
        let mut bindings = BTreeMap::new();
        for (customer, set) in last {
            for_each_device(set, |entry| {
                let fact = (entry.time.millis() / 1000, entry.bound);
                bindings.insert((customer, number_of(entry.device_id)), fact);
            })
            .expect("a set of our own");
        }
        bindings
    }
}
