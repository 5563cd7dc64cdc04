//! What signs a call, in types that cannot be printed by accident.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

/// A text that `Debug` and `Display` show as `***`.
///
/// It can be read from settings but deliberately not serialized.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself. Each use of it is a place to look at twice.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<'de> Deserialize<'de> for Secret {
    /// Reads a text. The error for anything else does not quote it, as a derived one would.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SecretVisitor;

        impl Visitor<'_> for SecretVisitor {
            type Value = Secret;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text in quotes")
            }

            fn visit_str<E>(self, text: &str) -> Result<Secret, E> {
                Ok(Secret::new(text))
            }

            fn visit_i64<E: Error>(self, _: i64) -> Result<Secret, E> {
                Err(E::invalid_type(Unexpected::Other("number"), &self))
            }

            fn visit_u64<E: Error>(self, _: u64) -> Result<Secret, E> {
                Err(E::invalid_type(Unexpected::Other("number"), &self))
            }

            fn visit_f64<E: Error>(self, _: f64) -> Result<Secret, E> {
                Err(E::invalid_type(Unexpected::Other("number"), &self))
            }
        }

        // Not `deserialize_str`: a format would then quote what it finds instead.
        deserializer.deserialize_any(SecretVisitor)
    }
}

/// Who calls.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// `AppKey`: names the integrating application, travels in every call.
    pub app_key: String,
    /// `AppSecret`: the key of the signature, never travels.
    pub app_secret: Secret,
}

impl Credentials {
    /// Of who makes no calls: the service accepts none that is signed with these.
    pub fn none() -> Self {
        Self { app_key: String::new(), app_secret: Secret::new("") }
    }
}

#[cfg(test)]
mod tests {
    use super::{Credentials, Secret};

    #[test]
    fn a_secret_is_not_printed() {
        let credentials = Credentials { app_key: "key".into(), app_secret: Secret::new("hunter2") };
        assert!(!format!("{credentials:?}").contains("hunter2"));
        assert_eq!(credentials.app_secret.to_string(), "***");
        assert_eq!(credentials.app_secret.expose(), "hunter2");
    }

    #[test]
    fn a_secret_of_a_wrong_type_is_refused_without_being_quoted() {
        assert_eq!(serde_json::from_str::<Secret>("\"hunter2\"").unwrap().expose(), "hunter2");
        for wrong in ["748291", "-748291", "74829.1"] {
            let error = serde_json::from_str::<Secret>(wrong).unwrap_err().to_string();
            assert!(error.contains("a text in quotes"), "{error}");
            assert!(!error.contains("7482"), "{error}");
        }
    }
}
