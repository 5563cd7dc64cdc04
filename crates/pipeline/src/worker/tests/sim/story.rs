//! What was told, and what has become of it: the truth that the laws are judged by.

use std::collections::{BTreeMap, BTreeSet};

use super::input::{Fact, ReportKey};
use super::kafka::{DEVICES, Part, Place};

/// One report, however often it was told.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Where it stands, in the order of the log; a device's records share a partition.
    pub(super) places: Vec<Place>,
    pub(super) accepted: u32,
    /// So often more than once it may be accepted, for all that happened.
    pub(super) excused: u32,
    /// It was about to be parked or dead-lettered: later ones may overtake it.
    pub(super) set_aside: bool,
}

#[derive(Debug, Default)]
pub(super) struct Story {
    /// What each record holds; one of a retry topic only what is left.
    pub(super) facts: BTreeMap<Place, Vec<Fact>>,
    /// Where a record of a retry topic first stood.
    pub(super) origins: BTreeMap<Place, Place>,
    pub(super) reports: BTreeMap<ReportKey, Told>,
    /// Of each device, by second.
    pub(super) states: BTreeMap<u8, BTreeMap<i64, bool>>,
    pub(super) accepted_states: BTreeSet<(u8, i64)>,
    /// The latest fact told of a customer's device: second, and whether bound.
    pub(super) bindings: BTreeMap<(u8, u8), (i64, bool)>,
    /// The latest that is written on the customer-devices topic.
    pub(super) written_bindings: BTreeMap<(u8, u8), (i64, bool)>,
    /// The processes that wrote sets of a customer.
    pub(super) set_makers: BTreeMap<u8, BTreeSet<usize>>,
    /// Where it waits, or waited, in retry topics.
    pub(super) parked: BTreeMap<Fact, Vec<Place>>,
    /// The reports that have a receipt.
    pub(super) receipts: BTreeSet<ReportKey>,
    /// Reasons by the place that a record first had, and its fact.
    pub(super) dead: BTreeMap<(Place, Fact), Vec<String>>,
    /// The last report of a (device, category) that was accepted for the first time.
    pub(super) last_first: BTreeMap<(u8, u16), Place>,
    /// The device's states as accepted, in order.
    pub(super) state_history: BTreeMap<u8, Vec<AcceptedState>>,
    /// Devices of which a call of a tenure that was over brought a state late.
    pub(super) stale_states: BTreeSet<u8>,
    /// Devices of which a state was on its way to the dead letters. A crash before it is
    /// there sends it again, after newer ones.
    pub(super) states_given_up: BTreeSet<u8>,
    /// All records of a partition below this offset were found settled.
    pub(super) settled_below: BTreeMap<Part, i64>,
    /// (customer, device) that were ever in an accepted push.
    pub(super) pushed: BTreeSet<(u8, u8)>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct AcceptedState {
    pub(super) second: i64,
    pub(super) online: bool,
    /// The tenure that sent it.
    pub(super) epoch: u64,
}

impl Story {
    pub(super) fn told(&mut self, place: Place, facts: Vec<Fact>) {
        for fact in &facts {
            match *fact {
                Fact::Report(key) => {
                    self.reports.entry(key).or_default().places.push(place);
                }
                Fact::State { device, second, online } => {
                    self.states.entry(device).or_default().insert(second, online);
                }
                Fact::Binding { customer, device, second, bound } => {
                    later(&mut self.bindings, (customer, device), (second, bound));
                }
                Fact::Impossible(_) | Fact::Nothing | Fact::Undecodable => {}
            }
        }
        self.facts.insert(place, facts);
    }

    /// Where the record at this place first stood.
    pub(super) fn origin(&self, place: Place) -> Place {
        self.origins.get(&place).copied().unwrap_or(place)
    }

    /// Whether a record has reached its end in this place, as far as the world can tell.
    pub(super) fn is_settled(&self, place: Place) -> bool {
        let Some(facts) = self.facts.get(&place) else { return true };
        facts.iter().all(|fact| self.is_done(place, fact))
    }

    fn is_done(&self, place: Place, fact: &Fact) -> bool {
        let elsewhere = |places: &Vec<Place>| places.iter().any(|other| *other != place);
        if self.parked.get(fact).is_some_and(elsewhere)
            || self.dead.contains_key(&(self.origin(place), *fact))
        {
            return true;
        }
        match *fact {
            Fact::Nothing => true,
            Fact::Impossible(_) | Fact::Undecodable => false,
            Fact::Report(key) => {
                let told = &self.reports[&key];
                // Told again: either may be the duplicate. Where each was taken for the other's,
                // nothing arrives, and the first law is broken.
                let again = place.0.0 == DEVICES && elsewhere(&told.places);
                told.accepted > 0 || again
            }
            Fact::State { device, second, .. } => {
                let newer = self.states[&device].range(second + 1..).next().is_some();
                let others = self.facts.range((place.0, 0)..=(place.0, i64::MAX));
                let again =
                    || others.filter(|(at, _)| **at != place).any(|(_, f)| f.contains(fact));
                newer || self.accepted_states.contains(&(device, second)) || again()
            }
            Fact::Binding { customer, device, second, .. } => {
                let written = self.written_bindings.get(&(customer, device));
                written.is_some_and(|(known, _)| *known >= second)
            }
        }
    }

    /// Whether the device belongs to somebody once everything told is known.
    pub(super) fn is_bound(&self, device: u8) -> bool {
        self.bindings.iter().any(|((_, of), (_, bound))| *of == device && *bound)
    }

    pub(super) fn reasons(&self, fact: Fact) -> impl Iterator<Item = &String> {
        self.dead.iter().filter(move |((_, of), _)| *of == fact).flat_map(|(_, reasons)| reasons)
    }
}

/// Keeps the later of two facts; at the same time an unbind.
pub(super) fn later(known: &mut BTreeMap<(u8, u8), (i64, bool)>, of: (u8, u8), fact: (i64, bool)) {
    let rank = |(second, bound): (i64, bool)| (second, !bound);
    let entry = known.entry(of).or_insert(fact);
    if rank(fact) > rank(*entry) {
        *entry = fact;
    }
}
