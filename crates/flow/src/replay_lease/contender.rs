//! One process that wants to run a replay of a name: what it does next.

use std::time::{Duration, Instant};

use super::{Entry, Holder, Meaning, ReplayLease};

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Someone may be at work: look again at each record of the name, and then.
    Wait(Instant),
    /// Someone is: their word came while this one waited.
    Refused,
    /// Write a claim that follows this record ([`Contender::claims`]), and read on until it
    /// comes back.
    Claim {
        /// The last record of the name; `None`: there is none.
        follows: Option<i64>,
    },
    /// The claim that was written is not read back yet.
    ReadOn,
    /// This one has it, by its claim at this offset.
    Runs {
        /// What its words carry.
        term: i64,
    },
    /// It had it, and another has it now: do nothing more.
    TakenOver,
}

/// One that wants a replay, or has it.
#[derive(Debug)]
pub struct Contender {
    me: Holder,
    silence: Duration,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Looks,
    Refused,
    Claimed { at: Instant },
    Runs { term: i64 },
    TakenOver,
}

impl Contender {
    /// One that begins to look now that the log was read to its end.
    ///
    /// `me` is drawn at random for each; `silence` is how long nothing must have been read of
    /// a name before whoever had it counts as dead, some three times as long as the pause
    /// between two of its words.
    pub fn new(me: Holder, silence: Duration) -> Self {
        Self { me, silence, state: State::Looks }
    }

    /// Takes in a record that the lease has read, and what it means there.
    pub fn read(&mut self, offset: i64, entry: Entry, meaning: Meaning, now: Instant) {
        let mine = match entry {
            Entry::Claim { by, .. } | Entry::Word { by, .. } => by == self.me,
            Entry::Unreadable | Entry::Gone => false,
        };
        let is_claim = matches!(entry, Entry::Claim { .. });
        let is_alive = matches!(entry, Entry::Word { running: true, .. });
        self.state = match self.state {
            State::Claimed { at } if mine && is_claim => {
                // Who stood still for longer than a silence may be taken for dead already.
                let in_time = now.saturating_duration_since(at) <= self.silence;
                let has_it = meaning == Meaning::Taken && in_time;
                if has_it { State::Runs { term: offset } } else { State::Looks }
            }
            State::Looks if !mine && is_alive && meaning == Meaning::Stands => State::Refused,
            State::Runs { .. } if !mine && matches!(meaning, Meaning::Taken | Meaning::Stands) => {
                State::TakenOver
            }
            state => state,
        };
    }

    /// What to do next.
    pub fn next(&self, lease: &ReplayLease, now: Instant) -> Next {
        match self.state {
            State::Looks => {
                let until = lease.last.map(|last| last.read + self.silence);
                match until {
                    Some(until) if lease.may_be_alive() && now < until => Next::Wait(until),
                    _ => Next::Claim { follows: lease.last.map(|last| last.offset) },
                }
            }
            State::Refused => Next::Refused,
            State::Claimed { .. } => Next::ReadOn,
            State::Runs { term } => Next::Runs { term },
            State::TakenOver => Next::TakenOver,
        }
    }

    /// Notes that the claim that [`Contender::next`] asked for is about to be written.
    pub fn claims(&mut self, now: Instant) {
        self.state = State::Claimed { at: now };
    }
}
