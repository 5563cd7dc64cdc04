//! What can go wrong with a client as a whole. What goes wrong with one record or
//! one commit has types of its own, beside the part that it belongs to.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::refusal::Door;

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
    /// No broker let this client in.
    #[error("could not {asked}: {advice} ({said})")]
    Refused {
        /// What was wanted, as in [`BrokerError::Asked`].
        asked: String,
        /// What was said at the door.
        said: String,
        /// What to do.
        advice: &'static str,
    },
    /// A topic does not exist.
    #[error("topic {0} does not exist")]
    NoTopic(String),
    /// This client may not see the topic, whether it is there or not.
    #[error("no right to see the topic {0}: allow DESCRIBE on it, which READ and WRITE include")]
    Hidden(String),
    /// The right to read a topic is missing.
    #[error("no right to read the topic {0}: allow READ on it")]
    Unreadable(String),
    /// The right to a group is missing.
    #[error("no right to the group {0}: allow READ on it")]
    GroupForbidden(String),
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
            Self::Settings(_)
            | Self::NoTopic(_)
            | Self::Hidden(_)
            | Self::Unreadable(_)
            | Self::GroupForbidden(_) => ErrorClass::Permanent,
            // Passwords and certificates are changed on either side, the one before the other.
            Self::Refused { .. }
            | Self::ThreadEnded(_)
            | Self::Thread(_)
            | Self::StillClosing(_) => ErrorClass::Transient,
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

    /// A topic that could not be read.
    pub(crate) fn reading(topic: &str, error: &KafkaError) -> Self {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::TopicAuthorizationFailed) => Self::Unreadable(topic.to_owned()),
            _ => Self::asked(format!("read {topic}"), error),
        }
    }

    /// The same, where brokers refused the client, with what they said.
    pub(crate) fn because_of(self, door: &Door) -> Self {
        match (self, door.last()) {
            (Self::Asked { asked, class: ErrorClass::Transient, .. }, Some(refusal)) => {
                Self::Refused { asked, said: refusal.said, advice: refusal.advice }
            }
            (error, _) => error,
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

/// Whether an error is about the right to the client's group. librdkafka asks for the group's
/// coordinator unbidden; who assigns by hand and commits nothing needs none.
pub(crate) fn is_of_group(error: &KafkaError) -> bool {
    error.rdkafka_error_code() == Some(RDKafkaErrorCode::GroupAuthorizationFailed)
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
