//! What a token says.

use std::fmt;

use emberline_model::CustomerId;
use serde::{Deserialize, Serialize};

use crate::Contact;

/// The payload. Times are whole Unix seconds.
#[derive(Serialize, Deserialize)]
pub(super) struct Claims {
    pub(super) sub: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) country_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) phone_number: Option<String>,
    pub(super) exp: i64,
    pub(super) iat: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nbf: Option<i64>,
    pub(super) jti: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) aud: Option<Audience>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) iss: Option<String>,
}

/// Whom a token is meant for: one text, or several.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    pub(super) fn names(&self, name: &str) -> bool {
        match self {
            Self::One(one) => one == name,
            Self::Several(several) => several.iter().any(|one| one == name),
        }
    }
}

/// A customer whom the app hands over. `Debug` does not show the telephone number.
#[derive(Clone, PartialEq, Eq)]
pub struct Handover {
    /// `sub`: who.
    pub customer: CustomerId,
    /// `country_code` and `phone_number`: both, or neither.
    pub contact: Option<Contact>,
    /// `jti`: what makes the token good once; printable ASCII, at most 128 bytes.
    pub id: String,
    /// `iat`, in Unix seconds.
    pub issued: i64,
    /// `exp`, in Unix seconds.
    pub expires: i64,
}

impl fmt::Debug for Handover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handover")
            .field("customer", &self.customer)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}
