//! Whether a call may be made now: the circuit, the halt for credentials and the waits
//! that the service asks for, as one machine.
//!
//! Absent: the rate limit ([`crate::rate`]) and the retry of a single call
//! ([`crate::backoff`]). This is about the service as a whole.
//!
//! Start at [`Gate::may_call`].

use std::time::{Duration, Instant};

mod call;
mod settings;
mod window;

pub use call::{CallResult, Permission, Ticket};
pub use settings::GateSettings;
use window::CallWindow;

/// Stands before every call and hears of every answer.
///
/// ```text
///            most calls fail in passing             probe failed
/// Closed ──────────────────────────────► Open ◄───────────────┐
///    ▲                                    │  one probe at a time, ever more seldom
///    │ enough at once                     ▼                    │
///    └─────────────── HalfOpen (few at once, doubling) ◄─ probe answered
///                         ▲
/// any state ─ credentials refused ─► Halted (one probe at a time, at even intervals)
/// ```
///
/// A call carries a [`Ticket`] of the gate's state when it began. An answer to a call
/// that began in an earlier state says nothing about the present one and moves nothing.
#[derive(Debug)]
pub struct Gate {
    settings: GateSettings,
    phase: Phase,
    /// Counts phases, so that a late answer is known as such.
    epoch: u32,
    window: CallWindow,
    slow: SlowStart,
    /// Wait between probes; grows with each that fails, until the gate is closed again.
    probe_interval: Duration,
    /// By action: not before then.
    throttled: Vec<Option<Instant>>,
}

/// What came of the calls of a slow start so far.
#[derive(Debug, Clone, Copy, Default)]
struct SlowStart {
    answered: u32,
    failed: u32,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Closed,
    Shut { cause: Cause, next_probe: Instant, probing: bool },
    Slow { cause: Cause, at_once: usize, in_flight: usize },
}

/// What the gate is doing, for metrics and the health page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateState {
    /// All calls go.
    Closed,
    /// The service is down: only probes go.
    Open,
    /// It is back: few calls go at once, more with each answer.
    HalfOpen,
    /// It refuses our credentials: only probes go. An alarm.
    Halted,
}

/// Why the gate is not closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Most calls failed in a passing way.
    ServiceDown,
    /// A signature or an `AppKey` was refused.
    Credentials,
}

impl Gate {
    /// A closed gate.
    pub fn new(settings: GateSettings) -> Self {
        Self {
            phase: Phase::Closed,
            epoch: 0,
            window: CallWindow::new(settings.window),
            slow: SlowStart::default(),
            probe_interval: settings.probe_interval,
            throttled: Vec::new(),
            settings,
        }
    }

    /// Whether a call of this action (a small number of the caller's choice) may be made.
    pub fn may_call(&mut self, action: usize, now: Instant) -> Permission {
        let throttled = self.throttled.get(action).copied().flatten();
        if let Some(wait) = throttled.and_then(|until| until.checked_duration_since(now))
            && !wait.is_zero()
        {
            return Permission::Wait(Some(wait));
        }
        let ticket = Ticket { action, epoch: self.epoch, probe: false };
        match &mut self.phase {
            Phase::Closed => Permission::Go(ticket),
            Phase::Shut { probing: true, .. } => Permission::Wait(None),
            Phase::Shut { next_probe, .. } if *next_probe > now => {
                Permission::Wait(Some(next_probe.duration_since(now)))
            }
            Phase::Shut { probing, .. } => {
                *probing = true;
                Permission::Go(Ticket { probe: true, ..ticket })
            }
            Phase::Slow { at_once, in_flight, .. } if *in_flight >= *at_once => {
                Permission::Wait(None)
            }
            Phase::Slow { in_flight, .. } => {
                *in_flight += 1;
                Permission::Go(ticket)
            }
        }
    }

    /// Takes the result of a call in.
    pub fn on_result(&mut self, ticket: Ticket, result: CallResult, now: Instant) {
        if let CallResult::Throttled { retry_after } = result {
            self.throttle(ticket.action, retry_after, now);
        }
        if ticket.epoch != self.epoch {
            return;
        }
        match self.phase {
            Phase::Closed => self.while_closed(result, now),
            Phase::Shut { cause, .. } => self.while_shut(cause, result, now),
            Phase::Slow { cause, at_once, in_flight } => {
                let in_flight = in_flight.saturating_sub(1);
                self.phase = Phase::Slow { cause, at_once, in_flight };
                self.while_slow(cause, at_once, in_flight, result, now);
            }
        }
    }

    /// Whether a failed call uses up one of its report's attempts. To be asked after
    /// [`on_result`](Self::on_result). Only a passing failure does, and only while the
    /// gate is closed: what fails because the service is down, because of credentials or
    /// for being too fast is not the report's fault.
    pub fn counts_as_attempt(&self, result: CallResult) -> bool {
        result == CallResult::Transient && matches!(self.phase, Phase::Closed)
    }

    /// Whether records should stay in Kafka for now: nothing but probes goes.
    pub fn intake_paused(&self) -> bool {
        matches!(self.phase, Phase::Shut { .. })
    }

    /// What the gate is doing.
    pub fn state(&self) -> GateState {
        match self.phase {
            Phase::Closed => GateState::Closed,
            Phase::Shut { cause: Cause::Credentials, .. } => GateState::Halted,
            Phase::Shut { cause: Cause::ServiceDown, probing: false, .. } => GateState::Open,
            Phase::Shut { .. } | Phase::Slow { .. } => GateState::HalfOpen,
        }
    }

    /// Why the gate is not closed.
    pub fn cause(&self) -> Option<Cause> {
        match self.phase {
            Phase::Closed => None,
            Phase::Shut { cause, .. } | Phase::Slow { cause, .. } => Some(cause),
        }
    }

    fn while_closed(&mut self, result: CallResult, now: Instant) {
        match result {
            CallResult::Credentials => self.shut(Cause::Credentials, now),
            CallResult::Transient => self.window.count(true, now),
            CallResult::Ok | CallResult::Other => self.window.count(false, now),
            CallResult::Throttled { .. } | CallResult::NotMade => {}
        }
        let (calls, failed) = self.window.sums(now);
        let most = f64::from(failed) >= self.settings.failure_share * f64::from(calls);
        if result == CallResult::Transient && calls >= self.settings.min_calls && most {
            self.shut(Cause::ServiceDown, now);
        }
    }

    /// Only the probe holds a ticket of this phase.
    fn while_shut(&mut self, cause: Cause, result: CallResult, now: Instant) {
        match (result, cause) {
            (CallResult::Ok | CallResult::Other, _)
            | (CallResult::Throttled { .. }, Cause::ServiceDown) => self.go_slow(cause),
            (CallResult::Credentials, _) => self.shut(Cause::Credentials, now),
            (CallResult::Transient, Cause::ServiceDown) => {
                self.probe_interval =
                    (self.probe_interval * 2).min(self.settings.probe_interval_cap);
                self.shut(cause, now);
            }
            (CallResult::Transient | CallResult::Throttled { .. }, Cause::Credentials) => {
                self.shut(cause, now);
            }
            (CallResult::NotMade, _) => {
                self.phase = Phase::Shut { cause, next_probe: now, probing: false };
            }
        }
    }

    fn while_slow(
        &mut self,
        cause: Cause,
        at_once: usize,
        in_flight: usize,
        result: CallResult,
        now: Instant,
    ) {
        match result {
            CallResult::Credentials => self.shut(Cause::Credentials, now),
            CallResult::Transient => {
                self.slow.failed += 1;
                let most = f64::from(self.slow.failed)
                    >= self.settings.failure_share
                        * f64::from(self.slow.failed + self.slow.answered);
                if self.slow.failed >= self.settings.slow_failures && most {
                    self.probe_interval =
                        (self.probe_interval * 2).min(self.settings.probe_interval_cap);
                    self.shut(Cause::ServiceDown, now);
                }
            }
            CallResult::Ok | CallResult::Other => {
                self.slow.answered += 1;
                let at_once = at_once.saturating_mul(2);
                if at_once >= self.settings.full_concurrency {
                    self.close();
                } else {
                    self.phase = Phase::Slow { cause, at_once, in_flight };
                }
            }
            CallResult::Throttled { .. } | CallResult::NotMade => {}
        }
    }

    fn shut(&mut self, cause: Cause, now: Instant) {
        let wait = match cause {
            Cause::ServiceDown => self.probe_interval,
            Cause::Credentials => self.settings.halt_probe_interval,
        };
        self.epoch = self.epoch.wrapping_add(1);
        self.phase = Phase::Shut { cause, next_probe: now + wait, probing: false };
    }

    fn go_slow(&mut self, cause: Cause) {
        self.epoch = self.epoch.wrapping_add(1);
        self.slow = SlowStart::default();
        self.phase = Phase::Slow { cause, at_once: 1, in_flight: 0 };
    }

    fn close(&mut self) {
        // The calls of the slow start go on counting: no new epoch.
        self.phase = Phase::Closed;
        self.window.clear();
        self.probe_interval = self.settings.probe_interval;
    }

    fn throttle(&mut self, action: usize, retry_after: Option<Duration>, now: Instant) {
        let wait = retry_after.unwrap_or(self.settings.throttle_wait);
        let until = now + wait.min(self.settings.throttle_cap);
        if self.throttled.len() <= action {
            self.throttled.resize(action + 1, None);
        }
        let known = &mut self.throttled[action];
        *known = (*known).max(Some(until));
    }
}

#[cfg(test)]
mod tests;
