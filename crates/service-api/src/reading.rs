//! From status, headers and body to the answer or the error of a call.
//!
//! The body speaks before the HTTP status: a success status with an error inside is a
//! failure, and one whose body can't be read is no success.

use std::time::Duration;

use crate::envelope::{Envelope, Refusal, Verdict};
use crate::mask::{clean, clean_id};
use crate::{Answer, CallError, FailureClass, retry_after};

/// Reads the answer to a call.
///
/// `retry_after` is the header of that name; `now` is in Unix seconds, for a header that
/// holds a date.
///
/// # Errors
/// [`CallError`] unless the service accepted the call and the answer holds what it must.
pub fn read_answer<T: Answer>(
    status: u16,
    retry_after: Option<&str>,
    body: &[u8],
    now: i64,
) -> Result<T, CallError> {
    check_answer(status, retry_after, body, now)?;
    T::read(body).map_err(|error| CallError::Unreadable { problem: clean(&error.to_string()) })
}

/// Finds out whether the service accepted a call, and reads nothing else.
///
/// # Errors
/// [`CallError`] unless it did.
pub fn check_answer(
    status: u16,
    retry_after: Option<&str>,
    body: &[u8],
    now: i64,
) -> Result<(), CallError> {
    let success = (200..300).contains(&status);
    let wait = || retry_after.and_then(|text| retry_after::parse(text, now));
    let problem = match serde_json::from_slice::<Envelope<'_>>(body) {
        Ok(envelope) => match envelope.verdict() {
            Verdict::Refused(refusal) => return Err(refusal.into_error(status, wait())),
            Verdict::Accepted if success => return Ok(()),
            Verdict::Accepted | Verdict::Neither => "neither accepted nor refused".to_owned(),
        },
        Err(error) => clean(&error.to_string()),
    };
    Err(match (success, of_silent_status(status, wait())) {
        (true, _) => CallError::Unreadable { problem },
        (false, error) => error,
    })
}

/// The error of a status whose body does not speak.
fn of_silent_status(status: u16, wait: Option<Duration>) -> CallError {
    let class = FailureClass::of_status(status);
    let asks_to_wait = class == FailureClass::Transient && wait.is_some();
    if class == FailureClass::Throttled || asks_to_wait {
        CallError::Throttled { retry_after: wait, code: status.to_string() }
    } else {
        CallError::HttpStatus(status)
    }
}

impl Refusal<'_> {
    fn into_error(self, status: u16, wait: Option<Duration>) -> CallError {
        let (mut code, mut message) = (self.code.as_str(), self.message.as_str());
        let mut known = FailureClass::of_code(code, message);
        if known.is_none() {
            // The second envelope may have no more than a number, and the code in `msg`.
            let (head, rest) = message.split_once(':').unwrap_or((message, message));
            known = FailureClass::of_code(head, rest);
            if known.is_some() {
                (code, message) = (head, rest);
            }
        }
        let class = match known {
            Some(class) => class,
            None if (400..500).contains(&status) => FailureClass::of_status(status),
            None => FailureClass::Transient,
        };
        let told_to_wait = class == FailureClass::Transient && (status == 429 || wait.is_some());
        if class == FailureClass::Throttled || told_to_wait {
            return CallError::Throttled { retry_after: wait, code: clean(code.trim()) };
        }
        CallError::Rejected {
            code: clean(code.trim()),
            message: clean(message.trim()),
            request_id: self.request_id.and_then(|id| clean_id(id.as_str())),
            class,
        }
    }
}
