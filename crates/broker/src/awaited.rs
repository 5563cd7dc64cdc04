//! Writing single records, each waited for: for who writes few, and needs to know at once.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use tokio::sync::{mpsc, oneshot};

use crate::error::BrokerError;
use crate::producer::{Delivered, ProduceError, Producer, ProducerSettings, Record};
use crate::settings::KafkaSettings;

/// Where the word on a record goes.
type Word = oneshot::Sender<Result<Delivered, ProduceError>>;

/// A producer whose writes are waited for one by one. One that has failed for good is
/// replaced.
pub struct AwaitedProducer {
    kafka: KafkaSettings,
    patience: Duration,
    producer: RwLock<Arc<Producer<Word>>>,
}

impl AwaitedProducer {
    /// A producer that tries a record for so long. Needs a running runtime.
    ///
    /// # Errors
    /// Settings that librdkafka refuses.
    pub fn new(kafka: KafkaSettings, patience: Duration) -> Result<Self, BrokerError> {
        let producer = RwLock::new(Arc::new(producer(&kafka, patience)?));
        Ok(Self { kafka, patience, producer })
    }

    /// Writes a record and waits for the brokers' word. Where this future is dropped before,
    /// the record may be written all the same.
    ///
    /// # Errors
    /// [`ProduceError`]. What timed out may have been written.
    pub async fn write(&self, record: Record<'_>) -> Result<Delivered, ProduceError> {
        let (word, told) = oneshot::channel();
        let producer = Arc::clone(&self.producer.read());
        producer.send(record, word).map_err(|refused| refused.error)?;
        let written = told.await.unwrap_or(Err(ProduceError::Closed));
        if matches!(written, Err(ProduceError::Fatal(_))) {
            self.renew();
        }
        written
    }

    fn renew(&self) {
        match producer(&self.kafka, self.patience) {
            Ok(new) => *self.producer.write() = Arc::new(new),
            Err(error) => tracing::error!(%error, "a kafka producer can't be replaced"),
        }
    }
}

fn producer(kafka: &KafkaSettings, patience: Duration) -> Result<Producer<Word>, BrokerError> {
    let (sender, mut words) = mpsc::unbounded_channel::<(Word, _)>();
    let settings = ProducerSettings { delivery_timeout: patience, ..ProducerSettings::default() };
    let producer = Producer::new(kafka, &settings, sender)?;
    tokio::spawn(async move {
        while let Some((word, result)) = words.recv().await {
            // Whoever asked may have given up waiting.
            let _ = word.send(result);
        }
    });
    Ok(producer)
}
