//! What went wrong between the portal and the service, as a customer has to know it: whether
//! to wait, and whether to try again.

use std::time::Duration;

use axum::http::StatusCode;
use emberline_service_api::{CallError, FailureClass};

/// Why the service gave no answer that helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It is not there, or broken.
    Down,
    /// It took too long.
    Slow,
    /// Too many calls; after so long it may be asked again.
    Throttled(Option<Duration>),
    /// It does not know the customer, perhaps not yet.
    UnknownCustomer,
    /// It does not accept what it was asked.
    Refused,
    /// It does not accept the portal: whoever runs it has to mend that.
    Ours,
}

impl Trouble {
    /// The trouble that an error means, which is also logged.
    pub(crate) fn of(error: &CallError) -> Self {
        let trouble = match error.class() {
            FailureClass::Transient if error.is_timeout() => Self::Slow,
            FailureClass::Transient => Self::Down,
            FailureClass::Throttled => {
                let CallError::Throttled { retry_after, .. } = error else {
                    return Self::Throttled(None);
                };
                Self::Throttled(*retry_after)
            }
            FailureClass::UnknownCustomer => Self::UnknownCustomer,
            FailureClass::Permanent => Self::Refused,
            FailureClass::Credentials | FailureClass::Defect => Self::Ours,
        };
        let class = error.class().name();
        if trouble == Self::Ours {
            tracing::error!(class, %error, "the service does not accept the portal's calls");
        } else {
            tracing::warn!(class, %error, "a call of the portal failed");
        }
        trouble
    }

    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::Down | Self::Throttled(_) | Self::Ours => StatusCode::SERVICE_UNAVAILABLE,
            Self::Slow => StatusCode::GATEWAY_TIMEOUT,
            Self::UnknownCustomer => StatusCode::NOT_FOUND,
            Self::Refused => StatusCode::BAD_GATEWAY,
        }
    }

    /// How long to wait before it is tried again, where that is known.
    pub(crate) const fn retry_after(self) -> Option<Duration> {
        match self {
            Self::Throttled(after) => after,
            _ => None,
        }
    }
}
