//! That what should be tried is tried: everything that happened, counted over all seeds.

use std::collections::BTreeMap;

/// What is to have happened at least once.
#[derive(Default)]
pub(super) struct Coverage(pub(super) BTreeMap<&'static str, u64>);

impl Coverage {
    pub(super) fn saw(&mut self, what: &'static str) {
        self.add(what, 1);
    }

    pub(super) fn add(&mut self, what: &'static str, count: u64) {
        if count > 0 {
            *self.0.entry(what).or_default() += count;
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (what, count) in &other.0 {
            self.add(what, *count);
        }
    }

    /// What should have happened, and did not.
    pub(super) fn missing(&self) -> Vec<&'static str> {
        EXPECTED.iter().copied().filter(|what| !self.0.contains_key(what)).collect()
    }
}

const EXPECTED: &[&str] = &[];
