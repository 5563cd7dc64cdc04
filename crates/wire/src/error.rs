//! Why bytes are no record.

use std::fmt;

use crate::bounded::bounded;

/// Why a value can't be decoded: what is wrong, and where. The texts are bounded in
/// length, and never hold a value of the record: it may be a telephone number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A value of no bytes (a record without any value is a tombstone, not an error).
    #[error("the value is empty")]
    Empty,
    /// Not JSON, or JSON that can't be held.
    #[error("{part} is not readable as JSON: {problem}")]
    Json {
        /// Which text.
        part: &'static str,
        /// The reader's own words, with line and column.
        problem: String,
    },
    /// The platform's `Payload` is not Base64.
    #[error("the payload is not readable as Base64")]
    Base64,
    /// Not a protobuf message of its type.
    #[error("the value is not readable as a protobuf {message}: {problem}")]
    Protobuf {
        /// The message's name.
        message: &'static str,
        /// The reader's own words.
        problem: String,
    },
    /// A value that is not JSON, with no word about its type.
    #[error(
        "the value is not JSON, and nothing tells its protobuf type: set the header \
         `emberline-type` to {expected}"
    )]
    NoType {
        /// The names that could be there.
        expected: &'static str,
    },
    /// A type that does not belong on this topic.
    #[error("the header `emberline-type` is {found:?}: set it to {expected}")]
    WrongType {
        /// The name that is there, cut if it is long.
        found: String,
        /// The names that could be there.
        expected: &'static str,
    },
    /// A field that must be there is not, or is empty.
    #[error("{field} is missing")]
    Missing {
        /// The field's name.
        field: &'static str,
    },
    /// A field's value is not one that it may have.
    #[error("{field}: {problem}")]
    Invalid {
        /// The field's name.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

/// Longest text of another reader that is taken over, in bytes.
const MOST_PROBLEM: usize = 200;

impl DecodeError {
    pub(crate) fn json(part: &'static str, problem: &serde_json::Error) -> Self {
        Self::Json { part, problem: bounded(problem.to_string(), MOST_PROBLEM) }
    }

    pub(crate) fn protobuf(message: &'static str, problem: &impl fmt::Display) -> Self {
        Self::Protobuf { message, problem: bounded(problem.to_string(), MOST_PROBLEM) }
    }

    pub(crate) fn wrong_type(found: &str, expected: &'static str) -> Self {
        let found = &found[..found.floor_char_boundary(MOST_PROBLEM)];
        Self::WrongType { found: bounded(found.to_owned(), 64), expected }
    }

    pub(crate) fn invalid(field: &'static str, problem: impl Into<String>) -> Self {
        Self::Invalid { field, problem: problem.into() }
    }
}
