//! The signature: Base64 of HMAC-SHA1 over the sorted parameters (contract: service
//! API, signature).

use std::fmt;

use base64_simd::{Out, STANDARD};
use emberline_model::Decimal;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use crate::json::DecimalBuffer;
use crate::{Action, BodyWriter, Credentials, Dialect, Secret, Stamp};

/// Length of a signature: Base64 of 20 bytes.
const SIGNATURE_BYTES: usize = 28;

/// The message under way to its signature. It is fed piece by piece and never stands
/// in memory as a whole.
#[derive(Clone)]
pub(crate) struct Message(Hmac<Sha1>);

impl Message {
    fn keyed_by(secret: &Secret) -> Self {
        let mac = Hmac::<Sha1>::new_from_slice(secret.expose().as_bytes());
        Self(mac.expect("HMAC takes a key of any length"))
    }

    pub(crate) fn feed(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    pub(crate) fn feed_all(&mut self, pieces: &[&str]) {
        for piece in pieces {
            self.feed(piece.as_bytes());
        }
    }

    pub(crate) fn feed_integer(&mut self, number: impl itoa::Integer) {
        self.feed(itoa::Buffer::new().format(number).as_bytes());
    }

    pub(crate) fn feed_decimal(&mut self, value: Decimal) {
        self.feed(DecimalBuffer::default().format(value));
    }

    /// Appends the signature to a buffer.
    pub(crate) fn finish(self, out: &mut Vec<u8>) {
        let digest = self.0.finalize().into_bytes();
        let mut text = [0; SIGNATURE_BYTES];
        out.extend_from_slice(STANDARD.encode(&digest, Out::from_slice(&mut text)));
    }
}

/// Signs any parameters: sorts them by name, joins them as the contract says (an
/// underscore in a *name* becomes `.`) and returns the signature.
///
/// The eight actions do not pass here: [`Signer::write`] feeds the same message while it
/// writes the body. This is the rule in its plain form, for everything else.
pub fn sign_message<'a>(
    secret: &Secret,
    parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
    let mut sorted: Vec<_> = parameters.into_iter().collect();
    sorted.sort_unstable();
    let mut message = Message::keyed_by(secret);
    for (index, (name, value)) in sorted.into_iter().enumerate() {
        let separator = if index > 0 { "&" } else { "" };
        message.feed_all(&[separator, &name.replace('_', "."), "=", value]);
    }
    let mut signature = Vec::with_capacity(SIGNATURE_BYTES);
    message.finish(&mut signature);
    String::from_utf8(signature).unwrap_or_default()
}

/// Writes signed request bodies. The key's part of the HMAC is computed once.
#[derive(Clone)]
pub struct Signer {
    keyed: Message,
    app_key: String,
    dialect: Dialect,
}

impl Signer {
    /// A signer for these credentials.
    pub fn new(credentials: &Credentials, dialect: Dialect) -> Self {
        let keyed = Message::keyed_by(&credentials.app_secret);
        Self { keyed, app_key: credentials.app_key.clone(), dialect }
    }

    /// Replaces the buffer's content by the signed request body of a call.
    ///
    /// Nothing but the buffer's own growth is allocated.
    pub fn write<A: Action>(&self, action: &A, stamp: &Stamp, body: &mut Vec<u8>) {
        body.clear();
        let mut writer = BodyWriter::begin(body, self.keyed.clone(), self.dialect, stamp);
        writer.first(A::NAME, &self.app_key);
        action.write(&mut writer);
        writer.finish();
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("app_key", &self.app_key)
            .field("dialect", &self.dialect)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::sign_message;
    use crate::Secret;

    const VECTOR: [(&str, &str); 7] = [
        ("Timestamp", "1546315200"),
        ("Action", "ServiceDescribeDeviceData"),
        ("Nonce", "71087795"),
        ("AppKey", "ServiceAppKey"),
        ("RequestId", "476c990a-f5b7-1575-987c-4ef70e474932"),
        ("ProductId", "ProductA"),
        ("DeviceName", "Device001"),
    ];

    #[test]
    fn the_vendors_own_vector_is_met() {
        let signature = sign_message(&Secret::new("ServiceAppSecret"), VECTOR);
        assert_eq!(signature, "P206d+JzP37FLKBDkD689wqnl4k=");
    }

    #[test]
    fn an_underscore_in_a_name_is_signed_as_a_dot() {
        let secret = Secret::new("s");
        let underscore = sign_message(&secret, [("Device_Id", "a_b")]);
        assert_eq!(underscore, sign_message(&secret, [("Device.Id", "a_b")]));
        assert_ne!(underscore, sign_message(&secret, [("Device.Id", "a.b")]));
    }
}
