//! The ledger as a judge: repeats, disorder, overlap, and sums that close.

use emberline_sandbox::{Fault, FaultPlan, SandboxSettings};

use crate::caller::{Call, PATH, eventually, furnished, post, report, send, settings};

#[tokio::test]
async fn a_report_sent_twice_is_counted_twice_and_distinct_once() {
    let sandbox = furnished(settings()).await;
    for (time, power) in [(1, "1"), (1, "1.0"), (1, "2"), (2, "1")] {
        assert!(send(&sandbox, &Call::power(time, power)).await.succeeded());
    }
    let totals = sandbox.ledger().totals();
    assert_eq!((totals.reports_accepted, totals.distinct_reports, totals.sent_twice), (4, 3, 1));
    let occurrences: Vec<u32> =
        sandbox.ledger().reports_of("P/a").iter().map(|report| report.occurrence).collect();
    assert_eq!(occurrences, [1, 2, 1, 1]);
}

#[tokio::test]
async fn disorder_is_judged_by_device_and_category() {
    let sandbox = furnished(settings()).await;
    assert!(send(&sandbox, &Call::power(10, "1")).await.succeeded());
    let other_category = Call::data("P/a", "c_1", 500, &report(5, &[(1007, "0")]));
    assert!(send(&sandbox, &other_category).await.succeeded());
    assert_eq!(sandbox.ledger().totals().order_inversions, 0);
    assert!(send(&sandbox, &Call::power(9, "1")).await.succeeded());
    assert_eq!(sandbox.ledger().totals().order_inversions, 1);
    assert!(send(&sandbox, &Call::power(9, "1")).await.succeeded());
    assert_eq!(sandbox.ledger().totals().order_inversions, 1, "a repeat is no disorder");
}

#[tokio::test]
async fn two_calls_for_one_device_and_category_at_once_are_noticed() {
    let sandbox = std::sync::Arc::new(furnished(settings()).await);
    sandbox.faults().set(FaultPlan::first(1, Fault::Hang));
    let hanging = {
        let sandbox = std::sync::Arc::clone(&sandbox);
        let body = Call::power(1, "1").body();
        tokio::spawn(async move { post(&sandbox, PATH, &body).await })
    };
    eventually("the first call hangs", || sandbox.ledger().totals().faulted_calls == 1).await;

    assert!(send(&sandbox, &Call::state("P/a", 1)).await.succeeded());
    let other_category = Call::data("P/a", "c_1", 500, &report(1, &[(1007, "0")]));
    assert!(send(&sandbox, &other_category).await.succeeded());
    assert_eq!(sandbox.ledger().totals().overlapping_calls, 0, "neither shares its topic");
    assert!(send(&sandbox, &Call::power(2, "1")).await.succeeded());
    assert_eq!(sandbox.ledger().totals().overlapping_calls, 1);

    hanging.abort();
    assert!(hanging.await.unwrap_err().is_cancelled());
}

#[tokio::test]
async fn one_call_after_the_other_never_overlaps() {
    let sandbox = furnished(settings()).await;
    for time in 1..=50 {
        assert!(send(&sandbox, &Call::power(time, "1")).await.succeeded());
    }
    let totals = sandbox.ledger().totals();
    assert_eq!((totals.overlapping_calls, totals.order_inversions, totals.sent_twice), (0, 0, 0));
    assert_eq!(totals.reports_accepted, 50);
}

#[tokio::test]
async fn every_call_ends_in_exactly_one_outcome() {
    let sandbox = furnished(settings()).await;
    sandbox.faults().set(FaultPlan { seed: 7, ..FaultPlan::share(0.3, Fault::status(500)) });
    for time in 1..=40 {
        send(&sandbox, &Call::power(time, if time % 4 == 0 { "999" } else { "1" })).await;
    }
    let totals = sandbox.ledger().totals();
    let ended = totals.accepted_calls
        + totals.rejected_calls
        + totals.throttled_calls
        + totals.faulted_calls
        + totals.abandoned_calls;
    assert_eq!((totals.calls, ended), (41, 41));
    assert!(totals.accepted_calls > 1 && totals.rejected_calls > 0 && totals.faulted_calls > 0);
    let reports = totals.by_action["ServiceReportDeviceData"];
    assert_eq!(reports.accepted, totals.reports_accepted);
    assert_eq!(totals.bind_calls, 1);
    assert_eq!(totals.devices_reported, 1);
}

#[tokio::test]
async fn what_the_bounds_cut_off_is_counted() {
    let settings = SandboxSettings { history_per_device: 2, max_identities: 3, ..settings() };
    let sandbox = furnished(settings).await;
    for time in 1..=5 {
        assert!(send(&sandbox, &Call::power(time, "1")).await.succeeded());
    }
    let kept: Vec<i64> =
        sandbox.ledger().reports_of("P/a").iter().map(|report| report.report_time).collect();
    assert_eq!(kept, [4, 5]);
    let totals = sandbox.ledger().totals();
    assert_eq!((totals.reports_accepted, totals.identities_forgotten), (5, 2));
}
