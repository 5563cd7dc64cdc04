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
mod throttle;
mod window;

pub use call::{CallResult, Permission, Ticket};
pub use settings::GateSettings;
use throttle::Throttle;
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
/// Each action has a smaller one of the same kind inside it: told to slow down it waits, then
/// comes back with few calls at once, while the other actions go on.
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
    /// By action.
    throttles: Vec<Throttle>,
    /// When the latest call began that the service has answered, accepting or refusing.
    answered: Option<Instant>,
    /// How often the circuit has opened, the halts included.
    outages: u32,
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
    /// `probing`: since when.
    Shut {
        cause: Cause,
        next_probe: Instant,
        probing: Option<Instant>,
    },
    /// `moved`: when a call last began or ended.
    Slow {
        cause: Cause,
        at_once: usize,
        in_flight: usize,
        moved: Instant,
    },
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
            throttles: Vec::new(),
            answered: None,
            outages: 0,
            settings,
        }
    }

    /// Whether a call of this action (a small number of the caller's choice) may be made.
    pub fn may_call(&mut self, action: usize, now: Instant) -> Permission {
        if let Err(wait) = self.phase_lets(now) {
            return wait;
        }
        if self.throttles.len() <= action {
            self.throttles.resize_with(action + 1, Throttle::default);
        }
        let throttle = match self.throttles[action].may_call(now, &self.settings) {
            Ok(epoch) => epoch,
            Err(wait) => return wait,
        };
        let ticket = Ticket { action, began: now, epoch: self.epoch, throttle, probe: false };
        match &mut self.phase {
            Phase::Closed => Permission::Go(ticket),
            Phase::Shut { probing, .. } => {
                *probing = Some(now);
                Permission::Go(Ticket { probe: true, ..ticket })
            }
            Phase::Slow { in_flight, moved, .. } => {
                *in_flight += 1;
                *moved = now;
                Permission::Go(ticket)
            }
        }
    }

    /// Whether the phase lets one more call out, or how long it does not.
    fn phase_lets(&mut self, now: Instant) -> Result<(), Permission> {
        let patience = self.settings.patience;
        let lost = |since: Instant| now.saturating_duration_since(since) > patience;
        match &mut self.phase {
            Phase::Shut { probing: Some(since), .. } if !lost(*since) => {
                Err(Permission::Wait(None))
            }
            Phase::Shut { next_probe, .. } if *next_probe > now => {
                Err(Permission::Wait(Some(next_probe.duration_since(now))))
            }
            Phase::Closed | Phase::Shut { .. } => Ok(()),
            Phase::Slow { at_once, in_flight, moved, .. } => {
                if lost(*moved) {
                    *in_flight = 0;
                }
                if *in_flight < *at_once { Ok(()) } else { Err(Permission::Wait(None)) }
            }
        }
    }

    /// Takes the result of a call in.
    pub fn on_result(&mut self, ticket: Ticket, result: CallResult, now: Instant) {
        let answered = matches!(result, CallResult::Ok | CallResult::Other);
        if answered {
            self.answered = self.answered.max(Some(ticket.began));
        }
        if let Some(throttle) = self.throttles.get_mut(ticket.action) {
            if let CallResult::Throttled { retry_after } = result {
                throttle.told(ticket.throttle, retry_after, now, &self.settings);
            } else {
                throttle.ended(ticket.throttle, answered, now, &self.settings);
            }
        }
        if ticket.epoch != self.epoch {
            return;
        }
        match self.phase {
            Phase::Closed => self.while_closed(result, now),
            Phase::Shut { cause, .. } => self.while_shut(cause, result, now),
            Phase::Slow { cause, at_once, in_flight, .. } => {
                let in_flight = in_flight.saturating_sub(1);
                self.phase = Phase::Slow { cause, at_once, in_flight, moved: now };
                self.while_slow(cause, at_once, in_flight, result, now);
            }
        }
    }

    /// Other credentials are at hand: where the old ones were refused they are tried at once.
    pub fn credentials_changed(&mut self, now: Instant) {
        if let Phase::Shut { cause: Cause::Credentials, next_probe, .. } = &mut self.phase {
            *next_probe = now;
        }
    }

    /// Whether the service has answered a call that began after this instant: then what
    /// failed at it did not fail because the service is down.
    pub fn answered_since(&self, failure: Instant) -> bool {
        self.answered.is_some_and(|began| began > failure)
    }

    /// How often calls were stopped so far. Attempts made before the last time are not the
    /// report's fault.
    pub fn outages(&self) -> u32 {
        self.outages
    }

    /// Whether some action waits because it was told to slow down, or comes back slowly.
    pub fn is_throttled(&self) -> bool {
        self.throttles.iter().any(Throttle::holds)
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
            Phase::Shut { cause: Cause::ServiceDown, probing: None, .. } => GateState::Open,
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
            | (CallResult::Throttled { .. }, Cause::ServiceDown) => self.go_slow(cause, now),
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
                self.phase = Phase::Shut { cause, next_probe: now, probing: None };
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
                    self.phase = Phase::Slow { cause, at_once, in_flight, moved: now };
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
        if !matches!(self.phase, Phase::Shut { .. }) {
            self.outages = self.outages.wrapping_add(1);
        }
        self.epoch = self.epoch.wrapping_add(1);
        self.phase = Phase::Shut { cause, next_probe: now + wait, probing: None };
    }

    fn go_slow(&mut self, cause: Cause, now: Instant) {
        self.epoch = self.epoch.wrapping_add(1);
        self.slow = SlowStart::default();
        self.phase = Phase::Slow { cause, at_once: 1, in_flight: 0, moved: now };
    }

    fn close(&mut self) {
        // The calls of the slow start go on counting: no new epoch.
        self.phase = Phase::Closed;
        self.window.clear();
        self.probe_interval = self.settings.probe_interval;
    }
}

#[cfg(test)]
mod tests;
