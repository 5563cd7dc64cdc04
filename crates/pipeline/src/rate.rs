//! The group's rate as the workers of one process share it.

use std::time::{Duration, Instant};

use emberline_flow::rate::GroupRate;
use parking_lot::Mutex;

use crate::settings::WorkerKind;

/// A share grows only so long after partitions have come: those that lost them stopped
/// calling for them before, but other processes' clocks tick differently.
const RISE_AFTER: Duration = Duration::from_secs(1);

/// One limit for all workers of the process. The process' share is that of the worker
/// with the largest part of its topics' partitions.
pub(crate) struct SharedRate(Mutex<Inner>);

struct Inner {
    rate: GroupRate,
    /// Owned and all partitions, by worker kind.
    parts: [(usize, usize); WorkerKind::ALL.len()],
}

impl SharedRate {
    pub(crate) fn new(per_second: Option<f64>, now: Instant) -> Self {
        let rate = GroupRate::new(per_second, now);
        Self(Mutex::new(Inner { rate, parts: [(0, 0); WorkerKind::ALL.len()] }))
    }

    /// This worker owns so many of so many partitions now.
    pub(crate) fn set_share(&self, kind: WorkerKind, part: (usize, usize), now: Instant) {
        let mut inner = self.0.lock();
        inner.parts[kind as usize] = part;
        let largest = inner.parts.into_iter().max_by(|(owned, all), (other, of)| {
            (owned * (*of).max(1)).cmp(&(other * (*all).max(1)))
        });
        let (owned, all) = largest.unwrap_or_default();
        let rise_after = if owned == all { Duration::ZERO } else { RISE_AFTER };
        inner.rate.set_share(owned, all, rise_after, now);
    }

    /// Takes a permit for one call.
    ///
    /// # Errors
    /// The wait until one may be free.
    pub(crate) fn take(&self, now: Instant) -> Result<(), Duration> {
        self.0.lock().rate.take(now)
    }

    /// The service has said that it is too much.
    pub(crate) fn slow_down(&self, now: Instant) {
        self.0.lock().rate.slow_down(now);
    }

    /// Calls a second allowed now, `None` for no limit, and the share.
    pub(crate) fn now(&self, now: Instant) -> (Option<f64>, f64) {
        let inner = self.0.lock();
        (inner.rate.per_second(now), inner.rate.share())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::SharedRate;
    use crate::settings::WorkerKind;

    #[test]
    fn a_process_has_the_share_of_its_best_placed_worker() {
        let now = Instant::now();
        let rate = SharedRate::new(Some(100.0), now);
        rate.set_share(WorkerKind::Bindings, (6, 6), now);
        rate.set_share(WorkerKind::Devices, (3, 6), now);
        assert_eq!(rate.now(now), (Some(100.0), 1.0));
        rate.set_share(WorkerKind::Bindings, (0, 6), now);
        assert_eq!(rate.now(now), (Some(50.0), 0.5));
        rate.set_share(WorkerKind::Devices, (0, 6), now);
        assert!(rate.take(now).is_err());
    }
}
