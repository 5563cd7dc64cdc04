//! How the service is doing: what it makes of a call, and how long that takes.

use std::time::Duration;

use super::calls::CALL_TIMEOUT;
use super::service::{Answer, Seen};
use super::world::{Sabotage, World};
use crate::lane::Action;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weather {
    Fine,
    Slow,
    /// Many calls fail, and are not acted on.
    Flaky,
    /// Many are acted on and seem to have failed.
    Ambiguous,
    /// No connection, or 503.
    Down,
    /// No call is answered.
    Silent,
    NoCredentials,
    Throttled,
}

impl Weather {
    pub(super) fn is_outage(self) -> bool {
        matches!(self, Self::Down | Self::Silent)
    }
}

impl World {
    /// What a call gets, and whether the service acts on it.
    pub(super) fn verdict(&mut self, seen: &Seen) -> (Answer, bool) {
        let failure = match self.weather {
            Weather::Fine | Weather::Slow => None,
            Weather::Flaky => self.draw.percent(40).then(|| {
                let failures = [
                    Answer::Status503,
                    Answer::InternalError,
                    Answer::Unreadable,
                    Answer::NoConnection,
                    Answer::TimedOut,
                ];
                (self.draw.pick(&failures), false)
            }),
            Weather::Ambiguous => self.draw.percent(40).then(|| {
                let failures = [
                    Answer::Broken,
                    Answer::TimedOut,
                    Answer::Status503,
                    Answer::InternalError,
                    Answer::Unreadable,
                ];
                (self.draw.pick(&failures), true)
            }),
            Weather::Down => Some((self.draw.pick(&[Answer::NoConnection, Answer::Broken]), false)),
            Weather::Silent => Some((Answer::TimedOut, false)),
            Weather::NoCredentials => {
                Some((self.draw.pick(&[Answer::BadSignature, Answer::Status401]), false))
            }
            Weather::Throttled => self.draw.percent(60).then(|| {
                let waits = [Answer::Throttled, Answer::ThrottledFor(1), Answer::ThrottledFor(3)];
                (self.draw.pick(&waits), false)
            }),
        };
        if self.sabotage == Some(Sabotage::RefusesTheInnocent) && self.draw.percent(5) {
            return (Answer::Refused, false);
        }
        match (failure, self.objection(seen)) {
            (None, None) => (Answer::Accepted, true),
            (None, Some(objection)) => (objection, false),
            (Some((answer, acts)), objection) => (answer, acts && objection.is_none()),
        }
    }

    /// What the service has against a call's content.
    fn objection(&self, seen: &Seen) -> Option<Answer> {
        let customer = seen.customer.unwrap_or(u8::MAX);
        let known = self.healed || customer >= self.plan.unknown;
        match seen.action {
            Action::ReportState => None,
            _ if !known => Some(Answer::UnknownCustomer),
            Action::ReportData => {
                let poisoned = self.poison.iter().any(|key| {
                    Some(key.device) == seen.device
                        && key.category == seen.category
                        && seen.seconds.contains(&key.second)
                });
                poisoned.then_some(Answer::Refused)
            }
            _ => None,
        }
    }

    /// How long until the service acts, and until its answer is there.
    pub(super) fn latency(&mut self, answer: Answer) -> (Duration, Duration) {
        let end = match (answer, self.weather) {
            (Answer::TimedOut, _) => CALL_TIMEOUT,
            (_, Weather::Slow) => self.draw.millis(500..=8_000),
            _ if !self.healed && self.draw.percent(4) => self.draw.millis(200..=8_000),
            _ => self.draw.millis(1..=150),
        };
        let part = self.draw.within(0..=100);
        (end * u32::try_from(part).unwrap_or(100) / 101, end)
    }
}
