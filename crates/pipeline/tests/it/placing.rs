//! Where keys lie, as every writer sees it.

use std::time::Duration;

use emberline_broker::{EmbeddedBroker, Producer, ProducerSettings, Record};
use emberline_flow::placing::partition_of;
use tokio::sync::mpsc;

const KEYS: usize = 1_000;
const DEADLINE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_key_lies_where_a_producer_puts_it_by_itself() {
    for partitions in [1, 6, 96] {
        let broker = EmbeddedBroker::start(&[("t", partitions)]).unwrap();
        let kafka = broker.settings("tests");
        let (sender, mut words) = mpsc::unbounded_channel();
        let producer = Producer::new(&kafka, &ProducerSettings::default(), sender).unwrap();
        // Of all lengths modulo four, and an empty one.
        let key = |number: usize| format!("P{}/{number}", "x".repeat(number % 7));
        let keys: Vec<String> = (1..KEYS).map(key).chain([String::new()]).collect();
        for (number, key) in keys.iter().enumerate() {
            let (key, value) = (Some(key.as_bytes()), Some(&b"value"[..]));
            let record = Record {
                topic: "t",
                partition: None,
                key,
                value,
                headers: &[],
                timestamp_ms: None,
            };
            producer.send(record, number).unwrap();
        }
        for _ in &keys {
            let word = tokio::time::timeout(DEADLINE, words.recv()).await;
            let (number, written) = word.expect("a word in time").unwrap();
            let key = &keys[number];
            assert_eq!(
                written.unwrap().partition,
                partition_of(key.as_bytes(), partitions),
                "{key:?}"
            );
        }
    }
}
