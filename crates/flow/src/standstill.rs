//! Whether the process itself stood still: suspended, or starved of its processor.
//!
//! Meanwhile the group may have given its partitions to others, who call for them already.
//! That is noticed by another thread, after a moment: until then no call may go.

use std::time::{Duration, Instant};

/// Notices gaps between the turns of a loop that turns at least twice a second.
#[derive(Debug)]
pub struct Standstill {
    turned: Instant,
    until: Option<Instant>,
}

/// The shortest session that brokers allow is 6 s, and it is renewed each second or so: who
/// stood still for less has lost nothing.
const LOSES_NOTHING: Duration = Duration::from_secs(3);
/// After so long it is known whether partitions were lost: librdkafka looks at its session
/// once a second, and tells of it within a tenth.
const UNTIL_KNOWN: Duration = Duration::from_secs(2);

impl Standstill {
    /// A loop whose first turn is now.
    pub fn new(now: Instant) -> Self {
        Self { turned: now, until: None }
    }

    /// The loop turns. Until when no call may go, if it stood still.
    pub fn turn(&mut self, now: Instant) -> Option<Instant> {
        if now.saturating_duration_since(self.turned) > LOSES_NOTHING {
            self.until = Some(now + UNTIL_KNOWN);
        }
        self.turned = now;
        self.until = self.until.filter(|until| *until > now);
        self.until
    }

    /// Whether it is not known yet what was lost, by the last turn.
    pub fn is_recent(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| until > now)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Standstill;
    use crate::test_time::origin;

    #[test]
    fn after_a_standstill_no_call_goes_until_it_is_known_what_was_lost() {
        let start = origin();
        let at = |millis| start + Duration::from_millis(millis);
        let mut loops = Standstill::new(start);
        assert_eq!(loops.turn(at(500)), None);
        assert_eq!(loops.turn(at(3_500)), None, "too short to lose anything");
        assert!(!loops.is_recent(at(10_000)));
        assert_eq!(loops.turn(at(10_000)), Some(at(12_000)));
        assert!(loops.is_recent(at(11_999)) && !loops.is_recent(at(12_000)));
        assert_eq!(loops.turn(at(11_999)), Some(at(12_000)), "turns end nothing");
        assert_eq!(loops.turn(at(12_000)), None);
    }

    #[test]
    fn another_standstill_begins_the_wait_anew() {
        let start = origin();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut loops = Standstill::new(start);
        assert_eq!(loops.turn(at(10)), Some(at(12)));
        assert_eq!(loops.turn(at(20)), Some(at(22)));
    }
}
