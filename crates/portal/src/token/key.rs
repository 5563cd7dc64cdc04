//! The key that tokens are verified with, of one algorithm that the token has no say in.

use std::fmt;
use std::str::FromStr;

use ring::{hmac, signature};

/// How tokens are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256: one secret on both sides.
    Hs256,
    /// Ed25519: the app keeps the private key, the portal has the public one.
    EdDsa,
}

impl Algorithm {
    /// As a token's `alg` has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::EdDsa => "EdDSA",
        }
    }
}

impl FromStr for Algorithm {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        [Self::Hs256, Self::EdDsa]
            .into_iter()
            .find(|algorithm| algorithm.name() == text)
            .ok_or(InvalidKey::Algorithm)
    }
}

/// Why something is no key. Holds nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// Not the name of an algorithm.
    #[error("is neither HS256 nor EdDSA")]
    Algorithm,
    /// A shared secret must have the hash's length at least (RFC 7518, 3.2).
    #[error("is shorter than 32 bytes, which HS256 needs: make one with `openssl rand -base64 32`")]
    Short,
    /// Not the PEM of an Ed25519 public key.
    #[error("is no Ed25519 public key in PEM (-----BEGIN PUBLIC KEY-----)")]
    Public,
    /// Not the PEM of an Ed25519 private key.
    #[error("is no Ed25519 private key in PEM (-----BEGIN PRIVATE KEY-----)")]
    Private,
}

/// Verifies tokens. `Debug` shows no key.
pub struct TokenKey(pub(super) Verifier);

pub(super) enum Verifier {
    Hs256(hmac::Key),
    EdDsa(signature::UnparsedPublicKey<[u8; 32]>),
}

impl TokenKey {
    /// A key from the text of the settings or of a file.
    ///
    /// # Errors
    /// [`InvalidKey`].
    pub fn new(algorithm: Algorithm, text: &str) -> Result<Self, InvalidKey> {
        Ok(Self(match algorithm {
            Algorithm::Hs256 => Verifier::Hs256(shared_secret(text)?),
            Algorithm::EdDsa => {
                let key = public_key(text).ok_or(InvalidKey::Public)?;
                Verifier::EdDsa(signature::UnparsedPublicKey::new(&signature::ED25519, key))
            }
        }))
    }

    pub(super) const fn algorithm(&self) -> Algorithm {
        match self.0 {
            Verifier::Hs256(_) => Algorithm::Hs256,
            Verifier::EdDsa(_) => Algorithm::EdDsa,
        }
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenKey({})", self.algorithm().name())
    }
}

pub(super) fn shared_secret(text: &str) -> Result<hmac::Key, InvalidKey> {
    const LEAST: usize = 32;
    if text.len() < LEAST {
        return Err(InvalidKey::Short);
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, text.as_bytes()))
}

/// The key is what follows the one prefix that such a key's DER has (RFC 8410, 4).
fn public_key(pem: &str) -> Option<[u8; 32]> {
    const PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];
    let der = pem_content(pem, "PUBLIC KEY")?;
    der.strip_prefix(&PREFIX)?.try_into().ok()
}

/// The bytes between a PEM's lines of this label (RFC 7468).
pub(super) fn pem_content(pem: &str, label: &str) -> Option<Vec<u8>> {
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let (_, rest) = pem.split_once(&begin)?;
    let (encoded, _) = rest.split_once(&end)?;
    let encoded: String = encoded.split_whitespace().collect();
    base64_simd::STANDARD.decode_to_vec(encoded).ok()
}
