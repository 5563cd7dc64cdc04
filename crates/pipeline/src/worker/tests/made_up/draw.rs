//! Where all chance of a world comes from: one generator with a seed.

use std::ops::RangeInclusive;
use std::time::Duration;

pub(in crate::worker::tests) struct Draw(fastrand::Rng);

impl Draw {
    pub(in crate::worker::tests) fn of(seed: u64) -> Self {
        // Seeds follow one another; their worlds should have nothing in common.
        Self(fastrand::Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5eed))
    }

    /// Below `end`, which is not 0.
    pub(in crate::worker::tests) fn below(&mut self, end: usize) -> usize {
        self.0.usize(..end)
    }

    pub(in crate::worker::tests) fn within(&mut self, range: RangeInclusive<u64>) -> u64 {
        self.0.u64(range)
    }

    pub(in crate::worker::tests) fn percent(&mut self, chance: u64) -> bool {
        self.0.u64(..100) < chance
    }

    pub(in crate::worker::tests) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    pub(in crate::worker::tests) fn millis(&mut self, range: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.within(range))
    }

    /// One of these, each as likely as its weight says.
    pub(in crate::worker::tests) fn weighed<T: Copy>(&mut self, from: &[(u64, T)]) -> T {
        let all: u64 = from.iter().map(|(weight, _)| weight).sum();
        let mut place = self.0.u64(..all);
        for (weight, what) in from {
            if place < *weight {
                return *what;
            }
            place -= weight;
        }
        from[0].1
    }
}
