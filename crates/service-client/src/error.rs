//! What goes wrong before there is an answer.

use std::path::PathBuf;

use emberline_service_api::{CallError, TransportFailure};

/// Settings that no client can be made of.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Not a URL that can be called. The URL is not repeated: it may hold a password.
    #[error("service URL: {0}")]
    Url(&'static str),
    /// The extra CA file gives no certificate.
    #[error("CA file {}: {problem}", path.display())]
    ExtraCa {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Neither the system nor the settings name a certificate to trust.
    #[error("no trusted certificate found on this system: {problems}")]
    NoTrust {
        /// What went wrong while looking for them; may be empty.
        problems: String,
    },
    /// TLS can't be set up at all.
    #[error("TLS: {0}")]
    Tls(String),
}

/// No whole answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// No connection: the name is unknown, refused, no route.
    #[error("no connection: {0}")]
    Connect(String),
    /// The TLS handshake failed; the usual reason is a certificate that is not trusted.
    #[error("TLS handshake failed: {0}")]
    Tls(String),
    /// The connection ended before the request was sent, on a new connection, too.
    #[error("request not sent: {0}")]
    NotSent(String),
    /// The time was up.
    #[error("time was up {phase}")]
    TimedOut {
        /// How far the call had come.
        phase: Phase,
    },
    /// The connection broke after the request was sent, or the answer is no HTTP.
    #[error("answer broken off: {0}")]
    Broken(String),
    /// The answer is larger than the limit.
    #[error("answer larger than the limit")]
    TooLarge,
}

/// How far a call had come when its time was up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Phase {
    /// Nothing had been sent.
    #[error("while connecting")]
    Connecting,
    /// The request was out, or on its way.
    #[error("while waiting for the answer")]
    Waiting,
    /// The answer's head was there, its body was not.
    #[error("while reading the answer")]
    Reading,
}

impl From<TransportError> for CallError {
    fn from(error: TransportError) -> Self {
        let text = error.to_string();
        let failure = match error {
            TransportError::TooLarge => return Self::AnswerTooLarge,
            TransportError::Connect(_) => TransportFailure::Connect,
            TransportError::Tls(_) => TransportFailure::Tls,
            TransportError::NotSent(_) => TransportFailure::NotSent,
            TransportError::TimedOut { phase: Phase::Connecting } => {
                TransportFailure::ConnectTimeout
            }
            TransportError::TimedOut { phase: Phase::Waiting | Phase::Reading } => {
                TransportFailure::AnswerTimeout
            }
            TransportError::Broken(_) => TransportFailure::Broken,
        };
        Self::Transport { failure, text }
    }
}

/// An error with its causes, on one line: hyper and rustls put the point into the cause.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}
