//! The fields of one flat event, by place, from either form.

use std::fmt;

use emberline_model::EventTime;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use crate::{
    DecodeError,
    json::{Name, Scalar},
};

/// The values of the named fields. Errors name the field and hold nothing of its value.
pub(super) struct Fields<'de, const N: usize> {
    names: &'static [&'static str; N],
    values: [Scalar<'de>; N],
}

impl<'de, const N: usize> Fields<'de, N> {
    pub(super) fn new(names: &'static [&'static str; N], values: [Scalar<'de>; N]) -> Self {
        Self { names, values }
    }

    /// Reads a JSON object; fields that are not named are left alone.
    pub(super) fn of_json(
        json: &'de [u8],
        names: &'static [&'static str; N],
    ) -> Result<Self, DecodeError> {
        let mut deserializer = serde_json::Deserializer::from_slice(json);
        let values = deserializer
            .deserialize_map(FieldsVisitor { names })
            .and_then(|values| deserializer.end().map(|()| values))
            .map_err(|problem| DecodeError::json("the value", &problem))?;
        Ok(Self { names, values })
    }

    /// A text that is there and not empty.
    pub(super) fn text(&self, place: usize) -> Result<&str, DecodeError> {
        self.values[place].text(self.names[place])
    }

    /// A whole number that is there.
    pub(super) fn integer(&self, place: usize) -> Result<i64, DecodeError> {
        let field = self.names[place];
        match &self.values[place] {
            Scalar::Absent => Err(DecodeError::Missing { field }),
            value => {
                value.integer().ok_or_else(|| DecodeError::invalid(field, "not a whole number"))
            }
        }
    }

    /// A time that is there: Unix seconds or milliseconds, or RFC 3339 text.
    pub(super) fn time(&self, place: usize) -> Result<EventTime, DecodeError> {
        let field = self.names[place];
        let value = &self.values[place];
        if let Scalar::Text(text) = value {
            let time = text.parse::<jiff::Timestamp>().map(jiff::Timestamp::as_millisecond);
            return match time {
                Ok(millis @ 0..) => Ok(EventTime::from_millis(millis)),
                _ => Err(DecodeError::invalid(field, "not a time such as 2021-08-11T01:53:03Z")),
            };
        }
        value.numeric_time(field)?.ok_or(DecodeError::Missing { field })
    }

    pub(super) fn invalid(&self, place: usize, problem: &impl fmt::Display) -> DecodeError {
        DecodeError::invalid(self.names[place], problem.to_string())
    }
}

struct FieldsVisitor<const N: usize> {
    names: &'static [&'static str; N],
}

impl<'de, const N: usize> Visitor<'de> for FieldsVisitor<N> {
    type Value = [Scalar<'de>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut values = [const { None }; N];
        let place_of = |name: &str| self.names.iter().position(|field| *field == name);
        while let Some(place) = map.next_key_seed(Name(place_of))? {
            let Some(place) = place else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if values[place].replace(map.next_value()?).is_some() {
                return Err(A::Error::custom(format_args!("{} is given twice", self.names[place])));
            }
        }
        Ok(values.map(Option::unwrap_or_default))
    }
}
