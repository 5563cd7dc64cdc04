//! Records of input topics as JSON, for people who look at one: whatever is in them, without
//! judging it. Not for the hot path.
//!
//! Absent: masking. A customer's telephone number is in it as it was written.

use prost::Message as _;
use serde_json::{Map, Value, json};

use crate::device::{decode_base64, of_message};
use crate::proto;

/// A record's value as JSON.
#[derive(Clone, PartialEq)]
pub struct Readable {
    /// All that it says. Names of protobuf fields are the schema's; a number that JSON does
    /// not have, and a field that the schema does not, are left out.
    pub value: Value,
    /// What it is.
    pub form: Form,
}

/// What a value was before it was made readable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// JSON text.
    Json,
    /// A platform message whose payload was Base64 of JSON. It stands unpacked in its place.
    UnpackedJson,
    /// A protobuf message of this name.
    Protobuf(&'static str),
}

/// Reads a value: JSON where it begins with `{`, anything else as the protobuf message of its
/// type. `None` where it is neither. Of a field that is given twice the last one is there.
pub fn readable(value: &[u8], type_name: Option<&str>) -> Option<Readable> {
    if value.first() == Some(&b'{') { of_json(value) } else { of_protobuf(value, type_name?) }
}

fn of_json(value: &[u8]) -> Option<Readable> {
    let mut object: Map<String, Value> = serde_json::from_slice(value).ok()?;
    let mut form = Form::Json;
    for name in ["Payload", "payload"] {
        if let Some(message) = object.get(name).and_then(unpacked) {
            object.insert(name.to_owned(), message);
            form = Form::UnpackedJson;
        }
    }
    Some(Readable { value: Value::Object(object), form })
}

/// What stands in Base64, where that is a JSON object.
fn unpacked(payload: &Value) -> Option<Value> {
    let mut bytes = Vec::new();
    decode_base64(payload.as_str()?, &mut bytes).then_some(())?;
    serde_json::from_slice(&bytes).ok().filter(Value::is_object)
}

fn of_protobuf(value: &[u8], type_name: &str) -> Option<Readable> {
    let (name, value) = match type_name {
        "DeviceTelemetry" => {
            let message = proto::DeviceTelemetry::decode(value).ok()?;
            let mut fields = of_message(&message);
            fields.insert("product_id".into(), message.product_id.into());
            fields.insert("device_name".into(), message.device_name.into());
            fields.insert("report_time_ms".into(), message.report_time_ms.into());
            if let Some(sequence) = message.sequence {
                fields.insert("sequence".into(), sequence.into());
            }
            ("DeviceTelemetry", Value::Object(fields))
        }
        "DeviceState" => {
            let message = proto::DeviceState::decode(value).ok()?;
            let status = proto::OnlineStatus::try_from(message.status)
                .map_or_else(|_| message.status.into(), |status| status.as_str_name().into());
            let proto::DeviceState { product_id, device_name, time_ms, reason, .. } = message;
            let status: Value = status;
            let value = json!({
                "product_id": product_id, "device_name": device_name, "status": status,
                "time_ms": time_ms, "reason": reason,
            });
            ("DeviceState", value)
        }
        "BindingEvent" => {
            let message = proto::BindingEvent::decode(value).ok()?;
            let kind: Value = proto::BindingType::try_from(message.r#type)
                .map_or_else(|_| message.r#type.into(), |kind| kind.as_str_name().into());
            let value = json!({
                "type": kind, "customer_id": message.customer_id, "device_id": message.device_id,
                "customer_device_no": message.customer_device_no,
                "product_name": message.product_name, "time": message.time,
            });
            ("BindingEvent", value)
        }
        "CustomerEvent" => {
            let message = proto::CustomerEvent::decode(value).ok()?;
            let proto::CustomerEvent { customer_id, country_code, phone_number, time } = message;
            let value = json!({
                "customer_id": customer_id, "country_code": country_code,
                "phone_number": phone_number, "time": time,
            });
            ("CustomerEvent", value)
        }
        "OrderEvent" => {
            let message = proto::OrderEvent::decode(value).ok()?;
            let value = json!({
                "customer_id": message.customer_id, "order_no": message.order_no,
                "item_id": message.item_id, "item_vno": message.item_vno,
                "item_num": message.item_num, "time": message.time,
            });
            ("OrderEvent", value)
        }
        _ => return None,
    };
    Some(Readable { value, form: Form::Protobuf(name) })
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use serde_json::json;

    use super::{Form, readable};
    use crate::proto;

    #[test]
    fn a_platform_message_is_unpacked() {
        let read =
            readable(br#"{"MsgType":"Publish","Payload":"eyJtZXRob2QiOiJyZXBvcnQifQ=="}"#, None);
        let read = read.unwrap();
        assert_eq!(read.form, Form::UnpackedJson);
        assert_eq!(read.value, json!({ "MsgType": "Publish", "Payload": { "method": "report" } }));
    }

    #[test]
    fn what_is_not_base64_of_json_stays_as_it_is() {
        for payload in ["null", "7", r#""eyJ""#, r#""!""#, r#""aGFsbG8=""#, r#"{"method":1}"#] {
            let value = format!(r#"{{"payload":{payload}}}"#);
            let read = readable(value.as_bytes(), None).unwrap();
            assert_eq!((read.form, read.value.to_string()), (Form::Json, value));
        }
    }

    #[test]
    fn protobuf_is_read_by_the_name_of_its_type() {
        let telemetry = proto::DeviceTelemetry {
            product_id: "P".into(),
            device_name: "d".into(),
            report_time_ms: 5,
            power: Some(1.5),
            residual_current: Some(f64::NAN),
            ..Default::default()
        };
        let read = readable(&telemetry.encode_to_vec(), Some("DeviceTelemetry")).unwrap();
        assert_eq!(read.form, Form::Protobuf("DeviceTelemetry"));
        let expected =
            json!({ "product_id": "P", "device_name": "d", "report_time_ms": 5, "power": 1.5 });
        assert_eq!(read.value, expected);

        let state = proto::DeviceState { status: 2, ..Default::default() };
        let read = readable(&state.encode_to_vec(), Some("DeviceState")).unwrap();
        assert_eq!(read.value["status"], "ONLINE_STATUS_ONLINE");
        let binding = proto::BindingEvent { r#type: 9, ..Default::default() };
        let read = readable(&binding.encode_to_vec(), Some("BindingEvent")).unwrap();
        assert_eq!(read.value["type"], 9);
        let customer = proto::CustomerEvent { customer_id: "c".into(), ..Default::default() };
        let read = readable(&customer.encode_to_vec(), Some("CustomerEvent")).unwrap();
        assert_eq!(read.value["customer_id"], "c");
        let order = proto::OrderEvent { item_num: 3, ..Default::default() };
        let read = readable(&order.encode_to_vec(), Some("OrderEvent")).unwrap();
        assert_eq!(read.value["item_num"], 3);
    }

    #[test]
    fn what_can_not_be_read_is_nothing() {
        assert!(readable(b"", None).is_none());
        assert!(readable(b"{", None).is_none());
        assert!(readable(b"\xff\xff", Some("OrderEvent")).is_none());
        assert!(readable(b"\x0a\x01c", None).is_none(), "nothing tells its type");
        assert!(readable(b"\x0a\x01c", Some("Receipt")).is_none());
    }
}
