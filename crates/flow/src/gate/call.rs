//! What goes to and fro between the gate and the calls: leave and result.

use std::time::{Duration, Instant};

/// The answer of [`Gate::may_call`](super::Gate::may_call).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Call, and hand the ticket back with the result.
    Go(Ticket),
    /// Ask again after this time; `None`: once the result of some call is in.
    Wait(Option<Duration>),
}

/// Leave for one call. Each must come back by [`Gate::on_result`](super::Gate::on_result), whatever became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a ticket that doesn't come back blocks the gate"]
pub struct Ticket {
    pub(super) action: usize,
    pub(super) began: Instant,
    pub(super) epoch: u32,
    /// Of the action's throttle.
    pub(super) throttle: u32,
    pub(super) probe: bool,
}

impl Ticket {
    /// Whether the call is the one that tries whether the service is back.
    pub const fn is_probe(self) -> bool {
        self.probe
    }
}

/// What became of a call, as far as the gate cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallResult {
    /// Accepted.
    Ok,
    /// Failed in a passing way: unreachable, timeout, 5xx, an unreadable answer.
    Transient,
    /// Told to slow down.
    Throttled {
        /// How long the service asks to wait, where it says so.
        retry_after: Option<Duration>,
    },
    /// The signature or the `AppKey` was refused.
    Credentials,
    /// Any other refusal: the service is there, and knows us.
    Other,
    /// The call was not made after all, or given up without an answer.
    NotMade,
}
