//! How fast records may go, and when it is over.

use std::time::Duration;

/// A rate and an end. Time is handed in.
#[derive(Debug, Clone, Copy)]
pub(in crate::commands) struct Pace {
    /// Records a second; `None` for no limit.
    pub(in crate::commands) per_second: Option<f64>,
    /// Most records.
    pub(in crate::commands) most: Option<u64>,
    /// Longest time.
    pub(in crate::commands) longest: Option<Duration>,
}

/// What to do now.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::commands) enum Due {
    /// Send this many, at least 1.
    Now(u64),
    /// Wait this long, then ask again.
    Later(Duration),
    /// That was all.
    Over,
}

impl Pace {
    /// Most records at once: between them a signal is heard and the progress drawn.
    const AT_ONCE: u64 = 1_000;
    /// Timers are no finer.
    const SHORTEST_WAIT: Duration = Duration::from_millis(1);
    /// What is due for another reason than the rate waits this long at most.
    const LONGEST_WAIT: Duration = Duration::from_millis(100);

    /// What to do when `sent` records went out within `elapsed`.
    pub(in crate::commands) fn due(&self, elapsed: Duration, sent: u64) -> Due {
        let left = self.most.map_or(u64::MAX, |most| most.saturating_sub(sent));
        let time_left =
            self.longest.map_or(Duration::MAX, |longest| longest.saturating_sub(elapsed));
        if left == 0 || time_left.is_zero() {
            return Due::Over;
        }
        let Some(per_second) = self.per_second else {
            return Due::Now(left.min(Self::AT_ONCE));
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a time is not negative, and `as` saturates"
        )]
        let allowed = (elapsed.as_secs_f64() * per_second) as u64;
        // The first goes out at once.
        let due = allowed.saturating_add(1).saturating_sub(sent);
        if due > 0 {
            return Due::Now(due.min(left).min(Self::AT_ONCE));
        }
        #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 records")]
        let next = Duration::try_from_secs_f64(sent as f64 / per_second).unwrap_or(Duration::MAX);
        let wait = next.saturating_sub(elapsed).clamp(Self::SHORTEST_WAIT, Self::LONGEST_WAIT);
        Due::Later(wait.min(time_left))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Due, Pace};

    const UNLIMITED: Pace = Pace { per_second: None, most: None, longest: None };

    /// Sends as told for a simulated time; how many, and how long it took.
    fn simulate(pace: Pace, most_time: Duration) -> (u64, Duration) {
        let (mut elapsed, mut sent) = (Duration::ZERO, 0);
        while elapsed < most_time {
            match pace.due(elapsed, sent) {
                Due::Now(records) => sent += records,
                Due::Later(wait) => elapsed += wait,
                Due::Over => break,
            }
        }
        (sent, elapsed)
    }

    #[test]
    fn a_rate_is_kept_to_the_record() {
        for per_second in [0.5, 3.0, 200.0, 15_000.0] {
            let pace = Pace { per_second: Some(per_second), ..UNLIMITED };
            let (sent, elapsed) = simulate(pace, Duration::from_secs(20));
            let expected = elapsed.as_secs_f64() * per_second;
            let off = (f64::from(u32::try_from(sent).unwrap()) - expected).abs();
            assert!(off <= 1.0 + per_second / 1_000.0, "{per_second}/s: {sent} in {elapsed:?}");
        }
    }

    #[test]
    fn it_is_over_after_the_last_record() {
        let pace = Pace { most: Some(2_500), ..UNLIMITED };
        assert_eq!(simulate(pace, Duration::from_secs(1)).0, 2_500);
        assert_eq!(pace.due(Duration::ZERO, 2_000), Due::Now(500));
        assert_eq!(pace.due(Duration::ZERO, 2_500), Due::Over);
    }

    #[test]
    fn it_is_over_when_the_time_is() {
        let pace =
            Pace { per_second: Some(0.1), longest: Some(Duration::from_secs(3)), ..UNLIMITED };
        let (sent, elapsed) = simulate(pace, Duration::from_mins(1));
        assert_eq!((sent, elapsed), (1, Duration::from_secs(3)), "no wait beyond the end");
    }
}
