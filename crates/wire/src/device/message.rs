//! What the device itself said: the message in the platform's payload.

use std::{fmt, marker::PhantomData};

use emberline_model::{Category, EventTime};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{properties::Properties, property::PropertySeed, refusal::Problem};
use crate::{
    DecodeError,
    json::{Any, AnyValue, Name, Scalar},
};

/// A device's message, read without judging it as long as it is JSON.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) method: Method,
    /// Its `timestamp`, if it has one.
    pub(super) time: Result<Option<EventTime>, DecodeError>,
    pub(super) params: Params,
    /// A field of the message that is there twice.
    pub(super) repeated: Option<&'static str>,
}

impl Default for Message {
    fn default() -> Self {
        Self { method: Method::Absent, time: Ok(None), params: Params::Absent, repeated: None }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Absent,
    /// `report`: properties.
    Report,
    /// Anything else: not telemetry.
    Other,
}

#[derive(Debug)]
pub(super) enum Params {
    /// Not there, or `null`.
    Absent,
    Properties(Properties),
    /// A list, a text, …
    NotAnObject,
}

/// How a field's value is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// Straight into what it means. A number that no float holds (`1e999`) is an error
    /// of the whole text.
    Fast,
    /// Its text first, then what it means: such a number is an error of its field only.
    /// Worth a second look at a text that failed, too slow for every record.
    Careful,
}

impl Message {
    /// Reads a payload into itself.
    pub(super) fn parse(&mut self, payload: &[u8]) -> Result<(), DecodeError> {
        if payload.trim_ascii_start().first() != Some(&b'{') {
            return Err(DecodeError::invalid("the payload", "not a JSON object"));
        }
        // As for the envelope: one look at the whole text.
        let fast = match std::str::from_utf8(payload) {
            Ok(text) => self.read(serde_json::Deserializer::from_str(text), Pace::Fast),
            Err(_) => self.read(serde_json::Deserializer::from_slice(payload), Pace::Fast),
        };
        fast.or_else(|_| {
            *self = Self::default();
            self.read(serde_json::Deserializer::from_slice(payload), Pace::Careful)
        })
        .map_err(|problem| DecodeError::json("the payload", &problem))
    }

    fn read<'de, R: serde_json::de::Read<'de>>(
        &mut self,
        mut json: serde_json::Deserializer<R>,
        pace: Pace,
    ) -> Result<(), serde_json::Error> {
        json.deserialize_map(MessageVisitor { message: self, pace })?;
        json.end()
    }

    /// Reads the fields of a message.
    pub(super) fn read_fields<'de, A: MapAccess<'de>>(
        &mut self,
        mut map: A,
        pace: Pace,
    ) -> Result<(), A::Error> {
        let scalar = PhantomData::<Scalar<'de>>;
        let mut seen = [false; 3];
        while let Some(key) = map.next_key_seed(Name(Key::of))? {
            let Some(key) = key else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if std::mem::replace(&mut seen[key as usize], true) {
                self.repeated = Some(key.name());
            }
            match key {
                Key::Method => {
                    let method = read_value(&mut map, pace, scalar, |_| Scalar::Nested)?;
                    if matches!(&method, Scalar::Text(text) if text == "report") {
                        self.method = Method::Report;
                    } else if self.method == Method::Absent {
                        self.method = Method::Other;
                    }
                }
                Key::Timestamp => {
                    let timestamp = read_value(&mut map, pace, scalar, |_| Scalar::Nested)?;
                    self.time = timestamp.numeric_time(key.name());
                }
                // Not looked at where it is known to be something else than properties.
                Key::Params if self.method == Method::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
                Key::Params => {
                    let reader = Any(ParamsReader { pace });
                    self.params = read_value(&mut map, pace, reader, |_| Params::NotAnObject)?;
                }
            }
        }
        Ok(())
    }
}

struct MessageVisitor<'m> {
    message: &'m mut Message,
    pace: Pace,
}

impl<'de> Visitor<'de> for MessageVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a device's message")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.message.read_fields(map, self.pace)
    }
}

#[derive(Debug, Clone, Copy)]
enum Key {
    Method,
    Timestamp,
    Params,
}

impl Key {
    fn of(name: &str) -> Option<Self> {
        match name {
            "method" => Some(Self::Method),
            "timestamp" => Some(Self::Timestamp),
            "params" => Some(Self::Params),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::Timestamp => "timestamp of the payload",
            Self::Params => "params",
        }
    }
}

struct ParamsReader {
    pace: Pace,
}

impl<'de> AnyValue<'de> for ParamsReader {
    type Value = Params;

    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<Params, A::Error> {
        let mut properties = Properties::default();
        while let Some(category) = map.next_key_seed(Name(Category::from_property))? {
            let Some(category) = category else {
                map.next_value::<IgnoredAny>()?;
                properties.add_unknown();
                continue;
            };
            let seed = PropertySeed(category);
            let value = read_value(&mut map, self.pace, seed, |problem| {
                Err(Problem::Unreadable { field: category.property(), problem })
            })?;
            properties.add(category, value);
        }
        Ok(Params::Properties(properties))
    }

    fn null(self) -> Params {
        Params::Absent
    }

    fn other(self, _: &'static str) -> Params {
        Params::NotAnObject
    }
}

/// Reads a field's value. At a careful pace, `unreadable` stands in for one that is
/// JSON, but can't be held.
fn read_value<'de, A: MapAccess<'de>, S: DeserializeSeed<'de>>(
    map: &mut A,
    pace: Pace,
    seed: S,
    unreadable: impl FnOnce(serde_json::Error) -> S::Value,
) -> Result<S::Value, A::Error> {
    match pace {
        Pace::Fast => map.next_value_seed(seed),
        Pace::Careful => {
            let text: &RawValue = map.next_value()?;
            let mut deserializer = serde_json::Deserializer::from_str(text.get());
            Ok(seed.deserialize(&mut deserializer).unwrap_or_else(unreadable))
        }
    }
}
