//! The headers of records: the one that names a protobuf value's type, and those that
//! Emberline writes on its own topics.
//!
//! Workers of one version before and after read each other's: a field is only ever
//! added, and what is not known is left alone.

mod categories;
mod dead_letter;
mod retry;

pub use categories::Categories;
pub use dead_letter::DeadLetter;
pub use retry::RetryHeader;

/// Names the type of a protobuf value, for example `DeviceTelemetry`.
pub const TYPE_HEADER: &str = "emberline-type";

/// What a record of an own topic travels with: a [`RetryHeader`].
pub const RETRY_HEADER: &str = "emberline-retry";

/// How often a record was redriven out of the dead letters: a number as text. It stays with
/// the record from there.
pub const REDRIVEN_HEADER: &str = "emberline-redriven";

/// Why a header of an own topic can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// It must be there.
    #[error("header {name} is missing")]
    Missing {
        /// The header's name.
        name: &'static str,
    },
    /// It is not what its name says.
    #[error("header {name}: {problem}")]
    Invalid {
        /// The header's name.
        name: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}
