//! Records of retry topics that are read before they are due.

use emberline_model::Category::Power;
use emberline_model::ParkReason;
use emberline_wire::headers::RetryHeader;

use super::rig::{Rig, SECOND, data};
use crate::settings::WorkerKind::Retries;

const HOUR_MS: i64 = 3_600_000;

fn parked(rig: &Rig, reason: ParkReason) -> RetryHeader {
    RetryHeader {
        attempt: 3,
        first_seen_ms: SECOND * 1000,
        due_ms: rig.worker.clock.unix_millis() + HOUR_MS,
        reason: reason.name().to_owned(),
        class: reason.name().to_owned(),
        code: None,
        topic: "t".into(),
        partition: 0,
        offset: 0,
        timestamp_ms: SECOND * 1000,
        categories: None,
    }
}

#[tokio::test]
async fn a_parked_report_goes_out_when_its_binding_comes_and_not_when_it_is_due() {
    let mut rig = Rig::new(Retries);
    rig.assign(0, None, "");
    let unbound = parked(&rig, ParkReason::Unbound);
    rig.read_again(0, 0, Some(unbound.clone()), data("a", SECOND, &[Power]));
    rig.read_again(0, 1, Some(unbound), data("b", SECOND, &[Power]));
    let failed = parked(&rig, ParkReason::Transient);
    rig.read_again(0, 2, Some(failed), data("a", SECOND + 1, &[Power]));
    assert_eq!(rig.service.calls().len(), 0);
    rig.bind("a");
    rig.worker.release_bound(std::time::Instant::now());
    rig.until("the report", |rig| rig.count("delivered") == 1).await;
    assert_eq!(rig.service.accepted()[0].device, "P/a");
    assert_eq!(rig.worker.waiting.len(), 2, "the others wait for their time");
    rig.lose(0);
    rig.until_idle().await;
}

#[tokio::test]
async fn what_is_bound_when_it_is_read_does_not_wait() {
    let mut rig = Rig::new(Retries);
    rig.bind("a");
    rig.assign(0, None, "");
    let unbound = parked(&rig, ParkReason::Unbound);
    rig.read_again(0, 0, Some(unbound), data("a", SECOND, &[Power]));
    rig.until_idle().await;
    assert_eq!(rig.count("delivered"), 1);
}

#[tokio::test]
async fn what_waits_for_its_time_takes_no_room_from_what_is_worked_on() {
    let mut rig = Rig::new(Retries);
    rig.bind("a");
    rig.assign(0, None, "");
    let failed = parked(&rig, ParkReason::Transient);
    rig.read_again(0, 0, Some(failed), data("a", SECOND, &[Power]));
    assert_eq!((rig.room.in_flight().0, rig.ahead.in_flight().0), (0, 1));
    rig.assert_sum();
    let later = std::time::Instant::now() + std::time::Duration::from_hours(2);
    rig.worker.take_in_due(later);
    assert_eq!((rig.room.in_flight().0, rig.ahead.in_flight().0), (1, 0));
    rig.until_idle().await;
}
