use std::time::{Duration, Instant};

use emberline_model::{CustomerId, DeviceId, EventTime};
use proptest::prelude::*;

use super::{OlderFacts, PUT_RIGHT_WITHIN, Pair};
use crate::bindings::{Applied, BindingsTable, Fact};
use crate::test_time::origin;

fn pair() -> Pair {
    let customer = BindingsTable::small().customer(&CustomerId::parse("c_1").unwrap());
    Pair { device: DeviceId::new("P", "a").unwrap().key(), customer }
}

fn noted(keys: &[&str]) -> OlderFacts {
    let mut older = OlderFacts::default();
    for key in keys {
        older.note(key.as_bytes(), pair());
    }
    older
}

fn due(older: &mut OlderFacts, now: Instant, most: usize) -> Vec<String> {
    let due = older.take_due(now, most);
    due.into_iter().map(|(key, _)| String::from_utf8(key.into()).unwrap()).collect()
}

#[test]
fn what_nobody_puts_right_is_due_once_and_again_when_it_does_not_come_back() {
    let mut older = noted(&["a", "b"]);
    let start = origin();
    let at = |seconds| start + Duration::from_secs(seconds);
    assert!(due(&mut older, at(0), 9).is_empty(), "its time begins");
    older.note(b"a", pair());
    assert!(due(&mut older, at(59), 9).is_empty());
    assert!(older.put_right(b"b") && !older.put_right(b"b"));
    assert_eq!(due(&mut older, at(60), 9), ["a"]);
    assert_eq!(older.under_way(b"a"), Some(pair()));
    assert!(due(&mut older, at(200), 9).is_empty(), "it is being written");

    older.written(b"a", at(200));
    assert_eq!(older.under_way(b"a"), None);
    assert!(due(&mut older, at(259), 9).is_empty());
    assert_eq!(due(&mut older, at(260), 9), ["a"], "it did not come back");
    assert!(older.put_right(b"a") && older.is_empty());
}

#[test]
fn no_more_are_due_than_may_be_and_the_others_have_their_turn() {
    let mut older = noted(&["c", "a", "b"]);
    let start = origin();
    due(&mut older, start, 9);
    assert_eq!(due(&mut older, start + PUT_RIGHT_WITHIN, 2), ["a", "b"]);
    assert_eq!(due(&mut older, start + PUT_RIGHT_WITHIN, 2), ["c"]);
}

#[test]
fn a_write_that_ends_late_tells_nothing_of_what_was_noted_since() {
    let mut older = noted(&["a"]);
    let start = origin();
    due(&mut older, start, 9);
    assert_eq!(due(&mut older, start + PUT_RIGHT_WITHIN, 9), ["a"]);
    older.put_right(b"a");
    older.note(b"a", pair());
    let later = start + 2 * PUT_RIGHT_WITHIN;
    due(&mut older, later, 9);
    older.written(b"a", later + Duration::from_secs(50));
    assert_eq!(due(&mut older, later + PUT_RIGHT_WITHIN, 9), ["a"]);
}

#[test]
fn who_read_nothing_meanwhile_waits_anew() {
    let mut older = noted(&["a", "b"]);
    let start = origin();
    due(&mut older, start, 9);
    let later = start + PUT_RIGHT_WITHIN;
    assert_eq!(due(&mut older, later, 1), ["a"]);
    older.wait_anew();
    assert!(older.under_way(b"a").is_some());
    assert!(due(&mut older, later, 9).is_empty());
    assert_eq!(due(&mut older, later + PUT_RIGHT_WITHIN, 9), ["b"]);
}

const KEY: &[u8] = b"P/a c_1";

/// Who owns the partition, or believes to: it has read the log up to some place.
struct Owner {
    table: BindingsTable,
    older: OlderFacts,
    read_to: usize,
    /// What it has handed to its producer.
    in_air: Vec<Fact>,
}

impl Owner {
    fn new() -> Self {
        let (table, older) = (BindingsTable::small(), OlderFacts::default());
        table.customer(&CustomerId::parse("c_1").unwrap());
        Self { table, older, read_to: 0, in_air: Vec::new() }
    }

    fn reads(&mut self, log: &[Fact], most: usize) {
        let Pair { device, customer } = pair();
        for fact in log[self.read_to..].iter().take(most) {
            match self.table.apply(customer, device, fact.time, fact.bound) {
                Applied::Older => self.older.note(KEY, pair()),
                Applied::Known | Applied::Newer => _ = self.older.put_right(KEY),
            }
            self.read_to += 1;
        }
    }

    fn looks(&mut self, now: Instant) {
        for (_, Pair { device, customer }) in self.older.take_due(now, 9) {
            self.in_air.extend(self.table.latest(customer, device));
        }
    }

    /// The first or the last of what is in the air is written.
    fn lands(&mut self, log: &mut Vec<Fact>, first: bool, now: Instant) {
        let place = if first { 0 } else { self.in_air.len().saturating_sub(1) };
        if place < self.in_air.len() {
            log.push(self.in_air.remove(place));
            self.older.written(KEY, now);
        }
    }
}

#[derive(Debug, Clone)]
enum Event {
    /// Whoever writes facts writes this one, late or in time.
    Written(i64, bool),
    Reads(usize, usize),
    Looks(usize),
    Lands(usize, bool),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        (0..4_i64, any::<bool>()).prop_map(|(time, bound)| Event::Written(time, bound)),
        (0..2_usize, 1..4_usize).prop_map(|(owner, most)| Event::Reads(owner, most)),
        (0..2_usize).prop_map(Event::Looks),
        (0..2_usize, any::<bool>()).prop_map(|(owner, first)| Event::Lands(owner, first)),
    ];
    prop::collection::vec(event, 0..60)
}

proptest! {
    /// Whatever two owners have read and begun to write, once nobody else writes they come to
    /// rest, and the latest fact of all stands last.
    #[test]
    fn two_owners_come_to_rest_with_the_latest_fact_last(events in events()) {
        let (mut log, mut owners) = (Vec::new(), [Owner::new(), Owner::new()]);
        let mut now = origin();
        for event in events {
            now += PUT_RIGHT_WITHIN / 2;
            match event {
                Event::Written(time, bound) => {
                    log.push(Fact { time: EventTime::from_millis(time), bound });
                }
                Event::Reads(owner, most) => owners[owner].reads(&log, most),
                Event::Looks(owner) => owners[owner].looks(now),
                Event::Lands(owner, first) => owners[owner].lands(&mut log, first, now),
            }
        }
        // What is in the air lands, and is noted; due; written.
        for _ in 0..3 {
            now += PUT_RIGHT_WITHIN;
            for owner in &mut owners {
                while !owner.in_air.is_empty() {
                    owner.lands(&mut log, true, now);
                }
            }
            for owner in &mut owners {
                owner.reads(&log, usize::MAX);
                owner.looks(now);
            }
        }
        for owner in &owners {
            prop_assert!(owner.older.is_empty() && owner.in_air.is_empty());
        }
        let latest = log.iter().max_by_key(|fact| (fact.time, !fact.bound));
        prop_assert_eq!(log.last(), latest);
    }
}
