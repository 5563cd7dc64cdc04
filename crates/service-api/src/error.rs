//! How a call fails. The variants are what happened; [`CallError::class`] is what to do.

use std::time::Duration;

use crate::FailureClass;

/// A call that was not accepted.
///
/// No variant holds a secret or a telephone number: foreign text is bounded and masked
/// on its way in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The service read the call and answered with an error.
    #[error("service refused the call: {code}: {message}")]
    Rejected {
        /// The service's error code.
        code: String,
        /// Its message, bounded and masked.
        message: String,
        /// `RequestId` of the answer, if it has a plausible one.
        request_id: Option<String>,
        /// What to do about it.
        class: FailureClass,
    },
    /// The service asked to slow down.
    #[error("service asked to slow down ({code})")]
    Throttled {
        /// For how long, if it said so; at most an hour.
        retry_after: Option<Duration>,
        /// The service's error code, or the HTTP status as text.
        code: String,
    },
    /// The body says nothing that can be read, and the HTTP status no success.
    #[error("service answered HTTP status {0}")]
    HttpStatus(u16),
    /// HTTP success with a body that neither accepts nor refuses.
    #[error("service's answer can't be read: {problem}")]
    Unreadable {
        /// What is wrong with it, bounded and masked.
        problem: String,
    },
    /// The answer is larger than the limit, and was not read to its end.
    #[error("service's answer is larger than the limit")]
    AnswerTooLarge,
    /// There is no answer.
    #[error("{failure}: {text}")]
    Transport {
        /// What happened.
        failure: TransportFailure,
        /// The particulars.
        text: String,
    },
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TransportFailure {
    /// No connection was made.
    #[error("service unreachable")]
    Connect,
    /// The connection is not trusted, or TLS failed in another way.
    #[error("no secure connection to the service")]
    Tls,
    /// The connection ended before the request was sent.
    #[error("request not sent")]
    NotSent,
    /// The time was up before the request was sent.
    #[error("no connection to the service in time")]
    ConnectTimeout,
    /// The time was up after the request was sent.
    #[error("no answer from the service in time")]
    AnswerTimeout,
    /// The connection broke after the request was sent.
    #[error("answer broken off")]
    Broken,
}

impl TransportFailure {
    const fn code(self) -> &'static str {
        match self {
            Self::Connect => "Connect",
            Self::Tls => "Tls",
            Self::NotSent => "NotSent",
            Self::ConnectTimeout => "ConnectTimeout",
            Self::AnswerTimeout => "AnswerTimeout",
            Self::Broken => "Broken",
        }
    }
}

impl CallError {
    /// What to do about it.
    pub fn class(&self) -> FailureClass {
        match self {
            Self::Rejected { class, .. } => *class,
            Self::Throttled { .. } => FailureClass::Throttled,
            Self::HttpStatus(status) => FailureClass::of_status(*status),
            Self::Unreadable { .. } | Self::AnswerTooLarge | Self::Transport { .. } => {
                FailureClass::Transient
            }
        }
    }

    /// A short name of what happened, for headers and logs: the service's own code where
    /// it gave one. Of no bounded variety, so never a metric label.
    pub fn code(&self) -> &str {
        match self {
            Self::Rejected { code, .. } | Self::Throttled { code, .. } => code,
            Self::HttpStatus(_) => "HttpStatus",
            Self::Unreadable { .. } => "UnreadableAnswer",
            Self::AnswerTooLarge => "AnswerTooLarge",
            Self::Transport { failure, .. } => failure.code(),
        }
    }

    /// Whether the time was up: no connection or no answer within its limit.
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::Transport { failure, .. } => {
                matches!(
                    failure,
                    TransportFailure::ConnectTimeout | TransportFailure::AnswerTimeout
                )
            }
            Self::HttpStatus(status) => matches!(status, 408 | 504),
            _ => false,
        }
    }

    /// Whether the service may have acted on the call all the same. A caller whose call
    /// must not happen twice has to ask before it repeats it.
    pub fn is_ambiguous(&self) -> bool {
        match self {
            Self::Rejected { class, .. } => *class == FailureClass::Transient,
            Self::HttpStatus(_) => self.class() == FailureClass::Transient,
            Self::Unreadable { .. } | Self::AnswerTooLarge => true,
            // A code that says "too fast" was not acted on; another one that came with a
            // `Retry-After` may have been.
            Self::Throttled { code, .. } => {
                code != "429" && FailureClass::of_code(code, "") != Some(FailureClass::Throttled)
            }
            Self::Transport { failure, .. } => {
                matches!(failure, TransportFailure::AnswerTimeout | TransportFailure::Broken)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CallError, TransportFailure};
    use crate::FailureClass;

    fn transport(failure: TransportFailure) -> CallError {
        CallError::Transport { failure, text: String::new() }
    }

    #[test]
    fn only_a_call_that_may_have_arrived_is_ambiguous() {
        assert!(transport(TransportFailure::AnswerTimeout).is_ambiguous());
        assert!(transport(TransportFailure::Broken).is_ambiguous());
        assert!(CallError::Unreadable { problem: String::new() }.is_ambiguous());
        assert!(CallError::AnswerTooLarge.is_ambiguous());
        assert!(CallError::HttpStatus(502).is_ambiguous());
        for failure in [
            TransportFailure::Connect,
            TransportFailure::Tls,
            TransportFailure::NotSent,
            TransportFailure::ConnectTimeout,
        ] {
            assert!(!transport(failure).is_ambiguous(), "{failure:?}");
            assert_eq!(transport(failure).class(), FailureClass::Transient);
        }
        assert!(!CallError::HttpStatus(404).is_ambiguous());
        let throttled = |code: &str| CallError::Throttled { retry_after: None, code: code.into() };
        assert!(!throttled("429").is_ambiguous());
        assert!(!throttled("LimitExceeded").is_ambiguous());
        assert!(throttled("503").is_ambiguous());
    }
}
