//! Bytes that are encrypted and authenticated, as text.

use base64_simd::URL_SAFE_NO_PAD as BASE64;
use ring::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};
use ring::rand::{SecureRandom as _, SystemRandom};

/// What the bytes are for; what was sealed for something else does not open.
const PURPOSE: &[u8] = b"emberline portal session 1";

/// Seals with a nonce drawn at random: of 2^32 sessions with the same key two have the same
/// one by a chance of 1 to 2^33.
pub(super) fn seal(key: &LessSafeKey, mut bytes: Vec<u8>) -> String {
    let mut sealed = [0; NONCE_LEN].to_vec();
    SystemRandom::new().fill(&mut sealed).expect("the system has random numbers");
    let nonce = Nonce::try_assume_unique_for_key(&sealed).expect("so long are nonces");
    key.seal_in_place_append_tag(nonce, Aad::from(PURPOSE), &mut bytes)
        .expect("a cookie's content is far from the cipher's limit");
    sealed.append(&mut bytes);
    BASE64.encode_to_string(sealed)
}

/// `None` for whatever this key didn't seal.
pub(super) fn open(key: &LessSafeKey, text: &str) -> Option<Vec<u8>> {
    let sealed = BASE64.decode_to_vec(text).ok()?;
    let (nonce, bytes) = sealed.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut bytes = bytes.to_vec();
    let opened = key.open_in_place(nonce, Aad::from(PURPOSE), &mut bytes).ok()?;
    Some(opened.to_vec())
}
