//! The rate limit: a bucket that holds one second's worth of calls.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// A token bucket.
pub(crate) struct RateLimit {
    per_second: f64,
    bucket: Mutex<Bucket>,
}

struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl RateLimit {
    /// A full bucket. `per_second` is raised to one call in a thousand seconds.
    pub(crate) fn new(per_second: f64, now: Instant) -> Self {
        const SLOWEST: f64 = 0.001;
        let per_second = per_second.max(SLOWEST);
        Self { per_second, bucket: Mutex::new(Bucket { tokens: per_second.max(1.0), filled: now }) }
    }

    /// Lets a call through, or says after how long the next one would be.
    pub(crate) fn take(&self, now: Instant) -> Result<(), Duration> {
        let mut bucket = self.bucket.lock();
        let earned = now.saturating_duration_since(bucket.filled).as_secs_f64() * self.per_second;
        bucket.tokens = (bucket.tokens + earned).min(self.per_second.max(1.0));
        bucket.filled = bucket.filled.max(now);
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - bucket.tokens) / self.per_second))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::RateLimit;

    #[test]
    fn a_second_holds_as_many_calls_as_the_rate_says() {
        let start = Instant::now();
        let limit = RateLimit::new(10.0, start);
        let passed = (0..20).filter(|_| limit.take(start).is_ok()).count();
        assert_eq!(passed, 10);

        let wait = limit.take(start).unwrap_err();
        assert!(wait <= Duration::from_millis(101), "{wait:?}");
        let later = start + Duration::from_secs(1);
        let passed = (0..20).filter(|_| limit.take(later).is_ok()).count();
        assert_eq!(passed, 10);
    }

    #[test]
    fn a_rate_below_one_lets_single_calls_through() {
        let start = Instant::now();
        let limit = RateLimit::new(0.5, start);
        assert!(limit.take(start).is_ok());
        assert_eq!(limit.take(start), Err(Duration::from_secs(2)));
        assert!(limit.take(start + Duration::from_secs(2)).is_ok());
    }
}
