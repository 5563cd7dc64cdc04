//! How far the rate is lowered since the service said that it is too much.

use std::time::{Duration, Instant};

/// A factor that falls when the service is told too much and climbs back by the clock.
#[derive(Debug)]
pub(super) struct Congestion {
    slowed: Option<Slowed>,
    /// Permits taken in the second that began at `second`, and in the one before.
    second: Instant,
    taken: u32,
    taken_before: u32,
    answers: Answers,
}

/// Calls that ended in the second that began at `since`.
#[derive(Debug)]
struct Answers {
    since: Instant,
    ended: u32,
    slow: u32,
}

#[derive(Debug, Clone, Copy)]
struct Slowed {
    /// The factor at that time.
    factor: f64,
    at: Instant,
    /// Permits a second before the first of the slow-downs that are not over yet.
    rate_seen: f64,
}

/// Of the full rate, regained each second: a minute from the lowest rate to the full one.
const CLIMB_PER_SECOND: f64 = 1.0 / 60.0;
/// Slow-downs within this time of one that counted are the same one: they answer calls
/// that were under way together.
const SAME: Duration = Duration::from_secs(1);
/// What is left of the rate when most answers were slow.
const AFTER_SLOW: f64 = 0.8;
/// Fewer calls than this in a second tell nothing by being slow.
const TELLING: u32 = 5;
const LOWEST: f64 = 1.0 / 64.0;
const SECOND: Duration = Duration::from_secs(1);

impl Congestion {
    pub(super) fn new(now: Instant) -> Self {
        let answers = Answers { since: now, ended: 0, slow: 0 };
        Self { slowed: None, second: now, taken: 0, taken_before: 0, answers }
    }

    pub(super) fn permit_taken(&mut self, now: Instant) {
        self.turn(now);
        self.taken = self.taken.saturating_add(1);
    }

    /// Told that it is too much.
    pub(super) fn slow_down(&mut self, now: Instant) {
        self.fall_to(0.5, now);
    }

    /// A call ended; `true` if the rate fell because most of a second's were slow.
    pub(super) fn call_ended(&mut self, slow: bool, now: Instant) -> bool {
        let answers = &mut self.answers;
        let over = now.saturating_duration_since(answers.since) >= SECOND;
        let most = answers.ended >= TELLING && answers.slow * 2 > answers.ended;
        if over {
            *answers = Answers { since: now, ended: 0, slow: 0 };
        }
        answers.ended += 1;
        answers.slow += u32::from(slow);
        if over && most {
            self.fall_to(AFTER_SLOW, now);
        }
        over && most
    }

    fn fall_to(&mut self, part: f64, now: Instant) {
        self.turn(now);
        let same = |slowed: &Slowed| now.saturating_duration_since(slowed.at) < SAME;
        if self.slowed.as_ref().is_some_and(same) {
            return;
        }
        let factor = (self.factor(now) * part).max(LOWEST);
        let rate_now = f64::from(self.taken.max(self.taken_before)).max(1.0);
        let rate_seen = self.slowed.map_or(rate_now, |slowed| slowed.rate_seen);
        self.slowed = Some(Slowed { factor, at: now, rate_seen });
    }

    /// Ends a slow-down that has been made up for.
    pub(super) fn advance(&mut self, now: Instant) {
        if self.factor(now) >= 1.0 {
            self.slowed = None;
        }
    }

    /// 1 for the full rate.
    pub(super) fn factor(&self, now: Instant) -> f64 {
        self.slowed.map_or(1.0, |slowed| {
            let since = now.saturating_duration_since(slowed.at).as_secs_f64();
            (slowed.factor + since * CLIMB_PER_SECOND).min(1.0)
        })
    }

    /// Permits a second when it was first too much; `None` at full rate.
    pub(super) fn rate_seen(&self) -> Option<f64> {
        self.slowed.map(|slowed| slowed.rate_seen)
    }

    fn turn(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.second);
        if passed >= SECOND {
            self.taken_before = if passed < SECOND * 2 { self.taken } else { 0 };
            self.taken = 0;
            self.second = now;
        }
    }
}
