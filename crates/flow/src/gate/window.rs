//! Calls and failures of the last while.

use std::time::{Duration, Instant};

/// Counts over a sliding window, in ten stretches: what is older than the window and a
/// tenth is never counted, what is within it always.
#[derive(Debug)]
pub(super) struct CallWindow {
    stretch: Duration,
    /// Of all stretches together.
    all: Duration,
    stretches: [Stretch; STRETCHES],
    newest: usize,
    /// When the newest stretch began; `None` before the first call.
    since: Option<Instant>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Stretch {
    calls: u32,
    failed: u32,
}

/// Ten whole ones and the one under way.
const STRETCHES: usize = 11;

impl CallWindow {
    pub(super) fn new(window: Duration) -> Self {
        // A window of more than ten days weighs nothing that is of use.
        let stretch = (window / 10).clamp(Duration::from_millis(1), Duration::from_hours(24));
        Self {
            stretch,
            all: stretch * 11,
            stretches: [Stretch::default(); STRETCHES],
            newest: 0,
            since: None,
        }
    }

    pub(super) fn count(&mut self, failed: bool, now: Instant) {
        self.turn(now);
        let stretch = &mut self.stretches[self.newest];
        stretch.calls = stretch.calls.saturating_add(1);
        stretch.failed = stretch.failed.saturating_add(u32::from(failed));
    }

    /// Calls, and how many of them failed.
    pub(super) fn sums(&mut self, now: Instant) -> (u32, u32) {
        self.turn(now);
        self.stretches.iter().fold((0, 0), |(calls, failed): (u32, u32), stretch| {
            (calls.saturating_add(stretch.calls), failed.saturating_add(stretch.failed))
        })
    }

    pub(super) fn clear(&mut self) {
        self.stretches = [Stretch::default(); STRETCHES];
    }

    fn turn(&mut self, now: Instant) {
        let mut since = *self.since.get_or_insert(now);
        if now.saturating_duration_since(since) >= self.all {
            self.clear();
            self.since = Some(now);
            return;
        }
        while now.saturating_duration_since(since) >= self.stretch {
            since += self.stretch;
            self.newest = (self.newest + 1) % STRETCHES;
            self.stretches[self.newest] = Stretch::default();
        }
        self.since = Some(since);
    }
}
