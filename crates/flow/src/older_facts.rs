//! Facts that were read behind a later one of the same device and customer. Such a fact is the
//! last record of its key, and the only one that is left once its topic is compacted.
//!
//! It comes from who stood still with records in its producer, or writes a history once more.
//! Mostly the later fact comes again by itself, and the note of it is gone. Where it does not,
//! whoever has noted it writes the latest fact that it knows.
//!
//! *Nobody writes by turns for ever.* What is written was read from the topic, so the latest fact
//! of a key stays the same, whoever writes; and it is written only where an *older* one came
//! last, by the order that every reader goes by ([`BindingsTable::apply`]). Where two own a
//! partition (one of them has lost it, and does not know yet), both write the same, and what is
//! known is not noted. The one that has read less may write an older fact behind a newer one; but
//! it reads on and knows the newer one then, and so does what is written in the end. The same
//! holds between versions for as long as a later one tells apart only what is equal to this
//! one. What this one can't read is a later one's: its key is left alone.
//!
//! Absent: the facts themselves, which are the table's; and which partition a fact is in.
//!
//! [`BindingsTable::apply`]: crate::bindings::BindingsTable::apply

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use emberline_model::DeviceKey;

use crate::bindings::CustomerRef;

/// For so long it is waited that the later fact comes by itself, and then, that it comes once it
/// was written.
pub const PUT_RIGHT_WITHIN: Duration = Duration::from_mins(1);

/// What a fact is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// The device.
    pub device: DeviceKey,
    /// The customer who told of it.
    pub customer: CustomerRef,
}

/// The older facts that came last, by the keys of their records.
#[derive(Debug, Default)]
pub struct OlderFacts {
    /// In order, so that they are written in the same order every time.
    notes: BTreeMap<Box<[u8]>, Note>,
}

#[derive(Debug)]
struct Note {
    of: Pair,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Its time begins with the next look.
    New,
    /// A later fact is waited for.
    Waits { since: Instant },
    /// The later fact is being written.
    UnderWay,
}

impl OlderFacts {
    /// How many are noted.
    pub fn len(&self) -> usize {
        self.notes.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }

    /// Whether an older fact came last under this key.
    pub fn is_noted(&self, key: &[u8]) -> bool {
        self.notes.contains_key(key)
    }

    /// An older fact came under this key.
    pub fn note(&mut self, key: &[u8], of: Pair) {
        self.notes.entry(key.into()).or_insert(Note { of, state: State::New });
    }

    /// Something else came under this key: the latest fact, or what can't be read. Whether an
    /// older one was noted.
    pub fn put_right(&mut self, key: &[u8]) -> bool {
        self.notes.remove(key).is_some()
    }

    /// Those that have waited for long enough, but no more than so many: for each its latest fact
    /// is to be written, and to be told of by [`written`](Self::written).
    pub fn take_due(&mut self, now: Instant, most: usize) -> Vec<(Box<[u8]>, Pair)> {
        let mut due = Vec::new();
        for (key, note) in &mut self.notes {
            match note.state {
                State::New => note.state = State::Waits { since: now },
                State::Waits { since } => {
                    let waited = now.saturating_duration_since(since);
                    if waited >= PUT_RIGHT_WITHIN && due.len() < most {
                        note.state = State::UnderWay;
                        due.push((key.clone(), note.of));
                    }
                }
                State::UnderWay => {}
            }
        }
        due
    }

    /// What is being written for, under this key.
    pub fn under_way(&self, key: &[u8]) -> Option<Pair> {
        self.notes.get(key).filter(|note| note.state == State::UnderWay).map(|note| note.of)
    }

    /// The latest fact is written: now it is to come back.
    pub fn written(&mut self, key: &[u8], now: Instant) {
        if let Some(note) = self.notes.get_mut(key).filter(|it| it.state == State::UnderWay) {
            note.state = State::Waits { since: now };
        }
    }

    /// The time that was waited counts for nothing: nobody read on meanwhile.
    pub fn wait_anew(&mut self) {
        for note in self.notes.values_mut().filter(|note| note.state != State::UnderWay) {
            note.state = State::New;
        }
    }
}

#[cfg(test)]
mod tests;
