//! What can go wrong with a client as a whole. What goes wrong with one record or
//! one commit has types of its own, beside the part that it belongs to.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// A client could not be made, asked or closed.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// librdkafka refused the settings; the text names the property. Its value is
    /// left out where it may be a secret.
    #[error("kafka client refused its settings: {0}")]
    Settings(String),
    /// The brokers gave no answer, or one that says no.
    #[error("could not {asked}: {code}")]
    Asked {
        /// What was wanted, as a verb phrase: `read the bounds of devices`.
        asked: String,
        /// What librdkafka or the broker said.
        code: String,
        /// What to do about it.
        class: ErrorClass,
    },
    /// A topic does not exist, or this client may not see it.
    #[error("topic {0} does not exist, or this client has no right to see it")]
    NoTopic(String),
    /// A thread of this crate ended early.
    #[error("the thread {0} ended unexpectedly")]
    ThreadEnded(&'static str),
    /// The operating system gave no thread.
    #[error("could not start a thread")]
    Thread(#[from] std::io::Error),
    /// The source did not leave its group in time and goes on trying in its thread.
    /// Only the end of the process gets rid of it.
    #[error("the source did not close within {0:?}")]
    StillClosing(std::time::Duration),
}

/// What a failure calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// It may pass by itself: try again.
    Transient,
    /// Someone must change a right, a topic or a setting.
    Permanent,
}

impl BrokerError {
    /// What to do: only [`ErrorClass::Transient`] is worth another try.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Asked { class, .. } => *class,
            Self::Settings(_) | Self::NoTopic(_) => ErrorClass::Permanent,
            Self::ThreadEnded(_) | Self::Thread(_) | Self::StillClosing(_) => ErrorClass::Transient,
        }
    }

    /// A client that could not be made.
    pub(crate) fn creation(error: &KafkaError) -> Self {
        match error {
            // The value is the fourth field and stays out: it may be a password.
            KafkaError::ClientConfig(_, description, key, _) => {
                Self::Settings(format!("{key}: {description}"))
            }
            KafkaError::ClientCreation(text) => Self::Settings(text.clone()),
            other => Self::asked("create a kafka client", other),
        }
    }

    /// A question that failed.
    pub(crate) fn asked(what: impl Into<String>, error: &KafkaError) -> Self {
        let (code, class) = match error.rdkafka_error_code() {
            Some(code) => (code.to_string(), classify(code)),
            None => (error.to_string(), ErrorClass::Transient),
        };
        Self::Asked { asked: what.into(), code, class }
    }
}

/// Sorts a code by what it calls for. What isn't listed may pass.
pub(crate) fn classify(code: RDKafkaErrorCode) -> ErrorClass {
    use RDKafkaErrorCode as Code;
    match code {
        Code::TopicAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed
        | Code::SaslAuthenticationFailed
        | Code::Authentication
        | Code::UnsupportedSASLMechanism
        | Code::InvalidTopic
        | Code::PolicyViolation
        | Code::InvalidConfig
        | Code::UnknownTopic
        | Code::UnknownTopicOrPartition
        | Code::InconsistentGroupProtocol
        | Code::InvalidSessionTimeout
        | Code::FencedInstanceId => ErrorClass::Permanent,
        _ => ErrorClass::Transient,
    }
}
