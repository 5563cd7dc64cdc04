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

    /// With one topic of so many partitions.
    pub(crate) fn with_topic(topic: &str, partitions: i32) -> Self {
        Self(EmbeddedBroker::start(&[(topic, partitions)]).unwrap())
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
        let records = records.iter().map(|(key, value)| NewRecord::new(key, value.as_bytes()));
        self.write_records(topic, &records.collect::<Vec<_>>());
    }

    /// Writes records with headers and times, one after the other.
    pub(crate) fn write_records(&self, topic: &str, records: &[NewRecord]) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (sender, mut done) = mpsc::unbounded_channel();
            let kafka = self.settings();
            let producer = Producer::new(&kafka, &ProducerSettings::default(), sender).unwrap();
            for record in records {
                let headers = record.headers.iter();
                let headers: Vec<(&str, &[u8])> =
                    headers.map(|(name, value)| (name.as_str(), value.as_slice())).collect();
                let record = Record {
                    topic,
                    partition: None,
                    key: record.key.as_deref(),
                    value: record.value.as_deref(),
                    headers: &headers,
                    timestamp_ms: record.timestamp_ms,
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

/// A record for a test to write.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewRecord {
    /// Its key.
    pub(crate) key: Option<Vec<u8>>,
    /// Its value; `None` is a tombstone.
    pub(crate) value: Option<Vec<u8>>,
    /// Its headers.
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    /// Unix milliseconds; `None`: now.
    pub(crate) timestamp_ms: Option<i64>,
}

impl NewRecord {
    /// Of this key and value, of now.
    pub(crate) fn new(key: &str, value: &[u8]) -> Self {
        Self { key: Some(key.into()), value: Some(value.into()), ..Self::default() }
    }

    /// With these headers.
    pub(crate) fn with(self, headers: Vec<(&'static str, String)>) -> Self {
        let headers = headers.into_iter().map(|(name, text)| (name.to_owned(), text.into_bytes()));
        Self { headers: headers.collect(), ..self }
    }

    /// Of this time, in Unix milliseconds.
    pub(crate) fn at(self, timestamp_ms: i64) -> Self {
        Self { timestamp_ms: Some(timestamp_ms), ..self }
    }
}
