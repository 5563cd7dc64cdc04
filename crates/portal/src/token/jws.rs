//! The signature around a token's claims: JWS in its compact form (RFC 7515).

use std::fmt;

use base64_simd::URL_SAFE_NO_PAD as BASE64;
use ring::{hmac, signature};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::key::{InvalidKey, Verifier, pem_content, shared_secret};
use super::{Algorithm, TokenError, TokenKey};

/// Longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 4096;

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    typ: Option<String>,
    /// Extensions that must be understood; none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    crit: Option<serde_json::Value>,
}

/// The claims of a token that this key's owner signed.
pub(super) fn verified<T: DeserializeOwned>(token: &str, key: &TokenKey) -> Result<T, TokenError> {
    if token.len() > MAX_TOKEN {
        return Err(TokenError::Malformed);
    }
    let (message, tag) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
    let (header, claims) = message.split_once('.').ok_or(TokenError::Malformed)?;
    let header: Header = part(header)?;
    if header.alg != key.algorithm().name() {
        return Err(TokenError::Algorithm);
    }
    let is_jwt = header.typ.is_none_or(|typ| typ.eq_ignore_ascii_case("jwt"));
    if !is_jwt || header.crit.is_some() {
        return Err(TokenError::Malformed);
    }
    let tag = BASE64.decode_to_vec(tag).map_err(|_| TokenError::Malformed)?;
    let checked = match &key.0 {
        Verifier::Hs256(key) => hmac::verify(key, message.as_bytes(), &tag),
        Verifier::EdDsa(key) => key.verify(message.as_bytes(), &tag),
    };
    checked.map_err(|_| TokenError::Signature)?;
    part(claims)
}

fn part<T: DeserializeOwned>(encoded: &str) -> Result<T, TokenError> {
    let json = BASE64.decode_to_vec(encoded).map_err(|_| TokenError::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| TokenError::Malformed)
}

/// Signs tokens, as the vendor's app does: for trying, and for tests. `Debug` shows no key.
pub struct SigningKey(Signer);

enum Signer {
    Hs256(hmac::Key),
    EdDsa(signature::Ed25519KeyPair),
}

impl SigningKey {
    /// A key from a text: the shared secret, or the PEM of a private key (PKCS #8).
    ///
    /// # Errors
    /// [`InvalidKey`].
    pub fn new(algorithm: Algorithm, text: &str) -> Result<Self, InvalidKey> {
        Ok(Self(match algorithm {
            Algorithm::Hs256 => Signer::Hs256(shared_secret(text)?),
            Algorithm::EdDsa => {
                let der = pem_content(text, "PRIVATE KEY").ok_or(InvalidKey::Private)?;
                // OpenSSL writes the private key alone, so there is no public one to compare.
                let pair = signature::Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der);
                Signer::EdDsa(pair.map_err(|_| InvalidKey::Private)?)
            }
        }))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(***)")
    }
}

/// A token with these claims.
pub(super) fn signed(claims: &impl Serialize, key: &SigningKey) -> String {
    let algorithm = match key.0 {
        Signer::Hs256(_) => Algorithm::Hs256,
        Signer::EdDsa(_) => Algorithm::EdDsa,
    };
    let header =
        Header { alg: algorithm.name().to_owned(), typ: Some("JWT".to_owned()), crit: None };
    let message = format!("{}.{}", encoded(&header), encoded(claims));
    let tag = match &key.0 {
        Signer::Hs256(key) => BASE64.encode_to_string(hmac::sign(key, message.as_bytes())),
        Signer::EdDsa(pair) => BASE64.encode_to_string(pair.sign(message.as_bytes())),
    };
    format!("{message}.{tag}")
}

fn encoded(part: &impl Serialize) -> String {
    let json = serde_json::to_vec(part).expect("texts and numbers are always JSON");
    BASE64.encode_to_string(json)
}
