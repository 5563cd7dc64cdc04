//! The keys of one portal, all made of one secret: replicas with the same secret understand
//! each other's cookies and number orders alike.

use std::fmt;

use ring::{aead, hkdf, hmac};

/// The secret that all keys are made of. `Debug` does not show it.
#[derive(Clone)]
pub struct MasterKey(Vec<u8>);

impl MasterKey {
    /// Any bytes that nobody else knows; 16 or more should be random.
    pub fn new(secret: &[u8]) -> Self {
        Self(secret.to_vec())
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// One key a purpose, so that what is made for one is nothing for the other.
pub(crate) struct Keys {
    pub(crate) cookie: aead::LessSafeKey,
    pub(crate) csrf: hmac::Key,
    pub(crate) order: hmac::Key,
}

/// Encrypts cookies.
pub(crate) static CIPHER: &aead::Algorithm = &aead::CHACHA20_POLY1305;

impl Keys {
    pub(crate) fn new(master: &MasterKey) -> Self {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"emberline portal 1");
        let secret = salt.extract(&master.0);
        let hmac = |purpose| hmac::Key::new(hmac::HMAC_SHA256, &derived(&secret, purpose));
        let cookie = aead::UnboundKey::new(CIPHER, &derived(&secret, b"cookie"))
            .expect("the cipher's keys have 32 bytes");
        Self {
            cookie: aead::LessSafeKey::new(cookie),
            csrf: hmac(b"forms"),
            order: hmac(b"orders"),
        }
    }
}

fn derived(secret: &hkdf::Prk, purpose: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    secret
        .expand(&[purpose], hkdf::HKDF_SHA256)
        .and_then(|material| material.fill(&mut key))
        .expect("one hash's length is always to be had");
    key
}
