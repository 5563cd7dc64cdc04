//! The pipeline: workers that carry records from Kafka to the service.
//!
//! ```text
//! polling thread            worker (one thread, one loop)                 service
//! source ─ read, decode ─►  take in ─ dedupe ─ lanes ─ dispatch ─ sign ─► call
//!    ▲                         │                                           │
//!    └──── commit ◄── ledger ◄─┴── settle ◄── acknowledged writes ◄────────┘
//! ```
//!
//! Absent: the rules themselves (they are in `flow`), bytes (`wire`), HTTP
//! (`service-client`) and librdkafka (`broker`).
//!
//! Start at [`run`]; the loop is in `worker`.

mod asked;
mod behind;
mod claim_state;
mod credentials;
mod edges;
mod error;
pub mod failures;
mod finding;
mod first;
mod intake;
mod join;
mod lane;
pub mod metrics;
mod offsets;
mod order_book;
mod outbox;
mod own_tables;
mod partitions;
mod placing;
mod projection;
mod raw;
mod records;
pub mod replay;
mod run;
mod settings;
mod status;
mod table;
pub mod tap;
mod traffic;
mod worker;

pub use credentials::CredentialsSource;
pub use error::PipelineError;
pub use placing::{NotPlaced, OrderPlacer, PlacerSettings};
pub use run::run;
pub use settings::{DeliverySettings, PipelineSettings, Rates, Topics, WorkerKind};
pub use status::{Monitor, PartitionPlace, Restoring, TablesProgress, WorkerStatus};
pub use worker::Exit;
