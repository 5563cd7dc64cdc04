//! Nonces: no two calls of a process share one within two thousand million calls.
//!
//! Drawn at random from the 2^31 that there are, two calls of one second would share one
//! about once a day at 200 calls a second, and every minute at 10,000. The service takes
//! the second for a replay and refuses it, as it refuses a wrong signature, and that stops
//! all calls for a while.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Nonces are positive and within an `i32`.
const LARGEST: u32 = i32::MAX.unsigned_abs();

/// A walk over all nonces in an order of its own: `number * factor` modulo 2^31 meets
/// each once before any comes again, because the factor is odd. Start and factor are
/// random, so that two processes do not walk beside each other.
struct Walk {
    factor: u32,
    number: AtomicU32,
}

impl Walk {
    fn random() -> Self {
        Self { factor: rand::random::<u32>() | 1, number: AtomicU32::new(rand::random()) }
    }

    fn next(&self) -> u32 {
        loop {
            let number = self.number.fetch_add(1, Ordering::Relaxed);
            let nonce = number.wrapping_mul(self.factor) & LARGEST;
            if nonce > 0 {
                return nonce;
            }
        }
    }
}

/// The next nonce of this process.
pub(crate) fn next_nonce() -> u32 {
    static WALK: LazyLock<Walk> = LazyLock::new(Walk::random);
    WALK.next()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::atomic::AtomicU32;

    use super::{LARGEST, Walk, next_nonce};

    #[test]
    fn no_nonce_comes_twice_among_many_calls() {
        // Drawn at random, about a dozen of them would be there twice.
        let nonces: HashSet<u32> = (0..250_000).map(|_| next_nonce()).collect();
        assert_eq!(nonces.len(), 250_000);
        assert!(nonces.iter().all(|nonce| (1..=LARGEST).contains(nonce)));
    }

    #[test]
    fn zero_is_left_out() {
        let walk = Walk { factor: 7, number: AtomicU32::new(u32::MAX) };
        assert_eq!([walk.next(), walk.next()], [LARGEST - 6, 7]);
    }
}
