//! Why a single property can't be sent, while the rest of its record goes on.

use std::fmt;

use emberline_model::{Category, OutOfRange};

use crate::bounded::bounded;

/// A property that can't be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which property.
    pub category: Category,
    /// What is wrong with it, for people; at most [`Refusal::MAX_BYTES`].
    pub reason: String,
}

impl Refusal {
    /// Longest reason, in bytes.
    pub const MAX_BYTES: usize = 256;

    pub(super) fn new(category: Category, problem: &Problem) -> Self {
        Self { category, reason: bounded(problem.to_string(), Self::MAX_BYTES) }
    }
}

/// What can be wrong with a property.
#[derive(Debug)]
pub(super) enum Problem {
    /// A field of a struct is not there.
    Missing { field: &'static str },
    /// A value of another kind than the thing model's.
    WrongKind { field: &'static str, found: &'static str, expected: &'static str },
    /// Beyond the range of the thing model.
    OutOfRange(OutOfRange),
    /// The property, or a field of it, is there twice.
    GivenTwice { field: &'static str },
    /// Valid in its form, but not to be held: `1e999`.
    Unreadable { field: &'static str, problem: serde_json::Error },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { field } => write!(f, "{field} is missing"),
            Self::WrongKind { field, found, expected } => {
                write!(f, "{field} is {found}, not {expected}")
            }
            // Shorter than its own text, which writes 1e300 out with its 301 digits.
            Self::OutOfRange(OutOfRange { field, value, min, max }) if value.abs() >= 1e9 => {
                write!(f, "{field} is {value:e}, outside of {min} to {max}")
            }
            Self::OutOfRange(beyond) => write!(f, "{beyond}"),
            Self::GivenTwice { field } => write!(f, "{field} is given twice"),
            Self::Unreadable { field, problem } => write!(f, "{field} is not readable: {problem}"),
        }
    }
}
