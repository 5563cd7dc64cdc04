//! A report's properties as the device wrote them, before they are rounded, checked and
//! left out: for who looks at their shapes. Not for the hot path.

use emberline_model::Category;
use prost::Message as _;
use serde_json::{Map, Number, Value};

use super::{DeviceInput, envelope::decode_base64};
use crate::proto;

/// The properties of a record that [`DeviceDecoder::decode`](super::DeviceDecoder::decode)
/// makes telemetry of, under the names that it gives them. `None` where they can't be held
/// as JSON (`1e999`), and for what is no telemetry.
pub fn properties_as_sent(input: DeviceInput<'_>) -> Option<Map<String, Value>> {
    match input.value? {
        value @ [b'{', ..] => of_platform(value),
        value => of_protobuf(value),
    }
}

fn of_platform(value: &[u8]) -> Option<Map<String, Value>> {
    let mut envelope: Map<String, Value> = serde_json::from_slice(value).ok()?;
    let payload = envelope.remove("Payload").or_else(|| envelope.remove("payload"))?;
    let mut message = match payload {
        Value::String(text) => {
            let mut bytes = Vec::new();
            decode_base64(&text, &mut bytes).then_some(())?;
            serde_json::from_slice(&bytes).ok()?
        }
        Value::Object(message) => message,
        _ => return None,
    };
    match message.remove("params")? {
        Value::Object(params) => Some(params),
        _ => None,
    }
}

fn of_protobuf(value: &[u8]) -> Option<Map<String, Value>> {
    Some(of_message(&proto::DeviceTelemetry::decode(value).ok()?))
}

/// The properties of a message, as far as JSON can hold them.
pub(crate) fn of_message(message: &proto::DeviceTelemetry) -> Map<String, Value> {
    let object = |fields: &[(&str, Option<f64>)]| {
        let given = fields.iter().filter_map(|(name, value)| Some((*name, number((*value)?)?)));
        Value::Object(given.map(|(name, value)| (name.to_owned(), value)).collect())
    };
    let voltage = message
        .voltage_info
        .map(|it| object(&[("voltage", it.voltage), ("amount", it.amount.map(f64::from))]));
    let temperature = message
        .temperature_info
        .map(|it| object(&[("temperature", it.temperature), ("amount", it.amount.map(f64::from))]));
    let current = message.current_info.map(|it| {
        let amount = it.amount.map(f64::from);
        let fields =
            [("current", it.current), ("rated_current", it.rated_current), ("amount", amount)];
        object(&fields)
    });
    let found = [
        (Category::Voltage, voltage),
        (Category::Temperature, temperature),
        (Category::Current, current),
        (Category::ResidualCurrent, message.residual_current.and_then(number)),
        (Category::Power, message.power.and_then(number)),
        (Category::Smoke, message.smoke_state.map(Value::Bool)),
    ];
    let given = found
        .into_iter()
        .filter_map(|(category, value)| Some((category.property().to_owned(), value?)));
    given.collect()
}

/// JSON has no number for what is none.
fn number(value: f64) -> Option<Value> {
    Number::from_f64(value).map(Value::Number)
}
