//! How fast this replica may call: its share of the whole group's rate, lowered when the
//! service says so.
//!
//! Absent: queueing. A permit is taken now, or not at all.
//!
//! Start at [`GroupRate::take`].

use std::time::{Duration, Instant};

mod bucket;
mod congestion;

use bucket::{Bucket, Capacity};
use congestion::Congestion;

/// The rate limit of one AppKey, as far as this replica may use it.
///
/// The limit is the whole group's. It is divided into named fractions, one for each kind
/// of work; of each a replica takes the part that its partitions are of all. Within a
/// replica they are one: what a kind does not use the others may. What is told by the
/// service (429, timeouts, slow answers) lowers it further, at once, and it climbs back
/// slowly (additive increase, multiplicative decrease).
#[derive(Debug)]
pub struct GroupRate {
    /// Of the whole group; `None` for no limit.
    per_second: Option<f64>,
    parts: Vec<Part>,
    congestion: Congestion,
    bucket: Bucket,
    /// What the bucket holds at most.
    burst: Capacity,
}

/// What one kind of work has of the rate.
#[derive(Debug, Clone, Copy)]
struct Part {
    /// Of the group's rate, whoever has the partitions.
    fraction: f64,
    /// Owned partitions of all.
    share: f64,
    rise: Option<Rise>,
}

/// A larger share to come, once its former owners have certainly stopped using it.
#[derive(Debug, Clone, Copy)]
struct Rise {
    share: f64,
    at: Instant,
}

/// How long to wait where nothing can be said: no partition is owned.
const NOTHING_OWNED: Duration = Duration::from_secs(1);
/// What is used of the rate. The rest is for calls that left in step and arrive closer
/// together: no second at the service is to see more than the rate.
const PACE: f64 = 0.96;

impl GroupRate {
    /// A limit of so many calls a second for the whole group; `None` for no limit. This
    /// replica's share is nothing until [`set_share`](Self::set_share), which names the
    /// fractions by their place.
    pub fn new(per_second: Option<f64>, fractions: &[f64], now: Instant) -> Self {
        let per_second = per_second.map(|rate| rate.max(0.0));
        let parts = fractions.iter().map(|fraction| Part {
            fraction: fraction.clamp(0.0, 1.0),
            share: 0.0,
            rise: None,
        });
        Self {
            per_second,
            parts: parts.collect(),
            congestion: Congestion::new(now),
            bucket: Bucket::new(burst(0.0), now),
            burst: burst(0.0),
        }
    }

    /// The group's rate and its fractions are these from now on. What was lowered because the
    /// service said so stays lowered, and shares stay as they are.
    pub fn set_rate(&mut self, per_second: Option<f64>, fractions: &[f64], now: Instant) {
        self.advance(now);
        self.per_second = per_second.map(|rate| rate.max(0.0));
        for (part, fraction) in self.parts.iter_mut().zip(fractions) {
            part.fraction = fraction.clamp(0.0, 1.0);
        }
        self.fit_bucket(now);
    }

    /// This replica owns `owned` of `all` partitions of one kind of work now. Its share falls
    /// at once, but rises only after `rise_after`: so long those that lost a partition may
    /// still be calling. Zero where nobody else can be (a group of one).
    pub fn set_share(
        &mut self,
        part: usize,
        (owned, all): (usize, usize),
        rise_after: Duration,
        now: Instant,
    ) {
        self.advance(now);
        #[expect(clippy::cast_precision_loss, reason = "numbers of partitions are small")]
        let share = if all == 0 { 0.0 } else { (owned as f64 / all as f64).min(1.0) };
        let part = &mut self.parts[part];
        if share <= part.share {
            part.rise = None;
            part.share = share;
        } else if part.rise.is_none_or(|rise| rise.share.to_bits() != share.to_bits()) {
            part.rise = Some(Rise { share, at: now + rise_after });
        }
        self.fit_bucket(now);
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
                self.bucket.take(rate * PACE)?;
            } else {
                let rise = self.next_rise().map(|at| at.saturating_duration_since(now));
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
        self.fit_bucket(now);
    }

    /// A call has ended; `slow` if its answer took so long that it is a sign of too much.
    /// Where most calls of a second were slow the rate falls by a fifth.
    pub fn call_ended(&mut self, slow: bool, now: Instant) {
        if self.congestion.call_ended(slow, now) {
            self.advance(now);
            self.fit_bucket(now);
        }
    }

    /// Calls a second that this replica may make now; `None` for no limit.
    pub fn per_second(&self, now: Instant) -> Option<f64> {
        match self.per_second {
            Some(rate) => Some(rate * self.share() * self.congestion.factor(now)),
            None => self.congestion.rate_seen().map(|seen| seen * self.congestion.factor(now)),
        }
    }

    /// This replica's part of the group's rate, 0 to 1.
    pub fn share(&self) -> f64 {
        self.parts.iter().map(|part| part.fraction * part.share).sum::<f64>().min(1.0)
    }

    fn next_rise(&self) -> Option<Instant> {
        self.parts.iter().filter_map(|part| part.rise).map(|rise| rise.at).min()
    }

    /// Brings everything to `now`, due rises of the shares included.
    fn advance(&mut self, now: Instant) {
        while let Some(at) = self.next_rise().filter(|at| *at <= now) {
            self.feed_bucket(at);
            for part in &mut self.parts {
                if let Some(rise) = part.rise.take_if(|rise| rise.at <= at) {
                    part.share = rise.share;
                }
            }
            self.fit_bucket(at);
        }
        self.congestion.advance(now);
        self.feed_bucket(now);
    }

    fn feed_bucket(&mut self, now: Instant) {
        let rate = self.per_second(now);
        self.bucket.advance(now, rate.map(|rate| rate * PACE));
    }

    /// What may go out at once after a pause is so little that a second sees no more than
    /// the rate. A new bucket is empty but for one permit.
    fn fit_bucket(&mut self, now: Instant) {
        let burst = burst(self.per_second(now).unwrap_or_default());
        if burst != self.burst {
            self.burst = burst;
            self.bucket = Bucket::new(burst, now);
        }
    }
}

/// How late who was told to wait may come back without losing a part of the rate.
const LATE_SECONDS: f64 = 0.02;

/// What may go out at once: a permit, and what comes due while somebody is late for it.
fn burst(per_second: f64) -> Capacity {
    Capacity::one_and(per_second * LATE_SECONDS)
}

#[cfg(test)]
mod large_group;
#[cfg(test)]
mod tests;
