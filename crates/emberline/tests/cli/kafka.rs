//! A Kafka within the test's own process, and records in it.

use std::time::Duration;

use emberline_broker::{EmbeddedBroker, KafkaSettings, Producer, ProducerSettings, Record};
use tokio::sync::mpsc;

/// Longest that anything is waited for.
const DEADLINE: Duration = Duration::from_secs(20);

/// What is kept in one order for all.
const SINGLE: [&str; 3] = ["emberline.order-book", "emberline.portal-tokens", "emberline.replays"];

/// A broker whose topics are written to by tests and read by the program.
pub(crate) struct Kafka(EmbeddedBroker);

impl Kafka {
    /// With these topics, of two partitions each, but for those that must have one.
    pub(crate) fn with_topics(topics: &[&str]) -> Self {
        let partitions = |topic: &str| if SINGLE.contains(&topic) { 1 } else { 2 };
        let topics: Vec<_> = topics.iter().map(|topic| (*topic, partitions(topic))).collect();
        Self(EmbeddedBroker::start(&topics).unwrap())
    }

    /// The `[kafka]` section that leads there.
    pub(crate) fn section(&self) -> String {
        format!("[kafka]\nbrokers = \"{}\"\n", self.0.bootstrap())
    }

    /// For a client of the test's own.
    pub(crate) fn settings(&self) -> KafkaSettings {
        self.0.settings("tests")
    }

    /// Writes records, as key and value, one after the other.
    pub(crate) fn write(&self, topic: &str, records: &[(&str, String)]) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (sender, mut done) = mpsc::unbounded_channel();
            let kafka = self.settings();
            let producer = Producer::new(&kafka, &ProducerSettings::default(), sender).unwrap();
            for (key, value) in records {
                let record = Record {
                    topic,
                    key: Some(key.as_bytes()),
                    value: Some(value.as_bytes()),
                    headers: &[],
                    timestamp_ms: None,
                };
                producer.send(record, ()).unwrap();
            }
            for _ in records {
                let told = tokio::time::timeout(DEADLINE, done.recv()).await.unwrap();
                told.unwrap().1.unwrap();
            }
            producer.close(DEADLINE).await.unwrap();
        });
    }
}
