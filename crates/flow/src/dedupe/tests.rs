use std::time::Duration;

use emberline_model::{EventTime, Identity};
use proptest::prelude::*;

use super::{DedupeWindow, Seen};

const WINDOW: i64 = 120_000;
const SPAN: i64 = WINDOW / 3;

fn window() -> DedupeWindow {
    DedupeWindow::new(Duration::from_mins(2), 1_000_000)
}

/// Hashes are spread over all bits; numbers of a test are not.
fn identity(number: u64) -> Identity {
    Identity(u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
}

fn at(millis: i64) -> EventTime {
    EventTime::from_millis(millis)
}

#[test]
fn a_repeat_within_the_window_is_a_duplicate_and_later_it_is_not() {
    let mut dedupe = window();
    assert_eq!(dedupe.observe(0, identity(1), at(0)), Seen::New);
    assert_eq!(dedupe.observe(0, identity(1), at(10_000)), Seen::Duplicate);
    assert_eq!(dedupe.observe(0, identity(1), at(WINDOW)), Seen::Duplicate);
    assert_eq!(dedupe.observe(0, identity(1), at(WINDOW + SPAN)), Seen::New);
}

#[test]
fn a_report_that_failed_is_no_duplicate_when_it_comes_again() {
    let mut dedupe = window();
    dedupe.observe(0, identity(1), at(5));
    assert!(dedupe.release(identity(1), at(5)));
    assert!(!dedupe.release(identity(1), at(5)));
    assert_eq!(dedupe.entries(), 0);
    assert_eq!(dedupe.observe(0, identity(1), at(6)), Seen::New);
}

#[test]
fn a_repeat_with_an_older_timestamp_is_found_too() {
    let mut dedupe = window();
    dedupe.observe(0, identity(1), at(WINDOW));
    assert_eq!(dedupe.observe(0, identity(1), at(0)), Seen::Duplicate);
}

#[test]
fn a_partition_that_catches_up_has_its_own_window() {
    let mut dedupe = window();
    let days = 3 * 86_400_000;
    dedupe.observe(0, identity(1), at(days));
    dedupe.observe(1, identity(2), at(0));
    assert_eq!(dedupe.observe(0, identity(1), at(days + 1)), Seen::Duplicate);
    assert_eq!(dedupe.observe(1, identity(2), at(1)), Seen::Duplicate);
    dedupe.partition_gone(1);
    assert_eq!(dedupe.entries(), 1, "what only the gone partition needed is forgotten");
    assert_eq!(dedupe.observe(0, identity(1), at(days + 2)), Seen::Duplicate);
}

#[test]
fn a_nonsense_timestamp_wipes_nothing() {
    let mut dedupe = window();
    dedupe.observe(0, identity(1), at(1_000_000));
    for nonsense in [i64::MAX, i64::MIN, 0] {
        dedupe.observe(0, identity(2), at(nonsense));
        assert_eq!(dedupe.observe(0, identity(1), at(1_000_500)), Seen::Duplicate);
    }
}

#[test]
fn a_forwarder_with_a_wrong_clock_has_its_repeats_found() {
    let mut dedupe = window();
    for n in 0..10_000_u64 {
        let time = 1_000_000_000 + n.cast_signed() * 100;
        let wrong = time - 3_600_000;
        assert_eq!(dedupe.observe(0, identity(2 * n), at(time)), Seen::New);
        assert_eq!(dedupe.observe(0, identity(2 * n + 1), at(wrong)), Seen::New);
        if n >= 100 {
            assert_eq!(dedupe.observe(0, identity(2 * (n - 100) + 1), at(wrong)), Seen::Duplicate);
        }
    }
}

#[test]
fn too_many_entries_cost_the_oldest_fourth_and_are_counted() {
    let mut dedupe = DedupeWindow::new(Duration::from_mins(2), 1000);
    for n in 0..1001 {
        dedupe.observe(0, identity(n), at(0));
    }
    assert_eq!((dedupe.entries(), dedupe.evicted_early()), (751, 250));
    assert_eq!(dedupe.observe(0, identity(1000), at(1)), Seen::Duplicate);
    assert_eq!(dedupe.observe(0, identity(249), at(1)), Seen::New);
}

#[test]
fn memory_follows_event_time_and_not_the_count_of_records() {
    let mut dedupe = window();
    for n in 0..100_000_u64 {
        dedupe.observe(0, identity(n), at(n.cast_signed() * 100));
    }
    // Four generations of 400 records.
    assert!(dedupe.entries() <= 1600, "{}", dedupe.entries());
    assert_eq!(dedupe.evicted_early(), 0);
}

#[derive(Debug, Clone)]
struct Arrival {
    slot: usize,
    number: u64,
    forward: i64,
    fails: bool,
}

fn arrivals() -> impl Strategy<Value = Vec<Arrival>> {
    let arrival = (0..3_usize, 0..40_u64, -20_000..40_000_i64, prop::bool::weighted(0.1))
        .prop_map(|(slot, number, forward, fails)| Arrival { slot, number, forward, fails });
    prop::collection::vec(arrival, 1..300)
}

proptest! {
    /// Beside a plain list of all reservations: a repeat in the same partition within
    /// the window of its time is always found, and nothing farther than that and a third.
    #[test]
    fn repeats_are_found_within_the_window_and_not_far_beyond(arrivals in arrivals()) {
        let mut dedupe = window();
        let mut times = [0_i64, 50_000, 100_000];
        let mut latest = times;
        let mut reserved: Vec<(usize, u64, i64)> = Vec::new();
        for Arrival { slot, number, forward, fails } in arrivals {
            times[slot] += forward;
            let now = times[slot];
            latest[slot] = latest[slot].max(now);
            let seen = dedupe.observe(slot, identity(number), at(now));
            let earlier = reserved.iter().filter(|(_, other, _)| *other == number);
            let must = earlier.clone().any(|(from, _, time)| {
                *from == slot
                    && now.abs_diff(*time) <= WINDOW as u64
                    && latest[slot] - time <= WINDOW
            });
            let may = earlier.clone().any(|(_, _, time)| now.abs_diff(*time) <= (WINDOW + SPAN) as u64);
            match seen {
                Seen::New => {
                    prop_assert!(!must);
                    if fails {
                        prop_assert!(dedupe.release(identity(number), at(now)));
                    } else {
                        reserved.push((slot, number, now));
                    }
                }
                Seen::Duplicate => prop_assert!(may),
            }
        }
    }
}
