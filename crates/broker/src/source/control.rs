//! What the handle of a source and its polling thread share.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::events::Commit;

/// Requests to the polling thread. Each is followed by a wake-up.
pub(super) struct Control {
    poller: OnceLock<Thread>,
    stop: AtomicBool,
    intake_paused: AtomicBool,
    commits: Mutex<Vec<Commit>>,
    pulse: Pulse,
}

impl Control {
    pub(super) fn new(intake_paused: bool) -> Self {
        Self {
            poller: OnceLock::new(),
            stop: AtomicBool::new(false),
            intake_paused: AtomicBool::new(intake_paused),
            commits: Mutex::new(Vec::new()),
            pulse: Pulse::new(),
        }
    }

    /// Names the thread to wake.
    pub(super) fn attach(&self, poller: Thread) {
        let _ = self.poller.set(poller);
    }

    fn wake(&self) {
        if let Some(poller) = self.poller.get() {
            poller.unpark();
        }
    }

    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.wake();
    }

    pub(super) fn stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    pub(super) fn pause_intake(&self, paused: bool) {
        self.intake_paused.store(paused, Ordering::Release);
        if !paused {
            self.wake();
        }
    }

    pub(super) fn intake_paused(&self) -> bool {
        self.intake_paused.load(Ordering::Acquire)
    }

    pub(super) fn commit(&self, commits: Vec<Commit>) {
        self.commits.lock().extend(commits);
        self.wake();
    }

    pub(super) fn take_commits(&self) -> Vec<Commit> {
        std::mem::take(&mut *self.commits.lock())
    }

    pub(super) fn pulse(&self) -> &Pulse {
        &self.pulse
    }
}

/// Tells when the polling thread last went round.
#[derive(Debug, Clone)]
pub struct Pulse {
    started: Instant,
    last_ms: Arc<AtomicU64>,
}

impl Pulse {
    fn new() -> Self {
        Self { started: Instant::now(), last_ms: Arc::new(AtomicU64::new(0)) }
    }

    pub(super) fn beat(&self) {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_ms.store(now, Ordering::Relaxed);
    }

    /// Time since the thread last went round; it does so every 100 ms at least, also
    /// while it waits for the answer to a revocation.
    pub fn age(&self) -> Duration {
        self.started
            .elapsed()
            .saturating_sub(Duration::from_millis(self.last_ms.load(Ordering::Relaxed)))
    }
}
