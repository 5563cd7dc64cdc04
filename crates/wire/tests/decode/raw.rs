//! Properties as the device wrote them.

use emberline_wire::{
    device::{DeviceInput, properties_as_sent},
    proto,
};
use prost::Message;
use serde_json::{Value, json};

use crate::support::{RECORD_TIME, forwarded, published, report};

fn as_sent(value: &[u8]) -> Option<Value> {
    let input = DeviceInput { value: Some(value), type_name: None, timestamp: RECORD_TIME };
    properties_as_sent(input).map(Value::Object)
}

#[test]
fn both_spellings_show_what_the_device_wrote() {
    let params = r#"{"power":1.2345,"smoke_state":"on","colour":[1]}"#;
    let expected = json!({ "power": 1.2345, "smoke_state": "on", "colour": [1] });
    assert_eq!(as_sent(&published(&report(params))), Some(expected.clone()));
    assert_eq!(as_sent(&forwarded(&report(params))), Some(expected));
}

#[test]
fn a_gateways_message_shows_the_fields_that_it_has() {
    let message = proto::DeviceTelemetry {
        product_id: "P".into(),
        device_name: "d".into(),
        voltage_info: Some(proto::Voltage { voltage: Some(220.53), amount: None }),
        smoke_state: Some(true),
        power: Some(f64::NAN),
        ..Default::default()
    };
    let expected = json!({ "voltage_info": { "voltage": 220.53 }, "smoke_state": true });
    assert_eq!(as_sent(&message.encode_to_vec()), Some(expected));
}

#[test]
fn what_can_not_be_held_or_is_no_report_shows_nothing() {
    for value in [
        published(&report(r#"{"power":1e999}"#)),
        published(&report("[]")),
        published(r#"{"method":"report"}"#),
        b"{".to_vec(),
        b"{\"Payload\":7}".to_vec(),
    ] {
        assert_eq!(as_sent(&value), None, "{}", String::from_utf8_lossy(&value));
    }
}
