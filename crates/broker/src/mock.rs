//! A Kafka inside the process, for the demonstration and for quick tests:
//! librdkafka's mock cluster.
//!
//! It is no Kafka to rely on: memory only, the last 5 MB or 100,000 records of a
//! partition are kept and older ones silently dropped, no look-up by time, no admin
//! interface, no access control. A topic that is written to or asked about may be made
//! on the way, with 4 partitions.

use rdkafka::client::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::producer::{DeliveryResult, Producer, ProducerContext, ThreadedProducer};

use crate::client::{LogOnly, Partitioner};
use crate::error::BrokerError;
use crate::native;
use crate::settings::KafkaSettings;

/// A running mock cluster of one broker on a loopback port. It ends when dropped.
pub struct EmbeddedBroker {
    /// The cluster belongs to a client.
    owner: ThreadedProducer<LogOnly>,
    bootstrap: String,
}

impl EmbeddedBroker {
    /// Starts a broker with these topics, as name and number of partitions.
    ///
    /// # Errors
    /// librdkafka refuses, for example because no port is to be had.
    pub fn start(topics: &[(&str, i32)]) -> Result<Self, BrokerError> {
        let owner: ThreadedProducer<LogOnly> = ClientConfig::new()
            .set("test.mock.num.brokers", "1")
            .set("client.id", "emberline-embedded")
            .create_with_context(LogOnly::default())
            .map_err(|error| BrokerError::creation(&error))?;
        let none = || BrokerError::Settings("librdkafka made no mock cluster".to_owned());
        let bootstrap = owner.client().mock_cluster().ok_or_else(none)?.bootstrap_servers();
        if !native::hurry_mock_groups(&owner) {
            return Err(none());
        }
        let broker = Self { owner, bootstrap };
        for (name, partitions) in topics {
            broker.create_topic(name, *partitions)?;
        }
        Ok(broker)
    }

    /// `host:port`.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Settings that suit it: the group protocol of KIP-848, for with the classic one each
    /// rebalance of the mock lasts a session timeout.
    pub fn settings(&self, group: &str) -> KafkaSettings {
        KafkaSettings::new(&self.bootstrap, group).with("group.protocol", "consumer")
    }

    /// Makes a topic.
    ///
    /// # Errors
    /// It exists already, or the name is none.
    pub fn create_topic(&self, name: &str, partitions: i32) -> Result<(), BrokerError> {
        let Some(cluster) = self.owner.client().mock_cluster() else { return Ok(()) };
        cluster
            .create_topic(name, partitions, 1)
            .map_err(|error| BrokerError::asked(format!("create {name}"), &error))
    }
}

impl ProducerContext<Partitioner> for LogOnly
where
    Self: ClientContext,
{
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}
