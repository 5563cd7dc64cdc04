//! The nonces seen, so that no call is taken twice.

use std::collections::{BTreeMap, HashSet};

use parking_lot::Mutex;

/// Nonces by the Timestamp that they came with. A Timestamp outside of the allowed skew
/// is refused by itself, so its nonces can be forgotten.
pub(crate) struct Nonces {
    seen: Mutex<Seen>,
    max: usize,
}

#[derive(Default)]
struct Seen {
    by_second: BTreeMap<i64, HashSet<u64>>,
    count: usize,
}

impl Nonces {
    pub(crate) fn new(max: usize) -> Self {
        Self { seen: Mutex::default(), max }
    }

    /// Notes a nonce; `false` if it was there before. Forgets those of seconds before
    /// `oldest`, and of the oldest second while there are too many.
    pub(crate) fn first_use(&self, timestamp: i64, nonce: u64, oldest: i64) -> bool {
        let mut seen = self.seen.lock();
        while let Some(first) = seen.by_second.first_entry() {
            let too_old = *first.key() < oldest;
            let forgotten = first.get().len();
            if !too_old && (seen.count < self.max || seen.by_second.len() == 1) {
                break;
            }
            seen.by_second.pop_first();
            seen.count -= forgotten;
        }
        let new = seen.by_second.entry(timestamp).or_default().insert(nonce);
        seen.count += usize::from(new);
        new
    }
}

#[cfg(test)]
mod tests {
    use super::Nonces;

    #[test]
    fn a_nonce_is_new_once_a_timestamp() {
        let nonces = Nonces::new(100);
        assert!(nonces.first_use(10, 1, 0));
        assert!(!nonces.first_use(10, 1, 0));
        assert!(nonces.first_use(11, 1, 0));
        assert!(nonces.first_use(10, 2, 0));
    }

    #[test]
    fn nonces_are_forgotten_when_their_timestamp_is_refused_anyway() {
        let nonces = Nonces::new(100);
        assert!(nonces.first_use(10, 1, 0));
        assert!(nonces.first_use(400, 1, 100));
        assert_eq!(nonces.seen.lock().count, 1);
    }

    #[test]
    fn too_many_nonces_push_the_oldest_second_out() {
        let nonces = Nonces::new(3);
        for nonce in 0..3 {
            assert!(nonces.first_use(10, nonce, 0));
        }
        assert!(nonces.first_use(11, 7, 0), "one second alone is never dropped");
        assert!(nonces.first_use(12, 7, 0));
        assert_eq!(nonces.seen.lock().count, 2);
    }
}
