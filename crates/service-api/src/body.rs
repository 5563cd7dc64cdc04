//! A request body and its signed message, written in one pass.
//!
//! Parameters come in ascending order of their names, as the signature wants them, so
//! nothing is collected or sorted. `Signature` stands last in the body: it is known only
//! when everything else has been written.

use crate::json::{push_integer, push_text};
use crate::nested::Nested;
use crate::signer::Message;
use crate::{Dialect, NestedSignature, Stamp};

/// The common parameters that an action's own ones stand between, in order. `Action`
/// and `AppKey` come before every other name.
const COMMON: [&str; 3] = ["Nonce", "RequestId", "Timestamp"];

/// Where an [`Action`](crate::Action) writes its parameters.
pub struct BodyWriter<'a> {
    body: &'a mut Vec<u8>,
    message: Message,
    dialect: Dialect,
    stamp: &'a Stamp,
    /// How many of [`COMMON`] are written.
    common: usize,
    /// The name written last, to catch an action that breaks the order.
    last: &'static str,
}

impl<'a> BodyWriter<'a> {
    pub(crate) fn begin(
        body: &'a mut Vec<u8>,
        message: Message,
        dialect: Dialect,
        stamp: &'a Stamp,
    ) -> Self {
        Self { body, message, dialect, stamp, common: 0, last: "" }
    }

    /// The forms that the service wants.
    pub(crate) const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The two parameters that every body begins with.
    pub(crate) fn first(&mut self, action: &str, app_key: &str) {
        self.put_text("Action", action);
        self.put_text("AppKey", app_key);
    }

    /// A text.
    pub(crate) fn text(&mut self, name: &'static str, value: &str) {
        self.common_before(name);
        self.put_text(name, value);
    }

    /// A text, if there is one: an absent parameter is neither sent nor signed.
    pub(crate) fn optional_text(&mut self, name: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    /// A whole number.
    pub(crate) fn integer(&mut self, name: &'static str, value: impl itoa::Integer) {
        self.common_before(name);
        self.put_integer(name, value);
    }

    /// A whole number, if there is one.
    pub(crate) fn optional_integer(
        &mut self,
        name: &'static str,
        value: Option<impl itoa::Integer>,
    ) {
        if let Some(value) = value {
            self.integer(name, value);
        }
    }

    /// A value that is not a scalar, signed in the dialect's way.
    pub(crate) fn nested(&mut self, name: &'static str, value: &impl Nested) {
        self.common_before(name);
        self.put_name(name);
        let start = self.body.len();
        value.write_json(self.body);
        match self.dialect.nested_signature {
            NestedSignature::Json => {
                self.sign_name(name);
                self.message.feed(&self.body[start..]);
            }
            NestedSignature::Flatten => value.flatten(name, &mut self.message),
            NestedSignature::Omit => {}
        }
    }

    /// Writes what is left of the common parameters, and the signature.
    pub(crate) fn finish(mut self) {
        self.common_before("~");
        self.body.extend_from_slice(b",\"Signature\":\"");
        self.message.finish(self.body);
        self.body.extend_from_slice(b"\"}");
    }

    fn common_before(&mut self, name: &'static str) {
        while let Some(next) = COMMON.get(self.common).copied().filter(|next| *next < name) {
            self.common += 1;
            match next {
                "Nonce" => self.put_integer(next, self.stamp.nonce),
                "RequestId" => self.put_text(next, self.stamp.request_id.as_str()),
                _ => self.put_integer(next, self.stamp.timestamp),
            }
        }
    }

    fn put_text(&mut self, name: &'static str, value: &str) {
        self.put_name(name);
        push_text(self.body, value);
        self.sign_name(name);
        self.message.feed(value.as_bytes());
    }

    fn put_integer(&mut self, name: &'static str, value: impl itoa::Integer) {
        self.put_name(name);
        let start = self.body.len();
        push_integer(self.body, value);
        self.sign_name(name);
        self.message.feed(&self.body[start..]);
    }

    fn put_name(&mut self, name: &'static str) {
        debug_assert!(self.last < name, "{name} comes after {}", self.last);
        debug_assert!(!name.contains('_'), "{name} would be signed with a dot");
        self.last = name;
        self.body.extend_from_slice(if self.body.is_empty() { b"{\"" } else { b",\"" });
        self.body.extend_from_slice(name.as_bytes());
        self.body.extend_from_slice(b"\":");
    }

    fn sign_name(&mut self, name: &str) {
        // Only `Action`, the first of all, has no separator before it.
        if name != "Action" {
            self.message.feed(b"&");
        }
        self.message.feed_all(&[name, "="]);
    }
}
