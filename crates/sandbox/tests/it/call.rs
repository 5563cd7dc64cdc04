//! A call, put together by hand and signed by the steps of the contract's text.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};

use emberline_sandbox::NestedSignature;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha1::Sha1;

pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

fn fresh_nonce() -> u64 {
    static NONCES: AtomicU64 = AtomicU64::new(1);
    NONCES.fetch_add(1, Relaxed)
}

pub(crate) const PATH: &str = "/api/exploreropen/serviceapi";

/// A call to be made: each parameter with its raw JSON.
#[derive(Clone)]
pub(crate) struct Call {
    params: BTreeMap<String, String>,
    secret: String,
    reading: NestedSignature,
    signature: Option<String>,
}

impl Call {
    /// With fresh common parameters.
    pub(crate) fn new(action: &str) -> Self {
        let nonce = fresh_nonce();
        let call = Self {
            params: BTreeMap::new(),
            secret: "ServiceAppSecret".to_owned(),
            reading: NestedSignature::Json,
            signature: None,
        };
        call.text("Action", action)
            .text("AppKey", "ServiceAppKey")
            .text("RequestId", &format!("request-{nonce}"))
            .raw("Nonce", nonce)
            .raw("Timestamp", now())
    }

    /// One power report of `P/a` for `c_1`.
    pub(crate) fn power(time: i64, kilowatt: &str) -> Self {
        Self::data("P/a", "c_1", 400, &report(time, &[(1006, kilowatt)]))
    }

    pub(crate) fn data(device: &str, customer: &str, category: u16, reports: &str) -> Self {
        Self::new("ServiceReportDeviceData")
            .text("DeviceId", device)
            .text("CustomerId", customer)
            .raw("DataCategory", category)
            .raw("DataInfo", format!("[{reports}]"))
    }

    pub(crate) fn state(device: &str, online: u8) -> Self {
        Self::new("ServiceReportDeviceState").text("DeviceId", device).raw("OnlineStatus", online)
    }

    pub(crate) fn customer(id: &str, phone_number: &str) -> Self {
        Self::new("ServiceCreateCustomer")
            .text("CustomerId", id)
            .text("CountryCode", "86")
            .text("PhoneNumber", phone_number)
    }

    pub(crate) fn order(order_no: &str, item: &str, version: &str) -> Self {
        Self::new("ServiceCreateOrder")
            .text("CustomerId", "c_1")
            .text("OrderNo", order_no)
            .text("ItemId", item)
            .text("ItemVNO", version)
            .raw("ItemNum", 1)
    }

    /// The same with a fresh nonce.
    pub(crate) fn renewed(&self) -> Self {
        self.clone().raw("Nonce", fresh_nonce())
    }

    /// A parameter by its raw JSON.
    pub(crate) fn raw(mut self, name: &str, json: impl Display) -> Self {
        self.params.insert(name.to_owned(), format!("{json}"));
        self
    }

    /// A string parameter.
    pub(crate) fn text(self, name: &str, text: &str) -> Self {
        self.raw(name, Value::from(text))
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        assert!(self.params.remove(name).is_some(), "{name} was not there");
        self
    }

    pub(crate) fn reading(mut self, reading: NestedSignature) -> Self {
        self.reading = reading;
        self
    }

    pub(crate) fn secret(mut self, secret: &str) -> Self {
        secret.clone_into(&mut self.secret);
        self
    }

    pub(crate) fn signed_as(mut self, signature: &str) -> Self {
        self.signature = Some(signature.to_owned());
        self
    }

    pub(crate) fn body(&self) -> String {
        let signature = self.signature.clone().unwrap_or_else(|| self.signature());
        let signature = Value::from(signature).to_string();
        let mut members: Vec<String> =
            self.params.iter().map(|(name, json)| format!("\"{name}\":{json}")).collect();
        members.insert(members.len() / 2, format!("\"Signature\":{signature}"));
        format!("{{{}}}", members.join(","))
    }

    /// The whole request, for a connection that stays open.
    pub(crate) fn as_http(&self) -> Vec<u8> {
        let body = self.body();
        format!(
            "POST {PATH} HTTP/1.1\r\nhost: sandbox\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }

    fn signature(&self) -> String {
        let mut parts = BTreeMap::new();
        for (name, json) in &self.params {
            match serde_json::from_str::<Value>(json) {
                Ok(value @ (Value::Array(_) | Value::Object(_))) => match self.reading {
                    NestedSignature::Json => {
                        parts.insert(name.clone(), json.clone());
                    }
                    NestedSignature::Flatten => flatten(name, &value, &mut parts),
                    NestedSignature::Omit => {}
                },
                Ok(Value::String(text)) => {
                    parts.insert(name.clone(), text);
                }
                _ => {
                    parts.insert(name.clone(), json.clone());
                }
            }
        }
        let message: Vec<String> =
            parts.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut mac = Hmac::<Sha1>::new_from_slice(self.secret.as_bytes()).unwrap();
        mac.update(message.join("&").as_bytes());
        base64_simd::STANDARD.encode_to_string(mac.finalize().into_bytes())
    }
}

fn flatten(name: &str, value: &Value, parts: &mut BTreeMap<String, String>) {
    match value {
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                flatten(&format!("{name}.{place}"), item, parts);
            }
        }
        Value::Object(members) => {
            for (member, item) in members {
                flatten(&format!("{name}.{member}"), item, parts);
            }
        }
        Value::String(text) => {
            parts.insert(name.to_owned(), text.clone());
        }
        other => {
            parts.insert(name.to_owned(), other.to_string());
        }
    }
}

/// One `ReportDeviceData`.
pub(crate) fn report(time: i64, values: &[(u32, &str)]) -> String {
    let infos: Vec<String> = values
        .iter()
        .map(|(sub_type, value)| format!(r#"{{"SubType":{sub_type},"Value":{value}}}"#))
        .collect();
    format!(r#"{{"ReportTime":{time},"ReportInfos":[{}]}}"#, infos.join(","))
}
