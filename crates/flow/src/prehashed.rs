//! A hasher for keys that are hashes already: it hands their bits on.

use std::hash::{BuildHasherDefault, Hasher};

/// For tables keyed by (part of) an XXH3 hash. A second hash would cost as much as the
/// look-up and spread nothing any better.
pub(crate) type BuildPrehashed = BuildHasherDefault<Prehashed>;

/// See [`BuildPrehashed`].
#[derive(Debug, Default)]
pub(crate) struct Prehashed(u64);

impl Hasher for Prehashed {
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    #[expect(clippy::cast_possible_truncation, reason = "half of a hash is a hash")]
    fn write_u128(&mut self, hash: u128) {
        self.0 = hash as u64;
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
