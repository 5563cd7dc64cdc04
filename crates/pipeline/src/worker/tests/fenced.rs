use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use emberline_broker::Delivered;
use emberline_flow::commit_metadata::{self, CommitMetadata};
use emberline_model::Category::{Power, Smoke};
use emberline_model::OnlineStatus::Online;

use super::made_up::edges::SimWriters;
use super::rig::{Rig, SECOND, Says, data, delivery, state};
use crate::DeliverySettings;
use crate::settings::WorkerKind::{Devices, Retries};

/// A call that has failed waits for so long that others go before it is made again.
fn patient() -> DeliverySettings {
    let waits = Duration::from_secs(2);
    DeliverySettings { backoff_base: waits, backoff_cap: waits, ..delivery() }
}

#[tokio::test]
async fn a_report_read_again_while_its_call_is_in_flight_waits_for_that_call() {
    let mut rig = Rig::new(Devices);
    rig.bind("a");
    rig.service.answers(|_| Says::Nothing);
    rig.assign(0, None, "");
    rig.read(0, 7, data("a", SECOND, &[Power]));
    rig.until("the call", |rig| rig.service.calls().len() == 1).await;
    rig.lose(0);
    rig.assign(0, None, "");
    rig.read(0, 7, data("a", SECOND, &[Power]));
    rig.service.answers(|_| Says::Accepted);
    rig.until_idle().await;
    assert_eq!(rig.service.calls().len(), 1, "sent once");
    assert_eq!(rig.count("duplicate"), 1);
    assert_eq!(rig.frontier(0), 8);
}

#[tokio::test]
async fn a_report_read_again_is_sent_when_the_call_of_the_earlier_tenure_fails() {
    let mut rig = Rig::new(Devices);
    rig.bind("a");
    rig.service.answers(|_| Says::Nothing);
    rig.assign(0, None, "");
    rig.assign(1, None, "");
    rig.read(1, 0, data("b", SECOND, &[Power]));
    rig.read(0, 7, data("a", SECOND, &[Power]));
    rig.until("the call", |rig| rig.service.calls().len() == 1).await;
    rig.lose(0);
    rig.assign(0, None, "");
    rig.read(0, 7, data("a", SECOND, &[Power]));
    // Once more: what waits for the first call is given up, and must not free its identity.
    rig.lose(0);
    rig.assign(0, None, "");
    rig.read(0, 7, data("a", SECOND, &[Power]));
    let failed = AtomicBool::new(false);
    rig.service.answers(move |_| {
        if failed.swap(true, Ordering::Relaxed) { Says::Accepted } else { Says::Status(503) }
    });
    rig.until("acceptance", |rig| rig.count("delivered") == 1).await;
    assert_eq!(rig.service.calls().len(), 2);
    assert_eq!(rig.count("duplicate"), 0);
    rig.lose(1);
    rig.until_idle().await;
    assert!(rig.worker.ghosts.is_empty(), "no identity is remembered for ever");
}

/// It was told twice, and both records were read again while its call was in flight. That has
/// failed as often as it may, so the first is parked; and the second is at the head.
#[tokio::test]
async fn the_second_record_of_a_report_is_a_duplicate_when_the_first_is_parked_for_an_earlier_call()
{
    fastrand::seed(1);
    let mut rig = Rig::with(Devices, patient(), "127.0.0.1:1");
    rig.bind("a");
    rig.bind("b");
    rig.service.answers(|_| Says::Nothing);
    rig.assign(0, None, "");
    rig.assign(1, None, "");
    rig.read(0, 7, data("a", SECOND, &[Power]));
    rig.until("the call", |rig| rig.service.calls().len() == 1).await;
    rig.lose(0);
    rig.assign(0, None, "");
    rig.read(0, 7, data("a", SECOND, &[Power]));
    rig.read(0, 8, data("a", SECOND, &[Power]));
    rig.service.answers(|call| match call.device.as_str() {
        "P/a" => Says::Status(503),
        _ => Says::Accepted,
    });
    rig.until("its failure", |rig| rig.worker.in_calls == 0).await;
    rig.read(1, 0, data("b", SECOND, &[Power]));
    rig.until("the end of the second", |rig| rig.count("duplicate") == 1).await;
    assert_eq!(rig.written.lock().len(), 1, "the first is parked");
    assert_eq!(rig.service.calls().len(), 2);
}

/// What was before it in the lane is parked, and the receipt of the call that delivered it is not
/// there yet: so there is nothing to call for.
#[tokio::test]
async fn a_report_that_waits_for_a_receipt_is_not_called_for_when_it_comes_to_the_head() {
    fastrand::seed(1);
    let receipts = DeliverySettings { receipts: true, ..patient() };
    let mut rig = Rig::with(Devices, receipts, "127.0.0.1:1");
    rig.bind("a");
    rig.bind("b");
    rig.assign(1, None, "");
    rig.assign(0, Some(1), "");
    rig.read(0, 1, data("a", SECOND + 1, &[Power]));
    rig.until("the receipt", |rig| rig.written.lock().len() == 1).await;
    rig.lose(0);
    rig.assign(0, None, "");
    rig.service.answers(|call| match call.device.as_str() {
        "P/a" => Says::Status(503),
        _ => Says::Accepted,
    });
    rig.read(0, 0, data("a", SECOND, &[Power]));
    rig.read(0, 1, data("a", SECOND + 1, &[Power]));
    rig.until("the failure", |rig| rig.service.calls().len() == 2 && rig.worker.in_calls == 0)
        .await;
    rig.read(1, 0, data("b", SECOND, &[Power]));
    let parked = |rig: &Rig| rig.written.lock().iter().any(|it| it.topic.contains("retry"));
    rig.until("what failed is parked", parked).await;
    assert_eq!(rig.worker.lanes.items_len(), 1, "the other one waits");
    assert_eq!(rig.service.calls().len(), 3);
}

/// The call of an earlier tenure has failed as often as it may. What stands at the lane's head by
/// now was delivered by another one, of which the receipt is not there yet.
#[tokio::test]
async fn a_report_that_waits_for_a_receipt_is_not_parked_for_a_call_that_it_was_not_in() {
    fastrand::seed(1);
    let writers = SimWriters::default();
    let receipts = DeliverySettings { receipts: true, ..patient() };
    let mut rig = Rig::writing(Devices, receipts, &writers);
    let end_writes = |rig: &mut Rig| {
        let handed = std::mem::take(&mut writers.0.lock().handed);
        for handed in handed {
            assert_eq!(handed.topic, "own.receipts", "nothing is parked");
            let end = handed.ends(Ok(Delivered { partition: 0, offset: 0 }));
            rig.worker.write_ended(end, Instant::now());
        }
    };
    rig.bind("a");
    rig.bind("b");
    rig.assign(0, None, "");
    rig.assign(1, None, "");
    rig.read(0, 7, data("a", SECOND, &[Power]));
    rig.until("the receipt", |rig| rig.written.lock().len() == 1).await;
    rig.service.answers(|_| Says::Nothing);
    rig.read(0, 8, data("a", SECOND + 1, &[Power]));
    rig.until("the second call", |rig| rig.service.calls().len() == 2).await;
    rig.lose(0);
    rig.assign(0, None, "");
    rig.read(0, 7, data("a", SECOND, &[Power]));
    rig.read(0, 8, data("a", SECOND + 1, &[Power]));
    rig.service.answers(|_| Says::Status(503));
    rig.until("its failure", |rig| rig.worker.in_calls == 0).await;
    rig.service.answers(|_| Says::Accepted);
    rig.read(1, 0, data("b", SECOND, &[Power]));
    rig.until("a call after it", |rig| rig.service.calls().len() == 3).await;
    end_writes(&mut rig);
    rig.until("the second call again", |rig| rig.service.calls().len() == 4).await;
    rig.until("its receipt", |rig| rig.worker.in_calls == 0).await;
    end_writes(&mut rig);
    rig.until_idle().await;
    assert_eq!(rig.count("duplicate"), 1);
}

#[tokio::test]
async fn a_shadow_given_up_does_not_free_the_identity_of_the_call_that_it_waits_for() {
    let mut rig = Rig::new(Devices);
    rig.bind("a");
    rig.service.answers(|_| Says::Nothing);
    rig.assign(0, None, "");
    rig.assign(1, None, "");
    rig.read(1, 0, data("b", SECOND, &[Power]));
    rig.read(0, 7, data("a", SECOND, &[Power]));
    rig.until("the call", |rig| rig.service.calls().len() == 1).await;
    for _ in 0..2 {
        rig.lose(0);
        rig.assign(0, None, "");
        rig.read(0, 7, data("a", SECOND, &[Power]));
    }
    rig.service.answers(|_| Says::Accepted);
    rig.lose(1);
    rig.until_idle().await;
    assert_eq!(rig.service.calls().len(), 1, "sent once");
}

/// A record with a part that waits to be parked: the write is not made before the rest
/// has its outcome, so what is lost with the partition was parked nowhere.
#[tokio::test]
async fn a_report_that_waited_to_be_parked_is_no_duplicate_when_its_partition_comes_back() {
    let mut rig = Rig::new(Devices);
    rig.bind("a");
    rig.service.answers(|call| match call.category {
        Some(400) => Says::Status(500),
        _ => Says::Nothing,
    });
    rig.assign(0, None, "");
    // Another partition of the same time keeps the dedupe window alive.
    rig.assign(1, None, "");
    rig.read(1, 0, data("b", SECOND, &[Power]));
    rig.read(0, 7, data("a", SECOND, &[Power, Smoke]));
    rig.until("the failed call", |rig| rig.worker.in_calls == 1).await;
    rig.lose(0);
    rig.service.answers(|call| match call.category {
        Some(400) => Says::Nothing,
        _ => Says::Accepted,
    });
    rig.until("the other call", |rig| rig.worker.in_calls == 0).await;
    rig.lose(1);
    rig.until_idle().await;

    rig.assign(1, None, "");
    rig.read(1, 0, data("b", SECOND, &[Power]));
    rig.assign(0, None, "");
    rig.read(0, 7, data("a", SECOND, &[Power, Smoke]));
    rig.service.answers(|_| Says::Accepted);
    rig.until("acceptance", |rig| {
        rig.service.accepted().iter().any(|call| call.category == Some(400))
    })
    .await;
}

/// As above where the window lives on all the while.
#[tokio::test]
async fn a_report_whose_parking_was_not_durable_is_delivered_after_its_partition_came_back() {
    let mut rig = Rig::new(Devices);
    rig.bind("a");
    rig.service.answers(|call| match call.category {
        Some(400) => Says::Status(500),
        _ => Says::Nothing,
    });
    rig.assign(0, None, "");
    rig.assign(1, None, "");
    rig.read(1, 0, data("b", SECOND, &[Power]));
    rig.read(0, 7, data("a", SECOND, &[Power, Smoke]));
    rig.read(0, 8, data("a", SECOND + 1, &[Power]));
    rig.until("the failed calls", |rig| rig.worker.in_calls == 1 && rig.service.calls().len() >= 2)
        .await;
    rig.lose(0);
    rig.service.answers(|_| Says::Accepted);
    rig.assign(0, None, "");
    rig.read(0, 7, data("a", SECOND, &[Power, Smoke]));
    rig.read(0, 8, data("a", SECOND + 1, &[Power]));
    rig.until("acceptance", |rig| {
        let times: usize = rig
            .service
            .accepted()
            .iter()
            .filter(|call| call.category == Some(400))
            .map(|call| call.content.len())
            .sum();
        times == 2
    })
    .await;
}

/// Records that went on from one retry topic to the next are settled in the first, and are
/// read again with it. What comes of the next one is the same report, and not sent yet.
#[tokio::test]
async fn a_report_that_was_parked_again_is_delivered_although_its_first_retry_is_read_twice() {
    let mut rig = Rig::new(Retries);
    rig.bind("a");
    let settled = CommitMetadata::gather(None, std::iter::once(1..2));
    rig.assign(0, Some(0), &commit_metadata::encode(&settled, 0));
    rig.assign(1, None, "");
    rig.read(0, 1, data("a", SECOND, &[Power]));
    rig.read(1, 0, data("a", SECOND, &[Power]));
    rig.until_idle().await;
    assert_eq!((rig.count("delivered"), rig.count("duplicate")), (1, 0));
}

/// The report was told twice, and the second record was settled as a duplicate of the
/// first. Read again, it says nothing of whether the first was delivered.
#[tokio::test]
async fn a_report_whose_call_failed_is_sent_again_although_its_duplicate_was_settled() {
    fastrand::seed(1);
    let settings = DeliverySettings { in_place: 1, ..patient() };
    let mut rig = Rig::with(Devices, settings, "127.0.0.1:1");
    rig.bind("a");
    rig.service.answers(|_| Says::Nothing);
    rig.assign(0, None, "");
    rig.read(0, 7, data("a", SECOND, &[Power]));
    rig.read(0, 8, data("a", SECOND, &[Power]));
    rig.until("the call", |rig| rig.service.calls().len() == 1).await;
    rig.lose(0);
    let settled = CommitMetadata::gather(None, std::iter::once(8..9));
    rig.assign(0, Some(7), &commit_metadata::encode(&settled, 7));
    rig.read(0, 7, data("a", SECOND, &[Power]));
    rig.service.answers(|_| Says::Status(503));
    rig.until("its failure", |rig| rig.worker.in_calls == 0).await;
    rig.read(0, 8, data("a", SECOND, &[Power]));
    rig.service.answers(|_| Says::Accepted);
    rig.until_idle().await;
    assert_eq!(rig.count("delivered"), 1);
}

/// Lost twice during one call, and told twice, the second time in another third of the
/// window. What was given up in between is not the call's.
#[tokio::test]
async fn a_state_whose_partition_was_lost_twice_during_its_call_is_sent_again_when_that_fails() {
    const AGAIN: i64 = 50_007;
    let mut rig = Rig::new(Devices);
    rig.service.answers(|_| Says::Nothing);
    rig.assign(0, None, "");
    rig.read(0, 7, state("a", SECOND, Online));
    rig.until("the call", |rig| rig.service.calls().len() == 1).await;
    for _ in 0..2 {
        rig.lose(0);
        rig.assign(0, None, "");
        rig.read(0, 7, state("a", SECOND, Online));
        rig.read(0, AGAIN, state("a", SECOND, Online));
    }
    let failed = AtomicBool::new(false);
    rig.service.answers(move |_| {
        if failed.swap(true, Ordering::Relaxed) { Says::Accepted } else { Says::Status(503) }
    });
    rig.until_idle().await;
    assert_eq!(rig.service.accepted().len(), 1);
}
