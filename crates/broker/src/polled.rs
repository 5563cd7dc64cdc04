//! Writing many records from one thread, which asks for the words on them itself.
//!
//! Absent: a thread of its own. To hand over each word to another thread, and to wake that,
//! costs as much as to write the record.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rdkafka::Message;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::Headers as _;
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext};
use tokio::sync::mpsc::UnboundedSender;

use crate::client::{self, Partitioner, producer_config};
use crate::error::BrokerError;
use crate::native::Topic;
use crate::producer::{Delivered, OwnedRecord, ProduceError, ProducerSettings, Record, headers_of};
use crate::settings::KafkaSettings;

/// A record that was taken and not written, as it comes back.
#[derive(Debug)]
pub struct Unwritten {
    /// Why.
    pub error: ProduceError,
    /// All of it but its timestamp, which librdkafka does not give back, and the partition that
    /// it was given, which can't be told from one that its key decided: whoever wants to write it
    /// again needs to keep no copy of the rest.
    pub record: OwnedRecord,
}

/// The word on a record: its token and what became of it.
pub type Word = (usize, Result<Delivered, Box<Unwritten>>);

/// An idempotent producer that waits for all replicas in sync, and does nothing between two
/// calls of [`poll`](Self::poll) but write.
pub struct PolledProducer {
    /// Those that were written to. Before the producer, for they are to go before it.
    topics: Vec<(String, Topic)>,
    inner: BaseProducer<Context>,
}

impl PolledProducer {
    /// A producer that tells `words` what became of each record.
    ///
    /// # Errors
    /// Settings that librdkafka refuses.
    pub fn new(
        kafka: &KafkaSettings,
        settings: &ProducerSettings,
        words: UnboundedSender<Word>,
    ) -> Result<Self, BrokerError> {
        let inner = producer_config(kafka, settings)
            .create_with_context(Context { words, told: AtomicU64::new(0) })
            .map_err(|error| BrokerError::creation(&error))?;
        Ok(Self { topics: Vec::new(), inner })
    }

    /// Takes a record, which is copied. Exactly one word follows for its token: from
    /// [`poll`](Self::poll), or when this is dropped.
    ///
    /// # Errors
    /// The record was not taken and no word follows; [`ProduceError::QueueFull`] says to
    /// wait for words and send it again.
    pub fn send(&mut self, record: Record<'_>, token: usize) -> Result<(), ProduceError> {
        let sent = if record.headers.is_empty() && record.timestamp_ms.is_none() {
            let topic = self.topic(record.topic)?;
            topic.produce(record.partition, record.key, record.value, token)
        } else {
            let mut base: BaseRecord<'_, [u8], [u8], usize> =
                BaseRecord::with_opaque_to(record.topic, token);
            base.partition = record.partition;
            base.key = record.key;
            base.payload = record.value;
            base.timestamp = record.timestamp_ms;
            base.headers = headers_of(&record);
            self.inner.send(base).map_err(|(error, _)| error)
        };
        sent.map_err(|error| ProduceError::of(&error, record.topic))
    }

    /// Tells all words that have come since the last time. It does not wait.
    pub fn poll(&self) {
        let told = || self.inner.context().told.load(Ordering::Relaxed);
        // One event a call, each with the words on many records.
        loop {
            let before = told();
            self.inner.poll(Duration::ZERO);
            if told() == before {
                return;
            }
        }
    }

    /// To look a topic up by its name for each record costs as much as to copy the record.
    fn topic(&mut self, name: &str) -> Result<&Topic, ProduceError> {
        let known = self.topics.iter().position(|(known, _)| known == name);
        let index = known.unwrap_or(self.topics.len());
        if known.is_none() {
            let topic = Topic::new(&self.inner, name);
            let topic = topic.ok_or_else(|| ProduceError::NoTopic(name.to_owned()))?;
            self.topics.push((name.to_owned(), topic));
        }
        Ok(&self.topics[index].1)
    }
}

struct Context {
    words: UnboundedSender<Word>,
    /// How many there were.
    told: AtomicU64,
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client::log(level, facility, message);
    }

    fn stats_raw(&self, _: &[u8]) {}

    fn error(&self, error: KafkaError, reason: &str) {
        // Informational: what it means for a record comes with the record.
        tracing::warn!(%error, reason, "kafka producer error");
    }
}

impl ProducerContext<Partitioner> for Context {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, token: usize) {
        let result = match result {
            Ok(message) => {
                Ok(Delivered { partition: message.partition(), offset: message.offset() })
            }
            Err((error, message)) => {
                let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
                let headers = headers.map(|header| {
                    (header.key.to_owned(), header.value.unwrap_or_default().to_vec())
                });
                Err(Box::new(Unwritten {
                    error: ProduceError::of(error, message.topic()),
                    record: OwnedRecord {
                        topic: message.topic().to_owned(),
                        key: message.key().map(<[u8]>::to_vec),
                        value: message.payload().map(<[u8]>::to_vec),
                        headers: headers.collect(),
                    },
                }))
            }
        };
        self.told.fetch_add(1, Ordering::Relaxed);
        // Nobody to tell: the worker has gone, and its offsets stay where they are.
        let _ = self.words.send((token, result));
    }
}
