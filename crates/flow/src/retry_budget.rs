//! How many calls may be repeated in place: a part of those made for the first time.
//!
//! A service that fails some of its calls must not get more of them for it. What the
//! budget does not cover is for the retry topics, which spread it over time.

use std::time::{Duration, Instant};

/// Permits for repeated calls: each first call brings a part of one, and time brings a few.
#[derive(Debug)]
pub struct RetryBudget {
    /// Permits that a first call brings.
    share: f64,
    /// Permits that a second brings, so that a retry is possible where little is called.
    per_second: f64,
    permits: f64,
    at: Instant,
}

/// So many seconds' worth of the trickle may gather.
const GATHER: f64 = 10.0;
/// Permits gathered from first calls are capped at what so many of them bring.
const FIRST_CALLS: f64 = 1_000.0;

impl RetryBudget {
    /// Permits for `share` of the first calls (0.1: at most a tenth more load), and
    /// `per_second` whatever is called. Begins with what gathers at most.
    pub fn new(share: f64, per_second: f64, now: Instant) -> Self {
        let mut budget =
            Self { share: share.max(0.0), per_second: per_second.max(0.0), permits: 0.0, at: now };
        budget.permits = budget.trickle_cap();
        budget
    }

    /// Time brings so many permits a second from now on.
    pub fn set_per_second(&mut self, per_second: f64, now: Instant) {
        self.fill(now);
        self.per_second = per_second.max(0.0);
    }

    /// A call is made for the first time.
    pub fn first_call(&mut self) {
        self.permits = (self.permits + self.share).min(self.cap());
    }

    /// Takes the permit to repeat a call; `false` where there is none.
    pub fn take(&mut self, now: Instant) -> bool {
        self.fill(now);
        let granted = self.permits >= 1.0;
        if granted {
            self.permits -= 1.0;
        }
        granted
    }

    /// Brings what time brings. It fills up to its own cap only: what first calls brought
    /// stays above it.
    fn fill(&mut self, now: Instant) {
        let passed: Duration = now.saturating_duration_since(self.at);
        self.at = self.at.max(now);
        let filled = self.permits + passed.as_secs_f64() * self.per_second;
        self.permits = filled.min(self.trickle_cap()).max(self.permits);
    }

    fn trickle_cap(&self) -> f64 {
        self.per_second * GATHER
    }

    fn cap(&self) -> f64 {
        self.trickle_cap() + self.share * FIRST_CALLS
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::RetryBudget;
    use crate::test_time::origin;

    #[test]
    fn a_tenth_of_the_first_calls_may_be_repeated() {
        let now = origin();
        let mut budget = RetryBudget::new(0.1, 0.0, now);
        (0..200).for_each(|_| budget.first_call());
        let granted = (0..200).filter(|_| budget.take(now)).count();
        assert!((19..=20).contains(&granted), "{granted}");
    }

    #[test]
    fn where_little_is_called_time_brings_a_few() {
        let now = origin();
        let mut budget = RetryBudget::new(0.1, 2.0, now);
        assert_eq!((0..100).filter(|_| budget.take(now)).count(), 20);
        assert!(!budget.take(now));
        assert!(budget.take(now + Duration::from_millis(500)));
        assert!(!budget.take(now + Duration::from_millis(500)));
        let later = now + Duration::from_hours(1);
        assert_eq!((0..100).filter(|_| budget.take(later)).count(), 20, "it gathers no more");
        budget.set_per_second(1.0, later);
        assert_eq!((0..100).filter(|_| budget.take(later + Duration::from_secs(5))).count(), 5);
    }

    proptest! {
        /// Whatever is called and repeated in whatever order: repeats are at most the share
        /// of the first calls and what time brought.
        #[test]
        fn repeats_stay_within_the_budget(steps in prop::collection::vec((0..500_u64, 0..20_u32, 0..20_u32), 1..100)) {
            let start = origin();
            let mut now = start;
            let (mut first, mut repeated) = (0_u32, 0_u32);
            let mut budget = RetryBudget::new(0.1, 3.0, start);
            for (pause, calls, retries) in steps {
                now += Duration::from_millis(pause);
                (0..calls).for_each(|_| budget.first_call());
                first += calls;
                repeated += u32::try_from((0..retries).filter(|_| budget.take(now)).count()).unwrap();
            }
            let passed = now.duration_since(start).as_secs_f64();
            let most = f64::from(first) * 0.1 + (passed + 10.0) * 3.0;
            prop_assert!(f64::from(repeated) <= most + 1e-6, "{repeated} > {most}");
        }
    }
}
