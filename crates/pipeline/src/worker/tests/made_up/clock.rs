//! Time, made up: one true time, and what each process takes for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use crate::edges::WallClock;

/// A midnight in China, whose time the platform tells, in Unix seconds.
pub(in crate::worker::tests) const MIDNIGHT: i64 = 1_699_977_600;
/// When every world begins: at noon.
pub(in crate::worker::tests) const START: i64 = MIDNIGHT + 12 * 3_600;

pub(in crate::worker::tests) struct Clock {
    /// An instant can only be got from the real clock; all others are counted from it.
    base: Instant,
    passed: Duration,
    true_ms: Arc<AtomicI64>,
}

impl Clock {
    pub(in crate::worker::tests) fn new() -> Self {
        Self::starting_at(Instant::now())
    }

    /// One whose instants are counted from this one.
    pub(in crate::worker::tests) fn starting_at(base: Instant) -> Self {
        let true_ms = Arc::new(AtomicI64::new(START * 1000));
        Self { base, passed: Duration::ZERO, true_ms }
    }

    pub(in crate::worker::tests) fn now(&self) -> Instant {
        self.base + self.passed
    }

    /// Since the world began.
    pub(in crate::worker::tests) fn passed(&self) -> Duration {
        self.passed
    }

    /// What the brokers stamp records with, in Unix milliseconds.
    pub(in crate::worker::tests) fn millis(&self) -> i64 {
        self.true_ms.load(Ordering::Relaxed)
    }

    pub(in crate::worker::tests) fn go_to(&mut self, passed: Duration) {
        self.passed = self.passed.max(passed);
        let millis = i64::try_from(self.passed.as_millis()).unwrap_or(i64::MAX);
        self.true_ms.store(START * 1000 + millis, Ordering::Relaxed);
    }

    /// The clock on the wall of a process, which is wrong by `wrong_ms`.
    pub(in crate::worker::tests) fn wall(&self, wrong_ms: &Arc<AtomicI64>) -> WallClock {
        let (truth, wrong) = (Arc::clone(&self.true_ms), Arc::clone(wrong_ms));
        WallClock::showing(move || truth.load(Ordering::Relaxed) + wrong.load(Ordering::Relaxed))
    }
}
