//! Which partition a key lies in: as the Java clients place it, so that two topics with as many
//! partitions hold a device in the partition of the same number.
//!
//! Absent: records without a key, which lie anywhere.

/// Of the hash; the Java clients' own.
const SEED: u32 = 0x9747_b28c;
const MULTIPLIER: u32 = 0x5bd1_e995;

/// The partition of a key in a topic with so many partitions, at least one.
pub fn partition_of(key: &[u8], partitions: i32) -> i32 {
    // The sign is left out, as Kafka does it: -1 is no partition.
    (murmur2(key) & i32::MAX) % partitions.max(1)
}

/// `MurmurHash2`, 32 bits, as a Java integer.
fn murmur2(bytes: &[u8]) -> i32 {
    let mix = |word: u32| {
        let word = word.wrapping_mul(MULTIPLIER);
        (word ^ (word >> 24)).wrapping_mul(MULTIPLIER)
    };
    let (words, rest) = bytes.as_chunks::<4>();
    // Kafka's keys are far shorter than 4 GiB; any bits of a length would do.
    #[expect(clippy::cast_possible_truncation, reason = "the hash takes 32 bits of the length")]
    let begin = SEED ^ bytes.len() as u32;
    let mut hash = words
        .iter()
        .fold(begin, |hash, word| hash.wrapping_mul(MULTIPLIER) ^ mix(u32::from_le_bytes(*word)));
    if !rest.is_empty() {
        let mut last = [0; 4];
        last[..rest.len()].copy_from_slice(rest);
        hash = (hash ^ u32::from_le_bytes(last)).wrapping_mul(MULTIPLIER);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(MULTIPLIER);
    (hash ^ (hash >> 15)).cast_signed()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{murmur2, partition_of};

    #[test]
    fn a_key_has_the_hash_that_it_has_in_java() {
        // Of the Java client's own tests.
        let known: [(&[u8], i32); 6] = [
            (b"21", -973_932_308),
            (b"foobar", -790_332_482),
            (b"a-little-bit-long-string", -985_981_536),
            (b"a-little-bit-longer-string", -1_486_304_829),
            (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            (b"abc", 479_470_107),
        ];
        for (key, hash) in known {
            assert_eq!(murmur2(key), hash, "{}", String::from_utf8_lossy(key));
        }
    }

    #[test]
    fn a_negative_hash_loses_its_sign_and_is_not_turned_round() {
        // 2^31 - 790,332,482; the number without its minus ends in 2.
        assert_eq!(partition_of(b"foobar", 10), 6);
    }

    proptest! {
        /// Whatever the key, its partition is one that the topic has.
        #[test]
        fn a_partition_is_one_of_the_topics(
            key in prop::collection::vec(any::<u8>(), 0..40),
            partitions in 1..100_000,
        ) {
            prop_assert!((0..partitions).contains(&partition_of(&key, partitions)));
        }
    }
}
