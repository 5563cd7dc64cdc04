//! 128-bit hashes as keys of tables.

use std::hash::{BuildHasher, Hash, Hasher};

use xxhash_rust::xxh3::xxh3_128;

/// A hash (XXH3) that stands for what it was made of: two halves, so that a table's
/// row needs no 16-byte alignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hash128([u64; 2]);

impl Hash128 {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let hash = xxh3_128(bytes);
        #[expect(clippy::cast_possible_truncation, reason = "the two halves of one hash")]
        Self([(hash >> 64) as u64, hash as u64])
    }
}

impl Hash for Hash128 {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0[1]);
    }
}

/// Takes one half of a [`Hash128`] as it is: it is a hash already.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct HalfHash;

/// The hasher of [`HalfHash`].
#[derive(Debug, Default)]
pub(super) struct HalfHasher(u64);

impl BuildHasher for HalfHash {
    type Hasher = HalfHasher;

    fn build_hasher(&self) -> HalfHasher {
        HalfHasher(0)
    }
}

impl Hasher for HalfHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, half: u64) {
        self.0 = half;
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
}
