//! Records of retry topics that are read before they are due.

use emberline_broker::TopicIndex;
use emberline_model::Category::Power;
use emberline_model::ParkReason;
use emberline_wire::headers::{Categories, DeadLetter, RETRY_HEADER, RetryHeader};

use super::rig::{Rig, SECOND, data};
use crate::intake::{Content, Reader};
use crate::raw::RawRecord;
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

/// What the retries worker makes of a record with this header.
fn read(rig: &Rig, header: &RetryHeader) -> Content {
    let names = ["own.retry.30s".to_owned()];
    let mut reader = Reader::new(Retries, &names, &rig.worker.shared.settings.topics);
    let headers = vec![(RETRY_HEADER.into(), header.encode().into_bytes().into_boxed_slice())];
    let value = br#"{"type":"StatusChange"}"#;
    let raw = RawRecord::new(Some(b"key"), Some(value), headers);
    reader.intake(TopicIndex(0), (1, 0, 0, SECOND * 1000), raw).content
}

#[tokio::test]
async fn what_only_a_later_version_can_send_goes_back_to_a_retry_topic_as_it_was() {
    let mut rig = Rig::new(Retries);
    rig.assign(0, None, "");
    // Power, and a category that there is none of yet.
    let left = Some(Categories::from_bits(1 << Power.index() | 1 << 6));
    let first_seen_ms = rig.worker.clock.unix_millis();
    let failed = parked(&rig, ParkReason::Transient);
    let header =
        RetryHeader { categories: left, first_seen_ms, due_ms: first_seen_ms, ..failed.clone() };
    let content = read(&rig, &header);
    assert!(matches!(content, Content::ForLaterVersion), "{content:?}");
    assert!(!matches!(read(&rig, &failed), Content::ForLaterVersion));
    rig.read_again(0, 0, Some(header.clone()), content);
    rig.until("the write", |rig| rig.worker.outbox.len() == 1).await;
    assert_eq!(rig.frontier(0), 0, "it is settled when it is written");
    let [written] = rig.worker.outbox.records().collect::<Vec<_>>()[..] else { panic!() };
    assert_eq!(&*written.topic, "own.retry.5m");
    let (_, again) = written.headers.iter().find(|(name, _)| name == RETRY_HEADER).unwrap();
    let again = RetryHeader::decode(again).unwrap();
    let expected = RetryHeader {
        attempt: header.attempt + 1,
        due_ms: again.due_ms,
        code: Some("LaterVersion".into()),
        ..header
    };
    assert_eq!(again, expected);
}

#[tokio::test]
async fn what_no_version_came_for_in_time_is_a_dead_letter_as_a_whole() {
    let mut rig = Rig::new(Retries);
    rig.assign(0, None, "");
    let due_ms = rig.worker.clock.unix_millis();
    // First seen in 2023.
    let header = RetryHeader { due_ms, ..parked(&rig, ParkReason::Transient) };
    rig.read_again(0, 0, Some(header), Content::ForLaterVersion);
    rig.until("the write", |rig| rig.worker.outbox.len() == 1).await;
    let [written] = rig.worker.outbox.records().collect::<Vec<_>>()[..] else { panic!() };
    assert_eq!(&*written.topic, "own.dead-letters");
    let headers = written.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
    let letter = DeadLetter::from_headers(headers).unwrap();
    assert_eq!((letter.reason.as_str(), letter.part), ("too_old", None));
}
