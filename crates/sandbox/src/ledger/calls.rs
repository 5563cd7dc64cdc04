//! Calls by action and outcome: every call that came ends in exactly one.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use super::arrivals::{Arrival, ArrivalLog, Arrivals};
use super::pace::Pace;
use super::totals::{ActionTotals, SignatureTotals, Totals};
use crate::NestedSignature;
use crate::actions::Action;

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallOutcome {
    /// Done as asked.
    Accepted,
    /// Refused with one of the contract's codes.
    Rejected,
    /// Answered 429 by the rate limit.
    Throttled,
    /// Failed on demand.
    Faulted,
    /// The caller went away before its answer.
    Abandoned,
}

const OUTCOMES: usize = 5;
/// The actions, and one row for calls whose action is not known.
const ROWS: usize = Action::ALL.len() + 1;
const UNKNOWN: usize = Action::ALL.len();

/// Counters of calls, and the log of when they came.
pub(crate) struct Calls {
    arrivals: ArrivalLog,
    pub(crate) pace: Pace,
    started: AtomicU64,
    ended: [[AtomicU64; OUTCOMES]; ROWS],
    /// By reading; the last one for calls with nothing nested.
    readings: [AtomicU64; 4],
}

impl Calls {
    /// So many arrivals are remembered.
    pub(super) fn new(max_arrivals: usize) -> Self {
        Self {
            arrivals: ArrivalLog::new(max_arrivals),
            pace: Pace::new(Instant::now()),
            started: AtomicU64::default(),
            ended: Default::default(),
            readings: Default::default(),
        }
    }

    pub(crate) fn start(&self) -> RunningCall<'_> {
        self.started.fetch_add(1, Relaxed);
        let outcome = CallOutcome::Abandoned;
        RunningCall { calls: self, came: Instant::now(), action: None, outcome }
    }

    pub(crate) fn verified(&self, reading: Option<NestedSignature>) {
        let index = match reading {
            Some(NestedSignature::Json) => 0,
            Some(NestedSignature::Flatten) => 1,
            Some(NestedSignature::Omit) => 2,
            None => 3,
        };
        self.readings[index].fetch_add(1, Relaxed);
    }

    fn row(&self, row: usize) -> ActionTotals {
        let count = |outcome: CallOutcome| self.ended[row][outcome as usize].load(Relaxed);
        ActionTotals {
            accepted: count(CallOutcome::Accepted),
            rejected: count(CallOutcome::Rejected),
            throttled: count(CallOutcome::Throttled),
            faulted: count(CallOutcome::Faulted),
            abandoned: count(CallOutcome::Abandoned),
        }
    }

    pub(super) fn arrivals(&self) -> Arrivals {
        self.arrivals.now()
    }

    /// The call part of the sums; the rest is 0.
    pub(super) fn totals(&self) -> Totals {
        let rows: Vec<ActionTotals> = (0..ROWS).map(|row| self.row(row)).collect();
        let sum = |part: fn(&ActionTotals) -> u64| rows.iter().map(part).sum();
        let readings = [0, 1, 2, 3].map(|index: usize| self.readings[index].load(Relaxed));
        let mut by_action: Vec<_> =
            Action::ALL.iter().map(|action| action.name()).zip(rows.iter().copied()).collect();
        by_action.push(("unknown", rows[UNKNOWN]));
        Totals {
            calls: self.started.load(Relaxed),
            accepted_calls: sum(|row| row.accepted),
            rejected_calls: sum(|row| row.rejected),
            throttled_calls: sum(|row| row.throttled),
            faulted_calls: sum(|row| row.faulted),
            abandoned_calls: sum(|row| row.abandoned),
            bind_calls: self.row(Action::BindDevice.index()).accepted,
            signatures: SignatureTotals {
                json: readings[0],
                flatten: readings[1],
                omit: readings[2],
                nothing_nested: readings[3],
            },
            by_action: by_action.into_iter().collect(),
            ..Totals::default()
        }
    }
}

/// A call that has no outcome yet: abandoned if it is dropped before it gets another.
pub(crate) struct RunningCall<'a> {
    calls: &'a Calls,
    came: Instant,
    action: Option<Action>,
    outcome: CallOutcome,
}

impl RunningCall<'_> {
    pub(crate) fn is(&mut self, action: Action) {
        self.action = Some(action);
        self.note();
    }

    pub(crate) fn action(&self) -> Option<Action> {
        self.action
    }

    fn note(&self) {
        self.calls.arrivals.note(Arrival { at: self.came, action: self.action });
    }

    pub(crate) fn ends(mut self, outcome: CallOutcome) {
        self.outcome = outcome;
    }
}

impl Drop for RunningCall<'_> {
    fn drop(&mut self) {
        if self.action.is_none() {
            self.note();
        }
        let row = self.action.map_or(UNKNOWN, Action::index);
        self.calls.ended[row][self.outcome as usize].fetch_add(1, Relaxed);
        self.calls.pace.note(Instant::now(), self.outcome == CallOutcome::Accepted);
    }
}

#[cfg(test)]
mod tests {
    use super::{CallOutcome, Calls};
    use crate::actions::Action;

    #[test]
    fn every_call_ends_in_one_outcome() {
        let calls = Calls::new(2);
        let mut bind = calls.start();
        bind.is(Action::BindDevice);
        bind.ends(CallOutcome::Accepted);
        calls.start().ends(CallOutcome::Rejected);
        let left = calls.start();
        assert_eq!(calls.totals().calls, 3);
        assert_eq!(calls.totals().abandoned_calls, 0, "it may still get its answer");
        assert_eq!(calls.totals().calls_under_way(), 1);
        drop(left);
        let totals = calls.totals();
        assert_eq!((totals.accepted_calls, totals.rejected_calls), (1, 1));
        assert_eq!((totals.abandoned_calls, totals.bind_calls), (1, 1));
        assert_eq!(totals.by_action["unknown"].rejected, 1);
        let came: Vec<_> = calls.arrivals().calls.iter().map(|call| call.action).collect();
        assert_eq!((came, calls.arrivals().forgotten), (vec![None, None], 1));
    }
}
