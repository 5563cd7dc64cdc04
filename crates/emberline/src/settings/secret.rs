//! Texts that must not be seen: the app secret, and librdkafka's passwords.
//!
//! Invariant: neither `Debug`, `Display` nor serialisation shows one. The value is
//! reached by [`SecretText::expose`] alone.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use emberline_broker::KafkaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What is printed in a secret's place.
pub const MASK: &str = "***";

/// A text that prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(String);

impl SecretText {
    /// Hides a text.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself: for signing and for librdkafka only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(MASK)
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        // serde's own error would quote a number that was meant as the secret.
        String::deserialize(from)
            .map(Self)
            .map_err(|_| de::Error::custom("a text in quotes is expected"))
    }
}

impl JsonSchema for SecretText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "writeOnly": true })
    }
}

/// A librdkafka property's value: TOML text, number or boolean, kept as text.
#[derive(Clone, PartialEq, Eq)]
pub struct Property(String);

impl Property {
    /// The value as librdkafka reads it. May be a password.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// Writes librdkafka's properties with the secret ones masked.
///
/// # Errors
/// The serialiser's own.
pub(super) fn mask_properties<S: Serializer>(
    properties: &BTreeMap<String, Property>,
    to: S,
) -> Result<S::Ok, S::Error> {
    to.collect_map(properties.iter().map(|(name, property)| {
        (name, if KafkaSettings::is_secret(name) { MASK } else { property.expose() })
    }))
}

impl From<&str> for Property {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl<'de> Deserialize<'de> for Property {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Scalar {
            Text(String),
            Integer(i64),
            Boolean(bool),
            Float(f64),
        }
        let scalar = Scalar::deserialize(from)
            .map_err(|_| de::Error::custom("a property is a text, a number, true or false"))?;
        Ok(Self(match scalar {
            Scalar::Text(text) => text,
            Scalar::Integer(number) => number.to_string(),
            Scalar::Boolean(yes) => yes.to_string(),
            Scalar::Float(number) => number.to_string(),
        }))
    }
}

impl JsonSchema for Property {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Property".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
}

#[cfg(test)]
mod tests {
    use super::SecretText;

    #[test]
    fn a_secret_is_printed_nowhere() {
        let secret = SecretText::new("hunter2".into());
        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"***\"");
        let wrong = serde_json::from_str::<SecretText>("12345678").unwrap_err();
        assert!(!wrong.to_string().contains("12345678"), "{wrong}");
    }
}
