//! Calls and failures as they may be shown.
//!
//! Of a call's body what is known to be harmless is let through, by name; a telephone number is
//! cut to its last digits; anything else (signature, nonce, keys, what is not known here)
//! stays away.

use emberline_pipeline::failures::{Failed, Failure};
use emberline_pipeline::tap::Sample;
use emberline_service_api::mask_numbers;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::masked;

/// Parameters that are shown as they are (contract: service API).
const HARMLESS: [&str; 13] = [
    "CountryCode",
    "CustomerDeviceNo",
    "CustomerId",
    "DataCategory",
    "DataInfo",
    "DeviceId",
    "ItemId",
    "ItemNum",
    "ItemVNO",
    "Limit",
    "Offset",
    "OnlineStatus",
    "OrderNo",
];
/// Most entries of a list that are shown.
const MOST_ENTRIES: usize = 10;
/// A larger body is not looked into.
const MOST_BYTES: usize = 1 << 20;

/// A call, how it ended, and what it said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShownCall {
    /// When it ended.
    pub at: Timestamp,
    /// Which worker made it.
    pub worker: String,
    /// What was called.
    pub action: String,
    /// Its id.
    pub request_id: String,
    /// Milliseconds from its start to its answer.
    pub ms: u64,
    /// `ok`, or the class of its failure.
    pub outcome: String,
    /// Of a failure.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<String>,
    /// Of a failure.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<String>,
    /// Reports, states or other items in it.
    pub items: usize,
    /// Size of its body.
    pub bytes: usize,
    /// Its parameters, masked, and lists cut short.
    pub sent: Value,
    /// Calls before it that were left out.
    pub left_out: u64,
}

/// A failure, and how often it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownFailure {
    /// When it came last.
    pub last: Timestamp,
    /// Of which worker.
    pub worker: String,
    /// Of which action.
    pub action: String,
    /// What is done about it.
    pub class: String,
    /// The service's code, or what happened on the way there.
    pub code: String,
    /// In words.
    pub message: String,
    /// The last call's id.
    pub request_id: String,
    /// How often it came.
    pub count: u64,
}

impl ShownCall {
    /// A sample, after so many that were left out.
    pub(super) fn of(sample: &Sample, left_out: u64) -> Self {
        let failed = sample.failed.as_ref();
        Self {
            at: time(sample.at_ms),
            worker: sample.worker.to_owned(),
            action: sample.action.to_owned(),
            request_id: sample.request_id.to_string(),
            ms: u64::try_from(sample.took.as_millis()).unwrap_or(u64::MAX),
            outcome: failed.map_or("ok", |failed| failed.class).to_owned(),
            code: failed.map(|failed| failed.code.clone()),
            message: failed.map(|failed| failed.message.clone()),
            items: sample.items,
            bytes: sample.body.len(),
            sent: sent(&sample.body),
            left_out,
        }
    }
}

impl From<Failure> for ShownFailure {
    fn from(failure: Failure) -> Self {
        let Failure { worker, action, failed, request_id, count, last_ms } = failure;
        let Failed { code, class, message } = failed;
        Self {
            last: time(last_ms),
            worker: worker.to_owned(),
            action: action.to_owned(),
            class: class.to_owned(),
            code,
            message,
            request_id,
            count,
        }
    }
}

fn time(unix_ms: i64) -> Timestamp {
    Timestamp::from_millisecond(unix_ms).unwrap_or_default()
}

/// The parameters of a body that may be shown.
fn sent(body: &[u8]) -> Value {
    if body.len() > MOST_BYTES {
        return Value::Null;
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Value::Object(harmless(fields)),
        _ => Value::Null,
    }
}

fn harmless(fields: Map<String, Value>) -> Map<String, Value> {
    let shown = fields.into_iter().filter_map(|(name, value)| {
        let value = match (name.as_str(), value) {
            ("PhoneNumber", Value::String(number)) => Value::String(masked::phone(&number)),
            ("ProductName", Value::String(text)) => Value::String(mask_numbers(&text).into_owned()),
            ("DeviceInfos", Value::Array(devices)) => {
                let devices = devices.into_iter().filter_map(|device| match device {
                    Value::Object(fields) => Some(Value::Object(harmless(fields))),
                    _ => None,
                });
                cut(devices.collect())
            }
            (name, Value::Array(entries)) if HARMLESS.contains(&name) => cut(entries),
            (name, value) if HARMLESS.contains(&name) => value,
            _ => return None,
        };
        Some((name, value))
    });
    shown.collect()
}

fn cut(mut entries: Vec<Value>) -> Value {
    let more = entries.len().saturating_sub(MOST_ENTRIES);
    if more > 0 {
        entries.truncate(MOST_ENTRIES);
        entries.push(Value::String(format!("… {more} more")));
    }
    Value::Array(entries)
}

#[cfg(test)]
mod tests {
    use emberline_service_api::{
        Action, BoundDevice, Credentials, Dialect, RequestId, Secret, ServiceBindDevice,
        ServiceCreateCustomer, Signer, Stamp,
    };
    use serde_json::json;

    use super::sent;

    fn body(action: &impl Action) -> Vec<u8> {
        let credentials =
            Credentials { app_key: "canary-key".into(), app_secret: Secret::new("canary-secret") };
        let request_id = RequestId::from_bytes([7; 16]);
        let stamp = Stamp { request_id, timestamp: 1_700_000_000, nonce: 424_242 };
        let mut body = Vec::new();
        Signer::new(&credentials, Dialect::default()).write(action, &stamp, &mut body);
        body
    }

    #[test]
    fn of_a_call_the_parameters_are_shown_and_the_number_is_cut() {
        let call = ServiceCreateCustomer {
            customer: "c_1",
            country_code: "86",
            phone_number: "13987654321",
        };
        let body = body(&call);
        assert!(String::from_utf8_lossy(&body).contains("Signature"));
        let expected = json!({ "CountryCode": "86", "CustomerId": "c_1", "PhoneNumber": "…4321" });
        assert_eq!(sent(&body), expected);
    }

    #[test]
    fn a_long_list_is_cut_and_says_so() {
        let device = BoundDevice {
            customer_device_no: "0001",
            device: "P/dev",
            product_name: "of 13987654321",
        };
        let shown = sent(&body(&ServiceBindDevice { customer: "c_1", devices: &[device; 25] }));
        let devices = shown["DeviceInfos"].as_array().unwrap();
        assert_eq!((devices.len(), devices[10].as_str()), (11, Some("… 15 more")));
        let first =
            json!({ "CustomerDeviceNo": "0001", "DeviceId": "P/dev", "ProductName": "of ***" });
        assert_eq!(devices[0], first);
    }

    #[test]
    fn what_is_not_known_here_is_not_shown() {
        let body =
            br#"{"DeviceId":"P/d","Signature":"s","Nonce":1,"Name":"Li","DataInfo":[{"a":1.5}]}"#;
        assert_eq!(sent(body), json!({ "DeviceId": "P/d", "DataInfo": [{ "a": 1.5 }] }));
        assert_eq!(sent(b"no json"), json!(null));
    }
}
