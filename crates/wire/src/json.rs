//! One JSON value of any kind, read without judging it: which kinds are right is
//! for the caller to say, in words that hold no value of the record.

mod visit;

use std::{borrow::Cow, fmt};

use emberline_model::EventTime;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

pub(crate) use self::visit::{Any, AnyValue, Name, skip_rest};
use crate::DecodeError;

/// A JSON value. Text is borrowed from the record unless it holds an escape.
///
/// A type of its own, because serde borrows in no `Option<Cow<str>>`. It can't be
/// printed: it may hold a telephone number.
#[derive(PartialEq, Default)]
pub(crate) enum Scalar<'de> {
    /// The field is not there, or `null`.
    #[default]
    Absent,
    Bool(bool),
    Integer(i64),
    /// Also an integer beyond 64 bits.
    Float(f64),
    Text(Cow<'de, str>),
    /// A list or an object, whatever is in it.
    Nested,
}

impl Scalar<'_> {
    /// A whole number that fits 64 bits, also one written as `1.0` or `1e3`.
    pub(crate) fn integer(&self) -> Option<i64> {
        match *self {
            Self::Integer(number) => Some(number),
            Self::Float(number) => whole(number),
            _ => None,
        }
    }

    /// A time as a number, in seconds or milliseconds.
    ///
    /// # Errors
    /// [`DecodeError::Invalid`] if it is something else, or out of range.
    pub(crate) fn numeric_time(
        &self,
        field: &'static str,
    ) -> Result<Option<EventTime>, DecodeError> {
        if *self == Self::Absent {
            return Ok(None);
        }
        let time = self.integer().and_then(EventTime::from_seconds_or_millis);
        time.map(Some).ok_or_else(|| {
            DecodeError::invalid(field, "not a time in whole Unix seconds or milliseconds")
        })
    }

    /// A text that is not empty.
    ///
    /// # Errors
    /// [`DecodeError::Missing`] if it is not there or empty, [`DecodeError::Invalid`] if
    /// it is something else.
    pub(crate) fn text(&self, field: &'static str) -> Result<&str, DecodeError> {
        match self {
            Self::Text(text) if !text.is_empty() => Ok(text),
            Self::Text(_) | Self::Absent => Err(DecodeError::Missing { field }),
            _ => Err(DecodeError::invalid(field, "not a text")),
        }
    }
}

/// A floating point number's integer, if it is one and is held exactly.
fn whole(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2⁵³
    if number.fract() == 0.0 && number.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "a whole number of at most 53 bits")]
        Some(number as i64)
    } else {
        None
    }
}

impl<'de> Deserialize<'de> for Scalar<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Absent)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Integer(value))
    }

    #[expect(clippy::cast_precision_loss, reason = "beyond any range that is asked for")]
    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(value).map_or(Scalar::Float(value as f64), Scalar::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Float(value))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Nested)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        skip_rest(map)?;
        Ok(Scalar::Nested)
    }
}

#[cfg(test)]
mod tests {
    use super::Scalar;

    fn integer(text: &str) -> Option<i64> {
        serde_json::from_str::<Scalar<'_>>(text).unwrap().integer()
    }

    #[test]
    fn an_integer_may_be_written_as_a_float_but_not_as_a_text() {
        assert_eq!(integer("1628646783"), Some(1_628_646_783));
        assert_eq!(integer("1628646783.0"), Some(1_628_646_783));
        assert_eq!(integer("1.6e9"), Some(1_600_000_000));
        assert_eq!(integer("-0.0"), Some(0));
        for other in ["1.5", "1e300", "18446744073709551615", "\"1\"", "true", "null", "[1]"] {
            assert_eq!(integer(other), None, "{other}");
        }
    }
}
