//! What devices report, judged by the standard: each value's kind, range and step.
//!
//! The decoder of the pipeline says what of a record is sent; what it rounds or passes over
//! in silence is looked at here beside it. No value but a number is ever shown.

use emberline_model::{Category, Field, ValueKind};
use emberline_wire::DecodeError;
use serde_json::{Map, Value};

use super::finding::{Finding, What};
use super::problem::{meant, shown};

/// Everything that there is to say of a report's properties.
pub(super) fn judge(properties: &Map<String, Value>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, value) in properties {
        if let Some(category) = Category::from_property(name) {
            judge_property(category, value, &mut findings);
            continue;
        }
        let what = match Category::from_property(&meant(name)) {
            Some(category) => What::Misspelt(category.property()),
            None => What::Unknown,
        };
        findings.push(Finding { place: shown(name), what });
    }
    findings
}

fn judge_property(category: Category, value: &Value, findings: &mut Vec<Finding>) {
    let property = category.property();
    let mut find = |place: &str, what| findings.push(Finding { place: place.to_owned(), what });
    if !category.is_struct() {
        if let Some(what) = judge_value(&category.fields()[0], value) {
            find(property, what);
        }
        return;
    }
    let Some(members) = value.as_object() else {
        return find(property, What::WrongKind(kind_of(value)));
    };
    for field in category.fields() {
        let what = match members.get(field.name) {
            None => Some(What::Missing),
            Some(value) => judge_value(field, value),
        };
        if let Some(what) = what {
            find(&format!("{property}.{}", field.name), what);
        }
    }
    for name in members.keys() {
        if category.fields().iter().all(|field| field.name != name) {
            find(&format!("{property}.{}", shown(name)), What::Unknown);
        }
    }
}

fn judge_value(field: &Field, value: &Value) -> Option<What> {
    let switch = field.quantity.sub_type.kind() == ValueKind::Bool;
    let number = match value {
        Value::Bool(value) if switch => f64::from(u8::from(*value)),
        Value::Number(number) => number.as_f64()?,
        other => return Some(What::WrongKind(kind_of(other))),
    };
    if switch && number.fract() != 0.0 {
        return Some(What::WrongKind("a fraction"));
    }
    if field.to_steps(number).is_err() {
        return Some(What::OutOfRange);
    }
    (!field.is_on_step(number)).then_some(What::OffStep)
}

const fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Why a record can't be read, in words that many records share: no line, no column.
pub(super) fn kind_of_error(error: &DecodeError) -> String {
    match error {
        DecodeError::Json { part, .. } => format!("{part} is not readable as JSON"),
        DecodeError::Protobuf { message, .. } => {
            format!("the value is not readable as a protobuf {message}")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use emberline_model::EventTime;
    use emberline_wire::device::{DeviceDecoder, DeviceInput, DeviceRecord};
    use serde_json::{Value, json};

    use super::judge;

    fn found(properties: &Value) -> Vec<String> {
        let findings = judge(properties.as_object().unwrap());
        findings.iter().map(|it| format!("{} {:?}", it.place, it.what)).collect()
    }

    #[test]
    fn what_conforms_is_not_spoken_of() {
        let properties = json!({
            "voltage_info": { "voltage": 220.5, "amount": 1 },
            "temperature_info": { "temperature": -16, "amount": 63335 },
            "current_info": { "current": 655.35, "rated_current": 10, "amount": 2 },
            "residual_current": 0.030_000_001, "power": -327.67, "smoke_state": true,
        });
        assert_eq!(found(&properties), [""; 0]);
    }

    #[test]
    fn each_thing_that_does_not_conform_is_told_with_its_place() {
        let properties = json!({
            "voltage_info": { "voltage": 7000, "amount": 1.5, "phase": 3 },
            "temperature _info": { "temperature": 20, "amount": 1 },
            "temperature_info": 20,
            "current_info": { "current": "1", "amount": 0 },
            "power": 1.234, "residual_current": null, "smoke_state": 0.5, "brightness": 7,
        });
        assert_eq!(
            found(&properties),
            [
                "brightness Unknown",
                "current_info.amount OutOfRange",
                "current_info.current WrongKind(\"a text\")",
                "current_info.rated_current Missing",
                "power OffStep",
                "residual_current WrongKind(\"null\")",
                "smoke_state WrongKind(\"a fraction\")",
                "temperature _info Misspelt(\"temperature_info\")",
                "temperature_info WrongKind(\"a number\")",
                "voltage_info.amount OffStep",
                "voltage_info.voltage OutOfRange",
                "voltage_info.phase Unknown",
            ]
        );
    }

    /// What the pipeline refuses is a problem here, too, and what is a problem here it
    /// refuses.
    #[test]
    fn the_pipelines_decoder_judges_the_same() {
        let values =
            [json!(1), json!(-20), json!(70_000), json!("1"), json!(null), json!(true), json!(0.5)];
        let shapes = |value: &Value| {
            vec![
                json!({ "power": value }),
                json!({ "smoke_state": value }),
                json!({ "residual_current": value }),
                json!({ "voltage_info": value }),
                json!({ "voltage_info": { "voltage": value, "amount": 1 } }),
                json!({ "voltage_info": { "voltage": 1, "amount": value } }),
                json!({ "current_info": { "current": value, "amount": 1 } }),
                json!({ "temperature_info": { "temperature": value, "amount": 1, "more": 1 } }),
            ]
        };
        for properties in values.iter().flat_map(shapes) {
            let message = json!({
                "payload": { "method": "report", "params": properties },
                "productid": "P", "devicename": "d", "timestamp": 1_579_055_948,
            });
            let value = message.to_string();
            let input = DeviceInput {
                value: Some(value.as_bytes()),
                type_name: None,
                timestamp: EventTime::from_millis(0),
            };
            let Ok(DeviceRecord::Telemetry(telemetry)) = DeviceDecoder::new().decode(input) else {
                panic!("{message}")
            };
            let findings = judge(properties.as_object().unwrap());
            let expected = findings.iter().any(|finding| !finding.what.is_note());
            assert_eq!(!telemetry.refused.is_empty(), expected, "{message} {findings:?}");
        }
    }
}
