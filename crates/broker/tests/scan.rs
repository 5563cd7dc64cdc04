//! A part of a topic, read once, against the embedded broker.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::ops::ControlFlow;
use std::time::Duration;

use emberline_broker::{
    AtTime, Bounds, BrokerError, EmbeddedBroker, ErrorClass, Extent, KafkaSettings, OffsetRange,
    Scanned, Scanner, scan,
};
use support::{DEADLINE, broker_with, produce};

/// What a scan handed over, as partition and value, sorted.
fn read(broker: &EmbeddedBroker, extent: Extent) -> (Scanned, Vec<(i32, String)>) {
    let mut seen = Vec::new();
    let scanned = scan(&broker.settings("g"), "t", extent, DEADLINE, |record| {
        let value = String::from_utf8(record.value().unwrap().to_vec()).unwrap();
        assert!(record.offset() >= 0 && record.timestamp_ms() > 0);
        assert!(record.header("index").is_some() && record.header("nothing").is_none());
        seen.push((record.partition(), value));
    });
    seen.sort();
    (scanned.unwrap(), seen)
}

#[tokio::test]
async fn the_whole_of_a_topic_is_read_once_up_to_its_end() {
    let broker = broker_with("t", 3, 500).await;
    let (scanned, seen) = read(&broker, Extent::Whole);
    assert_eq!((scanned.partitions, scanned.records, seen.len()), (3, 500, 500));
}

#[tokio::test]
async fn the_newest_records_are_those_before_the_end() {
    let broker = broker_with("t", 1, 30).await;
    let (_, seen) = read(&broker, Extent::Newest(3));
    assert_eq!(
        seen.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>(),
        ["v27", "v28", "v29"]
    );
    let (scanned, _) = read(&broker, Extent::Newest(100));
    assert_eq!(scanned.records, 30);
}

#[tokio::test]
async fn an_empty_topic_is_read_at_once() {
    let broker = EmbeddedBroker::start(&[("t", 2)]).unwrap();
    let (scanned, seen) = read(&broker, Extent::Whole);
    assert_eq!((scanned, seen.len()), (Scanned { partitions: 2, records: 0 }, 0));
}

#[tokio::test]
async fn a_scan_joins_no_group_and_commits_nothing() {
    let broker = broker_with("t", 2, 100).await;
    read(&broker, Extent::Whole);
    let bounds = emberline_broker::Bounds::new(&broker.settings("g")).unwrap();
    let names = [("t".to_owned(), 0), ("t".to_owned(), 1)];
    assert_eq!(bounds.committed(&names, DEADLINE).unwrap(), [None, None]);
    // Twice the same: nothing was remembered.
    let (scanned, _) = read(&broker, Extent::Whole);
    assert_eq!(scanned.records, 100);
}

#[tokio::test]
async fn what_is_written_meanwhile_does_not_move_the_end() {
    let broker = broker_with("t", 1, 50).await;
    let kafka = broker.settings("g");
    let mut grown = false;
    let mut records = 0;
    let handle = tokio::runtime::Handle::current();
    let scanned = tokio::task::spawn_blocking(move || {
        scan(&kafka, "t", Extent::Whole, DEADLINE, |_| {
            records += 1;
            if !std::mem::replace(&mut grown, true) {
                handle.block_on(produce(&kafka, "t", &[("k", "later"); 200]));
            }
        })
        .unwrap()
    });
    assert_eq!(scanned.await.unwrap().records, 50);
}

#[tokio::test]
async fn a_topic_that_is_not_there_is_named() {
    let broker = EmbeddedBroker::start(&[]).unwrap();
    let error = scan(&broker.settings("g"), "nowhere", Extent::Whole, DEADLINE, |_| {});
    assert!(matches!(&error, Err(BrokerError::NoTopic(topic)) if topic == "nowhere"), "{error:?}");
}

#[tokio::test]
async fn parts_are_read_one_after_the_other_each_with_its_own_records() {
    let broker = broker_with("t", 2, 400).await;
    let kafka = broker.settings("g");
    let bounds = Bounds::new(&kafka).unwrap().of_topics(&["t".to_owned()], DEADLINE).unwrap();
    let mut scanner = Scanner::new(&kafka, "t").unwrap();
    let mut seen = Vec::new();
    // From the newest to the oldest: what was fetched for one part is none of the next one's.
    for back in 0..10 {
        let ranges: Vec<_> = bounds
            .iter()
            .map(|it| {
                let at = |tenths: i64| it.low + (it.high - it.low) * tenths / 10;
                OffsetRange { partition: it.partition, from: at(9 - back), to: at(10 - back) }
            })
            .collect();
        let read = scanner.read(&ranges, DEADLINE, |record| {
            let range = ranges.iter().find(|range| range.partition == record.partition());
            assert!((range.unwrap().from..range.unwrap().to).contains(&record.offset()));
            seen.push((record.partition(), record.offset()));
            ControlFlow::Continue(())
        });
        assert_eq!(read.unwrap(), ranges.iter().map(OffsetRange::len).sum::<u64>());
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 400);
}

#[tokio::test]
async fn reading_ends_where_it_is_told_to() {
    let broker = broker_with("t", 1, 100).await;
    let mut scanner = Scanner::new(&broker.settings("g"), "t").unwrap();
    let range = [OffsetRange { partition: 0, from: 10, to: 90 }];
    let mut left = 5;
    let read = scanner.read(&range, DEADLINE, |record| {
        assert!(record.key().is_some() && record.headers().any(|(name, _)| name == "index"));
        left -= 1;
        if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(read.unwrap(), 5);
}

#[tokio::test]
async fn the_embedded_broker_does_not_know_times_and_says_so() {
    let broker = broker_with("t", 2, 10).await;
    let bounds = Bounds::new(&broker.settings("g")).unwrap();
    let partitions = bounds.of_topics(&["t".to_owned()], DEADLINE).unwrap();
    assert_eq!(bounds.at_time(&partitions, 1000, DEADLINE).unwrap(), AtTime::Unknown);
}

#[test]
fn brokers_out_of_reach_are_waited_for_no_longer_than_said() {
    let kafka = KafkaSettings::new("127.0.0.1:1", "g");
    let error = scan(&kafka, "t", Extent::Whole, Duration::from_millis(300), |_| {}).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Transient, "{error}");
}
