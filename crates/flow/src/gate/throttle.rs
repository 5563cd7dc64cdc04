//! One action that the service asked to slow down: it waits as told, then comes back
//! slowly.

use std::time::{Duration, Instant};

use super::{GateSettings, Permission};

/// A wait that the service asked for, and the slow start after it.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    /// Counts waits, so that calls that began before one are known as such.
    epoch: u32,
    phase: Phase,
    /// Waits in a row that were not followed by an answer; the wait doubles with each,
    /// where the service does not say how long.
    in_a_row: u32,
}

#[derive(Debug, Clone, Copy, Default)]
enum Phase {
    #[default]
    Clear,
    Waiting {
        until: Instant,
    },
    /// Few calls at once, twice as many with each answer.
    Slow {
        at_once: usize,
        in_flight: usize,
        /// When a call last began or ended.
        moved: Instant,
    },
}

impl Throttle {
    /// Whether a call may begin, and the epoch that it begins in.
    pub(super) fn may_call(
        &mut self,
        now: Instant,
        settings: &GateSettings,
    ) -> Result<u32, Permission> {
        if let Phase::Waiting { until } = self.phase {
            let left = until.saturating_duration_since(now);
            if !left.is_zero() {
                return Err(Permission::Wait(Some(left)));
            }
            self.phase = Phase::Slow { at_once: 1, in_flight: 0, moved: now };
        }
        if let Phase::Slow { at_once, in_flight, moved } = &mut self.phase {
            if now.saturating_duration_since(*moved) > settings.patience {
                *in_flight = 0;
            }
            if *in_flight >= *at_once {
                return Err(Permission::Wait(None));
            }
            *in_flight += 1;
            *moved = now;
        }
        Ok(self.epoch)
    }

    /// A call was told to slow down.
    pub(super) fn told(
        &mut self,
        epoch: u32,
        retry_after: Option<Duration>,
        now: Instant,
        settings: &GateSettings,
    ) {
        let known = match self.phase {
            Phase::Waiting { until } => Some(until),
            Phase::Clear | Phase::Slow { .. } => None,
        };
        // Those that were under way together are all told; only the first of them counts.
        let stale = epoch != self.epoch;
        if stale && retry_after.is_none() {
            return;
        }
        let doubled = 1_u32.checked_shl(self.in_a_row).unwrap_or(u32::MAX);
        let wait = retry_after.unwrap_or(settings.throttle_wait.saturating_mul(doubled));
        let until = now + wait.min(settings.throttle_cap);
        if !stale {
            self.epoch = self.epoch.wrapping_add(1);
            self.in_a_row = self.in_a_row.saturating_add(1).min(16);
        }
        self.phase = Phase::Waiting { until: known.map_or(until, |known| known.max(until)) };
    }

    /// A call ended in another way.
    pub(super) fn ended(
        &mut self,
        epoch: u32,
        answered: bool,
        now: Instant,
        settings: &GateSettings,
    ) {
        if epoch != self.epoch {
            return;
        }
        let Phase::Slow { at_once, in_flight, moved } = &mut self.phase else { return };
        *in_flight = in_flight.saturating_sub(1);
        *moved = now;
        if !answered {
            return;
        }
        *at_once = at_once.saturating_mul(2);
        if *at_once >= settings.full_concurrency {
            self.phase = Phase::Clear;
            self.in_a_row = 0;
        }
    }

    /// Whether calls of the action are held back.
    pub(super) fn holds(&self) -> bool {
        !matches!(self.phase, Phase::Clear)
    }
}
