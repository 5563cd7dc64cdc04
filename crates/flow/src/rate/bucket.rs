//! `governor`'s limiter in a time of our own making.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

/// Permits at a rate that may change at any moment.
///
/// A limiter's quota is fixed, and a new limiter would start with a full burst each
/// time. So the quota is one permit a *tick*, and it is the clock that goes faster or
/// slower: it is fed `rate` times the time that passed. What may gather need not be whole
/// permits, so the limiter counts in parts of one.
pub(super) struct Bucket {
    limiter: RateLimiter<NotKeyed, InMemoryState, FedClock, NoOpMiddleware<Nanos>>,
    clock: FedClock,
    fed: Instant,
    /// Part of a nanosecond of the limiter's time that is not fed yet.
    rest: f64,
}

/// A tick in nanoseconds of the limiter's time, which ends after 584 years: enough for a
/// million permits a second through 50 years.
const TICK: u64 = 10_000;
/// The limiter's cells that make a permit.
const PARTS: NonZeroU32 = NonZeroU32::new(4).unwrap();

/// What a bucket holds at most, in parts of a permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Capacity(NonZeroU32);

impl Capacity {
    /// One permit, and so many more; what is less than a part is left out.
    pub(super) fn one_and(permits: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        let more = (permits * f64::from(PARTS.get())) as u32;
        Self(PARTS.saturating_add(more))
    }
}

/// Shows what it was fed, and never looks at a real clock.
#[derive(Debug, Clone, Default)]
struct FedClock(Arc<AtomicU64>);

impl Clock for FedClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::from(self.0.load(Ordering::Relaxed))
    }
}

impl Bucket {
    /// A bucket that is empty but for one permit.
    pub(super) fn new(Capacity(burst): Capacity, now: Instant) -> Self {
        let quota = Quota::with_period(Duration::from_nanos(TICK / u64::from(PARTS.get())))
            .unwrap_or(Quota::per_second(NonZeroU32::MIN))
            .allow_burst(burst);
        let clock = FedClock::default();
        let limiter = RateLimiter::direct_with_clock(quota, clock.clone());
        if let Some(all_but_one) = NonZeroU32::new(burst.get() - PARTS.get()) {
            // Fits: it is less than the burst.
            let _ = limiter.check_n(all_but_one);
        }
        Self { limiter, clock, fed: now, rest: 0.0 }
    }

    /// Lets the time until `now` pass at this rate (permits a second).
    pub(super) fn advance(&mut self, now: Instant, rate: Option<f64>) {
        let passed = now.saturating_duration_since(self.fed).as_secs_f64();
        self.fed = self.fed.max(now);
        #[expect(clippy::cast_precision_loss, reason = "a small constant")]
        let feed = self.rest + passed * rate.unwrap_or_default() * TICK as f64;
        self.rest = feed.fract();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        self.clock.0.fetch_add(feed as u64, Ordering::Relaxed);
    }

    /// Takes a permit, or tells how long it takes at this rate (above 0) until there is one.
    pub(super) fn take(&mut self, rate: f64) -> Result<(), Duration> {
        // A bucket holds one permit at least.
        let Ok(taken) = self.limiter.check_n(PARTS) else { return Err(LONGEST_WAIT) };
        taken.map_err(|not_until| {
            let missing = not_until.wait_time_from(self.clock.now()).as_secs_f64();
            #[expect(clippy::cast_precision_loss, reason = "a small constant")]
            let ticks = missing * 1e9 / TICK as f64;
            // Rounded up: after the wait there must be a permit, not almost one.
            let wait = (ticks / rate).min(LONGEST_WAIT.as_secs_f64());
            Duration::from_secs_f64(wait) + Duration::from_micros(1)
        })
    }
}

/// Rates change; nobody should wait longer before asking again.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

impl std::fmt::Debug for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bucket").field("fed", &self.fed).finish_non_exhaustive()
    }
}
