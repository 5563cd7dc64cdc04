//! What of a partition is in flight, and how far it may be committed.
//!
//! Invariant: no entry a record. An offset in flight is one bit; words without a bit
//! are never stored ahead of need, so that offsets missing from the log (compaction,
//! transaction markers) cost nothing and stall nothing.
//!
//! Start at [`PartitionLedger`].

use std::collections::VecDeque;
use std::ops::Range;

/// The offsets of one partition during one tenure: delivered to us, settled, and the
/// frontier that may be committed.
///
/// An offset that was never delivered counts as settled once a later one was: the log
/// has no such record, or what came of it was settled in an earlier tenure.
///
/// Cost: delivering and settling are O(1) amortised where offsets are dense; memory is
/// 16 bytes for each 64 offsets between the frontier and the newest one, or for each
/// record where offsets are sparse.
#[derive(Debug)]
pub struct PartitionLedger {
    /// Ascending by number. The first has a bit set, so that the frontier is at hand.
    words: VecDeque<Word>,
    /// One past the highest offset known of.
    next: i64,
    in_flight: usize,
}

/// 64 neighbouring offsets.
#[derive(Debug)]
struct Word {
    /// Their offset divided by 64.
    number: i64,
    /// Bit n: offset `number * 64 + n` is in flight.
    pending: u64,
}

const fn place(offset: i64) -> (i64, u64) {
    (offset >> 6, 1 << (offset & 63))
}

impl PartitionLedger {
    /// A ledger whose first offset is the one that reading starts at.
    pub fn starting_at(offset: i64) -> Self {
        Self { words: VecDeque::new(), next: offset, in_flight: 0 }
    }

    /// Takes a record in. Its offset must be above all earlier ones; otherwise nothing
    /// changes and the answer is `false`: the record was read before.
    pub fn deliver(&mut self, offset: i64) -> bool {
        if offset < self.next {
            return false;
        }
        let (number, bit) = place(offset);
        match self.words.back_mut() {
            Some(word) if word.number == number => word.pending |= bit,
            _ => self.words.push_back(Word { number, pending: bit }),
        }
        self.next = offset.saturating_add(1);
        self.in_flight += 1;
        true
    }

    /// Marks a record as settled. `false`, and nothing changes, if it is not in flight:
    /// it was settled before, or never delivered.
    pub fn settle(&mut self, offset: i64) -> bool {
        let (number, bit) = place(offset);
        let Some(index) = self.find(number) else { return false };
        let word = &mut self.words[index];
        if word.pending & bit == 0 {
            return false;
        }
        word.pending &= !bit;
        self.in_flight -= 1;
        while self.words.front().is_some_and(|word| word.pending == 0) {
            self.words.pop_front();
        }
        true
    }

    /// Tells that everything below `position` was delivered or does not exist. An idle
    /// consumer's position passes transaction markers and compacted records at the end
    /// of the log, which no delivered offset shows.
    pub fn advance_to(&mut self, position: i64) {
        self.next = self.next.max(position);
    }

    /// One past the highest offset below which everything is settled: what may be
    /// committed.
    pub fn frontier(&self) -> i64 {
        self.words
            .front()
            .map_or(self.next, |word| word.number * 64 + i64::from(word.pending.trailing_zeros()))
    }

    /// Records delivered and not settled.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Offsets between the frontier and one past the newest: what a crash could repeat
    /// at most, and what memory grows with.
    pub fn gap(&self) -> u64 {
        self.next.abs_diff(self.frontier())
    }

    /// Whether nothing remains to be done for this offset. An offset not reached yet is
    /// not settled.
    pub fn is_settled(&self, offset: i64) -> bool {
        let (number, bit) = place(offset);
        offset < self.next
            && self.find(number).is_none_or(|index| self.words[index].pending & bit == 0)
    }

    /// The offsets settled above the frontier, lowest first, as runs without overlap.
    /// Offsets that do not exist are part of them.
    pub fn settled_above(&self) -> impl Iterator<Item = Range<i64>> {
        let mut from = self.frontier();
        let pending = self.words.iter().flat_map(Word::offsets).chain([self.next]);
        pending.filter_map(move |offset| {
            let run = from..offset;
            from = offset.saturating_add(1);
            (!run.is_empty()).then_some(run)
        })
    }

    fn find(&self, number: i64) -> Option<usize> {
        let distance = number.checked_sub(self.words.front()?.number)?;
        // Where no word is missing in between, its place is its distance.
        let guess = usize::try_from(distance).ok()?;
        if self.words.get(guess).is_some_and(|word| word.number == number) {
            return Some(guess);
        }
        self.words.binary_search_by_key(&number, |word| word.number).ok()
    }
}

impl Word {
    fn offsets(&self) -> impl Iterator<Item = i64> {
        let mut rest = self.pending;
        let first = self.number * 64;
        std::iter::from_fn(move || {
            let bit = (rest != 0).then(|| rest.trailing_zeros())?;
            rest &= rest - 1;
            Some(first + i64::from(bit))
        })
    }
}

#[cfg(test)]
mod tests;
