//! What the workers of a process know of the service together: whether calls may go
//! now, at which rate, and how many may be repeated.
//!
//! Refused credentials, an outage or a wait that the service asks for concern every call
//! of the process, whichever worker heard of it.

use std::time::{Duration, Instant};

use emberline_flow::gate::{CallResult, Gate, GateState, Permission, Ticket};
use emberline_flow::rate::GroupRate;
use emberline_flow::retry_budget::RetryBudget;
use emberline_service_api::{CallError, FailureClass};
use parking_lot::Mutex;

use crate::settings::{DeliverySettings, Rates, WorkerKind};

/// A share grows at most so long after partitions have come. Who gave them up in good order
/// has drained before; who lost them finds out within the session timeout.
const LONGEST_RISE: Duration = Duration::from_secs(10);
/// Retries a second that the budget always has, unless a tenth of the rate is less.
const RETRY_TRICKLE: f64 = 10.0;

/// One for all workers of the process.
pub(crate) struct Traffic {
    inner: Mutex<Inner>,
    rise_after: Duration,
    slow_call: Duration,
}

struct Inner {
    gate: Gate,
    rate: GroupRate,
    retries: RetryBudget,
}

/// How a call ended, as far as it concerns the calls to come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallReport {
    pub(crate) ticket: Ticket,
    pub(crate) result: CallResult,
    pub(crate) timed_out: bool,
    pub(crate) took: Duration,
}

impl CallReport {
    pub(crate) fn of<A>(ticket: Ticket, ended: &Result<A, CallError>, took: Duration) -> Self {
        let error = ended.as_ref().err();
        Self {
            ticket,
            result: error.map_or(CallResult::Ok, result_of),
            timed_out: error.is_some_and(CallError::is_timeout),
            took,
        }
    }
}

fn result_of(error: &CallError) -> CallResult {
    if let CallError::Throttled { retry_after, .. } = error {
        return CallResult::Throttled { retry_after: *retry_after };
    }
    match error.class() {
        FailureClass::Transient => CallResult::Transient,
        FailureClass::Throttled => CallResult::Throttled { retry_after: None },
        FailureClass::Credentials => CallResult::Credentials,
        FailureClass::UnknownCustomer | FailureClass::Permanent | FailureClass::Defect => {
            CallResult::Other
        }
    }
}

/// Retries a second that this rate always has.
fn trickle(rate: Option<f64>) -> f64 {
    rate.map_or(RETRY_TRICKLE, |rate| (rate / 10.0).min(RETRY_TRICKLE))
}

impl Traffic {
    pub(crate) fn new(settings: &DeliverySettings, now: Instant) -> Self {
        let rate = GroupRate::new(settings.rate, &settings.fractions, now);
        let retries = RetryBudget::new(settings.retry_budget, trickle(settings.rate), now);
        let gate = Gate::new(settings.gate.clone());
        Self {
            inner: Mutex::new(Inner { gate, rate, retries }),
            rise_after: settings.drain.min(LONGEST_RISE),
            slow_call: settings.slow_call,
        }
    }

    /// The group's rate and its parts are others from now on.
    pub(crate) fn set_rates(&self, rates: &Rates, now: Instant) {
        let mut inner = self.inner.lock();
        inner.rate.set_rate(rates.rate, &rates.fractions, now);
        inner.retries.set_per_second(trickle(rates.rate), now);
    }

    /// Whether a call of this action may go, and what the gate is doing.
    pub(crate) fn may_call(&self, action: usize, now: Instant) -> (Permission, GateState) {
        let mut inner = self.inner.lock();
        let permission = inner.gate.may_call(action, now);
        (permission, inner.gate.state())
    }

    /// The call was not made after all.
    pub(crate) fn not_made(&self, ticket: Ticket, now: Instant) {
        self.inner.lock().gate.on_result(ticket, CallResult::NotMade, now);
    }

    /// A call has ended; whether its failure uses up an attempt.
    pub(crate) fn call_ended(&self, report: CallReport, now: Instant) -> bool {
        let CallReport { ticket, result, timed_out, took } = report;
        let mut inner = self.inner.lock();
        inner.gate.on_result(ticket, result, now);
        let counts = inner.gate.counts_as_attempt(result);
        inner.rate.call_ended(took >= self.slow_call, now);
        // While the circuit is open its own slow start is what holds calls back.
        if matches!(result, CallResult::Throttled { .. }) || (timed_out && counts) {
            inner.rate.slow_down(now);
        }
        counts
    }

    /// Takes a permit of the rate for one call.
    ///
    /// # Errors
    /// The wait until one may be free.
    pub(crate) fn take_permit(&self, now: Instant) -> Result<(), Duration> {
        self.inner.lock().rate.take(now)
    }

    /// A call is made for the first time: it brings a part of a retry.
    pub(crate) fn first_call(&self) {
        self.inner.lock().retries.first_call();
    }

    /// Takes the permit to repeat a call.
    pub(crate) fn take_retry(&self, now: Instant) -> bool {
        self.inner.lock().retries.take(now)
    }

    /// This kind of worker owns so many of so many partitions now.
    pub(crate) fn set_share(&self, kind: WorkerKind, (owned, all): (usize, usize), now: Instant) {
        let rise_after = if owned == all { Duration::ZERO } else { self.rise_after };
        self.inner.lock().rate.set_share(kind as usize, (owned, all), rise_after, now);
    }

    /// Other credentials are at hand.
    pub(crate) fn credentials_changed(&self, now: Instant) {
        self.inner.lock().gate.credentials_changed(now);
    }

    /// Whether the service answered a call that began after this instant.
    pub(crate) fn answered_since(&self, failure: Instant) -> bool {
        self.inner.lock().gate.answered_since(failure)
    }

    /// How often calls were stopped.
    pub(crate) fn outages(&self) -> u32 {
        self.inner.lock().gate.outages()
    }

    /// Whether records should stay in Kafka for now, and what the gate is doing.
    pub(crate) fn intake_paused(&self) -> (bool, GateState) {
        let inner = self.inner.lock();
        (inner.gate.intake_paused(), inner.gate.state())
    }

    /// What the gate is doing, and whether some action is throttled.
    pub(crate) fn gate(&self) -> (GateState, bool) {
        let inner = self.inner.lock();
        (inner.gate.state(), inner.gate.is_throttled())
    }

    /// Calls a second allowed now, `None` for no limit, and the share.
    pub(crate) fn rate(&self, now: Instant) -> (Option<f64>, f64) {
        let inner = self.inner.lock();
        (inner.rate.per_second(now), inner.rate.share())
    }
}
