//! How far the rate is lowered since the service said that it is too much.

use std::time::{Duration, Instant};

/// A factor that is halved when told to slow down and climbs back by the clock.
#[derive(Debug)]
pub(super) struct Congestion {
    slowed: Option<Slowed>,
    /// Permits taken in the second that began at `second`, and in the one before.
    second: Instant,
    taken: u32,
    taken_before: u32,
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
const LOWEST: f64 = 1.0 / 64.0;
const SECOND: Duration = Duration::from_secs(1);

impl Congestion {
    pub(super) fn new(now: Instant) -> Self {
        Self { slowed: None, second: now, taken: 0, taken_before: 0 }
    }

    pub(super) fn permit_taken(&mut self, now: Instant) {
        self.turn(now);
        self.taken = self.taken.saturating_add(1);
    }

    pub(super) fn slow_down(&mut self, now: Instant) {
        self.turn(now);
        let same = |slowed: &Slowed| now.saturating_duration_since(slowed.at) < SAME;
        if self.slowed.as_ref().is_some_and(same) {
            return;
        }
        let factor = (self.factor(now) / 2.0).max(LOWEST);
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
