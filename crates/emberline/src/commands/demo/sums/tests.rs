use crate::app::Exit;

use super::{Generated, Pipeline, Service, Sums};

/// A run in which all is well.
const WELL: Sums = Sums {
    generated: Generated {
        reports: 100,
        states: 20,
        customers: 5,
        orders: 4,
        bindings: 10,
        duplicates: 12,
        skipped: 3,
        dead_letters: 2,
    },
    pipeline: Pipeline {
        read: 156,
        delivered: 138,
        duplicates: 12,
        skipped: 3,
        superseded: 1,
        parked: 0,
        dead_lettered: 2,
        in_flight: 0,
        calls: 70,
        rejected_calls: 0,
    },
    service: Service {
        reports: 100,
        states: 19,
        customers: 5,
        orders: 4,
        bindings: 10,
        sent_twice: 0,
        calls: 70,
        rejected_calls: 0,
        out_of_order: 4,
        out_of_order_late: Some(4),
        overlapping_calls: 0,
    },
};

#[track_caller]
fn assert_found(change: impl FnOnce(&mut Sums), expected: &str) {
    let mut sums = WELL;
    change(&mut sums);
    let found = sums.disagreements();
    assert!(found.iter().any(|text| text.starts_with(expected)), "{found:?}");
}

#[test]
fn sums_that_agree_have_no_disagreement() {
    assert_eq!(WELL.disagreements(), Vec::<String>::new());
    assert_eq!(WELL.lost(), 0);
    assert_eq!(WELL.exit(), Exit::Done);
}

#[test]
fn a_disagreement_is_a_failure() {
    let mut sums = WELL;
    sums.service.reports = 99;
    assert_eq!(sums.exit(), Exit::Failed);
    sums = WELL;
    sums.service.sent_twice = 1;
    assert_eq!(sums.exit(), Exit::Failed);
}

#[test]
fn a_report_that_never_arrived_is_lost_whatever_the_workers_say() {
    let mut sums = WELL;
    sums.service.reports = 99;
    assert_eq!(sums.lost(), 1);
    assert_found(|sums| sums.service.reports = 99, "lost: 1");
    assert_found(|sums| sums.service.reports = 99, "delivered: the workers say 138");
}

#[test]
fn a_state_too_many_does_not_hide_a_lost_report() {
    let mut sums = WELL;
    sums.service.reports = 99;
    sums.service.states = 20;
    assert_eq!(sums.lost(), 1);
}

#[test]
fn what_is_parked_or_in_flight_is_not_lost_and_still_not_well() {
    let mut sums = WELL;
    sums.service.reports = 97;
    sums.pipeline.delivered = 135;
    sums.pipeline.parked = 2;
    sums.pipeline.in_flight = 1;
    assert_eq!(sums.lost(), 0);
    assert_eq!(sums.pipeline.accounted_for(), sums.pipeline.read);
    let found = sums.disagreements();
    assert!(found.contains(&"still parked: 2".to_owned()), "{found:?}");
    assert!(found.contains(&"still in flight: 1".to_owned()), "{found:?}");
}

#[test]
fn each_kind_of_disagreement_is_named() {
    assert_found(|sums| sums.pipeline.read += 1, "items: generated 156, but read 157");
    assert_found(|sums| sums.pipeline.duplicates -= 1, "items: read 156, but accounted for 155");
    assert_found(|sums| sums.pipeline.duplicates -= 1, "duplicates: expected 12");
    assert_found(|sums| sums.service.sent_twice = 1, "sent twice: 1");
    assert_found(|sums| sums.service.calls += 1, "calls: ");
    assert_found(|sums| sums.service.rejected_calls = 5, "calls not done: 5");
    assert_found(|sums| sums.service.out_of_order = 5, "out of order: 5");
    assert_found(|sums| sums.generated.skipped = 4, "skipped: expected 4");
    assert_found(|sums| sums.generated.dead_letters = 1, "dead letters: expected 1");
    assert_found(|sums| sums.service.bindings = 9, "bindings: generated 10");
}
