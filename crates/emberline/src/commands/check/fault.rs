//! Why a step failed, and what to do about it.

use emberline_broker::{BrokerError, ErrorClass};
use emberline_service_api::{CallError, FailureClass, TransportFailure};

/// What went wrong, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) detail: String,
    pub(super) advice: String,
}

impl Fault {
    pub(super) fn new(detail: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { detail: detail.into(), advice: advice.into() }
    }

    /// The same with another thing to do.
    pub(super) fn advise(self, advice: impl Into<String>) -> Self {
        Self { advice: advice.into(), ..self }
    }
}

impl From<CallError> for Fault {
    fn from(error: CallError) -> Self {
        let advice = match &error {
            CallError::Transport { failure, .. } => of_transport(*failure),
            CallError::HttpStatus(404 | 405) => {
                "is service.url complete? The vendor's ends in /api/exploreropen/serviceapi"
            }
            CallError::Unreadable { .. } => {
                "is service.url the service, and not a page or a proxy before it?"
            }
            CallError::AnswerTooLarge => "raise service.max_answer",
            error => of_class(error.class()),
        };
        let mut detail = error.to_string();
        // What the vendor's support asks for.
        if let CallError::Rejected { request_id: Some(id), .. } = &error {
            detail = format!("{detail} (RequestId {id})");
        }
        Self::new(detail, advice)
    }
}

const fn of_transport(failure: TransportFailure) -> &'static str {
    match failure {
        TransportFailure::Connect => {
            "is service.url right, is the service up, and does a firewall let calls out?"
        }
        TransportFailure::Tls => {
            "if its certificate is of an authority of your own, name that in service.ca_file"
        }
        TransportFailure::ConnectTimeout => {
            "does a firewall drop the packets? Else raise service.connect_timeout"
        }
        TransportFailure::AnswerTimeout => "is the service slow? Else raise service.timeout",
        TransportFailure::NotSent | TransportFailure::Broken => {
            "try again; if it stays so, a proxy in between may cut connections"
        }
    }
}

const fn of_class(class: FailureClass) -> &'static str {
    match class {
        FailureClass::Transient => "try again later; if it stays so, ask the service's operator",
        FailureClass::Throttled => "lower limits.rate, and see who else calls with this app key",
        FailureClass::Credentials => {
            "compare service.app_key and service.app_secret with the console's"
        }
        FailureClass::UnknownCustomer => {
            "the service does not know the customer: create it first (emberline service create-customer)"
        }
        FailureClass::Permanent => "the service refuses the content: change what its message names",
        FailureClass::Defect => "this is a defect of emberline: report it with this line",
    }
}

impl From<BrokerError> for Fault {
    fn from(error: BrokerError) -> Self {
        if let BrokerError::Refused { asked, said, advice } = error {
            return Self::new(format!("could not {asked}: {said}"), advice);
        }
        let advice = match error.class() {
            ErrorClass::Permanent => {
                "give this client the right that it lacks, or correct sasl.* in kafka.properties"
            }
            ErrorClass::Transient => {
                "are kafka.brokers and security.protocol in kafka.properties right, and the brokers up?"
            }
        };
        Self::new(error.to_string(), advice)
    }
}
