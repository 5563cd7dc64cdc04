//! Parts of the pipeline in isolation, each beside the least that its work could cost.
//!
//! Start at [`rows`]; each part is a module that returns its row.

mod decode;
mod dedupe;
mod join;
mod lanes;
mod ledger;
mod sign;

use std::hash::{BuildHasherDefault, Hasher};
use std::hint::black_box;

use crate::cli::{Cli, Part};
use crate::report::Row;
use crate::{cpu, say};

/// Passes of which the median counts; one more goes before them, to warm up.
const PASSES: usize = 9;

/// Measures a part.
type Measure = fn() -> Vec<Row>;

/// The rows of the parts that were asked for.
pub(crate) fn rows(cli: &Cli) -> Vec<Row> {
    let parts: [(Part, Measure); 6] = [
        (Part::Decode, decode::rows),
        (Part::Sign, sign::rows),
        (Part::Ledger, ledger::rows),
        (Part::Dedupe, dedupe::rows),
        (Part::Join, join::rows),
        (Part::Lanes, lanes::rows),
    ];
    let mut rows = Vec::new();
    for (part, measure) in parts {
        if cli.wants(part) {
            say::progress(&format!("{part:?}"));
            rows.extend(measure());
        }
    }
    rows
}

/// CPU nanoseconds of one operation. A pass makes its own preparations by `prepare`, which is
/// not timed, and does as many operations as it returns.
fn nanoseconds<T>(mut prepare: impl FnMut() -> T, mut pass: impl FnMut(T) -> usize) -> f64 {
    let mut passes = Vec::new();
    for _ in 0..=PASSES {
        let input = prepare();
        let began = cpu::of_this_thread();
        let operations = black_box(pass(black_box(input)));
        let took = cpu::of_this_thread().saturating_sub(began);
        #[expect(clippy::cast_precision_loss, reason = "a count, compared")]
        passes.push(took.as_secs_f64() * 1e9 / operations.max(1) as f64);
    }
    passes.remove(0);
    median(passes)
}

/// The one in the middle; of none, not a number.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Takes a key that is a hash already as it is: the least that a table can do.
#[derive(Default)]
struct AsItIs(u64);

type BuildAsItIs = BuildHasherDefault<AsItIs>;

impl Hasher for AsItIs {
    fn write(&mut self, bytes: &[u8]) {
        let (_, end) = bytes.split_at(bytes.len().saturating_sub(8));
        let mut word = [0; 8];
        word[..end.len()].copy_from_slice(end);
        self.0 = u64::from_le_bytes(word);
    }

    fn write_u128(&mut self, key: u128) {
        #[expect(clippy::cast_possible_truncation, reason = "half of a hash is a hash")]
        let half = key as u64;
        self.0 = half;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_the_value_in_the_middle() {
        assert!((median(vec![9.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!(median(Vec::new()).is_nan());
    }
}
