//! The gate of a partition: closed, nothing of it is read; opened, reading begins at the start.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::time::Duration;

use emberline_broker::{Frontier, SourceEvent, SourceSettings};
use support::{Worker, broker_with, offsets, produce, settings, wide_room};

/// Long enough for what must not come.
const WHILE: Duration = Duration::from_millis(300);

fn gated() -> SourceSettings {
    SourceSettings { gated: true, ..settings("t") }
}

fn gate(worker: &Worker, partition: i32) -> Frontier {
    let assigned = worker.assigned.iter().rev().find(|found| found.at.partition == partition);
    assigned.unwrap().frontier.clone()
}

#[tokio::test]
async fn a_closed_partition_gives_nothing_and_each_is_opened_by_itself() {
    let broker = broker_with("t", 3, 300).await;
    let mut worker = Worker::start(&broker.settings("g"), gated(), wide_room());
    worker.until("an assignment", |worker| worker.assigned.len() == 3).await;
    worker.drain_for(WHILE).await;
    assert_eq!(worker.seen.len(), 0);
    assert_eq!(worker.room.in_flight(), (0, 0), "what is held takes no room");

    gate(&worker, 1).open();
    let high = worker.assigned.iter().find(|found| found.at.partition == 1).unwrap().high;
    worker
        .until("what was opened", |worker| {
            worker.seen.last().is_some_and(|it| it.offset + 1 == high)
        })
        .await;
    worker.drain_for(WHILE).await;
    let seen = offsets(&worker.seen);
    assert_eq!(seen.len(), 1, "the others are closed");
    assert_eq!(seen[&1], (0..high).collect::<Vec<_>>(), "each record once, from the start on");

    gate(&worker, 0).open();
    gate(&worker, 2).open();
    worker.until("the rest", |worker| worker.seen.len() == 300).await;
    produce(&broker.settings("g"), "t", &[("k0", "later"); 50]).await;
    worker.until("what came later", |worker| worker.seen.len() == 350).await;
    for (partition, offsets) in offsets(&worker.seen) {
        let expected: Vec<i64> = (0..i64::try_from(offsets.len()).unwrap()).collect();
        assert_eq!(offsets, expected, "partition {partition}");
    }
    worker.close(Vec::new()).await;
}

#[tokio::test]
async fn reading_begins_where_the_group_left_off_however_late_it_is_opened() {
    let broker = broker_with("t", 1, 100).await;
    let kafka = broker.settings("g");
    let mut first = Worker::start(&kafka, settings("t"), wide_room());
    first.until("all records", |worker| worker.seen.len() == 100).await;
    let commit = first.commit(0, 40, "");
    first.close(vec![commit]).await;

    let mut second = Worker::start(&kafka, gated(), wide_room());
    second.until("an assignment", |worker| worker.assigned.len() == 1).await;
    second.drain_for(WHILE).await;
    produce(&kafka, "t", &[("k0", "later"); 20]).await;
    second.drain_for(WHILE).await;
    assert_eq!(second.seen.len(), 0);
    gate(&second, 0).open();
    second.until("the rest", |worker| worker.seen.len() == 80).await;
    assert_eq!(offsets(&second.seen)[&0], (40..120).collect::<Vec<_>>());
    second.close(Vec::new()).await;
}

#[tokio::test]
async fn a_partition_that_was_opened_while_it_was_empty_is_read() {
    let broker = broker_with("t", 1, 0).await;
    let kafka = broker.settings("g");
    let mut worker = Worker::start(&kafka, gated(), wide_room());
    worker.until("an assignment", |worker| worker.assigned.len() == 1).await;
    gate(&worker, 0).open();
    produce(&kafka, "t", &[("k0", "first"); 10]).await;
    worker.until("the records", |worker| worker.seen.len() == 10).await;
    worker.close(Vec::new()).await;
}

#[tokio::test]
async fn a_full_gap_holds_an_open_partition_as_ever() {
    let broker = broker_with("t", 1, 200).await;
    let limit = SourceSettings { gap_limit: 50, ..gated() };
    let mut worker = Worker::start(&broker.settings("g"), limit, wide_room());
    worker.until("an assignment", |worker| worker.assigned.len() == 1).await;
    worker.drain_for(WHILE).await;
    gate(&worker, 0).open();
    worker.until("a full gap", |worker| worker.seen.len() == 50).await;
    worker.drain_for(WHILE).await;
    assert_eq!(worker.seen.len(), 50);
    gate(&worker, 0).set(200);
    worker.until("the rest", |worker| worker.seen.len() == 200).await;
    assert_eq!(offsets(&worker.seen)[&0], (0..200).collect::<Vec<_>>());
    worker.close(Vec::new()).await;
}

#[tokio::test]
async fn a_closed_partition_can_be_revoked_and_comes_back_closed() {
    let broker = broker_with("t", 2, 100).await;
    let kafka = broker.settings("g");
    let mut first = Worker::start(&kafka, gated(), wide_room());
    first.until("both partitions", |worker| worker.assigned.len() == 2).await;
    first.drain_for(WHILE).await;
    let mut second = Worker::start(&kafka, settings("t"), wide_room());
    let revoked = loop {
        tokio::select! {
            event = first.next() => if let SourceEvent::Revoking(revocation) = event {
                break revocation;
            },
            _ = second.next() => {}
        }
    };
    let gone = revoked.partitions[0].partition;
    let late = gate(&first, gone);
    // The gate of a tenure that ends: to open it now, or after the end, lets nothing through.
    late.open();
    revoked.done(Vec::new());
    second.until("the partition", |worker| worker.assigned.len() == 1).await;
    let high = second.assigned[0].high;
    second.until("its records", |worker| i64::try_from(worker.seen.len()).unwrap() == high).await;
    assert_eq!(offsets(&second.seen)[&gone], (0..high).collect::<Vec<_>>());
    assert_eq!(first.seen.len(), 0);
    second.close(Vec::new()).await;

    first.until("it back", |worker| worker.assigned.len() == 3).await;
    late.open();
    first.drain_for(WHILE).await;
    assert_eq!(first.seen.len(), 0, "the gate of an earlier tenure is not this one's");
    gate(&first, gone).open();
    first.until("its records", |worker| i64::try_from(worker.seen.len()).unwrap() == high).await;
    assert_eq!(offsets(&first.seen)[&gone], (0..high).collect::<Vec<_>>());
    first.close(Vec::new()).await;
}
