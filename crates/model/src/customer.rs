//! The people who are insured.

use std::fmt;

use compact_str::CompactString;

use crate::EventTime;

/// A customer's id: letters, digits and `_`, 1 to 32 of them (contract: service API,
/// `ServiceCreateCustomer`).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CustomerId(CompactString);

/// Why a text is no customer id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a customer id is 1 to 32 letters, digits and \"_\"")]
pub struct InvalidCustomerId;

impl CustomerId {
    /// Most characters in an id.
    pub const MAX_BYTES: usize = 32;

    /// Checks a text.
    ///
    /// # Errors
    /// [`InvalidCustomerId`] if it is empty, too long or has another character.
    pub fn parse(text: &str) -> Result<Self, InvalidCustomerId> {
        let well_formed = !text.is_empty()
            && text.len() <= Self::MAX_BYTES
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if well_formed { Ok(Self(CompactString::new(text))) } else { Err(InvalidCustomerId) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// A customer of the user's own application, as its event tells.
#[derive(Clone, PartialEq, Eq)]
pub struct CustomerEvent {
    /// Who.
    pub customer: CustomerId,
    /// For example `86`.
    pub country_code: String,
    /// A telephone number: never in a log, a metric or an error text.
    pub phone_number: String,
    /// When the application recorded it.
    pub time: EventTime,
}

impl fmt::Debug for CustomerEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomerEvent")
            .field("customer", &self.customer)
            .field("country_code", &self.country_code)
            .field("phone_number", &"***")
            .field("time", &self.time)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{CustomerEvent, CustomerId};
    use crate::EventTime;

    #[test]
    fn an_id_has_letters_digits_and_underscores_only() {
        assert!(CustomerId::parse("c_1001").is_ok());
        assert!(CustomerId::parse(&"x".repeat(32)).is_ok());
        for bad in ["", "c-1", "c 1", "ç", &"x".repeat(33)] {
            assert!(CustomerId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_telephone_number_is_not_printed() {
        let event = CustomerEvent {
            customer: CustomerId::parse("c_1").unwrap(),
            country_code: "86".into(),
            phone_number: "13900000000".into(),
            time: EventTime::from_millis(0),
        };
        assert!(!format!("{event:?}").contains("139"));
    }
}
