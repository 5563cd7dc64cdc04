//! What can go wrong, for which calls and how often; as types and as the JSON of the
//! admin page.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Action;
use crate::actions::Request;

/// A way to fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// An error in the usual envelope, or a bare HTTP status.
    Answer {
        /// The HTTP status. Default 200.
        #[serde(default = "ok")]
        status: u16,
        /// The error's code; without one the body is empty.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// The error's message.
        #[serde(default)]
        message: String,
        /// The `Retry-After` header, as it is: seconds or an HTTP date.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<String>,
        /// So many seconds from the answer on, as an HTTP date in `Retry-After`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_date: Option<u64>,
    },
    /// A body of whatever text.
    Raw {
        /// The HTTP status. Default 200.
        #[serde(default = "ok")]
        status: u16,
        /// The body.
        body: String,
    },
    /// The connection closes in the middle of the body that was announced.
    CutBody,
    /// A whole answer whose JSON ends in the middle.
    TruncatedJson,
    /// No answer, as long as the caller waits.
    Hang,
    /// The connection is reset without an answer.
    Reset,
}

const fn ok() -> u16 {
    200
}

impl Fault {
    /// A bare HTTP status.
    pub const fn status(status: u16) -> Self {
        Self::Answer {
            status,
            code: None,
            message: String::new(),
            retry_after: None,
            retry_after_date: None,
        }
    }

    /// An error in the usual envelope, with HTTP status 200.
    pub fn error(code: &str, message: &str) -> Self {
        Self::Answer {
            status: ok(),
            code: Some(code.to_owned()),
            message: message.to_owned(),
            retry_after: None,
            retry_after_date: None,
        }
    }

    /// 429, with so many seconds in `Retry-After`.
    pub fn slow_down(seconds: u64) -> Self {
        Self::Answer {
            status: 429,
            code: None,
            message: String::new(),
            retry_after: Some(seconds.to_string()),
            retry_after_date: None,
        }
    }

    /// 429, with the time that is so many seconds later in `Retry-After`. A date has no parts
    /// of a second: it is the next whole one.
    pub const fn slow_down_until(seconds: u64) -> Self {
        Self::Answer {
            status: 429,
            code: None,
            message: String::new(),
            retry_after: None,
            retry_after_date: Some(seconds),
        }
    }
}

/// A fault, and the calls it strikes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// What happens.
    pub fault: Fault,
    /// Only calls of this action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// Only data and states of this device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Only calls that carry a report of this time, in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report_time: Option<i64>,
    /// The share of such calls that it strikes, 0 to 1. Default 1.
    #[serde(default = "all")]
    pub share: f64,
    /// How many calls it strikes before it is gone. Default no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// Whether the call is carried out all the same, so that the caller is left in
    /// doubt. Default no.
    #[serde(default)]
    pub after_acting: bool,
}

const fn all() -> f64 {
    1.0
}

impl FaultRule {
    /// Strikes every call.
    pub fn always(fault: Fault) -> Self {
        Self {
            fault,
            action: None,
            device: None,
            report_time: None,
            share: all(),
            times: None,
            after_acting: false,
        }
    }

    /// Strikes the next `times` calls.
    pub fn first(times: u64, fault: Fault) -> Self {
        Self { times: Some(times), ..Self::always(fault) }
    }

    /// Strikes a share of calls, 0 to 1.
    pub fn share(share: f64, fault: Fault) -> Self {
        Self { share, ..Self::always(fault) }
    }

    /// Only calls of this action.
    #[must_use]
    pub fn of(self, action: Action) -> Self {
        Self { action: Some(action), ..self }
    }

    /// Carries the call out all the same.
    #[must_use]
    pub fn after_acting(self) -> Self {
        Self { after_acting: true, ..self }
    }

    /// `request` is absent for a call that is going to be refused.
    pub(super) fn fits(&self, action: Action, request: Option<&Request<'_>>) -> bool {
        let topic = request.and_then(Request::topic);
        self.times != Some(0)
            && self.action.is_none_or(|only| only == action)
            && self.device.as_ref().is_none_or(|only| topic.is_some_and(|(id, _)| id == only))
            && self
                .report_time
                .is_none_or(|time| request.is_some_and(|request| request.carries_report_of(time)))
    }
}

/// How the sandbox misbehaves.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultPlan {
    /// How long every call takes, at least. In JSON `latency_ms`.
    #[serde(rename = "latency_ms", with = "millis")]
    pub latency: Duration,
    /// Up to so much is added to it, evenly spread. In JSON `jitter_ms`.
    #[serde(rename = "jitter_ms", with = "millis")]
    pub jitter: Duration,
    /// How long the answer of a call that was carried out is kept. Who goes away meanwhile
    /// is left in doubt. In JSON `answer_latency_ms`.
    #[serde(rename = "answer_latency_ms", with = "millis")]
    pub answer_latency: Duration,
    /// Of the dice.
    pub seed: u64,
    /// In order of precedence.
    pub rules: Vec<FaultRule>,
}

impl FaultPlan {
    /// Every call fails.
    pub fn always(fault: Fault) -> Self {
        Self::from(FaultRule::always(fault))
    }

    /// The first `times` calls fail.
    pub fn first(times: u64, fault: Fault) -> Self {
        Self::from(FaultRule::first(times, fault))
    }

    /// A share of all calls fails, 0 to 1.
    pub fn share(share: f64, fault: Fault) -> Self {
        Self::from(FaultRule::share(share, fault))
    }

    /// Whether nothing goes wrong.
    pub fn is_quiet(&self) -> bool {
        self.rules.is_empty()
            && [self.latency, self.jitter, self.answer_latency].iter().all(Duration::is_zero)
    }
}

impl From<FaultRule> for FaultPlan {
    fn from(rule: FaultRule) -> Self {
        Self { rules: vec![rule], ..Self::default() }
    }
}

/// A duration as a whole number of milliseconds.
mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        duration: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Fault, FaultPlan, FaultRule};
    use crate::Action;

    #[test]
    fn a_plan_reads_from_json_and_back() {
        let json = r#"{"latency_ms":5,"rules":[
            {"fault":{"kind":"answer","status":429,"retry_after":"2"},"times":3},
            {"fault":{"kind":"answer","code":"InternalError"},"action":"ServiceBindDevice"},
            {"fault":{"kind":"cut_body"},"share":0.5,"after_acting":true}]}"#;
        let plan: FaultPlan = serde_json::from_str(json).unwrap();
        let expected = FaultPlan {
            latency: Duration::from_millis(5),
            rules: vec![
                FaultRule::first(3, Fault::slow_down(2)),
                FaultRule::always(Fault::error("InternalError", "")).of(Action::BindDevice),
                FaultRule::share(0.5, Fault::CutBody).after_acting(),
            ],
            ..FaultPlan::default()
        };
        assert_eq!(plan, expected);
        let written = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<FaultPlan>(&written).unwrap(), plan);
    }

    #[test]
    fn a_misspelt_key_is_refused() {
        assert!(serde_json::from_str::<FaultPlan>(r#"{"latency":5}"#).is_err());
        let rule = r#"{"fault":{"kind":"hang"},"time":1}"#;
        assert!(serde_json::from_str::<FaultRule>(rule).is_err());
        assert!(serde_json::from_str::<Fault>(r#"{"kind":"hangs"}"#).is_err());
    }
}
