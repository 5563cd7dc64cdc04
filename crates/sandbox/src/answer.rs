//! Answers, in each of the envelopes (contract: service API, response envelope).

use serde::Serialize;
use serde_json::json;

use crate::Envelope;
use crate::refusal::Refusal;
use crate::registry::{Customer, Order};

/// What a call that was done as asked brings back.
#[derive(Debug)]
pub(crate) enum Success {
    Done,
    Customers { customers: Vec<Customer>, total: usize },
    Orders { orders: Vec<Order>, total: usize },
    Page { url: String, mini_program: Option<(String, String)> },
}

/// An error as an answer tells it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ErrorText<'a> {
    pub(crate) code: &'a str,
    pub(crate) message: &'a str,
}

impl<'a> From<&'a Refusal> for ErrorText<'a> {
    fn from(refusal: &'a Refusal) -> Self {
        Self { code: refusal.code.as_str(), message: &refusal.message }
    }
}

/// Writes an answer's body.
pub(crate) fn body(
    envelope: Envelope,
    request_id: &str,
    result: Result<&Success, ErrorText<'_>>,
) -> Vec<u8> {
    let inside = match result {
        Ok(Success::Done) => done(request_id),
        Ok(Success::Customers { customers, total }) => json!({
            "RequestId": request_id,
            "Status": "OK",
            "Customers": customers.iter().map(customer).collect::<Vec<_>>(),
            "Total": total,
        })
        .to_string(),
        Ok(Success::Orders { orders, total }) => json!({
            "RequestId": request_id,
            "Status": "OK",
            "Orders": orders.iter().map(order).collect::<Vec<_>>(),
            "Total": total,
        })
        .to_string(),
        Ok(Success::Page { url, mini_program: None }) => {
            json!({"RequestId": request_id, "Status": "OK", "URL": url}).to_string()
        }
        Ok(Success::Page { url, mini_program: Some((app_id, path)) }) => json!({
            "RequestId": request_id,
            "Status": "OK",
            "URL": url,
            "MpAppId": app_id,
            "MpAppPath": path,
        })
        .to_string(),
        Err(ErrorText { code, message }) => {
            json!({"Error": {"Code": code, "Message": message}, "RequestId": request_id})
                .to_string()
        }
    };
    let failure = result.err();
    match envelope {
        Envelope::Response => format!(r#"{{"Response":{inside}}}"#),
        Envelope::Code => {
            let (code, text) = failure.map_or((0, ""), |error| (1, error.message));
            format!(r#"{{"code":{code},"msg":{},"data":{inside}}}"#, quoted(text))
        }
        Envelope::SilentCode => format!(r#"{{"code":0,"msg":"","data":{inside}}}"#),
    }
    .into_bytes()
}

/// The answer of the hot path, without a tree of values.
fn done(request_id: &str) -> String {
    format!(r#"{{"RequestId":{},"Status":"OK"}}"#, quoted(request_id))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn customer(customer: &Customer) -> impl Serialize {
    json!({
        "CustomerId": customer.customer_id,
        "CountryCode": customer.country_code,
        "PhoneNumber": customer.phone_number,
    })
}

fn order(order: &Order) -> impl Serialize {
    json!({
        "CustomerId": order.customer_id,
        "OrderNo": order.order_no,
        "ItemId": order.item_id,
        "ItemVNO": order.item_vno,
        "ItemNum": order.item_num,
    })
}

#[cfg(test)]
mod tests {
    use super::{ErrorText, Success, body};
    use crate::Envelope;

    fn shown(envelope: Envelope, result: Result<&Success, ErrorText<'_>>) -> String {
        String::from_utf8(body(envelope, "r\"1", result)).unwrap()
    }

    #[test]
    fn success_is_wrapped_as_chosen() {
        let inside = r#"{"RequestId":"r\"1","Status":"OK"}"#;
        let done = Ok(&Success::Done);
        assert_eq!(shown(Envelope::Response, done), format!(r#"{{"Response":{inside}}}"#));
        let coded = format!(r#"{{"code":0,"msg":"","data":{inside}}}"#);
        assert_eq!(shown(Envelope::Code, done), coded);
        assert_eq!(shown(Envelope::SilentCode, done), coded);
    }

    #[test]
    fn failure_is_wrapped_as_chosen() {
        let failure = Err(ErrorText { code: "InternalError", message: "oh" });
        let inside = r#"{"Error":{"Code":"InternalError","Message":"oh"},"RequestId":"r\"1"}"#;
        assert_eq!(shown(Envelope::Response, failure), format!(r#"{{"Response":{inside}}}"#));
        let coded = format!(r#"{{"code":1,"msg":"oh","data":{inside}}}"#);
        assert_eq!(shown(Envelope::Code, failure), coded);
        let silent = format!(r#"{{"code":0,"msg":"","data":{inside}}}"#);
        assert_eq!(shown(Envelope::SilentCode, failure), silent);
    }
}
