//! How fast this replica may call: its share of the whole group's rate, lowered when the
//! service says so.
//!
//! Absent: queueing. A permit is taken now, or not at all.
//!
//! Start at [`GroupRate::take`].

use std::time::{Duration, Instant};

mod bucket;
mod congestion;

use bucket::Bucket;
use congestion::Congestion;

/// The rate limit of one AppKey, as far as this replica may use it.
///
/// The limit is the whole group's: a replica takes the part that its partitions are of
/// all. What is told by the service (429) lowers it further, at once, and it climbs back
/// slowly (additive increase, multiplicative decrease).
#[derive(Debug)]
pub struct GroupRate {
    /// Of the whole group; `None` for no limit.
    per_second: Option<f64>,
    share: f64,
    rise: Option<Rise>,
    congestion: Congestion,
    bucket: Bucket,
}

/// A larger share to come, once its former owners have certainly stopped using it.
#[derive(Debug, Clone, Copy)]
struct Rise {
    share: f64,
    at: Instant,
}

/// How long to wait where nothing can be said: no partition is owned.
const NOTHING_OWNED: Duration = Duration::from_secs(1);

impl GroupRate {
    /// A limit of so many calls a second for the whole group; `None` for no limit. This
    /// replica's share is nothing until [`set_share`](Self::set_share).
    pub fn new(per_second: Option<f64>, now: Instant) -> Self {
        let per_second = per_second.map(|rate| rate.max(0.0));
        let bucket = Bucket::new(burst(per_second.unwrap_or_default()), now);
        Self { per_second, share: 0.0, rise: None, congestion: Congestion::new(now), bucket }
    }

    /// This replica owns `owned` of `all` partitions now. Its share falls at once, but
    /// rises only after `rise_after`: so long those that lost a partition may still be
    /// draining calls. Zero where nobody else can be (a group of one).
    pub fn set_share(&mut self, owned: usize, all: usize, rise_after: Duration, now: Instant) {
        self.advance(now);
        #[expect(clippy::cast_precision_loss, reason = "numbers of partitions are small")]
        let share = if all == 0 { 0.0 } else { (owned as f64 / all as f64).min(1.0) };
        if share <= self.share {
            self.rise = None;
            self.use_share(share, now);
        } else if self.rise.is_none_or(|rise| rise.share.to_bits() != share.to_bits()) {
            self.rise = Some(Rise { share, at: now + rise_after });
        }
        self.advance(now);
    }

    /// Takes one permit, or says how long to wait for it.
    ///
    /// The vendor publishes no limit (contract: service API), so the rate is a setting,
    /// lowered by [`slow_down`](Self::slow_down).
    ///
    /// # Errors
    /// The wait until a permit may be free. Nothing is reserved: call again after it.
    pub fn take(&mut self, now: Instant) -> Result<(), Duration> {
        self.advance(now);
        if let Some(rate) = self.per_second(now) {
            if rate > 0.0 {
                self.bucket.take(rate)?;
            } else {
                let rise = self.rise.map(|rise| rise.at.saturating_duration_since(now));
                return Err(rise.unwrap_or(NOTHING_OWNED).max(Duration::from_millis(1)));
            }
        }
        self.congestion.permit_taken(now);
        Ok(())
    }

    /// The service said that it is too much: the rate is halved at once, at most once a
    /// second (the calls in flight are all told the same), and climbs back within a
    /// minute or so. Without a limit, the rate of the last second is what is halved.
    pub fn slow_down(&mut self, now: Instant) {
        self.advance(now);
        self.congestion.slow_down(now);
        if let (None, Some(seen)) = (self.per_second, self.congestion.rate_seen()) {
            self.bucket = Bucket::new(burst(seen), now);
        }
    }

    /// Calls a second that this replica may make now; `None` for no limit.
    pub fn per_second(&self, now: Instant) -> Option<f64> {
        match self.per_second {
            Some(rate) => Some(rate * self.share * self.congestion.factor(now)),
            None => self.congestion.rate_seen().map(|seen| seen * self.congestion.factor(now)),
        }
    }

    /// This replica's part of the group's rate, 0 to 1.
    pub fn share(&self) -> f64 {
        self.share
    }

    /// Brings everything to `now`, a due rise of the share included.
    fn advance(&mut self, now: Instant) {
        if let Some(rise) = self.rise.filter(|rise| rise.at <= now) {
            let before = self.per_second(rise.at);
            self.bucket.advance(rise.at, before);
            self.rise = None;
            self.use_share(rise.share, now);
        }
        self.congestion.advance(now);
        let rate = self.per_second(now);
        self.bucket.advance(now, rate);
    }

    fn use_share(&mut self, share: f64, now: Instant) {
        if share.to_bits() != self.share.to_bits() {
            self.share = share;
            self.bucket = Bucket::new(burst(self.per_second.unwrap_or_default() * share), now);
        }
    }
}

/// What may go out at once after a pause: 50 milliseconds' worth, one at least.
fn burst(per_second: f64) -> f64 {
    (per_second * 0.05).max(1.0)
}

#[cfg(test)]
mod tests;
