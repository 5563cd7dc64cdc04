//! How many calls ended in each of the last seconds.

use std::time::Instant;

use parking_lot::Mutex;

/// The calls of one second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Second {
    /// Done as asked.
    pub(crate) accepted: u32,
    /// Refused, throttled, failed on demand or left by their caller.
    pub(crate) other: u32,
}

/// Counts by second, as far back as [`Pace::SECONDS`].
pub(crate) struct Pace {
    start: Instant,
    /// A second's place is its number modulo the length.
    ring: Mutex<Box<[Slot]>>,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    /// Since the start; `None` if it was never used.
    number: Option<u64>,
    second: Second,
}

impl Pace {
    /// How many whole seconds are remembered.
    pub(crate) const SECONDS: u16 = 300;
    /// With the one that is not over yet.
    const SLOTS: u16 = Self::SECONDS + 1;

    pub(super) fn new(start: Instant) -> Self {
        Self { start, ring: Mutex::new(vec![Slot::default(); usize::from(Self::SLOTS)].into()) }
    }

    pub(super) fn note(&self, at: Instant, accepted: bool) {
        let number = self.number(at);
        let slot = &mut self.ring.lock()[place(number)];
        if slot.number.is_none_or(|known| known < number) {
            *slot = Slot { number: Some(number), second: Second::default() };
        }
        // A thread that was held up for minutes comes too late for its second.
        if slot.number == Some(number) {
            let count = if accepted { &mut slot.second.accepted } else { &mut slot.second.other };
            *count = count.saturating_add(1);
        }
    }

    /// The whole seconds before this moment, the oldest first; fewer after a start.
    pub(crate) fn before(&self, now: Instant) -> Vec<Second> {
        let end = self.number(now);
        let ring = self.ring.lock().clone();
        let of = |number| {
            let slot = ring[place(number)];
            if slot.number == Some(number) { slot.second } else { Second::default() }
        };
        (end.saturating_sub(u64::from(Self::SECONDS))..end).map(of).collect()
    }

    fn number(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.start).as_secs()
    }
}

fn place(number: u64) -> usize {
    #[expect(clippy::cast_possible_truncation, reason = "less than the number of slots")]
    let place = (number % u64::from(Pace::SLOTS)) as usize;
    place
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Pace, Second};

    #[test]
    fn calls_are_counted_in_their_second_and_those_of_the_running_one_are_not_told_yet() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let pace = Pace::new(start);
        for (millis, accepted) in [(0, true), (999, false), (1_000, true), (3_500, true)] {
            pace.note(at(millis), accepted);
        }
        let (both, one) = (Second { accepted: 1, other: 1 }, Second { accepted: 1, other: 0 });
        assert_eq!(pace.before(at(3_900)), [both, one, Second::default()]);
        assert_eq!(pace.before(at(4_000)).last(), Some(&one));
        assert!(pace.before(start).is_empty());
    }

    #[test]
    fn what_is_older_than_the_ring_is_forgotten() {
        let start = Instant::now();
        let second = |number| start + Duration::from_secs(number);
        let (pace, ring) = (Pace::new(start), u64::from(Pace::SECONDS));
        pace.note(second(0), true);
        pace.note(second(ring), true);
        let told = pace.before(second(ring + 1));
        assert_eq!(told.len() as u64, ring);
        assert_eq!(told.iter().map(|second| second.accepted).sum::<u32>(), 1);
        pace.note(second(2 * ring + 1), false);
        pace.note(second(ring), true);
        let told = pace.before(second(2 * ring + 2));
        assert_eq!(told.last(), Some(&Second { accepted: 0, other: 1 }), "late ones spoil nothing");
    }
}
