//! Who divides the bindings by partitions: each customer's sets are written on as facts, in
//! order; sometimes late, sometimes again, sometimes an older fact last. And what compaction
//! leaves of the facts.

use std::collections::{BTreeMap, HashSet};

use emberline_model::EventTime;
use emberline_wire::customer_devices::for_each_device;
use emberline_wire::device_customers::{DeviceCustomer, encode_key};

use super::input::{customer_id, device_id, number_of};
use super::kafka::{CUSTOMER_DEVICES, FACTS, Part, Place, Stored};
use super::story::later;
use super::world::{Event, World};

/// What is younger is not compacted (`min.compaction.lag.ms`). Nobody restores for so long: in
/// production it is an hour.
const COMPACTION_LAG_MS: i64 = 20_000;

/// What a set tells of one device: device, second, and whether bound.
type Entry = (u8, i64, bool);

#[derive(Default)]
pub(super) struct Projector {
    /// Where it is among each customer's sets.
    at: BTreeMap<u8, i64>,
    due: bool,
    /// Of each customer and device, the latest fact of the log: second, and whether bound.
    pub(super) known: BTreeMap<(u8, u8), (i64, bool)>,
    /// Keys of which an older fact came last. They are not compacted until it is put right, which
    /// in production is done long before: of these compaction would leave the older one.
    pub(super) disordered: HashSet<(u8, u8)>,
}

impl Projector {
    /// Whether the set was written on.
    fn is_done(&self, set: &Stored) -> bool {
        self.at.get(&customer_of(set)).is_some_and(|at| set.offset < *at)
    }

    /// Whether a later fact of the same device and customer was written.
    pub(super) fn is_older(&self, fact: &Stored) -> bool {
        let of = of_key(fact.key.as_deref().unwrap_or_default());
        self.known.get(&of) != Some(&says(fact.value.as_deref()))
    }

    /// Whose the device is by all facts so far.
    pub(super) fn owner(&self, device: u8) -> Option<u8> {
        let claims = self.known.iter().filter(|((_, of), (_, bound))| *of == device && *bound);
        claims
            .max_by_key(|((customer, _), (second, _))| (*second, *customer))
            .map(|((it, _), _)| *it)
    }
}

impl World {
    /// Whether nothing is projected any more, for good.
    pub(super) fn projector_is_dead(&self) -> bool {
        self.plan.projector_ends.is_some_and(|at| self.clock.passed() >= at)
    }

    /// There are sets to be written on.
    pub(super) fn sets_to_project(&mut self) {
        if !self.plan.own_tables || self.projector.due {
            return;
        }
        self.projector.due = true;
        let late = !self.healed && self.draw.percent(8);
        let wait = if late { self.draw.millis(1_000..=15_000) } else { self.draw.millis(1..=60) };
        self.after(wait, Event::Project);
    }

    /// The next set of some customer is written on.
    pub(super) fn project(&mut self) {
        self.projector.due = false;
        if self.projector_is_dead() {
            self.cover.saw("projector dead");
            return;
        }
        let mut next: BTreeMap<u8, i64> = BTreeMap::new();
        for set in &self.log.part((CUSTOMER_DEVICES, 0)).records {
            if !self.projector.is_done(set) {
                next.entry(customer_of(set)).or_insert(set.offset);
            }
        }
        let next: Vec<(u8, i64)> = next.into_iter().collect();
        if next.is_empty() {
            return;
        }
        let (customer, offset) = self.draw.pick(&next);
        self.write_facts(offset, None);
        let went_back = !self.healed && self.draw.percent(5);
        self.projector.at.insert(customer, if went_back { 0 } else { offset + 1 });
        if went_back {
            // Killed before it had committed.
            self.cover.saw("facts: again from an earlier set");
        }
        if !self.healed && self.draw.percent(10) {
            // Of one that stood still with a write in its hands.
            let is_done = |set: &&Stored| self.projector.is_done(set);
            let done = self.log.part((CUSTOMER_DEVICES, 0)).records.iter().filter(is_done);
            let done: Vec<i64> = done.map(|set| set.offset).collect();
            if !done.is_empty() {
                let (set, entry) = (self.draw.pick(&done), self.draw.below(8));
                self.write_facts(set, Some(entry));
            }
        }
        if self.draw.percent(10) {
            let partition = self.draw.below(usize::try_from(self.plan.partitions).unwrap_or(1));
            self.compact_facts(i32::try_from(partition).unwrap_or(0));
        }
        self.sets_to_project();
    }

    /// Writes the facts of the set at this offset, or one of them.
    fn write_facts(&mut self, offset: i64, only: Option<usize>) {
        let log = self.log.part((CUSTOMER_DEVICES, 0));
        let Some(set) = log.from(offset).first() else { return };
        let customer = customer_of(set);
        let mut entries: Vec<Entry> = Vec::new();
        for_each_device(set.value.as_deref().unwrap_or_default(), |entry| {
            entries.push((number_of(entry.device_id), entry.time.millis() / 1000, entry.bound));
        })
        .expect("a set of our own");
        if let Some(only) = only {
            let count = entries.len().max(1);
            entries = entries.into_iter().skip(only % count).take(1).collect();
        }
        self.say(format_args!("facts of {customer}'s set at {offset}: {entries:?}"));
        for entry in entries {
            self.write_fact(customer, entry);
        }
    }

    fn write_fact(&mut self, customer: u8, (device, second, bound): Entry) {
        let key = encode_key(&device_id(device), &customer_id(customer));
        let time = EventTime::from_millis(second * 1000);
        let value = DeviceCustomer { time, bound }.encode();
        let part = (FACTS, self.own_partition(device));
        self.append_fact(part, (Some(key), Some(value)), (customer, device), (second, bound));
    }

    /// A worker has written the latest fact that it knows behind an older one.
    pub(super) fn fact_is_mended(
        &mut self,
        partition: Option<i32>,
        (key, value): (Option<Vec<u8>>, Option<Vec<u8>>),
    ) -> Place {
        self.cover.saw("facts: mended");
        let of = of_key(key.as_deref().unwrap_or_default());
        let says = says(value.as_deref());
        let partition = partition.expect("it is told");
        if partition != self.own_partition(of.1) {
            self.breach(17, format_args!("{says:?} of {of:?} is written to partition {partition}"));
        }
        let before = self.projector.known.get(&of).copied();
        let place = self.append_fact((FACTS, partition), (key, value), of, says);
        if self.projector.known.get(&of).copied() != before {
            self.breach(17, format_args!("{says:?} of {of:?} is written, and nobody told it"));
        }
        place
    }

    fn append_fact(
        &mut self,
        part: Part,
        record: (Option<Vec<u8>>, Option<Vec<u8>>),
        of: (u8, u8),
        (second, bound): (i64, bool),
    ) -> Place {
        let now = self.clock.millis();
        let place = self.log.append_to(part, record, Vec::new(), now, &mut self.draw);
        let before = self.projector.known.get(&of).copied();
        later(&mut self.projector.known, of, (second, bound));
        let known = self.projector.known.get(&of).copied();
        if known == Some((second, bound)) {
            self.projector.disordered.remove(&of);
        } else {
            self.cover.saw("facts: an older one came after a later one");
            self.projector.disordered.insert(of);
        }
        if known != before {
            self.facts_have_changed(of.1);
        }
        for member in 0..self.members.len() {
            self.facts_to_read(member);
        }
        place
    }

    /// Compaction: of each key the last fact is left, of those that are old enough.
    fn compact_facts(&mut self, partition: i32) {
        let now = self.clock.millis();
        let disordered = &self.projector.disordered;
        let records = self.log.records_mut((FACTS, partition));
        let before = records.len();
        let old = records.partition_point(|it| it.timestamp_ms <= now - COMPACTION_LAG_MS);
        let mut last: HashSet<Vec<u8>> = HashSet::new();
        let mut kept: Vec<Stored> = records.drain(..old).collect();
        kept.reverse();
        kept.retain(|fact| {
            let key = fact.key.clone().unwrap_or_default();
            last.insert(key.clone()) || disordered.contains(&of_key(&key))
        });
        kept.reverse();
        kept.append(records);
        *records = kept;
        if records.len() < before {
            self.cover.saw("facts: compacted");
        }
    }
}

fn customer_of(set: &Stored) -> u8 {
    let key = std::str::from_utf8(set.key.as_deref().unwrap_or_default());
    number_of(key.unwrap_or_default())
}

/// Second, and whether bound.
fn says(value: Option<&[u8]>) -> (i64, bool) {
    let fact = DeviceCustomer::decode(value.unwrap_or_default()).expect("a fact of our own");
    (fact.time.millis() / 1000, fact.bound)
}

/// Customer and device of a fact's key.
fn of_key(key: &[u8]) -> (u8, u8) {
    let key = std::str::from_utf8(key).unwrap_or_default();
    let (device, customer) = key.split_once(' ').expect("a key of our own");
    (number_of(customer), number_of(device))
}
