//! Who runs a named replay: at most one, decided by the order of the records of its name in
//! one log that all read.
//!
//! Who wants it writes a *claim* that names the record which it took for the last of the name.
//! The claim counts only if that record really is the one before it, so of two that claim at
//! once the first has it, and a sign of life that overtakes a claim voids it. Whoever may be
//! alive is waited for: a claim comes after a *silence*, in which nothing of the name was read.
//! Who has it writes *words* that carry the offset of its claim; of two that both think they
//! have it, the later claim's words count.
//!
//! It stands the log's compaction, whatever keys the records have: the last record of a name
//! always stays, and nothing else decides whether a claim counts. What was written within a
//! silence must not be compacted away meanwhile.
//!
//! Absent: reading and writing, and what the records say beside this. Start at [`Contender`].

mod contender;
#[cfg(test)]
mod tests;

use std::time::Instant;

pub use crate::order_book::Holder;
pub use contender::{Contender, Next};

/// What a record of a name says about who has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// Its writer wants it, and took the record at this offset for the name's last one; `None`:
    /// there was none.
    Claim {
        /// Whose record it is.
        by: Holder,
        /// The offset of the record before it.
        follows: Option<i64>,
    },
    /// Its writer has it since its claim at `term`.
    Word {
        /// Whose record it is.
        by: Holder,
        /// The offset of its claim.
        term: i64,
        /// Goes on; else this is its last word.
        running: bool,
    },
    /// It can't be read: a later version's, or nobody's.
    Unreadable,
    /// The name was deleted.
    Gone,
}

/// What a record that was read means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// A claim that counts: its writer has it now.
    Taken,
    /// A word of whoever has it: what the record says is how things stand.
    Stands,
    /// The name was deleted.
    Gone,
    /// Nothing: a claim that was not the first, or a word of one who has it no more.
    Void,
}

/// The records of one name, as far as they were read.
#[derive(Debug, Default)]
pub struct ReplayLease {
    last: Option<Last>,
    tenure: Option<Tenure>,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    offset: i64,
    read: Instant,
    /// Its writer may be about to begin.
    is_claim: bool,
}

#[derive(Debug, Clone, Copy)]
struct Tenure {
    holder: Holder,
    term: i64,
    running: bool,
    /// Whether it is known that its claim counts. That can't be told of a claim whose
    /// predecessor was compacted away before it was read.
    sure: bool,
}

impl ReplayLease {
    /// Takes in the record at this offset. Offsets ascend.
    pub fn read(&mut self, offset: i64, entry: Entry, now: Instant) -> Meaning {
        let before = self.last.map(|last| last.offset);
        let is_claim = matches!(entry, Entry::Claim { .. });
        self.last = Some(Last { offset, read: now, is_claim });
        match entry {
            Entry::Claim { by, follows } => {
                if before.is_some() && follows != before {
                    return Meaning::Void;
                }
                let sure = follows == before;
                self.tenure = Some(Tenure { holder: by, term: offset, running: true, sure });
                Meaning::Taken
            }
            Entry::Word { by, term, running } => {
                if !self.counts(by, term) {
                    return Meaning::Void;
                }
                self.tenure = Some(Tenure { holder: by, term, running, sure: true });
                Meaning::Stands
            }
            Entry::Unreadable => Meaning::Void,
            Entry::Gone => {
                self.tenure = None;
                Meaning::Gone
            }
        }
    }

    /// Whether this is the word of whoever has it. A later term than the one known is of a
    /// claim that was not read, or not taken for one that counts.
    fn counts(&self, by: Holder, term: i64) -> bool {
        self.tenure.is_none_or(|known| {
            let same = known.holder == by && known.term == term;
            (same && known.running) || term > known.term || (!same && !known.sure)
        })
    }

    /// Whether someone may be at work: who has it has not ended it, or somebody claimed it.
    pub fn may_be_alive(&self) -> bool {
        self.last.is_some_and(|last| last.is_claim) || self.tenure.is_some_and(|it| it.running)
    }

    /// Who has it, or had it last, with the offset of its claim.
    pub fn holder(&self) -> Option<(Holder, i64)> {
        self.tenure.map(|tenure| (tenure.holder, tenure.term))
    }

    /// When its last record was read; `None`: there is none.
    pub fn last_read(&self) -> Option<Instant> {
        self.last.map(|last| last.read)
    }
}
