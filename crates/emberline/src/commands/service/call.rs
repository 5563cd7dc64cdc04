//! One call, and what is printed of it.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use emberline_service_api::{Action, CallError, Signer, read_answer};
use emberline_service_client::{HttpClient, Transport, fresh_stamp};
use serde::Serialize;
use serde_json::{Value, json};

use crate::app::Exit;
use crate::settings::{MASK, Settings};
use crate::{output, wiring};

/// Signs and sends, or only shows what it would send.
pub(super) struct Caller {
    signer: Signer,
    /// `None` for a dry run.
    http: Option<HttpClient>,
}

impl Caller {
    pub(super) fn new(settings: &Settings, dry_run: bool) -> anyhow::Result<Self> {
        let signer = Signer::new(&wiring::credentials(settings)?, wiring::dialect(settings));
        let http = if dry_run { None } else { Some(wiring::http_client(settings)?) };
        Ok(Self { signer, http })
    }

    /// Makes a call and prints one line about it; telephone numbers are masked.
    pub(super) async fn call<A>(&self, action: &A) -> anyhow::Result<Exit>
    where
        A: Action,
        A::Answer: Serialize,
    {
        self.call_and_show(action, Numbers::Masked).await
    }

    /// Makes a call and prints one line about it.
    pub(super) async fn call_and_show<A>(
        &self,
        action: &A,
        numbers: Numbers,
    ) -> anyhow::Result<Exit>
    where
        A: Action,
        A::Answer: Serialize,
    {
        let stamp = fresh_stamp();
        let mut body = Vec::new();
        self.signer.write(action, &stamp, &mut body);
        let Some(http) = &self.http else {
            output::pretty_json(&masked_body(&body)?)?;
            return Ok(Exit::Done);
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let answer = match http.post(Bytes::from(body)).await {
            Ok(answer) => read_answer::<A::Answer>(
                answer.status,
                answer.retry_after.as_deref(),
                &answer.body,
                now.try_into().unwrap_or(i64::MAX),
            ),
            Err(error) => Err(CallError::from(error)),
        };
        let request_id = stamp.request_id.to_string();
        match answer {
            Ok(answer) => {
                let mut answer = serde_json::to_value(answer)?;
                if answer.is_null() {
                    answer = json!({});
                }
                if numbers == Numbers::Masked {
                    mask(&mut answer, &["PhoneNumber"]);
                }
                output::json(&json!({ "ok": true, "request_id": request_id, "answer": answer }))?;
                Ok(Exit::Done)
            }
            Err(error) => {
                output::json(&json!({
                    "ok": false,
                    "request_id": request_id,
                    "error": describe(&error),
                }))?;
                Ok(Exit::Failed)
            }
        }
    }
}

/// Whether telephone numbers are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    Masked,
    Shown,
}

fn describe(error: &CallError) -> Value {
    let message = match error {
        CallError::Rejected { message, .. } => message.clone(),
        other => other.to_string(),
    };
    json!({
        "code": error.code(),
        "message": message,
        "class": error.class().name(),
        // True: the service may have done it all the same.
        "ambiguous": error.is_ambiguous(),
    })
}

fn masked_body(body: &[u8]) -> serde_json::Result<Value> {
    let mut body = serde_json::from_slice(body)?;
    mask(&mut body, &["Signature", "AppKey", "PhoneNumber"]);
    Ok(body)
}

/// Masks the named members wherever they stand.
fn mask(value: &mut Value, names: &[&str]) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if names.contains(&name.as_str()) {
                    *member = MASK.into();
                } else {
                    mask(member, names);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| mask(item, names)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::masked_body;

    #[test]
    fn a_dry_run_shows_neither_signature_nor_app_key_nor_telephone_number() {
        let body = br#"{"AppKey":"k","PhoneNumber":"139","Signature":"s=","Timestamp":1,"Customers":[{"PhoneNumber":"138"}]}"#;
        let expected = json!({
            "AppKey": "***", "PhoneNumber": "***", "Signature": "***", "Timestamp": 1,
            "Customers": [{ "PhoneNumber": "***" }],
        });
        assert_eq!(masked_body(body).unwrap(), expected);
    }
}
