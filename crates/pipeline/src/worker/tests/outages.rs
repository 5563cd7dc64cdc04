//! Failures of the service, and failures of single records: told apart by what becomes of
//! the calls after them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use emberline_flow::gate::{GateSettings, GateState};
use emberline_model::Category::Power;

use super::rig::{Rig, SECOND, Says, data, delivery};
use crate::DeliverySettings;
use crate::settings::WorkerKind::Devices;

/// So many calls that parking would long be due.
const MANY_CALLS: usize = 12;

/// A gate that looks so often whether the service is there again.
fn probing_every(millis: u64) -> GateSettings {
    let interval = Duration::from_millis(millis);
    GateSettings {
        probe_interval: interval,
        probe_interval_cap: interval,
        ..GateSettings::default()
    }
}

#[tokio::test]
async fn an_outage_parks_nothing_also_where_too_few_calls_are_made_to_open_the_circuit() {
    let mut rig = Rig::new(Devices);
    rig.bind("a");
    rig.service.answers(|_| Says::Status(503));
    rig.assign(0, None, "");
    rig.read(0, 0, data("a", SECOND, &[Power]));
    rig.until("many failures", |rig| rig.service.calls().len() >= MANY_CALLS).await;
    assert_eq!(rig.worker.shared.traffic.gate().0, GateState::Closed);
    assert_eq!(
        rig.worker.outbox.unacknowledged(),
        (0, 0),
        "nothing is on its way to a retry topic"
    );
    rig.service.answers(|_| Says::Accepted);
    rig.until_idle().await;
    assert_eq!(rig.count("delivered"), 1);
}

#[tokio::test]
async fn attempts_made_during_an_outage_are_not_the_records() {
    let settings =
        DeliverySettings { in_place: 3, retry_budget: 1.0, gate: probing_every(1), ..delivery() };
    let mut rig = Rig::with(Devices, settings, "127.0.0.1:1");
    rig.assign(0, None, "");
    for (offset, device) in (0..30).zip("abcdefghijklmnopqrstuvwxyz0123".chars()) {
        rig.bind(&device.to_string());
        rig.read(0, offset, data(&device.to_string(), SECOND, &[Power]));
    }
    rig.service.answers(|_| Says::Status(503));
    rig.until("an open circuit", |rig| rig.worker.shared.traffic.outages() > 0).await;
    rig.until("many probes", |rig| rig.service.calls().len() > 60).await;
    assert_eq!(rig.worker.outbox.unacknowledged(), (0, 0));
    rig.service.answers(|_| Says::Accepted);
    rig.until_idle().await;
    assert_eq!(rig.count("delivered"), 30);
}

#[tokio::test]
async fn what_failed_before_calls_were_stopped_is_not_parked_when_they_go_on() {
    // Whatever fails is spent at once.
    let settings =
        DeliverySettings { in_place: 0, retry_budget: 0.0, gate: probing_every(50), ..delivery() };
    let mut rig = Rig::with(Devices, settings, "127.0.0.1:1");
    rig.assign(0, None, "");
    rig.service.answers(|_| Says::Nothing);
    for offset in 0..30 {
        let device = format!("n{offset}");
        rig.bind(&device);
        rig.read(0, offset, data(&device, SECOND, &[Power]));
    }
    rig.until("calls in flight", |rig| rig.service.calls().len() == 30).await;
    rig.service.answers(|_| Says::Status(503));
    rig.until("an open circuit", |rig| rig.worker.shared.traffic.outages() > 0).await;
    rig.service.answers(|_| Says::Accepted);
    rig.until_idle().await;
    assert_eq!(rig.count("delivered"), 30);
}

#[tokio::test]
async fn a_record_that_fails_alone_is_parked_once_a_later_call_is_answered() {
    let mut rig = Rig::new(Devices);
    rig.bind("a");
    rig.bind("b");
    rig.service.answers(
        |call| {
            if call.device == "P/a" { Says::Status(503) } else { Says::Accepted }
        },
    );
    rig.assign(0, None, "");
    rig.read(0, 0, data("a", SECOND, &[Power]));
    rig.until("a failure", |rig| !rig.service.calls().is_empty()).await;
    for offset in 1..4 {
        rig.read(0, offset, data("b", SECOND + offset, &[Power]));
        let delivered = u64::try_from(offset).unwrap();
        rig.until("the neighbour", |rig| rig.count("delivered") == delivered).await;
    }
    rig.until("the write", |rig| rig.worker.outbox.unacknowledged().0 == 1).await;
    assert_eq!(rig.frontier(0), 0, "not before it is durable");
}

#[tokio::test]
async fn what_the_retry_budget_does_not_cover_is_parked() {
    let settings = DeliverySettings { in_place: 1_000, retry_budget: 0.0, ..delivery() };
    let mut rig = Rig::with(Devices, settings, "127.0.0.1:1");
    rig.bind("a");
    rig.bind("b");
    rig.service.answers(
        |call| {
            if call.device == "P/a" { Says::Status(503) } else { Says::Accepted }
        },
    );
    rig.assign(0, None, "");
    while rig.worker.shared.traffic.take_retry(Instant::now()) {}
    rig.read(0, 0, data("a", SECOND, &[Power]));
    rig.until("a failure", |rig| !rig.service.calls().is_empty()).await;
    rig.read(0, 1, data("b", SECOND, &[Power]));
    rig.until("the write", |rig| rig.worker.outbox.unacknowledged().0 == 1).await;
}

#[tokio::test]
async fn a_halt_is_the_whole_process() {
    let mut rig = Rig::new(Devices);
    let mut other = Rig::sharing(&rig, crate::WorkerKind::Retries);
    rig.bind("a");
    rig.bind("b");
    rig.service.answers(|_| Says::Status(401));
    rig.assign(0, None, "");
    rig.read(0, 0, data("a", SECOND, &[Power]));
    rig.until("the halt", |rig| rig.worker.intake_paused).await;
    other.assign(0, None, "");
    other.read(0, 0, data("b", SECOND, &[Power]));
    other.until("the halt", |rig| rig.worker.intake_paused).await;
    assert!(other.service.calls().is_empty(), "it makes no call of its own");
    assert_eq!(other.worker.records.len(), 1);
}

#[tokio::test]
async fn attempts_made_before_an_outage_do_not_count_after_it() {
    let waits = Duration::from_millis(200);
    let settings = DeliverySettings {
        in_place: 2,
        retry_budget: 10.0,
        gate: probing_every(1),
        backoff_base: waits,
        backoff_cap: waits,
        ..delivery()
    };
    let mut rig = Rig::with(Devices, settings, "127.0.0.1:1");
    rig.assign(0, None, "");
    rig.bind("a");
    let calls = std::sync::atomic::AtomicU32::new(0);
    rig.service.answers(move |call| {
        // Two failures of its own, and a third call that hangs.
        let of_a = call.device == "P/a" && calls.fetch_add(1, Ordering::Relaxed) >= 2;
        if of_a { Says::Nothing } else { Says::Status(503) }
    });
    rig.read(0, 0, data("a", SECOND, &[Power]));
    rig.until("its third call", |rig| rig.service.calls().len() == 3).await;
    for offset in 1..40 {
        let device = format!("n{offset}");
        rig.bind(&device);
        rig.read(0, offset, data(&device, SECOND, &[Power]));
    }
    rig.until("an outage", |rig| rig.worker.shared.traffic.outages() == 1).await;
    let third = AtomicBool::new(true);
    rig.service.answers(move |call| {
        let fails = call.device == "P/a" && third.swap(false, Ordering::Relaxed);
        if fails { Says::Status(503) } else { Says::Accepted }
    });
    rig.until("the end of its third call", |rig| rig.worker.in_calls == 0).await;
    rig.bind("late");
    rig.read(0, 40, data("late", SECOND, &[Power]));
    rig.until_idle().await;
    assert_eq!(rig.count("delivered"), 41, "its third failure is the first after the outage");
}
