//! When calls came: a bounded log, for what is promised about their pace.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::actions::Action;

/// The log that calls are noted in.
pub(crate) struct ArrivalLog {
    bound: usize,
    log: Mutex<Log>,
}

#[derive(Default)]
struct Log {
    arrivals: VecDeque<Arrival>,
    forgotten: u64,
}

/// A call that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// When its body was there.
    pub at: Instant,
    /// `None` where it was refused before its action was known.
    pub action: Option<Action>,
}

/// The calls that came, as far back as they are remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arrivals {
    /// In the order in which they came.
    pub calls: Vec<Arrival>,
    /// How many came before the first of these.
    pub forgotten: u64,
}

impl ArrivalLog {
    pub(crate) fn new(bound: usize) -> Self {
        Self { bound, log: Mutex::default() }
    }

    pub(crate) fn note(&self, arrival: Arrival) {
        let mut log = self.log.lock();
        if log.arrivals.len() >= self.bound {
            log.forgotten += 1;
            log.arrivals.pop_front();
        }
        if self.bound > 0 {
            log.arrivals.push_back(arrival);
        }
    }

    pub(super) fn now(&self) -> Arrivals {
        let log = self.log.lock();
        let mut calls: Vec<Arrival> = log.arrivals.iter().copied().collect();
        let forgotten = log.forgotten;
        drop(log);
        // They are noted once they are read, on several threads.
        calls.sort_by_key(|call| call.at);
        Arrivals { calls, forgotten }
    }
}

impl Arrivals {
    /// Only those of an action.
    #[must_use]
    pub fn of(mut self, action: Action) -> Self {
        self.calls.retain(|call| call.action == Some(action));
        self
    }

    /// How many came in this time; the end is not part of it.
    pub fn calls_between(&self, from: Instant, to: Instant) -> usize {
        let before = |at| self.calls.partition_point(|call| call.at < at);
        before(to).saturating_sub(before(from))
    }

    /// Most that came within any one second, wherever it begins.
    pub fn most_in_any_second(&self) -> usize {
        let ends = self.calls.iter().enumerate().map(|(index, last)| {
            // The second that ends with this call.
            let second = |call: &Arrival| last.at - call.at >= Duration::from_secs(1);
            index + 1 - self.calls[..=index].partition_point(second)
        });
        ends.max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Arrival, ArrivalLog, Arrivals};
    use crate::actions::Action;

    fn log(bound: usize, millis: &[u64]) -> (Instant, Arrivals) {
        let (start, log) = (Instant::now(), ArrivalLog::new(bound));
        for (index, at) in millis.iter().enumerate() {
            let action = if index % 2 == 0 { Action::BindDevice } else { Action::ReportDeviceData };
            log.note(Arrival { at: start + Duration::from_millis(*at), action: Some(action) });
        }
        (start, log.now())
    }

    #[test]
    fn the_busiest_second_may_begin_anywhere() {
        let (_, arrivals) = log(100, &[0, 900, 950, 1_850, 1_899, 1_900, 5_000]);
        assert_eq!(arrivals.most_in_any_second(), 4, "900 to 1,899; 1,900 is a second later");
        assert_eq!(Arrivals::default().most_in_any_second(), 0);
        assert_eq!(arrivals.of(Action::ReportDeviceData).most_in_any_second(), 2);
    }

    #[test]
    fn calls_of_a_time_are_those_from_its_start_to_before_its_end() {
        let (start, arrivals) = log(100, &[5, 1, 10, 20]);
        let at = |millis| start + Duration::from_millis(millis);
        assert_eq!(arrivals.calls_between(at(1), at(10)), 2, "they are in order of time");
        assert_eq!(arrivals.calls_between(at(10), at(100)), 2);
        assert_eq!(arrivals.calls_between(at(30), at(1)), 0);
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let (_, arrivals) = log(2, &[1, 2, 3]);
        assert_eq!((arrivals.calls.len(), arrivals.forgotten), (2, 1));
        let (_, arrivals) = log(0, &[1, 2]);
        assert_eq!((arrivals.calls.len(), arrivals.forgotten), (0, 2));
    }
}
