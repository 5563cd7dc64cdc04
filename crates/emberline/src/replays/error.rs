//! Why the registry could not do something. The texts say what to do.

use std::time::Duration;

use emberline_broker::{BrokerError, ProduceError};
use emberline_model::ReplayName;

use super::Entry;
use crate::span::shown;

/// The registry can't be used.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// Its topic isn't there.
    #[error(
        "topic {0}, where replays are registered, does not exist or may not be seen: run emberline topics create"
    )]
    NoTopic(String),
    /// Its topic has no one order.
    #[error(
        "topic {topic} has {partitions} partitions, and must have one: delete it while no replay runs, and run emberline topics create"
    )]
    Partitions {
        /// The topic.
        topic: String,
        /// What it has.
        partitions: i32,
    },
    /// Kafka can't be asked.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// Kafka gives no answer.
    #[error(
        "topic {topic} was not read to its end within {patience:?}: see whether Kafka is there"
    )]
    Unanswered {
        /// The topic.
        topic: String,
        /// How long was waited.
        patience: Duration,
    },
    /// What was to be written is not acknowledged.
    #[error("could not write to {topic}: {error}")]
    NotWritten {
        /// The topic.
        topic: String,
        /// Why.
        error: ProduceError,
    },
    /// Another process runs the replay now.
    #[error("replay {name} is run by another process now, on {host}")]
    TakenOver {
        /// The replay.
        name: ReplayName,
        /// The other's machine.
        host: String,
    },
}

/// Why a replay was not had.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// It runs.
    #[error(
        "replay {name} is running on {host} (last sign of life {}): choose another --name, or stop it with emberline replay cancel {name}",
        shown(*.heard_ms)
    )]
    Alive {
        /// The replay.
        name: ReplayName,
        /// Where it runs.
        host: String,
        /// When it last said so, Unix milliseconds.
        heard_ms: i64,
    },
    /// The registry can't be used.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl ClaimError {
    pub(super) fn alive(entry: Entry) -> Self {
        let Entry { name, status, heard_ms, .. } = entry;
        Self::Alive { name, host: status.host, heard_ms }
    }
}
