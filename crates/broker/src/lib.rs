//! Kafka, as the pipeline sees it: a [`Source`] that reads and commits, a
//! [`Producer`] that says what became of each record, a [`TableReader`] that reads
//! a topic whole, a [`Scanner`] which reads parts of one once, [`Bounds`], [`Admin`] and an
//! [`EmbeddedBroker`].
//!
//! Invariants: no other crate knows rdkafka. Nothing here knows devices, reports or
//! what the bytes of a record mean. `unsafe` is in one module, `native`. Nothing
//! here ends the process.
//!
//! Start at [`Source`]; the thread behind it is `source::poller`.

mod admin;
mod awaited;
mod bounds;
mod client;
mod error;
mod mock;
mod native;
mod polled;
mod producer;
mod record;
mod refusal;
mod room;
mod scan;
mod settings;
mod source;
mod table;

pub use admin::{Admin, AdminError, NewTopic, Seen, TopicState};
pub use awaited::AwaitedProducer;
pub use bounds::{AtTime, Bounds, PartitionBounds};
pub use error::{BrokerError, ErrorClass};
pub use mock::EmbeddedBroker;
pub use polled::{PolledProducer, Unwritten, Word};
pub use producer::{
    Delivered, OwnedRecord, ProduceError, Producer, ProducerSettings, Record, Refused,
};
pub use record::{Headers, PartitionRef, PartitionSlot, RecordReader, RecordRef, TopicIndex};
pub use room::Room;
pub use scan::{Extent, OffsetRange, ScanRecord, Scanned, Scanner, scan};
pub use settings::KafkaSettings;
pub use source::{
    AssignedPartition, Commit, CommitError, Committed, Ends, Frontier, Pulse, Revocation, Source,
    SourceError, SourceEvent, SourceSettings, where_it_left_off,
};
pub use table::{PartsEvent, PartsReader, TableReader, TableRecord};
