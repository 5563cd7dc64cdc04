//! The producer, the table reader and the bounds against the embedded broker.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use emberline_broker::{
    BrokerError, EmbeddedBroker, ErrorClass, ProduceError, Producer, ProducerSettings, Record,
    TableReader,
};
use support::{DEADLINE, broker_with, produce};
use tokio::sync::mpsc;

fn record<'a>(topic: &'a str, value: &'a [u8]) -> Record<'a> {
    Record {
        topic,
        partition: None,
        key: Some(b"k"),
        value: Some(value),
        headers: &[],
        timestamp_ms: None,
    }
}

#[tokio::test]
async fn each_record_gets_one_word_with_its_place() {
    let broker = EmbeddedBroker::start(&[("t", 1)]).unwrap();
    let (sender, mut done) = mpsc::unbounded_channel();
    let producer =
        Producer::new(&broker.settings("g"), &ProducerSettings::default(), sender).unwrap();
    for token in 0..50_u32 {
        producer.send(record("t", b"value"), token).unwrap();
    }
    producer.close(DEADLINE).await.unwrap();
    let mut told = Vec::new();
    while let Some((token, result)) = done.recv().await {
        told.push((token, result.unwrap().offset));
    }
    let expected: Vec<(u32, i64)> = (0..50).map(|token| (token, i64::from(token))).collect();
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_record_too_large_is_told_apart_and_the_next_goes_through() {
    let broker = EmbeddedBroker::start(&[("t", 1)]).unwrap();
    let (sender, mut done) = mpsc::unbounded_channel();
    let settings = ProducerSettings { message_max_bytes: 10_000, ..ProducerSettings::default() };
    let producer = Producer::new(&broker.settings("g"), &settings, sender).unwrap();
    let refused = producer.send(record("t", &vec![7; 20_000]), "large").unwrap_err();
    assert_eq!((refused.token, &refused.error), ("large", &ProduceError::TooLarge));
    assert_eq!(refused.error.class(), ErrorClass::Permanent);
    producer.send(record("t", b"small"), "small").unwrap();
    let (token, result) = tokio::time::timeout(DEADLINE, done.recv()).await.unwrap().unwrap();
    assert_eq!(token, "small");
    result.unwrap();
    producer.close(DEADLINE).await.unwrap();
}

#[tokio::test]
async fn a_topic_that_does_not_exist_is_told_within_the_delivery_timeout() {
    let broker = EmbeddedBroker::start(&[("t", 1)]).unwrap();
    let (sender, mut done) = mpsc::unbounded_channel();
    let settings = ProducerSettings {
        delivery_timeout: Duration::from_secs(1),
        ..ProducerSettings::default()
    };
    let producer = Producer::new(&broker.settings("g"), &settings, sender).unwrap();
    producer.send(record("nowhere", b"value"), 1).unwrap();
    let (_, result) = tokio::time::timeout(DEADLINE, done.recv()).await.unwrap().unwrap();
    let error = result.unwrap_err();
    assert!(matches!(error, ProduceError::NoTopic(_) | ProduceError::TimedOut), "{error:?}");
}

#[tokio::test]
async fn a_producer_closed_early_says_so_of_each_record_left() {
    let kafka = emberline_broker::KafkaSettings::new("127.0.0.1:1", "g");
    let (sender, mut done) = mpsc::unbounded_channel();
    let producer = Producer::new(&kafka, &ProducerSettings::default(), sender).unwrap();
    producer.send(record("t", b"value"), 1).unwrap();
    assert!(producer.close(Duration::from_millis(100)).await.is_err());
    let (_, result) = tokio::time::timeout(DEADLINE, done.recv()).await.unwrap().unwrap();
    assert_eq!(result, Err(ProduceError::Closed));
}

type Table = Arc<Mutex<BTreeMap<String, Option<String>>>>;

fn table_of(broker: &EmbeddedBroker, topic: &str) -> (TableReader, Table) {
    let table = Table::default();
    let filled = Arc::clone(&table);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let reader = TableReader::start(&broker.settings("g"), topic, move |record| {
        let (key, value) = (text(record.key.unwrap()), record.value.map(text));
        filled.lock().unwrap().insert(key, value);
    });
    (reader.unwrap(), table)
}

#[tokio::test]
async fn a_table_is_complete_when_its_end_is_told_and_follows_afterwards() {
    let broker = broker_with("t", 3, 500).await;
    let (reader, table) = table_of(&broker, "t");
    let read = tokio::time::timeout(DEADLINE, reader.read_to_current_end());
    read.await.unwrap().unwrap();
    assert_eq!(table.lock().unwrap().len(), 500);
    assert_eq!(reader.progress(), Some((500, 500)));

    produce(&broker.settings("g"), "t", &[("k3", "changed"), ("new", "row")]).await;
    let read = tokio::time::timeout(DEADLINE, reader.read_to_current_end());
    read.await.unwrap().unwrap();
    let rows = table.lock().unwrap().clone();
    assert_eq!(rows["k3"].as_deref(), Some("changed"));
    assert_eq!(rows["new"].as_deref(), Some("row"));
    assert_eq!(reader.progress(), Some((502, 502)));
    reader.stop().await;
}

#[tokio::test]
async fn an_empty_table_is_complete_at_once() {
    let broker = EmbeddedBroker::start(&[("t", 2)]).unwrap();
    let (reader, table) = table_of(&broker, "t");
    let read = tokio::time::timeout(DEADLINE, reader.read_to_current_end());
    read.await.unwrap().unwrap();
    assert!(table.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_table_without_a_topic_is_an_error_that_names_it() {
    let broker = EmbeddedBroker::start(&[]).unwrap();
    let (reader, _) = table_of(&broker, "nowhere");
    let read = tokio::time::timeout(DEADLINE, reader.read_to_current_end());
    let error = read.await.unwrap().unwrap_err();
    assert!(matches!(&error, BrokerError::NoTopic(topic) if topic == "nowhere"), "{error}");
}

#[tokio::test]
async fn bounds_are_those_of_the_log() {
    let broker = broker_with("t", 1, 30).await;
    let bounds = emberline_broker::Bounds::new(&broker.settings("g")).unwrap();
    let found = bounds.of_topics(&["t".to_owned()], DEADLINE).unwrap();
    assert_eq!((found[0].low, found[0].high, found[0].topic_partitions), (0, 30, 1));
    assert_eq!(bounds.committed(&[("t".to_owned(), 0)], DEADLINE).unwrap(), [None]);
}
