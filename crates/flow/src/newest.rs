//! Of each device the time of its newest state, so that an older one that comes late
//! never overtakes it.
//!
//! Absent: a memory for ever. What is older than the window by arrival may be forgotten;
//! the platform re-sends within seconds.

use std::time::Duration;

use emberline_model::{DeviceKey, EventTime};
use hashbrown::HashMap;

use crate::prehashed::BuildPrehashed;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key(DeviceKey);

impl std::hash::Hash for Key {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.0[0]);
    }
}

type Times = HashMap<Key, EventTime, BuildPrehashed>;

/// The time that a state counts as where it is asked which of a device's is the newest.
///
/// A time more than the window after its arrival is a broken clock's and counts as that:
/// otherwise it would hold off everything that follows, for ever.
pub fn counts_as(time: EventTime, arrival: EventTime, window: Duration) -> EventTime {
    let latest = arrival.millis().saturating_add(millis(window));
    time.min(EventTime::from_millis(latest))
}

fn millis(window: Duration) -> i64 {
    i64::try_from(window.as_millis()).unwrap_or(i64::MAX).max(1)
}

/// The newest state's time of each device, kept for one to two windows.
#[derive(Debug)]
pub struct NewestStates {
    window: Duration,
    /// Arrival at which the current half began, in milliseconds.
    since: i64,
    current: Times,
    previous: Times,
}

impl NewestStates {
    /// Nothing known yet.
    pub fn new(window: Duration) -> Self {
        Self { window, since: i64::MIN, current: Times::default(), previous: Times::default() }
    }

    /// Takes note of a state; `false` if a newer one of the device was seen. Of two at the
    /// same time ([`counts_as`]) the later arrival counts as the newer: the platform tells
    /// whole seconds.
    pub fn observe(&mut self, device: DeviceKey, time: EventTime, arrival: EventTime) -> bool {
        self.turn(arrival.millis());
        let time = counts_as(time, arrival, self.window);
        let key = Key(device);
        let newest = self.current.get(&key).or_else(|| self.previous.get(&key)).copied();
        let is_newest = newest.is_none_or(|newest| time >= newest);
        self.current.insert(key, newest.map_or(time, |newest| newest.max(time)));
        is_newest
    }

    fn turn(&mut self, arrival: i64) {
        if self.since == i64::MIN {
            self.since = arrival;
        } else if arrival.saturating_sub(self.since) >= millis(self.window) {
            self.since = arrival;
            self.previous = std::mem::take(&mut self.current);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use emberline_model::{DeviceId, DeviceKey, EventTime};

    use super::NewestStates;

    fn device(name: &str) -> DeviceKey {
        DeviceId::new("P", name).unwrap().key()
    }

    fn observe(states: &mut NewestStates, name: &str, time: i64, arrival: i64) -> bool {
        states.observe(device(name), EventTime::from_millis(time), EventTime::from_millis(arrival))
    }

    #[test]
    fn an_older_state_never_overtakes_a_newer_one() {
        let mut states = NewestStates::new(Duration::from_mins(2));
        assert!(observe(&mut states, "a", 41_000, 41_100));
        assert!(observe(&mut states, "a", 47_000, 47_100));
        assert!(!observe(&mut states, "a", 41_000, 51_100));
        assert!(observe(&mut states, "a", 47_000, 51_200), "the same second, later arrival");
        assert!(observe(&mut states, "b", 1_000, 51_300), "of another device");
    }

    #[test]
    fn a_time_far_in_the_future_does_not_hold_off_what_follows_for_ever() {
        let mut states = NewestStates::new(Duration::from_mins(2));
        assert!(observe(&mut states, "a", i64::MAX, 100_000));
        for arrival in (200_000..300_000).step_by(10_000) {
            let counts = observe(&mut states, "a", arrival, arrival);
            assert_eq!(counts, arrival >= 220_000, "{arrival}");
        }
    }

    #[test]
    fn what_is_seen_stays_known_for_a_window() {
        let mut states = NewestStates::new(Duration::from_mins(2));
        assert!(observe(&mut states, "a", 100_000, 100_000));
        assert!(observe(&mut states, "b", 230_000, 230_000));
        assert!(!observe(&mut states, "a", 99_000, 231_000));
        assert!(observe(&mut states, "b", 700_000, 700_000));
        assert!(observe(&mut states, "b", 900_000, 900_000));
        assert!(observe(&mut states, "a", 99_000, 900_000), "forgotten by now");
    }
}
