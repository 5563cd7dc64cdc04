//! When a failed thing is tried again: at once (in place) or by way of the retry topics.
//!
//! Absent: randomness of its own. Each method that jitters takes a random number.
//!
//! Start at [`Backoff`] for a retry in place, at [`RetryTiers`] for the topics.

use std::fmt::Write as _;
use std::time::Duration;

use emberline_model::EventTime;

/// Exponential waits with full jitter: each is drawn evenly from zero to a ceiling that
/// doubles. Callers that failed together don't come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
}

impl Backoff {
    /// Ceilings of `base`, twice that, and so on, never above `cap`.
    pub const fn new(base: Duration, cap: Duration) -> Self {
        Self { base, cap }
    }

    /// The longest that attempt number `attempt` (0 is the first retry) waits.
    pub fn ceiling(&self, attempt: u32) -> Duration {
        let factor = 1_u32.checked_shl(attempt).unwrap_or(u32::MAX);
        self.base.saturating_mul(factor).min(self.cap)
    }

    /// The wait before it. `random` is any number, evenly drawn.
    pub fn delay(&self, attempt: u32, random: u64) -> Duration {
        scale(self.ceiling(attempt), random)
    }
}

/// `whole` times `random` / 2⁶⁴.
fn scale(whole: Duration, random: u64) -> Duration {
    let nanos = u64::try_from(whole.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(((u128::from(nanos) * u128::from(random)) >> 64) as u64)
}

/// The ladder of retry topics: one delay a topic, so that each is in due order. What
/// outlives the last goes round in it, until its maximum age.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryTiers {
    delays: Vec<Duration>,
    max_age: Duration,
}

/// One wait in a retry topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hop {
    /// From 1.
    pub number: u32,
    /// Which of the delays.
    pub tier: usize,
    /// Time from the first failure until it is due, at the least.
    pub earliest: Duration,
    /// The same at the most: each wait is drawn up to a tenth longer.
    pub latest: Duration,
}

/// Why delays make no ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTiers {
    /// There is none.
    #[error("there must be at least one retry delay")]
    None,
    /// One is not longer than the one before it (or than zero).
    #[error("retry delays must grow")]
    NotGrowing,
}

impl RetryTiers {
    /// A ladder of these delays for things not older than `max_age`.
    ///
    /// # Errors
    /// [`InvalidTiers`] if there is no delay or they don't grow.
    pub fn new(delays: Vec<Duration>, max_age: Duration) -> Result<Self, InvalidTiers> {
        let shortest = delays.first().ok_or(InvalidTiers::None)?;
        if shortest.is_zero() || !delays.is_sorted_by(|a, b| a < b) {
            return Err(InvalidTiers::NotGrowing);
        }
        Ok(Self { delays, max_age })
    }

    /// The delays, one a retry topic.
    pub fn delays(&self) -> &[Duration] {
        &self.delays
    }

    /// The place in [`delays`](Self::delays) for something that has gone through
    /// `attempt` retry topics so far.
    pub fn tier_for(&self, attempt: u32) -> usize {
        usize::try_from(attempt).unwrap_or(usize::MAX).min(self.delays.len() - 1)
    }

    /// When something written to a tier at `written` is due: after its delay and up to a
    /// tenth more. The spread is small, because within its topic it waits behind what
    /// was written earlier and is due later. A tier that isn't there counts as the last.
    pub fn due(&self, tier: usize, written: EventTime, random: u64) -> EventTime {
        let delay = self.delays.get(tier).or(self.delays.last()).copied().unwrap_or_default();
        let wait = delay.saturating_add(scale(delay / 10, random));
        let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        EventTime::from_millis(written.millis().saturating_add(wait))
    }

    /// The longest that anything waits in a retry topic. A header that says more was written
    /// by a clock that was wrong.
    pub fn longest_wait(&self) -> Duration {
        let last = self.delays.last().copied().unwrap_or_default();
        last + last / 10
    }

    /// Whether something that failed or was parked first at `since` has had its time:
    /// it belongs to the dead letters.
    pub fn is_too_old(&self, since: EventTime, now: EventTime) -> bool {
        let age = now.millis().saturating_sub(since.millis());
        u64::try_from(age).is_ok_and(|age| u128::from(age) > self.max_age.as_millis())
    }

    /// The way through the retry topics of something that fails each time: one hop a topic
    /// that it is written to, from the first failure to the dead letter.
    pub fn hops(&self) -> impl Iterator<Item = Hop> {
        let mut so_far = (Duration::ZERO, Duration::ZERO);
        (0..).map_while(move |attempt| {
            // Not written again once even the slowest way is too old.
            if so_far.0 > self.max_age {
                return None;
            }
            let tier = self.tier_for(attempt);
            let delay = self.delays[tier];
            so_far = (so_far.0 + delay, so_far.1 + delay + delay / 10);
            Some(Hop { number: attempt + 1, tier, earliest: so_far.0, latest: so_far.1 })
        })
    }

    /// How long after its first failure something that fails each time becomes a dead
    /// letter: it is found to be too old when it is due for the first time after its
    /// maximum age.
    pub fn dead_letter_after(&self) -> (Duration, Duration) {
        (self.max_age, self.max_age + self.longest_wait())
    }

    /// The ladder in words, such as `after 30s, 5m, then every 1h until 7d old`.
    pub fn explain(&self) -> String {
        let mut text = String::new();
        if let Some((last, earlier)) = self.delays.split_last() {
            let mut before = "after ";
            for delay in earlier {
                let _ = write!(text, "{before}{}", words(*delay));
                before = ", ";
            }
            let then = if earlier.is_empty() { "" } else { ", then " };
            let _ = write!(text, "{then}every {}", words(*last));
        }
        let _ = write!(text, " until {} old", words(self.max_age));
        text
    }
}

/// In the largest unit that leaves no rest.
fn words(duration: Duration) -> String {
    let millis = duration.as_millis();
    [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")]
        .into_iter()
        .find(|(unit, _)| millis >= *unit && millis.is_multiple_of(*unit))
        .map_or_else(|| format!("{millis}ms"), |(unit, name)| format!("{}{name}", millis / unit))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use emberline_model::EventTime;
    use proptest::prelude::*;

    use super::{Backoff, InvalidTiers, RetryTiers};

    fn usual() -> RetryTiers {
        let delays = vec![Duration::from_secs(30), Duration::from_mins(5), Duration::from_hours(1)];
        RetryTiers::new(delays, Duration::from_hours(7 * 24)).unwrap()
    }

    #[test]
    fn what_outlives_the_last_tier_goes_round_in_it() {
        let tiers = usual();
        let way: Vec<usize> = (0..5).map(|attempt| tiers.tier_for(attempt)).collect();
        assert_eq!(way, [0, 1, 2, 2, 2]);
        assert_eq!(tiers.tier_for(u32::MAX), 2);
    }

    #[test]
    fn something_is_due_after_its_delay_and_at_most_a_tenth_more() {
        let tiers = usual();
        let written = EventTime::from_millis(1_000_000);
        assert_eq!(tiers.due(0, written, 0).millis(), 1_030_000);
        assert!((1_032_999..=1_033_000).contains(&tiers.due(0, written, u64::MAX).millis()));
        assert_eq!(tiers.due(9, written, 0), tiers.due(2, written, 0));
    }

    #[test]
    fn age_ends_the_ladder_and_a_clock_behind_does_not() {
        let tiers = usual();
        let since = EventTime::from_millis(0);
        let week = 7 * 86_400_000;
        assert!(!tiers.is_too_old(since, EventTime::from_millis(week)));
        assert!(tiers.is_too_old(since, EventTime::from_millis(week + 1)));
        assert!(!tiers.is_too_old(since, EventTime::from_millis(i64::MIN)));
    }

    #[test]
    fn a_ladder_is_explained_in_words() {
        assert_eq!(usual().explain(), "after 30s, 5m, then every 1h until 7d old");
        let one = RetryTiers::new(vec![Duration::from_millis(1500)], Duration::from_secs(90));
        assert_eq!(one.unwrap().explain(), "every 1500ms until 90s old");
    }

    #[test]
    fn the_way_to_the_dead_letter_ends_with_the_hop_that_is_due_too_late() {
        let tiers = usual();
        let hops: Vec<_> = tiers.hops().collect();
        let first: Vec<_> = hops.iter().take(4).map(|hop| hop.earliest.as_secs()).collect();
        assert_eq!(first, [30, 330, 3_930, 7_530]);
        assert_eq!(hops[2].latest, Duration::from_secs(33 + 330 + 3_960));
        let week = Duration::from_hours(7 * 24);
        let (last, before) = hops.split_last().unwrap();
        assert!(last.earliest > week && before.iter().all(|hop| hop.earliest <= week));
        assert_eq!(tiers.dead_letter_after(), (week, week + Duration::from_mins(66)));
        assert!(last.earliest <= tiers.dead_letter_after().1);
    }

    #[test]
    fn delays_that_make_no_ladder_are_refused() {
        let age = Duration::from_hours(1);
        assert_eq!(RetryTiers::new(vec![], age), Err(InvalidTiers::None));
        assert_eq!(RetryTiers::new(vec![Duration::ZERO], age), Err(InvalidTiers::NotGrowing));
        assert_eq!(RetryTiers::new(vec![age, age], age), Err(InvalidTiers::NotGrowing));
    }

    proptest! {
        /// No attempt waits longer than its ceiling, and no ceiling shrinks.
        #[test]
        fn a_wait_stays_below_its_ceiling(attempt in 0..200_u32, random in any::<u64>()) {
            let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(20));
            prop_assert!(backoff.delay(attempt, random) <= backoff.ceiling(attempt));
            prop_assert!(backoff.ceiling(attempt) <= backoff.ceiling(attempt + 1));
            prop_assert!(backoff.ceiling(attempt) <= Duration::from_secs(20));
            prop_assert_eq!(backoff.delay(attempt, 0), Duration::ZERO);
        }
    }
}
