//! Error code to failure class (contract: service API, error codes).
//!
//! The class is what one does about a failure. It is decided here, once; nothing further
//! in looks at a code or a message.

/// What to do about a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureClass {
    /// It may pass: try again.
    Transient,
    /// Told to slow down: wait, then try again. It is not an attempt.
    Throttled,
    /// The signature or the `AppKey` is not accepted: no call will be, until that is mended.
    Credentials,
    /// The customer may not have been created yet.
    UnknownCustomer,
    /// The content is refused for good.
    Permanent,
    /// Permanent, and it should be impossible: a defect of this program. Alarm.
    Defect,
}

impl FailureClass {
    /// The metric label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Throttled => "throttled",
            Self::Credentials => "credentials",
            Self::UnknownCustomer => "unknown_customer",
            Self::Permanent => "permanent",
            Self::Defect => "defect",
        }
    }

    /// The class of an HTTP status whose body says nothing.
    pub(crate) const fn of_status(status: u16) -> Self {
        match status {
            401 | 403 => Self::Credentials,
            429 => Self::Throttled,
            408 => Self::Transient,
            400..=499 => Self::Permanent,
            _ => Self::Transient,
        }
    }

    /// The class of an error code, which for some codes the message decides; `None` for a
    /// code that the contract does not know.
    pub(crate) fn of_code(code: &str, message: &str) -> Option<Self> {
        let code = code.trim().to_ascii_lowercase();
        if says_slow_down(&code) {
            return Some(Self::Throttled);
        }
        let family = code.split('.').next().unwrap_or_default();
        match code.as_str() {
            "invalidaction" | "invalidparametervalue.invalidjson" => Some(Self::Defect),
            "errorrequiredparamnotfound" | "invalid customerid" => Some(Self::Permanent),
            "invalid customerid or invalid serviceappkey" => Some(customer_or_key(message)),
            "invalid serviceappkey" | "invalid appkey" => Some(Self::Credentials),
            _ if family == "internalerror" => Some(Self::Transient),
            _ if family == "invalidparametervalue" => Some(of_invalid_parameter(message)),
            _ if family == "authfailure" || names_signature(&code) => Some(Self::Credentials),
            _ if code.starts_with("invalid email") || code.starts_with("invalid phone") => {
                Some(Self::Permanent)
            }
            _ => None,
        }
    }
}

/// `InvalidParameterValue` is also what a bad signature gets, so its message decides.
fn of_invalid_parameter(message: &str) -> FailureClass {
    let words = message.to_lowercase();
    if names_signature(&words) {
        FailureClass::Credentials
    } else if names_nonce(&words) {
        FailureClass::Transient
    } else if names_clock(&words) {
        FailureClass::Credentials
    } else if words.contains("appkey") {
        customer_or_key(message)
    } else {
        FailureClass::Permanent
    }
}

/// The service has one code for an unknown customer and an unknown `AppKey`. Unless the
/// message names the key alone it is read as the customer: that waits without loss, while
/// the other reading would stop every call for one customer.
fn customer_or_key(message: &str) -> FailureClass {
    let words = message.to_lowercase();
    if words.contains("appkey") && !words.contains("customer") {
        FailureClass::Credentials
    } else {
        FailureClass::UnknownCustomer
    }
}

fn names_signature(words: &str) -> bool {
    words.contains("signature") || words.contains("签名")
}

/// A complaint about the `Timestamp` is one about the clock, and not about the record;
/// unless it names a record's own parameter beside it.
fn names_clock(words: &str) -> bool {
    names_any(words, &["timestamp", "时间戳"]) && !names_record(words)
}

/// A nonce that was used before is this call's bad luck: another replica drew the same one
/// in the same second. The next attempt has another.
fn names_nonce(words: &str) -> bool {
    names_any(words, &["nonce", "随机数"]) && !names_record(words)
}

fn names_record(words: &str) -> bool {
    names_any(words, &["reporttime", "datainfo", "deviceinfos"])
}

fn names_any(words: &str, names: &[&str]) -> bool {
    names.iter().any(|name| words.contains(name))
}

/// The contract has no code for "too fast"; these are the ones that the vendor's other
/// services and common gateways use.
fn says_slow_down(code: &str) -> bool {
    let letters: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    ["limitexceeded", "toomanyrequest", "frequencylimit", "ratelimit", "toofrequent", "throttl"]
        .iter()
        .any(|word| letters.contains(word))
}

#[cfg(test)]
mod tests {
    use super::FailureClass::{
        self, Credentials, Defect, Permanent, Throttled, Transient, UnknownCustomer,
    };

    /// Code, message, class: the contract's table first, row by row.
    const TABLE: [(&str, &str, Option<FailureClass>); 35] = [
        ("InternalError", "internal error", Some(Transient)),
        ("ErrorRequiredParamNotFound", "missing DeviceId", Some(Permanent)),
        ("InvalidAction", "no such action", Some(Defect)),
        ("InvalidParameterValue", "DataCategory is invalid", Some(Permanent)),
        ("InvalidParameterValue", "Signature 无效", Some(Credentials)),
        ("InvalidParameterValue", "签名错误", Some(Credentials)),
        ("InvalidParameterValue.InvalidJSON", "bad JSON", Some(Defect)),
        ("invalid CustomerId", "", Some(Permanent)),
        ("invalid Email", "", Some(Permanent)),
        ("invalid Phone", "", Some(Permanent)),
        ("invalid CustomerId or invalid ServiceAppKey", "", Some(UnknownCustomer)),
        // The same wordings where they may also stand, and their neighbours.
        ("InternalError.Database", "", Some(Transient)),
        (" internalerror ", "", Some(Transient)),
        ("InvalidParameterValue", "signature expired", Some(Credentials)),
        ("InvalidParameterValue", "Timestamp too old", Some(Credentials)),
        ("InvalidParameterValue", "Nonce was used before", Some(Transient)),
        ("InvalidParameterValue", "Nonce was used before with this Timestamp", Some(Transient)),
        ("InvalidParameterValue", "AppKey not found", Some(Credentials)),
        (
            "InvalidParameterValue",
            "invalid CustomerId or invalid ServiceAppKey",
            Some(UnknownCustomer),
        ),
        ("InvalidParameterValue", "DataInfo.ReportTime is no timestamp", Some(Permanent)),
        ("InvalidParameterValue", "", Some(Permanent)),
        ("InvalidParameterValue.Signature", "signature mismatch", Some(Credentials)),
        ("invalid CustomerId or invalid ServiceAppKey", "invalid ServiceAppKey", Some(Credentials)),
        (
            "invalid CustomerId or invalid ServiceAppKey",
            "invalid CustomerId or invalid ServiceAppKey",
            Some(UnknownCustomer),
        ),
        ("invalid ServiceAppKey", "", Some(Credentials)),
        ("AuthFailure.SignatureFailure", "", Some(Credentials)),
        ("LimitExceeded", "", Some(Throttled)),
        ("RequestLimitExceeded", "", Some(Throttled)),
        ("TooManyRequests", "", Some(Throttled)),
        ("FrequencyLimit", "", Some(Throttled)),
        ("invalid Email or invalid Phone", "", Some(Permanent)),
        ("ResourceNotFound", "", None),
        ("FailedOperation", "", None),
        ("1001", "", None),
        ("", "", None),
    ];

    #[test]
    fn every_code_of_the_contract_has_its_class() {
        for (code, message, class) in TABLE {
            assert_eq!(FailureClass::of_code(code, message), class, "{code:?}: {message:?}");
        }
    }

    #[test]
    fn every_status_has_its_class() {
        let table = [
            (401, Credentials),
            (403, Credentials),
            (429, Throttled),
            (408, Transient),
            (400, Permanent),
            (404, Permanent),
            (413, Permanent),
            (500, Transient),
            (502, Transient),
            (503, Transient),
            (599, Transient),
            (302, Transient),
        ];
        for (status, class) in table {
            assert_eq!(FailureClass::of_status(status), class, "{status}");
        }
    }
}
