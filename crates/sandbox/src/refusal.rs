//! The answers that say no, with the contract's codes.

use std::borrow::Cow;
use std::fmt;

/// The contract's error codes (contract: service API, error codes). `InternalError` and
/// `invalid Email` are not among them: the sandbox has no defect of its own to report
/// and no call carries an e-mail address; a fault can answer either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorCode {
    RequiredParamNotFound,
    InvalidAction,
    InvalidParameterValue,
    InvalidJson,
    InvalidCustomerId,
    InvalidPhone,
    UnknownCustomerOrAppKey,
}

impl ErrorCode {
    /// Every code, in the order of the variants.
    pub(crate) const ALL: [Self; 7] = [
        Self::RequiredParamNotFound,
        Self::InvalidAction,
        Self::InvalidParameterValue,
        Self::InvalidJson,
        Self::InvalidCustomerId,
        Self::InvalidPhone,
        Self::UnknownCustomerOrAppKey,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::RequiredParamNotFound => "ErrorRequiredParamNotFound",
            Self::InvalidAction => "InvalidAction",
            Self::InvalidParameterValue => "InvalidParameterValue",
            Self::InvalidJson => "InvalidParameterValue.InvalidJSON",
            Self::InvalidCustomerId => "invalid CustomerId",
            Self::InvalidPhone => "invalid Phone",
            Self::UnknownCustomerOrAppKey => "invalid CustomerId or invalid ServiceAppKey",
        }
    }
}

/// Why a call is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: ErrorCode,
    /// For the answer and the log: names parameters, never a telephone number.
    pub(crate) message: Cow<'static, str>,
}

impl Refusal {
    pub(crate) fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn missing(name: &str) -> Self {
        Self::new(ErrorCode::RequiredParamNotFound, format!("{name} is required"))
    }

    pub(crate) fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::InvalidParameterValue, message)
    }

    /// The contract's own wording for a bad signature.
    pub(crate) fn signature() -> Self {
        Self::invalid("Signature 无效")
    }

    pub(crate) fn unknown_customer() -> Self {
        Self::new(ErrorCode::UnknownCustomerOrAppKey, "CustomerId is unknown")
    }

    pub(crate) fn unknown_app_key() -> Self {
        Self::new(ErrorCode::UnknownCustomerOrAppKey, "AppKey is unknown")
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.message)
    }
}
