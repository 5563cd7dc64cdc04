use emberline_model::OnlineStatus::{Offline, Online};

use std::sync::Arc;
use std::time::{Duration, Instant};

use emberline_broker::{EmbeddedBroker, OffsetRange};
use emberline_model::EventTime;

use super::rig::{Rig, SECOND, Says, delivery, device, pipeline_settings, state};
use crate::replay::LaterStates;
use crate::settings::WorkerKind::{Devices, Replay};

#[tokio::test]
async fn a_state_that_failed_is_replaced_by_the_newer_one_that_came_meanwhile() {
    let mut rig = Rig::new(Devices);
    rig.service.answers(|_| Says::Nothing);
    rig.assign(0, None, "");
    rig.read(0, 0, state("a", SECOND, Online));
    rig.until("the call", |rig| rig.service.calls().len() == 1).await;
    rig.read(0, 1, state("a", SECOND + 1, Offline));
    rig.service.answers(
        |call| {
            if call.status == Some(1) { Says::Status(503) } else { Says::Accepted }
        },
    );
    rig.until_idle().await;
    assert_eq!((rig.count("superseded"), rig.count("delivered")), (1, 1));
    assert_eq!(rig.service.accepted()[0].status, Some(0));
}

/// Delivered and not committed, the partition was lost; its other owner sent the older state
/// again, and no more.
#[tokio::test]
async fn a_state_is_sent_again_where_another_owner_may_have_sent_an_older_one() {
    let mut rig = Rig::new(Devices);
    rig.assign(0, None, "");
    rig.read(0, 0, state("a", SECOND, Offline));
    rig.read(0, 1, state("a", SECOND + 1, Online));
    rig.until_idle().await;
    rig.lose(0);
    rig.assign(0, Some(1), "");
    rig.read(0, 1, state("a", SECOND + 1, Online));
    rig.until_idle().await;
    assert_eq!(rig.service.accepted().last().unwrap().status, Some(1));
    let online = rig.service.accepted().iter().filter(|call| call.status == Some(1)).count();
    assert_eq!(online, 2);
}

fn at(second: i64) -> EventTime {
    EventTime::from_millis(second * 1000)
}

/// A rig that pushes states again, and what it knows of those that come meanwhile.
fn pushing_again() -> (Rig, Arc<LaterStates>) {
    let later = Arc::new(LaterStates::default());
    later.is_known_to(Instant::now());
    let known = Some(Arc::clone(&later));
    let mut rig = Rig::watching(Replay, delivery(), "127.0.0.1:1", known);
    rig.assign(0, None, "");
    (rig, later)
}

#[tokio::test]
async fn a_state_pushed_again_is_left_out_where_a_newer_one_has_come() {
    let (mut rig, later) = pushing_again();
    later.note(device("a").key(), (at(SECOND + 5), Online), at(SECOND + 5));
    rig.read(0, 0, state("a", SECOND, Offline));
    rig.until_idle().await;
    assert_eq!((rig.count("superseded"), rig.service.calls().len()), (1, 0));
}

/// Live delivery has sent the newer one meanwhile: before this one's call, or after it.
#[tokio::test]
async fn a_newer_state_that_comes_during_the_call_of_an_older_one_is_sent_after_it() {
    let (mut rig, later) = pushing_again();
    rig.service.answers(|_| Says::Nothing);
    rig.read(0, 0, state("a", SECOND, Offline));
    rig.until("the call", |rig| rig.service.calls().len() == 1).await;
    rig.service.answers(|_| Says::Accepted);
    later.note(device("a").key(), (at(SECOND + 5), Online), at(SECOND + 5));
    rig.until("two calls", |rig| rig.service.accepted().len() == 2).await;
    later.is_known_to(Instant::now() + std::time::Duration::from_mins(1));
    rig.until_idle().await;
    let sent: Vec<_> = rig.service.accepted().iter().map(|call| call.status).collect();
    assert_eq!((sent, rig.count("delivered")), (vec![Some(0), Some(1)], 1));
}

#[tokio::test]
async fn a_state_pushed_again_is_not_settled_before_all_is_known_that_came_until_then() {
    let (mut rig, later) = pushing_again();
    rig.read(0, 0, state("a", SECOND, Offline));
    rig.until("the call", |rig| rig.service.accepted().len() == 1).await;
    rig.worker.lanes.expire(Instant::now() + std::time::Duration::from_secs(1));
    rig.worker.turn(Instant::now());
    assert_eq!(rig.count("delivered"), 0);
    later.is_known_to(Instant::now() + std::time::Duration::from_mins(1));
    rig.until_idle().await;
    assert_eq!((rig.count("delivered"), rig.service.calls().len()), (1, 1));
}

/// Its answer was lost, or it was refused, and nobody knows whether the service acted on it.
#[tokio::test]
async fn a_newer_state_is_sent_after_an_older_one_of_which_nobody_knows_whether_it_arrived() {
    let (mut rig, later) = pushing_again();
    rig.service.answers(|_| Says::Status(504));
    rig.read(0, 0, state("a", SECOND, Offline));
    rig.until("the call", |rig| !rig.service.calls().is_empty()).await;
    later.note(device("a").key(), (at(SECOND + 5), Online), at(SECOND + 5));
    rig.service.answers(|_| Says::Accepted);
    rig.until("a call", |rig| !rig.service.accepted().is_empty()).await;
    later.is_known_to(Instant::now() + std::time::Duration::from_mins(1));
    rig.until_idle().await;
    assert_eq!(rig.service.accepted().last().unwrap().status, Some(1));
    assert_eq!((rig.count("delivered"), rig.count("superseded")), (1, 0));
}

/// The topic is not there, which is also what a client is told that may not see it.
#[tokio::test]
async fn where_newer_states_can_not_be_followed_the_worker_ends_and_says_what_to_do() {
    let broker = EmbeddedBroker::start(&[("other", 1)]).unwrap();
    let settings =
        pipeline_settings(&broker.settings("g").brokers, ["t", "t"], delivery(), &[Replay]);
    let from = [("t".to_owned(), OffsetRange { partition: 0, from: 0, to: 0 })];
    let later = LaterStates::follow(&settings, &from).unwrap();
    let mut rig = Rig::watching(Replay, delivery(), "127.0.0.1:1", Some(later));
    rig.assign(0, None, "");
    rig.read(0, 0, state("a", SECOND, Offline));
    // The source lives as long as this does.
    let (_source, events) = tokio::sync::mpsc::channel(1);
    rig.worker.events = events;
    let ended = tokio::time::timeout(Duration::from_mins(2), rig.worker.run()).await;
    let error = ended.expect("the worker ends").unwrap_err().to_string();
    assert!(error.contains("Allow READ and DESCRIBE on t, then begin again"), "{error}");
    assert_eq!(rig.service.calls().len(), 0, "an older state could have been the last one");
}

/// Its device's clock is a century ahead, and was mended a day later.
#[tokio::test]
async fn a_state_of_a_broken_clock_pushed_again_does_not_outdo_what_came_a_day_later() {
    let (mut rig, later) = pushing_again();
    later.note(device("a").key(), (at(SECOND + 86_400), Online), at(SECOND + 86_400));
    rig.read(0, 0, state("a", SECOND + 3_153_600_000, Offline));
    rig.until_idle().await;
    assert_eq!((rig.count("superseded"), rig.service.calls().len()), (1, 0));
}
