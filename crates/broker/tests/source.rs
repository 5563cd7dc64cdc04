//! The source against the embedded broker: reading, room, gaps, commits, rebalances.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use emberline_broker::{
    CommitError, Committed, EmbeddedBroker, KafkaSettings, Room, SourceEvent, SourceSettings,
    where_it_left_off,
};
use support::{Worker, broker_with, offsets, produce, settings, wide_room};

#[tokio::test]
async fn everything_is_read_once_and_in_order() {
    let broker = broker_with("t", 3, 300).await;
    let kafka = broker.settings("g");
    let mut worker = Worker::start(&kafka, settings("t"), wide_room());
    worker.until("300 records", |worker| worker.seen.len() >= 300).await;

    assert_eq!(worker.seen.len(), 300);
    assert_eq!(worker.assigned.len(), 3);
    for (partition, offsets) in offsets(&worker.seen) {
        let expected: Vec<i64> = (0..i64::try_from(offsets.len()).unwrap()).collect();
        assert_eq!(offsets, expected, "partition {partition}");
    }
    for assigned in &worker.assigned {
        assert_eq!((assigned.committed, assigned.low, assigned.start), (None, 0, 0));
        assert_eq!(assigned.topic_partitions, 3);
    }
    let record = worker.seen.iter().find(|record| record.value.as_deref() == Some("v7")).unwrap();
    assert_eq!(record.key.as_deref(), Some("k7"));
    assert_eq!(record.headers, [("index".to_owned(), "7".to_owned())]);
    worker.close(Vec::new()).await;
}

#[tokio::test]
async fn positions_tell_the_end_of_what_there_was() {
    let broker = broker_with("t", 2, 50).await;
    let mut worker = Worker::start(&broker.settings("g"), settings("t"), wide_room());
    let mut left = 0;
    worker.until("an assignment", |worker| worker.assigned.len() == 2).await;
    for assigned in &worker.assigned {
        left += assigned.high - assigned.start;
    }
    let mut at = std::collections::HashMap::new();
    while at.values().sum::<i64>() < left {
        let moved = worker
            .wait_for("positions", |event| match event {
                SourceEvent::Positions(moved) => Some(moved),
                _ => None,
            })
            .await;
        at.extend(moved.into_iter().map(|(at, position)| (at.partition, position)));
    }
    assert_eq!(worker.seen.len(), 50, "a position came before its records");
    worker.close(Vec::new()).await;
}

#[tokio::test]
async fn reading_ends_where_it_is_to_end_while_the_topic_grows() {
    let broker = broker_with("t", 3, 300).await;
    let ends = [(("t".to_owned(), 0), 20), (("t".to_owned(), 1), 1_000_000)];
    let settings = SourceSettings { ends: Some(Arc::new(ends.into())), ..settings("t") };
    let mut worker = Worker::start(&broker.settings("g"), settings, wide_room());
    worker.until("an assignment", |worker| worker.assigned.len() == 3).await;
    let high = worker.assigned.iter().find(|it| it.at.partition == 1).unwrap().high;
    let all = 20 + usize::try_from(high).unwrap();
    worker.until("what is to be read", |worker| worker.seen.len() >= all).await;
    produce(&broker.settings("g"), "t", &[("k0", "later"); 50]).await;
    let position = worker.wait_for("a position", |event| match event {
        SourceEvent::Positions(moved) => {
            moved.into_iter().find(|(at, _)| at.partition == 0).map(|(_, position)| position)
        }
        _ => None,
    });
    assert_eq!(position.await, 20, "not beyond the end");
    worker.drain_for(Duration::from_millis(300)).await;
    let seen = offsets(&worker.seen);
    assert_eq!(seen[&0], (0..20).collect::<Vec<_>>());
    assert!(!seen.contains_key(&2), "a partition without an end is not read");
    worker.close(Vec::new()).await;
}

#[tokio::test]
async fn no_more_is_read_than_there_is_room_for() {
    let broker = broker_with("t", 2, 400).await;
    let mut worker = Worker::start(&broker.settings("g"), settings("t"), Room::new(64, 1 << 20));
    worker.until("a full room", |worker| worker.seen.len() >= 64).await;
    worker.drain_for(Duration::from_millis(300)).await;
    assert_eq!(worker.seen.len(), 64);
    assert!(worker.room.is_blocked());

    while worker.seen.len() < 400 {
        let (records, bytes) = worker.room.in_flight();
        worker.room.refund(records, bytes);
        let before = worker.seen.len();
        worker.until("more records", move |worker| worker.seen.len() > before).await;
        assert!(worker.room.in_flight().0 <= 64);
    }
    worker.close(Vec::new()).await;
}

#[tokio::test]
async fn while_intake_is_paused_nothing_is_read_and_the_thread_goes_round() {
    let broker = broker_with("t", 1, 10).await;
    let paused = SourceSettings { intake_paused: true, ..settings("t") };
    let mut worker = Worker::start(&broker.settings("g"), paused, wide_room());
    worker.until("an assignment", |worker| worker.assigned.len() == 1).await;
    worker.drain_for(Duration::from_millis(300)).await;
    assert_eq!(worker.seen.len(), 0);
    assert!(worker.source.pulse().age() < Duration::from_secs(5));

    worker.source.pause_intake(false);
    worker.until("the records", |worker| worker.seen.len() == 10).await;
    worker.close(Vec::new()).await;
}

#[tokio::test]
async fn a_partition_whose_gap_is_full_is_left_alone_while_the_others_go_on() {
    let broker = broker_with("t", 2, 400).await;
    let limit = SourceSettings { gap_limit: 50, ..settings("t") };
    let mut worker = Worker::start(&broker.settings("g"), limit, wide_room());
    worker.until("both gaps full", |worker| worker.seen.len() >= 100).await;
    worker.drain_for(Duration::from_millis(300)).await;
    let seen = offsets(&worker.seen);
    assert_eq!((seen[&0].len(), seen[&1].len()), (50, 50));

    // Only partition 1 settles anything.
    let ends: Vec<i64> = [0, 1]
        .map(|partition| {
            worker.assigned.iter().find(|found| found.at.partition == partition).unwrap().high
        })
        .to_vec();
    let frontier = worker.assigned.iter().find(|found| found.at.partition == 1).unwrap();
    let frontier = frontier.frontier.clone();
    frontier.set(50);
    let all = usize::try_from(ends[1]).unwrap();
    while offsets(&worker.seen)[&1].len() < all {
        worker.next().await;
        frontier.set(i64::try_from(offsets(&worker.seen)[&1].len()).unwrap());
    }
    let seen = offsets(&worker.seen);
    assert_eq!(seen[&0].len(), 50);
    assert_eq!(seen[&1], (0..ends[1]).collect::<Vec<_>>(), "nothing lost or doubled on the way");
    worker.close(Vec::new()).await;
}

#[tokio::test]
async fn what_was_committed_comes_back_with_its_text() {
    let broker = broker_with("t", 2, 100).await;
    let kafka = broker.settings("g");
    let mut worker = Worker::start(&kafka, settings("t"), wide_room());
    worker.until("all records", |worker| worker.seen.len() == 100).await;
    worker.source.commit(vec![worker.commit(0, 7, "runs: 9-11"), worker.commit(1, 3, "")]);
    let committed = worker
        .wait_for("the commit", |event| match event {
            SourceEvent::Committed(commits) => Some(commits.len()),
            SourceEvent::CommitFailed { error, .. } => panic!("{error}"),
            _ => None,
        })
        .await;
    assert_eq!(committed, 2);
    worker.close(Vec::new()).await;

    let mut second = Worker::start(&kafka, settings("t"), wide_room());
    second.until("an assignment", |worker| worker.assigned.len() == 2).await;
    second.assigned.sort_by_key(|found| found.at.partition);
    assert_eq!(second.assigned[0].committed, Some(7));
    assert_eq!(second.assigned[0].metadata, "runs: 9-11");
    assert_eq!((second.assigned[1].committed, second.assigned[1].start), (Some(3), 3));
    second.until("the rest", |worker| worker.seen.len() >= 90).await;
    assert_eq!(second.seen.len(), 90);
    second.close(Vec::new()).await;
}

#[tokio::test]
async fn the_start_rule_may_go_back_and_the_log_bounds_it() {
    let broker = broker_with("t", 1, 100).await;
    let kafka = broker.settings("g");
    let mut worker = Worker::start(&kafka, settings("t"), wide_room());
    worker.until("all records", |worker| worker.seen.len() == 100).await;
    let commit = worker.commit(0, 60, "");
    worker.close(vec![commit]).await;

    let back = |committed: &Committed<'_>| where_it_left_off(committed) - 20;
    let mut second = Worker::start_at(&kafka, settings("t"), wide_room(), back);
    second.until("the records from 40 on", |worker| worker.seen.len() >= 60).await;
    assert_eq!(offsets(&second.seen)[&0], (40..100).collect::<Vec<_>>());
    second.close(Vec::new()).await;

    let far = |_: &Committed<'_>| 5000;
    let mut third = Worker::start_at(&kafka, settings("t"), wide_room(), far);
    third.until("an assignment", |worker| worker.assigned.len() == 1).await;
    assert_eq!(third.assigned[0].start, 100);
    third.close(Vec::new()).await;
}

#[tokio::test]
async fn a_committed_offset_beyond_the_log_is_told() {
    let broker = broker_with("t", 1, 10).await;
    let kafka = broker.settings("g");
    let mut worker = Worker::start(&kafka, settings("t"), wide_room());
    worker.until("all records", |worker| worker.seen.len() == 10).await;
    let commit = worker.commit(0, 500, "");
    worker.close(vec![commit]).await;

    let mut second = Worker::start(&kafka, settings("t"), wide_room());
    let told = second
        .wait_for("the alarm", |event| match event {
            SourceEvent::OffsetOutOfRange { wanted, high, resumed_at, .. } => {
                Some((wanted, high, resumed_at))
            }
            _ => None,
        })
        .await;
    assert_eq!(told, (500, 10, 10));
    second.close(Vec::new()).await;
}

#[tokio::test]
async fn a_commit_whose_text_is_too_long_fails_alone() {
    let broker = broker_with("t", 2, 20).await;
    let mut worker = Worker::start(&broker.settings("g"), settings("t"), wide_room());
    worker.until("all records", |worker| worker.seen.len() == 20).await;
    worker.source.commit(vec![worker.commit(0, 1, &"x".repeat(4097)), worker.commit(1, 1, "")]);
    let (mut made, mut failed) = (Vec::new(), Vec::new());
    while made.is_empty() || failed.is_empty() {
        match worker.next().await {
            SourceEvent::Committed(commits) => made.extend(commits),
            SourceEvent::CommitFailed { commits, error } => {
                assert_eq!(error, CommitError::MetadataTooLong);
                failed.extend(commits);
            }
            _ => {}
        }
    }
    assert_eq!(made[0].at.partition, 1);
    assert_eq!(failed[0].at.partition, 0);
    worker.close(Vec::new()).await;
}

#[tokio::test]
async fn records_that_left_the_log_unread_raise_an_alarm_and_reading_goes_on_after_them() {
    let broker = broker_with("t", 1, 100).await;
    leave_the_log_behind(broker.settings("g")).await;
}

#[tokio::test]
async fn with_the_classic_group_protocol_reading_goes_on_as_well() {
    let broker = broker_with("t", 1, 100).await;
    leave_the_log_behind(KafkaSettings::new(broker.bootstrap(), "g")).await;
}

async fn leave_the_log_behind(kafka: KafkaSettings) {
    let limit = SourceSettings { gap_limit: 50, ..settings("t") };
    let mut worker = Worker::start(&kafka, limit, wide_room());
    worker.until("a full gap", |worker| worker.seen.len() == 50).await;

    // The embedded broker keeps 5 MB of a partition; these don't compress to less.
    let mut state = 1_u64;
    let large: Vec<String> = (0..160)
        .map(|_| {
            let words = (0..6_000).map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                format!("{state:016x}")
            });
            words.collect()
        })
        .collect();
    let values: Vec<(&str, &str)> = large.iter().map(|value| ("large", value.as_str())).collect();
    produce(&kafka, "t", &values).await;

    let frontier = worker.assigned[0].frontier.clone();
    frontier.set(100);
    let (wanted, low, resumed_at) = worker
        .wait_for("the alarm", |event| match event {
            SourceEvent::OffsetOutOfRange { wanted, low, resumed_at, .. } => {
                Some((wanted, low, resumed_at))
            }
            _ => None,
        })
        .await;
    assert_eq!((wanted, resumed_at), (100, low));
    frontier.set(low + 100);
    worker.until("the rest", |worker| worker.seen.last().unwrap().offset == 259).await;
    let read = offsets(&worker.seen).remove(&0).unwrap();
    assert_eq!(read, (0..100).chain(low..260).collect::<Vec<_>>());
    worker.close(Vec::new()).await;
}

#[tokio::test]
async fn what_is_not_due_waits_in_kafka_while_the_others_go_on() {
    const AHEAD: usize = 5;
    let broker = EmbeddedBroker::start(&[("late", 1), ("now", 1)]).unwrap();
    let kafka = broker.settings("g");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let (soon, later) = (format!("due {}", now + 1_500), format!("due {}", now + 3_600_000));
    let late: Vec<_> =
        (0..20).map(|n| ("k", if n < 8 { &soon } else { &later }.as_str())).collect();
    produce(&kafka, "late", &late).await;
    produce(&kafka, "now", &vec![("k", "v"); 300]).await;

    let ahead = Arc::new(Room::new(AHEAD, 1 << 20));
    let topics = vec!["late".to_owned(), "now".to_owned()];
    let settings = SourceSettings { ahead: Some(Arc::clone(&ahead)), topics, ..settings("") };
    let mut worker = Worker::start(&kafka, settings, wide_room());
    let of = |worker: &Worker, value: &str| {
        worker.seen.iter().filter(|seen| seen.value.as_deref() == Some(value)).count()
    };
    let early = |worker: &Worker| worker.seen.iter().filter(|seen| seen.early).count();
    worker.until("all that is due", |worker| of(worker, "v") == 300).await;
    worker.until("some ahead", |worker| early(worker) == AHEAD).await;
    // Those due soon come when their time has, although no room ahead is free. (Where the start
    // took longer than that, they are due from the beginning.)
    worker.until("what is due by now", |worker| of(worker, &soon) == 8).await;
    worker.until("no room ahead", |worker| early(worker) == AHEAD).await;
    worker.drain_for(Duration::from_millis(300)).await;
    assert_eq!((early(&worker), ahead.in_flight().0), (AHEAD, AHEAD), "charged beside the room");
    assert_eq!(worker.room.in_flight().0, worker.seen.len() - AHEAD);
    assert!(of(&worker, &later) <= AHEAD, "what is not due waits");
    let (records, bytes) = ahead.in_flight();
    ahead.refund(records, bytes);
    worker.until("the next ahead", |worker| early(worker) == 2 * AHEAD).await;
    let seen: Vec<_> =
        worker.seen.iter().filter(|seen| seen.value.as_deref() != Some("v")).collect();
    assert!(seen.is_sorted_by_key(|seen| seen.offset), "in order");
    worker.close(Vec::new()).await;
}
