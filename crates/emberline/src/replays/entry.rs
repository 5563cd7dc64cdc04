//! One named replay, as the registry knows it.

use emberline_flow::replay_lease::Holder;
use emberline_model::ReplayName;
use emberline_wire::replay::ReplayStatus;

/// A named replay at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its name.
    pub name: ReplayName,
    /// As its last word has it.
    pub status: ReplayStatus,
    /// When its last word was written, Unix milliseconds: the last sign of life of one that
    /// runs.
    pub heard_ms: i64,
    /// It should be running, and its last word is older than the silence. By the clocks of two
    /// machines: to show, not to decide by.
    pub interrupted: bool,
    /// It runs, and was asked to stop.
    pub cancel: Option<CancelRequest>,
    /// Whose word it was, and by which claim.
    pub(super) run: Run,
    /// The offset of the first word of that run that was read.
    pub(super) since: i64,
}

/// One tenure of a replay: who, and the offset of its claim.
pub(super) type Run = (Holder, i64);

/// Someone asked a run to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelRequest {
    /// On which machine.
    pub host: String,
    /// When, Unix milliseconds.
    pub time_ms: i64,
}

impl Entry {
    /// One that was heard of then.
    #[cfg(test)]
    pub(crate) fn of(name: ReplayName, status: ReplayStatus, heard_ms: i64) -> Self {
        let run = (Holder(1), 0);
        Self { name, status, heard_ms, interrupted: false, cancel: None, run, since: 0 }
    }

    /// Where it stands, as it is printed: the state of its status, or `interrupted`.
    pub const fn state_name(&self) -> &'static str {
        if self.interrupted { "interrupted" } else { self.status.state.name() }
    }

    /// Whether it runs, as far as is known: it was heard of lately.
    pub const fn is_going_on(&self) -> bool {
        self.status.state.is_running() && !self.interrupted
    }

    /// How many of a hundred records in its ranges were read, rounded down; `None` where none
    /// are in them.
    pub fn percent(&self) -> Option<u64> {
        let progress = &self.status.progress;
        let percent = u128::from(progress.read) * 100;
        let percent = percent.checked_div(u128::from(progress.records))?;
        Some(u64::try_from(percent.min(100)).unwrap_or(100))
    }
}
