//! Older facts that came last in a partition of the device-customers topic: noted by who reads
//! it, and asked for by the worker, which writes the latest ones.
//!
//! Start at [`OwnTables::take_older`]; when a fact is due is told in [`emberline_flow::older_facts`].

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use emberline_flow::bindings::Fact;
use emberline_flow::older_facts::Pair;
use emberline_wire::device_customers::DeviceCustomer;

use super::{OwnTables, Part, index};

/// So many are noted at most, of all partitions: some 2 MB. For the others their partition is read
/// again once half of the room is free.
pub(crate) const MOST_NOTED: usize = 10_000;

/// What is noted of all partitions.
#[derive(Debug, Default)]
pub(super) struct Noted {
    /// Grows on the thread that reads alone.
    count: AtomicUsize,
    /// Some found no room. It is told of once, until their partitions are read again.
    some_are_not: AtomicBool,
}

/// The latest fact of a device and a customer, to be written behind an older one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LatestFact {
    /// Where the older one came.
    pub(crate) partition: i32,
    tenure: u64,
    /// Of the record.
    pub(crate) key: Box<[u8]>,
    pub(crate) fact: DeviceCustomer,
}

impl Noted {
    pub(super) fn note(&self, part: &Part, key: &[u8], of: Pair) {
        let mut older = part.older.lock();
        if older.is_noted(key) {
            return;
        }
        if self.count.load(Ordering::Relaxed) >= MOST_NOTED {
            part.some_are_not_noted.store(true, Ordering::Relaxed);
            if !self.some_are_not.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    noted = MOST_NOTED,
                    "more facts came behind later ones than are noted; their partitions are read \
                     again when there is room"
                );
            }
            return;
        }
        older.note(key, of);
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Costs nothing where nothing is noted.
    pub(super) fn put_right(&self, part: &Part, key: &[u8]) {
        if self.some() && part.older.lock().put_right(key) {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// The part has gone, with its notes.
    pub(super) fn forget(&self, part: Part) {
        self.count.fetch_sub(part.older.into_inner().len(), Ordering::Relaxed);
    }

    fn some(&self) -> bool {
        self.count.load(Ordering::Relaxed) > 0
    }
}

impl OwnTables {
    /// Whether older facts are noted.
    pub(crate) fn some_are_noted(&self) -> bool {
        self.noted.some()
    }

    /// Partitions, each with its tenure, of which older facts found no room, once there is room
    /// again: they are to be read anew.
    pub(crate) fn take_unnoted(&self) -> Vec<(i32, u64)> {
        let Noted { count, some_are_not } = &self.noted;
        if !some_are_not.load(Ordering::Relaxed) || count.load(Ordering::Relaxed) > MOST_NOTED / 2 {
            return Vec::new();
        }
        some_are_not.store(false, Ordering::Relaxed);
        let parts = self.parts.read();
        let parts =
            (0..).zip(parts.iter()).filter_map(|(number, part)| Some((number, part.as_ref()?)));
        parts
            .filter(|(_, part)| part.some_are_not_noted.swap(false, Ordering::Relaxed))
            .map(|(number, part)| (number, part.tenure))
            .collect()
    }

    /// The latest facts that are to be written now, no more than so many. Of a table that is not
    /// complete there are none: what puts them right may be read yet.
    pub(crate) fn take_older(&self, now: Instant, most: usize) -> Vec<LatestFact> {
        let mut taken = Vec::new();
        for (partition, part) in (0..).zip(self.parts.read().iter()) {
            let Some(part) = part.as_ref().filter(|part| part.is_complete) else { continue };
            let due = part.older.lock().take_due(now, most - taken.len());
            taken.extend(due.into_iter().filter_map(|(key, of)| {
                let fact = part.latest(of)?;
                Some(LatestFact { partition, tenure: part.tenure, key, fact })
            }));
        }
        taken
    }

    /// Whether this still is to be written: the tenure is not over, and no later fact has come.
    pub(crate) fn is_awaited(&self, latest: &LatestFact) -> bool {
        let parts = self.parts.read();
        latest.part(&parts).is_some_and(|part| {
            let of = part.older.lock().under_way(&latest.key);
            of.and_then(|of| part.latest(of)) == Some(latest.fact)
        })
    }

    /// This is written, and is to come back.
    pub(crate) fn latest_written(&self, latest: &LatestFact, now: Instant) {
        if let Some(part) = latest.part(&self.parts.read()) {
            part.older.lock().written(&latest.key, now);
        }
    }

    /// The time that was waited for later facts counts for nothing.
    pub(crate) fn wait_anew(&self) {
        for part in self.parts.read().iter().flatten() {
            part.older.lock().wait_anew();
        }
    }
}

impl Part {
    fn latest(&self, of: Pair) -> Option<DeviceCustomer> {
        let Fact { time, bound } = self.table.latest(of.customer, of.device)?;
        Some(DeviceCustomer { time, bound })
    }
}

impl LatestFact {
    fn part<'a>(&self, parts: &'a [Option<Part>]) -> Option<&'a Part> {
        index(self.partition, parts).filter(|part| part.tenure == self.tenure)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use emberline_broker::TableRecord;
    use emberline_flow::older_facts::PUT_RIGHT_WITHIN;
    use emberline_wire::device_customers::encode_key;

    use super::super::OwnTables;
    use super::super::tests::{Fact, PARTITIONS, fact};
    use super::{LatestFact, MOST_NOTED};

    /// Facts of one partition, read in this order.
    fn read(tables: &OwnTables, facts: &[&Fact]) {
        for fact in facts {
            fact.read_by(tables);
        }
    }

    fn latest(fact: &Fact, tenure: u64) -> LatestFact {
        let (partition, key) = (fact.partition(), encode_key(&fact.device, &fact.customer).into());
        LatestFact { partition, tenure, key, fact: fact.says }
    }

    /// What is due once everything noted has waited.
    fn due_in_the_end(tables: &OwnTables) -> Vec<LatestFact> {
        let now = Instant::now();
        assert!(tables.take_older(now, usize::MAX).is_empty());
        tables.take_older(now + PUT_RIGHT_WITHIN, usize::MAX)
    }

    #[test]
    fn the_latest_fact_of_a_pair_is_written_where_an_older_one_came_last() {
        let tables = OwnTables::new(PARTITIONS);
        let (unbound, bound) = (fact("a", "c_1", 2, false), fact("a", "c_1", 2, true));
        let (others, earlier) = (fact("a", "c_2", 3, true), fact("a", "c_2", 1, false));
        tables.begin(unbound.partition(), 7);
        tables.complete(unbound.partition(), 7, 0);
        read(&tables, &[&unbound, &others]);
        assert!(!tables.some_are_noted());
        read(&tables, &[&bound, &earlier, &bound]);
        assert_eq!(due_in_the_end(&tables), [latest(&unbound, 7), latest(&others, 7)]);
    }

    #[test]
    fn what_is_put_right_is_not_written() {
        let tables = OwnTables::new(PARTITIONS);
        let (older, known) = (fact("a", "c_1", 1, true), fact("a", "c_1", 2, false));
        let newer = fact("a", "c_1", 3, true);
        tables.begin(older.partition(), 7);
        tables.complete(older.partition(), 7, 0);
        for put_right in [&known, &newer] {
            read(&tables, &[&known, &older]);
            assert!(tables.some_are_noted());
            read(&tables, &[put_right]);
            assert!(!tables.some_are_noted() && due_in_the_end(&tables).is_empty());
        }
    }

    /// Written over by who can't read it, it would be lost.
    #[test]
    fn what_a_later_version_wrote_is_left_alone() {
        let tables = OwnTables::new(PARTITIONS);
        let (older, known) = (fact("a", "c_1", 1, true), fact("a", "c_1", 2, false));
        tables.begin(older.partition(), 7);
        read(&tables, &[&known, &older]);
        assert!(tables.some_are_noted());
        tables.read(TableRecord {
            partition: older.partition(),
            offset: 2,
            timestamp_ms: 0,
            key: Some(&encode_key(&older.device, &older.customer)),
            value: Some(b"\xff"),
        });
        assert!(!tables.some_are_noted());
    }

    #[test]
    fn what_the_topic_has_held_for_long_is_noted_too_and_waits_from_when_its_table_is_complete() {
        let tables = OwnTables::new(PARTITIONS);
        let (known, older) = (fact("a", "c_1", 2, false), fact("a", "c_1", 1, true));
        tables.begin(older.partition(), 7);
        read(&tables, &[&known, &older]);
        assert!(due_in_the_end(&tables).is_empty(), "the rest of the topic may put it right");
        tables.complete(older.partition(), 7, 0);
        assert_eq!(due_in_the_end(&tables), [latest(&known, 7)]);
    }

    #[test]
    fn notes_end_with_their_tenure_and_so_does_what_is_being_written() {
        let tables = OwnTables::new(PARTITIONS);
        let (known, older) = (fact("a", "c_1", 2, false), fact("a", "c_1", 1, true));
        let partition = older.partition();
        let elsewhere = ["b", "c", "d", "e", "f", "g"].map(|name| fact(name, "c_1", 2, true));
        let elsewhere = elsewhere.iter().find(|fact| fact.partition() != partition).unwrap();
        for partition in [partition, elsewhere.partition()] {
            tables.begin(partition, 7);
            tables.complete(partition, 7, 0);
        }
        let before = Fact { says: older.says, ..elsewhere.clone() };
        read(&tables, &[&known, &older, elsewhere, &before]);
        let under_way = due_in_the_end(&tables);
        assert_eq!(under_way.len(), 2);
        assert!(under_way.iter().all(|latest| tables.is_awaited(latest)));

        tables.end(partition, 6);
        assert!(under_way.iter().all(|latest| tables.is_awaited(latest)), "another's end");
        tables.end(partition, 7);
        let awaited: Vec<_> = under_way.iter().filter(|it| tables.is_awaited(it)).collect();
        assert_eq!(awaited, [&latest(elsewhere, 7)]);
        assert!(tables.some_are_noted(), "the other partition's");
        tables.begin(elsewhere.partition(), 8);
        assert!(!tables.some_are_noted());

        tables.begin(partition, 8);
        tables.complete(partition, 8, 0);
        read(&tables, &[&known, &older]);
        let again = due_in_the_end(&tables);
        assert_eq!(again, [latest(&known, 8)]);
        assert!(!tables.is_awaited(&latest(&known, 7)), "the former tenure's");
        tables.latest_written(&latest(&known, 7), Instant::now());
        assert!(tables.is_awaited(&again[0]), "the former's end is not its own");
    }

    #[test]
    fn what_a_later_fact_has_come_for_is_not_written_any_more() {
        let tables = OwnTables::new(PARTITIONS);
        let (known, older) = (fact("a", "c_1", 2, false), fact("a", "c_1", 1, true));
        let newer = fact("a", "c_1", 3, true);
        tables.begin(older.partition(), 7);
        tables.complete(older.partition(), 7, 0);
        read(&tables, &[&known, &older]);
        let [first] = due_in_the_end(&tables).try_into().unwrap();
        read(&tables, &[&newer]);
        assert!(!tables.is_awaited(&first));
        read(&tables, &[&older]);
        assert!(!tables.is_awaited(&first));
        let [second] = due_in_the_end(&tables).try_into().unwrap();
        assert_eq!(second, latest(&newer, 7));
        assert!(tables.is_awaited(&second) && !tables.is_awaited(&first));
    }

    #[test]
    fn what_is_written_is_written_again_when_it_does_not_come_back() {
        let tables = OwnTables::new(PARTITIONS);
        let (known, older) = (fact("a", "c_1", 2, false), fact("a", "c_1", 1, true));
        tables.begin(older.partition(), 7);
        tables.complete(older.partition(), 7, 0);
        read(&tables, &[&known, &older]);
        let [first] = due_in_the_end(&tables).try_into().unwrap();
        let written = Instant::now() + Duration::from_mins(10);
        assert!(tables.take_older(written, 9).is_empty(), "it is being written");
        tables.latest_written(&first, written);
        assert!(tables.take_older(written, 9).is_empty());
        assert_eq!(tables.take_older(written + PUT_RIGHT_WITHIN, 9), [first]);
    }

    #[test]
    fn no_more_are_noted_than_fit_over_all_partitions_and_room_comes_back() {
        let tables = OwnTables::new(PARTITIONS);
        for partition in 0..PARTITIONS {
            tables.begin(partition, 7);
            tables.complete(partition, 7, 0);
        }
        let noted = || -> usize {
            tables.parts.read().iter().flatten().map(|part| part.older.lock().len()).sum()
        };
        let names = (0..MOST_NOTED + 2).map(|number| format!("d{number}"));
        let facts: Vec<_> = names.map(|name| fact(&name, "c_1", 2, true)).collect();
        let before = fact("a", "c_1", 1, true).says;
        let older = |known: &Fact| Fact { says: before, ..known.clone() };
        for known in &facts {
            read(&tables, &[known, &older(known)]);
        }
        assert_eq!(noted(), MOST_NOTED);
        read(&tables, &[&facts[0], &older(&facts[MOST_NOTED])]);
        assert_eq!(noted(), MOST_NOTED, "one was put right, another has its room");
        read(&tables, &[&older(&facts[MOST_NOTED + 1])]);
        assert_eq!(noted(), MOST_NOTED);
        assert_eq!(tables.take_unnoted(), [], "there is no room");
        for known in &facts[1..=MOST_NOTED / 2] {
            read(&tables, &[known]);
        }
        let again = tables.take_unnoted();
        assert!(again.contains(&(facts[MOST_NOTED + 1].partition(), 7)), "{again:?}");
        assert_eq!(tables.take_unnoted(), [], "it is told once");
        let last = &facts[MOST_NOTED + 1];
        read(&tables, &[last, &older(last)]);
        assert!(due_in_the_end(&tables).contains(&latest(last, 7)));
        for partition in 0..PARTITIONS {
            tables.end(partition, 7);
        }
        assert!(!tables.some_are_noted());
    }
}
