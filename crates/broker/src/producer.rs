//! Writing records, each with a word on what became of it.

use std::time::Duration;

use rdkafka::Message;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{
    BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer,
};
use tokio::sync::mpsc::UnboundedSender;

use crate::client::{self, Partitioner, producer_config};
use crate::error::{BrokerError, ErrorClass};
use crate::settings::KafkaSettings;

/// How records are written.
#[derive(Debug, Clone)]
pub struct ProducerSettings {
    /// Largest record with its key and headers, in bytes. The topic's own limit
    /// (`max.message.bytes`) must allow it too. Default 10 MB.
    pub message_max_bytes: usize,
    /// How long a record is tried to be written. Default 2 min. With an idempotent
    /// producer a record that timed out may have been written.
    pub delivery_timeout: Duration,
    /// How long a record waits for others of its partition, to be written with them. Default
    /// 20 ms. `linger.ms` of the user's own settings wins.
    pub linger: Duration,
}

impl Default for ProducerSettings {
    fn default() -> Self {
        Self {
            message_max_bytes: 10_000_000,
            delivery_timeout: Duration::from_mins(2),
            linger: Duration::from_millis(20),
        }
    }
}

/// A record to be written.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Where to.
    pub topic: &'a str,
    /// Its partition, where not the key is to decide. One that the topic does not have is
    /// [`ProduceError::NoTopic`].
    pub partition: Option<i32>,
    /// Decides the partition, by the Java clients' hash; without one any will do.
    pub key: Option<&'a [u8]>,
    /// The value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Names and values.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// Unix milliseconds; `None`: now.
    pub timestamp_ms: Option<i64>,
}

/// A record that is kept, but for its timestamp and the partition that it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedRecord {
    /// Where to.
    pub topic: String,
    /// Decides the partition.
    pub key: Option<Vec<u8>>,
    /// The value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Names and values.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl OwnedRecord {
    /// A copy, without timestamp and partition.
    pub fn of(record: Record<'_>) -> Self {
        let header = |(name, value): &(&str, &[u8])| ((*name).to_owned(), value.to_vec());
        Self {
            topic: record.topic.to_owned(),
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: record.headers.iter().map(header).collect(),
        }
    }
}

/// Where a record was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivered {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
}

/// Why a record wasn't written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProduceError {
    /// Too many records wait: send again when some have been delivered.
    #[error("too many records wait to be written")]
    QueueFull,
    /// Larger than the producer's or the topic's limit. Sending it again is no use.
    #[error("record is larger than the producer or the topic allows")]
    TooLarge,
    /// The topic or partition doesn't exist.
    #[error("topic does not exist: {0}")]
    NoTopic(String),
    /// The right to write is missing.
    #[error("no right to write: allow WRITE on {0}")]
    Forbidden(String),
    /// Not written in time: brokers out of reach, too few replicas, or no such topic.
    #[error("not written in time")]
    TimedOut,
    /// The producer was closed before.
    #[error("producer closed before the record was written")]
    Closed,
    /// This producer writes nothing any more: make a new one.
    #[error("producer has failed for good: {0}")]
    Fatal(String),
    /// Something else.
    #[error("not written: {0}")]
    Other(String),
}

impl ProduceError {
    /// What to do: only [`ErrorClass::Transient`] is worth another try.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::TooLarge | Self::NoTopic(_) | Self::Forbidden(_) => ErrorClass::Permanent,
            _ => ErrorClass::Transient,
        }
    }

    pub(crate) fn of(error: &KafkaError, topic: &str) -> Self {
        match error.rdkafka_error_code() {
            Some(Code::QueueFull) => Self::QueueFull,
            Some(Code::MessageSizeTooLarge | Code::InvalidMessageSize) => Self::TooLarge,
            Some(Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition) => {
                Self::NoTopic(topic.to_owned())
            }
            Some(Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed) => {
                Self::Forbidden(topic.to_owned())
            }
            Some(Code::MessageTimedOut | Code::RequestTimedOut) => Self::TimedOut,
            Some(Code::PurgeQueue | Code::PurgeInflight) => Self::Closed,
            Some(Code::Fatal) => Self::Fatal(error.to_string()),
            Some(code) => Self::Other(code.to_string()),
            None => Self::Other(error.to_string()),
        }
    }
}

/// A record that was not taken, with its token.
#[derive(Debug)]
pub struct Refused<T> {
    /// What was given with the record.
    pub token: T,
    /// Why.
    pub error: ProduceError,
}

/// Where the word on each record goes.
type Completions<T> = UnboundedSender<(T, Result<Delivered, ProduceError>)>;

/// An idempotent producer that waits for all replicas in sync.
pub struct Producer<T: Send + Sync + 'static> {
    inner: ThreadedProducer<Context<T>>,
}

impl<T: Send + Sync + 'static> Producer<T> {
    /// A producer that tells `completions` what became of each token.
    ///
    /// # Errors
    /// Settings that librdkafka refuses.
    pub fn new(
        kafka: &KafkaSettings,
        settings: &ProducerSettings,
        completions: Completions<T>,
    ) -> Result<Self, BrokerError> {
        let inner = producer_config(kafka, settings)
            .create_with_context(Context { completions })
            .map_err(|error| BrokerError::creation(&error))?;
        Ok(Self { inner })
    }

    /// Takes a record, which is copied. Exactly one word follows for its token.
    ///
    /// # Errors
    /// The record was not taken and no word follows; [`ProduceError::QueueFull`] says to
    /// wait for completions and send it again.
    pub fn send(&self, record: Record<'_>, token: T) -> Result<(), Refused<T>> {
        let mut base: BaseRecord<'_, [u8], [u8], Box<T>> =
            BaseRecord::with_opaque_to(record.topic, Box::new(token));
        base.partition = record.partition;
        base.key = record.key;
        base.payload = record.value;
        base.timestamp = record.timestamp_ms;
        base.headers = headers_of(&record);
        self.inner.send(base).map_err(|(error, back)| Refused {
            token: *back.delivery_opaque,
            error: ProduceError::of(&error, record.topic),
        })
    }

    /// Waits until all is written, at most `limit`; what isn't by then ends with
    /// [`ProduceError::Closed`].
    ///
    /// # Errors
    /// Some records were not written in time.
    pub async fn close(self, limit: Duration) -> Result<(), BrokerError> {
        let flush = tokio::task::spawn_blocking(move || self.inner.flush(limit));
        match flush.await {
            Ok(result) => {
                result.map_err(|error| BrokerError::asked("write all records in time", &error))
            }
            Err(_) => Err(BrokerError::ThreadEnded("kafka-producer flush")),
        }
    }
}

/// As librdkafka has them; `None` if there are none.
pub(crate) fn headers_of(record: &Record<'_>) -> Option<OwnedHeaders> {
    let empty = OwnedHeaders::new_with_capacity(record.headers.len());
    (!record.headers.is_empty()).then(|| {
        record.headers.iter().fold(empty, |headers, (key, value)| {
            headers.insert(Header { key, value: Some(*value) })
        })
    })
}

struct Context<T> {
    completions: Completions<T>,
}

impl<T: Send + Sync + 'static> ClientContext for Context<T> {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client::log(level, facility, message);
    }

    fn stats_raw(&self, _: &[u8]) {}

    fn error(&self, error: KafkaError, reason: &str) {
        // Informational: what it means for a record comes with the record.
        tracing::warn!(%error, reason, "kafka producer error");
    }
}

impl<T: Send + Sync + 'static> ProducerContext<Partitioner> for Context<T> {
    type DeliveryOpaque = Box<T>;

    fn delivery(&self, result: &DeliveryResult<'_>, token: Box<T>) {
        let result = match result {
            Ok(message) => {
                Ok(Delivered { partition: message.partition(), offset: message.offset() })
            }
            Err((error, message)) => Err(ProduceError::of(error, message.topic())),
        };
        // Nobody to tell: the worker has gone, and its offsets stay where they are.
        let _ = self.completions.send((*token, result));
    }
}
