//! Records of a fleet into Kafka, each with a word on what became of it.

use std::hash::{DefaultHasher, Hash, Hasher};

use emberline_broker::{
    BrokerError, Delivered, KafkaSettings, ProduceError, Producer, ProducerSettings, Record,
};
use emberline_fleet::{FleetRecord, Topic};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::settings::TopicSettings;

/// Writes a fleet's records to the topics of the settings.
pub(in crate::commands) struct Feed {
    producer: Producer<()>,
    words: UnboundedReceiver<((), Result<Delivered, ProduceError>)>,
    topics: TopicSettings,
    tally: Tally,
}

/// What became of the records.
#[derive(Debug, Clone, Default)]
pub(in crate::commands) struct Tally {
    /// Taken by the producer, nothing told yet.
    in_flight: u64,
    /// Kafka has them.
    pub(in crate::commands) written: u64,
    /// Could not be written, or may not have been.
    pub(in crate::commands) failed: u64,
    /// Keys and values of all records handed over.
    pub(in crate::commands) bytes: u64,
    failure: Option<ProduceError>,
}

/// The topics of the settings that a fleet's topic stands for.
pub(in crate::commands) fn names_of(topics: &TopicSettings, topic: Topic) -> &[String] {
    match topic {
        Topic::Devices => &topics.devices,
        Topic::Bindings => &topics.bindings,
        Topic::Customers => &topics.customers,
        Topic::Orders => &topics.orders,
    }
}

/// The topic of a record. Where there are several, a key stays in one of them, so that a
/// device's story stays in order.
fn name_of<'a>(topics: &'a TopicSettings, record: &FleetRecord) -> Option<&'a str> {
    let names = names_of(topics, record.topic);
    let mut hasher = DefaultHasher::new();
    record.key.hash(&mut hasher);
    let place = hasher.finish().checked_rem(names.len() as u64)?;
    names.get(usize::try_from(place).ok()?).map(String::as_str)
}

impl Feed {
    /// # Errors
    /// Settings that the Kafka client refuses.
    pub(in crate::commands) fn start(
        kafka: &KafkaSettings,
        topics: &TopicSettings,
    ) -> Result<Self, BrokerError> {
        let (told, words) = unbounded_channel();
        let producer = Producer::new(kafka, &ProducerSettings::default(), told)?;
        Ok(Self { producer, words, topics: topics.clone(), tally: Tally::default() })
    }

    /// Hands a record to the producer, waiting while it has no room. A record of a kind
    /// that no topic is configured for has no reader, and is left out.
    ///
    /// # Errors
    /// The first record that could not be written, this one or one before it.
    pub(in crate::commands) async fn send(
        &mut self,
        record: &FleetRecord,
    ) -> Result<(), ProduceError> {
        while let Ok(((), result)) = self.words.try_recv() {
            self.tally.note(result);
        }
        let Some(topic) = name_of(&self.topics, record) else { return self.tally.check() };
        let headers: Vec<(&str, &[u8])> =
            record.headers.iter().map(|(name, value)| (*name, value.as_slice())).collect();
        let given = Record {
            topic,
            partition: None,
            key: Some(&record.key),
            value: Some(&record.value),
            headers: &headers,
            timestamp_ms: Some(record.timestamp_ms),
        };
        loop {
            self.tally.check()?;
            match self.producer.send(given, ()) {
                Ok(()) => break,
                Err(refused) if refused.error == ProduceError::QueueFull => {
                    if let Some(((), result)) = self.words.recv().await {
                        self.tally.note(result);
                    }
                }
                Err(refused) => self.tally.fail(refused.error),
            }
        }
        self.tally.in_flight += 1;
        self.tally.bytes += (record.key.len() + record.value.len()) as u64;
        Ok(())
    }

    /// Waits until something is told of every record: what became of them all.
    pub(in crate::commands) async fn settle(&mut self) -> &Tally {
        while self.tally.in_flight > 0
            && let Some(((), result)) = self.words.recv().await
        {
            self.tally.note(result);
        }
        &self.tally
    }
}

impl Tally {
    /// # Errors
    /// The first record that could not be written.
    pub(in crate::commands) fn check(&self) -> Result<(), ProduceError> {
        self.failure.clone().map_or(Ok(()), Err)
    }

    fn note(&mut self, result: Result<Delivered, ProduceError>) {
        self.in_flight = self.in_flight.saturating_sub(1);
        match result {
            Ok(_) => self.written += 1,
            Err(error) => self.fail(error),
        }
    }

    fn fail(&mut self, error: ProduceError) {
        self.failed += 1;
        self.failure.get_or_insert(error);
    }
}
