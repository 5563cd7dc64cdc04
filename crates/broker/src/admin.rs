//! Topics seen from the outside: what they are like, and making them.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResource, NewTopic as NativeTopic, ResourceSpecifier,
    TopicReplication,
};
use rdkafka::error::RDKafkaErrorCode as Code;

use crate::bounds::Bounds;
use crate::client::{LogOnly, admin_config};
use crate::error::BrokerError;
use crate::settings::KafkaSettings;

/// Pause between two looks for a topic that was just made.
const SEEN_AGAIN: Duration = Duration::from_millis(100);
const TIMEOUT: Duration = Duration::from_secs(10);

/// A client of the admin interface.
pub struct Admin {
    client: AdminClient<LogOnly>,
    /// For metadata: the admin client is a producer at heart, and a question of a
    /// producer's can create the topic that it asks about.
    bounds: Arc<Bounds>,
}

/// What a topic is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicState {
    /// Its name.
    pub name: String,
    /// How many partitions it has.
    pub partitions: i32,
    /// Replicas of its first partition.
    pub replication: i32,
    /// `delete`, `compact` or both, comma separated. Empty when configurations may not be seen,
    /// as are all below.
    pub cleanup_policy: String,
    /// How long records are kept, in milliseconds; -1: for ever.
    pub retention_ms: Option<i64>,
    /// Largest batch of records that the topic takes, in bytes.
    pub max_message_bytes: Option<i64>,
    /// Replicas that must have a record before it is acknowledged.
    pub min_insync_replicas: Option<i32>,
}

/// What became of the look for a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It is there.
    There(TopicState),
    /// There is none.
    Absent,
    /// It may not be seen, whether it is there or not.
    Hidden,
}

impl Seen {
    /// What it is like, if it was seen.
    pub fn there(&self) -> Option<&TopicState> {
        match self {
            Self::There(state) => Some(state),
            Self::Absent | Self::Hidden => None,
        }
    }
}

/// A topic to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// How many partitions; -1: the broker's default.
    pub partitions: i32,
    /// How many replicas; -1: the broker's default.
    pub replication: i32,
    /// Configurations, such as `cleanup.policy`.
    pub configs: Vec<(String, String)>,
}

/// Why a topic was not made. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// It is there already.
    #[error("topic {0} exists already")]
    Exists(String),
    /// The right is missing.
    #[error("no right to create {0}: allow CREATE on the topic, or have it created for you")]
    Forbidden(String),
    /// There are fewer brokers than replicas asked for.
    #[error("too few brokers for the replicas of {0}: ask for fewer")]
    TooFewBrokers(String),
    /// A name that Kafka doesn't take.
    #[error("{0} is no name for a topic: letters, digits, '.', '_' and '-', at most 249")]
    InvalidName(String),
    /// A configuration or a number of partitions that the broker doesn't take.
    #[error("the broker refused the configuration of {topic}: {code}")]
    InvalidConfig {
        /// The topic.
        topic: String,
        /// What the broker said.
        code: String,
    },
    /// Something else.
    #[error("could not create {topic}: {code}")]
    Other {
        /// The topic.
        topic: String,
        /// What the broker said.
        code: String,
    },
    /// The request as a whole failed.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

impl AdminError {
    fn of(topic: String, code: Code) -> Self {
        match code {
            Code::TopicAlreadyExists => Self::Exists(topic),
            Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed => {
                Self::Forbidden(topic)
            }
            Code::InvalidReplicationFactor => Self::TooFewBrokers(topic),
            Code::InvalidTopic => Self::InvalidName(topic),
            Code::InvalidConfig | Code::InvalidPartitions | Code::PolicyViolation => {
                Self::InvalidConfig { topic, code: code.to_string() }
            }
            other => Self::Other { topic, code: other.to_string() },
        }
    }
}

impl Admin {
    /// A client of its own.
    ///
    /// # Errors
    /// Settings that librdkafka refuses.
    pub fn new(kafka: &KafkaSettings) -> Result<Self, BrokerError> {
        let client = admin_config(kafka)
            .create_with_context(LogOnly::default())
            .map_err(|error| BrokerError::creation(&error))?;
        Ok(Self { client, bounds: Arc::new(Bounds::new(kafka)?) })
    }

    /// What these topics are like, in their order.
    ///
    /// # Errors
    /// No answer in time.
    pub async fn describe(&self, topics: &[&str]) -> Result<Vec<Seen>, BrokerError> {
        let bounds = Arc::clone(&self.bounds);
        let names: Vec<String> = topics.iter().map(|&topic| topic.to_owned()).collect();
        let sizes = tokio::task::spawn_blocking(move || {
            names
                .into_iter()
                .map(|name| {
                    let partitions = match bounds.partition_count(&name, TIMEOUT) {
                        Err(BrokerError::Hidden(_)) => return Ok((name, Err(Seen::Hidden), None)),
                        partitions => partitions?.ok_or(Seen::Absent),
                    };
                    let there = partitions.is_ok();
                    let replication = there.then(|| bounds.replication(&name, TIMEOUT)).flatten();
                    Ok((name, partitions, replication))
                })
                .collect::<Result<Vec<_>, BrokerError>>()
        });
        let sizes = sizes.await.map_err(|_| BrokerError::ThreadEnded("kafka-admin"))??;

        let there: Vec<ResourceSpecifier<'_>> = sizes
            .iter()
            .filter(|(_, partitions, _)| partitions.is_ok())
            .map(|(name, ..)| ResourceSpecifier::Topic(name))
            .collect();
        let mut configs = if there.is_empty() {
            Vec::new()
        } else {
            let options = AdminOptions::new().request_timeout(Some(TIMEOUT));
            self.client
                .describe_configs(&there, &options)
                .await
                .map_err(|error| BrokerError::asked("read the topics' configuration", &error))?
        }
        .into_iter();

        Ok(sizes
            .into_iter()
            .map(|(name, partitions, replication)| {
                let partitions = match partitions {
                    Ok(partitions) => partitions,
                    Err(seen) => return seen,
                };
                // Answers come in the order of the question.
                let config = configs.next().and_then(Result::ok);
                Seen::There(TopicState {
                    name,
                    partitions,
                    replication: replication.unwrap_or(0),
                    cleanup_policy: value(config.as_ref(), "cleanup.policy").unwrap_or_default(),
                    retention_ms: number(config.as_ref(), "retention.ms"),
                    max_message_bytes: number(config.as_ref(), "max.message.bytes"),
                    min_insync_replicas: number(config.as_ref(), "min.insync.replicas"),
                })
            })
            .collect())
    }

    /// Makes topics; one result for each, in their order.
    ///
    /// # Errors
    /// No answer in time. Then some may have been made.
    pub async fn create(
        &self,
        topics: &[NewTopic],
    ) -> Result<Vec<Result<(), AdminError>>, BrokerError> {
        let native: Vec<NativeTopic<'_>> = topics
            .iter()
            .map(|topic| {
                let replication = TopicReplication::Fixed(topic.replication);
                let native = NativeTopic::new(&topic.name, topic.partitions, replication);
                topic.configs.iter().fold(native, |native, (key, value)| native.set(key, value))
            })
            .collect();
        let options =
            AdminOptions::new().request_timeout(Some(TIMEOUT)).operation_timeout(Some(TIMEOUT));
        let results = self
            .client
            .create_topics(&native, &options)
            .await
            .map_err(|error| BrokerError::asked("create topics", &error));
        let results = match results {
            Ok(results) => results,
            // The admin client hears nothing of what brokers say to it.
            Err(error) => {
                let bounds = Arc::clone(&self.bounds);
                let explained = tokio::task::spawn_blocking(move || bounds.explained(error));
                return Err(explained.await.unwrap_or(BrokerError::ThreadEnded("kafka-admin")));
            }
        };
        let results: Vec<Result<(), AdminError>> = results
            .into_iter()
            .map(|result| result.map(drop).map_err(|(topic, code)| AdminError::of(topic, code)))
            .collect();
        let made: Vec<&str> = topics
            .iter()
            .zip(&results)
            .filter(|(_, result)| result.is_ok())
            .map(|(topic, _)| topic.name.as_str())
            .collect();
        self.wait_until_seen(&made).await?;
        Ok(results)
    }

    /// A topic that was made is known to every broker only a moment later; whoever made it
    /// wants to use it now.
    async fn wait_until_seen(&self, topics: &[&str]) -> Result<(), BrokerError> {
        let deadline = tokio::time::Instant::now() + TIMEOUT;
        while !topics.is_empty() && tokio::time::Instant::now() < deadline {
            // Who may make a topic and not see it waits in vain.
            let seen = self.describe(topics).await?;
            if seen.iter().all(|seen| *seen != Seen::Absent) {
                return Ok(());
            }
            tokio::time::sleep(SEEN_AGAIN).await;
        }
        Ok(())
    }
}

fn value(config: Option<&ConfigResource>, key: &str) -> Option<String> {
    config?.get(key)?.value.clone()
}

fn number<N: std::str::FromStr>(config: Option<&ConfigResource>, key: &str) -> Option<N> {
    value(config, key)?.parse().ok()
}
