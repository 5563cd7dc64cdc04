use std::collections::BTreeSet;
use std::ops::Range;

use proptest::prelude::*;

use super::PartitionLedger;

fn runs(ledger: &PartitionLedger) -> Vec<Range<i64>> {
    ledger.settled_above().collect()
}

#[test]
fn a_new_ledger_has_settled_all_below_its_start() {
    let ledger = PartitionLedger::starting_at(100);
    assert_eq!((ledger.frontier(), ledger.gap(), ledger.in_flight()), (100, 0, 0));
    assert!(ledger.is_settled(99));
    assert!(!ledger.is_settled(100));
    assert!(runs(&ledger).is_empty());
}

#[test]
fn a_gap_in_offsets_does_not_stall_the_frontier() {
    let mut ledger = PartitionLedger::starting_at(0);
    for offset in [3, 900, 1_000_000_000] {
        assert!(ledger.deliver(offset));
    }
    assert_eq!(ledger.frontier(), 3);
    assert!(ledger.settle(3));
    assert_eq!(ledger.frontier(), 900);
    assert!(ledger.settle(900));
    assert!(ledger.settle(1_000_000_000));
    assert_eq!(ledger.frontier(), 1_000_000_001);
}

#[test]
fn an_idle_position_moves_the_frontier_past_what_the_log_does_not_hold() {
    let mut ledger = PartitionLedger::starting_at(0);
    ledger.deliver(4);
    ledger.advance_to(10);
    assert_eq!(ledger.frontier(), 4, "a record in flight holds it");
    ledger.settle(4);
    assert_eq!(ledger.frontier(), 10);
    ledger.advance_to(7);
    assert_eq!(ledger.frontier(), 10, "a position never goes back");
    assert!(!ledger.deliver(9));
}

#[test]
fn settling_twice_or_what_never_came_is_told() {
    let mut ledger = PartitionLedger::starting_at(i64::from(u32::MAX));
    assert!(!ledger.settle(0));
    assert!(!ledger.settle(i64::MAX));
    let first = i64::from(u32::MAX);
    ledger.deliver(first);
    ledger.deliver(first + 2);
    assert!(!ledger.settle(first + 1));
    assert!(ledger.settle(first));
    assert!(!ledger.settle(first));
    assert!(!ledger.settle(i64::MIN));
    assert!(!ledger.deliver(first + 2), "the same record again");
    assert_eq!(ledger.in_flight(), 1);
}

#[test]
fn sparse_offsets_cost_a_word_each_and_not_their_distance() {
    let mut ledger = PartitionLedger::starting_at(0);
    for step in 0..100 {
        ledger.deliver(step * 10_000_000_000);
    }
    assert_eq!(ledger.words.len(), 100);
}

#[derive(Debug, Clone)]
enum Step {
    Deliver { skipped: i64 },
    Settle { nth: prop::sample::Index },
    Advance { by: i64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let skipped = prop_oneof![8 => Just(0_i64), 2 => 1..5_i64, 1 => 50..400_i64];
    let step = prop_oneof![
        5 => skipped.prop_map(|skipped| Step::Deliver { skipped }),
        4 => any::<prop::sample::Index>().prop_map(|nth| Step::Settle { nth }),
        1 => (0..100_i64).prop_map(|by| Step::Advance { by }),
    ];
    prop::collection::vec(step, 1..300)
}

proptest! {
    /// Whatever happens in whatever order, the ledger agrees with a plain set of the
    /// offsets in flight.
    #[test]
    fn the_ledger_is_a_set_of_offsets_in_flight(start in 0..1000_i64, steps in steps()) {
        let mut ledger = PartitionLedger::starting_at(start);
        let mut in_flight = BTreeSet::new();
        let mut next = start;
        for step in steps {
            match step {
                Step::Deliver { skipped } => {
                    prop_assert!(ledger.deliver(next + skipped));
                    in_flight.insert(next + skipped);
                    next += skipped + 1;
                }
                Step::Settle { nth } => {
                    let known = usize::try_from(next - start + 1).unwrap();
                    let offset = start + i64::try_from(nth.index(known)).unwrap();
                    prop_assert_eq!(ledger.settle(offset), in_flight.remove(&offset));
                }
                Step::Advance { by } => {
                    next += by;
                    ledger.advance_to(next);
                }
            }
            let frontier = in_flight.first().copied().unwrap_or(next);
            prop_assert_eq!(ledger.frontier(), frontier);
            prop_assert_eq!(ledger.in_flight(), in_flight.len());
            prop_assert_eq!(ledger.gap(), u64::try_from(next - frontier).unwrap());
        }
        let frontier = ledger.frontier();
        let runs = runs(&ledger);
        prop_assert!(runs.windows(2).all(|pair| pair[0].end < pair[1].start));
        for offset in start - 2..next + 2 {
            let settled = offset < next && !in_flight.contains(&offset);
            prop_assert_eq!(ledger.is_settled(offset), settled);
            let in_a_run = runs.iter().any(|run| run.contains(&offset));
            prop_assert_eq!(in_a_run, settled && offset >= frontier);
        }
    }

    /// Whatever order records settle in, the frontier never passes one in flight.
    #[test]
    fn the_frontier_never_passes_a_record_in_flight(
        order in Just((0..150_i64).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let mut ledger = PartitionLedger::starting_at(0);
        (0..150).for_each(|offset| { ledger.deliver(offset); });
        for (settled, offset) in order.iter().enumerate() {
            ledger.settle(*offset);
            let oldest = order[settled + 1..].iter().min().copied().unwrap_or(150);
            prop_assert_eq!(ledger.frontier(), oldest);
        }
    }
}
