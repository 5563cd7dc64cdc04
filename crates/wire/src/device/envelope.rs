//! The platform's two spellings of a forwarded message (contract: input events), read
//! in one pass: they share no field name with another meaning.

use std::fmt;

use serde::de::{Deserializer as _, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::Deserializer;

use super::message::{Message, Pace};
use crate::{
    DecodeError,
    json::{Any, AnyValue, Name, Scalar},
};

/// A platform message, read without judging it as long as it is JSON.
#[derive(Default)]
pub(super) struct Envelope<'de> {
    pub(super) msg_type: Scalar<'de>,
    pub(super) event: Scalar<'de>,
    pub(super) topic: Scalar<'de>,
    pub(super) product_id: Scalar<'de>,
    pub(super) device_name: Scalar<'de>,
    /// China Standard Time.
    pub(super) time: Scalar<'de>,
    /// Seconds or milliseconds; the second spelling only.
    pub(super) timestamp: Scalar<'de>,
    pub(super) payload: Payload,
    /// Whether it is the second spelling, which has no `MsgType`.
    pub(super) forwarded: bool,
}

#[derive(Default)]
pub(super) enum Payload {
    /// Not there, or `null`.
    #[default]
    Absent,
    /// Base64, now decoded in the scratch space.
    Decoded,
    NotBase64,
    /// An object, already read as the device's message.
    Message,
    /// A list, a number, …
    Other,
}

impl<'de> Envelope<'de> {
    /// Reads a platform message into itself, which is faster than to return it. `message`
    /// takes a payload that stands in it as an object, `scratch` one out of its Base64.
    pub(super) fn parse(
        &mut self,
        value: &'de [u8],
        message: &mut Message,
        scratch: &mut Vec<u8>,
    ) -> Result<(), DecodeError> {
        // One look at the whole text is cheaper than one at each of its strings.
        let visitor = self.visitor(message, scratch, Pace::Fast);
        let fast = match std::str::from_utf8(value) {
            Ok(text) => visitor.read(Deserializer::from_str(text)),
            Err(_) => visitor.read(Deserializer::from_slice(value)),
        };
        fast.or_else(|_| {
            (*self, *message) = (Self::default(), Message::default());
            let visitor = self.visitor(message, scratch, Pace::Careful);
            visitor.read(Deserializer::from_slice(value))
        })
        .map_err(|problem| DecodeError::json("the value", &problem))
    }

    fn visitor<'s>(
        &'s mut self,
        message: &'s mut Message,
        scratch: &'s mut Vec<u8>,
        pace: Pace,
    ) -> EnvelopeVisitor<'s, 'de> {
        EnvelopeVisitor { envelope: self, message, scratch, pace }
    }
}

/// A field of either spelling.
#[derive(Debug, Clone, Copy)]
enum Key {
    MsgType,
    Event,
    Topic,
    ProductId,
    DeviceName,
    Payload,
    /// `payload`: the second spelling's name.
    ForwardedPayload,
    Time,
    Timestamp,
}

impl Key {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "MsgType" => Self::MsgType,
            "Event" => Self::Event,
            "Topic" | "topic" => Self::Topic,
            "ProductId" | "productid" => Self::ProductId,
            "DeviceName" | "devicename" => Self::DeviceName,
            "Payload" => Self::Payload,
            "payload" => Self::ForwardedPayload,
            "Time" => Self::Time,
            "timestamp" => Self::Timestamp,
            _ => return None,
        })
    }

    /// Fields with the same number are one field under two names.
    const fn number(self) -> u8 {
        match self {
            Self::ForwardedPayload => Self::Payload as u8,
            key => key as u8,
        }
    }
}

struct EnvelopeVisitor<'s, 'de> {
    envelope: &'s mut Envelope<'de>,
    message: &'s mut Message,
    scratch: &'s mut Vec<u8>,
    pace: Pace,
}

impl<'de> EnvelopeVisitor<'_, 'de> {
    fn read<R: serde_json::de::Read<'de>>(
        self,
        mut json: Deserializer<R>,
    ) -> Result<(), serde_json::Error> {
        json.deserialize_map(self)?;
        json.end()
    }
}

impl<'de> Visitor<'de> for EnvelopeVisitor<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message of the platform")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { envelope, message, scratch, pace } = self;
        let mut seen = 0_u16;
        while let Some(key) = map.next_key_seed(Name(Key::of))? {
            let Some(key) = key else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if seen & (1 << key.number()) != 0 {
                return Err(A::Error::custom(format_args!("{key:?} is given twice")));
            }
            seen |= 1 << key.number();
            match key {
                Key::MsgType => envelope.msg_type = map.next_value()?,
                Key::Event => envelope.event = map.next_value()?,
                Key::Topic => envelope.topic = map.next_value()?,
                Key::ProductId => envelope.product_id = map.next_value()?,
                Key::DeviceName => envelope.device_name = map.next_value()?,
                Key::Time => envelope.time = map.next_value()?,
                Key::Timestamp => envelope.timestamp = map.next_value()?,
                Key::Payload | Key::ForwardedPayload => {
                    envelope.forwarded = matches!(key, Key::ForwardedPayload);
                    let (scratch, message) = (&mut *scratch, &mut *message);
                    let reader = PayloadReader { scratch, message, pace };
                    envelope.payload = map.next_value_seed(Any(reader))?;
                }
            }
        }
        Ok(())
    }
}

/// Appends what a payload's Base64 stands for; false if it is none.
pub(crate) fn decode_base64(text: &str, out: &mut Vec<u8>) -> bool {
    // Some firmware sends no padding; what a cut text decodes to is no JSON.
    let base64 = if text.len().is_multiple_of(4) {
        base64_simd::STANDARD
    } else {
        base64_simd::STANDARD_NO_PAD
    };
    base64.decode_append(text.as_bytes(), out).is_ok()
}

struct PayloadReader<'s> {
    scratch: &'s mut Vec<u8>,
    message: &'s mut Message,
    pace: Pace,
}

impl<'de> AnyValue<'de> for PayloadReader<'_> {
    type Value = Payload;

    /// Decodes where the text stands: one with escaped slashes is never copied.
    fn text(self, text: &str) -> Payload {
        self.scratch.clear();
        if decode_base64(text, self.scratch) { Payload::Decoded } else { Payload::NotBase64 }
    }

    fn object<A: MapAccess<'de>>(self, map: A) -> Result<Payload, A::Error> {
        self.message.read_fields(map, self.pace)?;
        Ok(Payload::Message)
    }

    fn null(self) -> Payload {
        Payload::Absent
    }

    fn other(self, _: &'static str) -> Payload {
        Payload::Other
    }
}
