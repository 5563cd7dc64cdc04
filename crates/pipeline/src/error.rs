//! Why a pipeline does not start or go on.

use emberline_broker::{BrokerError, SourceError};

use crate::replay::Unfollowed;

/// Why the pipeline could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// A Kafka client could not be made, or could not be asked what a start needs to know.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// A source can't go on reading.
    #[error("reading from kafka ended: {0}")]
    Source(#[from] SourceError),
    /// The order of its records is what decides who places an order.
    #[error(
        "topic {0} has {1} partitions: it must have one. Make it anew, while no claims worker runs"
    )]
    OrderBookParts(String, i32),
    /// A device's bindings would be looked for in another partition than they lie in.
    #[error(
        "topic {table} has {has} partitions and {keyed} has {keyed_has}: bindings lie elsewhere than their devices' records. Stop the repartition and devices workers, delete {table}, make it anew with `emberline topics create`, and set the repartition group's offsets of the customer-devices topic to the beginning"
    )]
    TableParts {
        /// The table of bindings.
        table: String,
        /// Its partitions.
        has: i32,
        /// The topic of device records.
        keyed: String,
        /// Its partitions.
        keyed_has: i32,
    },
    /// A worker's thread ended without saying why: a defect.
    #[error("worker {0} ended unexpectedly")]
    Worker(&'static str),
    /// States are pushed again, and newer ones can't be seen.
    #[error(transparent)]
    LaterStates(#[from] Unfollowed),
    /// The operating system gave no thread.
    #[error("could not start a thread")]
    Thread(#[from] std::io::Error),
    /// The retry delays make no ladder.
    #[error(transparent)]
    Tiers(#[from] emberline_flow::backoff::InvalidTiers),
}
