//! Every example of the contract, and the protobuf twin of each, with what it comes to.

use emberline_model::{BindingChange, BindingEvent};
use emberline_wire::{
    events::{
        decode_binding, decode_customer, decode_order, encode_binding_json, encode_customer_json,
        encode_order_json,
    },
    proto,
};
use insta::{assert_debug_snapshot, assert_snapshot};
use prost::Message;

use crate::support::{decode, decode_as, forwarded, published, report, shown};

#[test]
fn the_platforms_published_message() {
    let value = published(
        r#"{"method":"report","clientToken":"123","timestamp":1628646783000,"params":{"voltage_info":{"voltage":220.5,"amount":1}}}"#,
    );
    assert_snapshot!(shown(&decode(&value)));
}

#[test]
fn the_platforms_status_change() {
    let value = br#"{"MsgType":"StatusChange","Event":"Offline","Topic":"","Seq":13895,"PayloadLen":0,
 "ProductId":"F4N0000AN","DeviceName":"dev1","Payload":null,"Time":"2020-06-08 20:03:47","Reason":"REASON_DEVICE_DISCONNECT"}"#;
    assert_snapshot!(shown(&decode(value)));
    let online = String::from_utf8_lossy(value).replace("Offline", "Online");
    assert_snapshot!(shown(&decode(online.as_bytes())));
}

#[test]
fn the_platforms_second_spelling() {
    let value = forwarded(r#"{"clientToken":"t","method":"report","params":{"power":1.2}}"#);
    assert_snapshot!(shown(&decode(&value)));
}

#[test]
fn every_property_of_the_thing_model() {
    let params = r#"{"smoke_state":1,"power":-1.2,"residual_current":0.031,
        "current_info":{"current":12.5,"amount":3,"rated_current":63},
        "temperature_info":{"amount":2,"temperature":-15.5},
        "voltage_info":{"voltage":220.5,"amount":1}}"#;
    assert_snapshot!(shown(&decode(&published(&report(params)))));
}

fn protobuf_telemetry() -> proto::DeviceTelemetry {
    proto::DeviceTelemetry {
        product_id: "F4N0000AN".into(),
        device_name: "dev1".into(),
        report_time_ms: 1_628_646_783_000,
        sequence: Some(7),
        voltage_info: Some(proto::Voltage { voltage: Some(220.5), amount: Some(1) }),
        temperature_info: Some(proto::Temperature { temperature: Some(-15.5), amount: Some(2) }),
        current_info: Some(proto::Current {
            current: Some(12.5),
            amount: Some(3),
            rated_current: Some(63.0),
        }),
        residual_current: Some(0.031),
        power: Some(-1.2),
        smoke_state: Some(true),
    }
}

#[test]
fn telemetry_in_protobuf_is_its_json_twin() {
    let value = protobuf_telemetry().encode_to_vec();
    assert_snapshot!(shown(&decode_as(&value, Some("DeviceTelemetry"))));
}

#[test]
fn telemetry_in_protobuf_refuses_single_properties() {
    let message = proto::DeviceTelemetry {
        voltage_info: Some(proto::Voltage { voltage: Some(220.5), amount: None }),
        temperature_info: Some(proto::Temperature { temperature: Some(151.1), amount: Some(2) }),
        power: Some(f64::NAN),
        report_time_ms: 0,
        ..protobuf_telemetry()
    };
    assert_snapshot!(shown(&decode_as(&message.encode_to_vec(), Some("DeviceTelemetry"))));
}

#[test]
fn a_state_in_protobuf() {
    let mut message = proto::DeviceState {
        product_id: "F4N0000AN".into(),
        device_name: "dev1".into(),
        status: proto::OnlineStatus::Unknown.into(),
        time_ms: 1_628_646_783_123,
        reason: "gateway restarted".into(),
    };
    let mut outcomes = vec![shown(&decode_as(&message.encode_to_vec(), Some("DeviceState")))];
    for (status, time_ms) in [(1, 0), (2, -1), (0, 1), (9, 1)] {
        (message.status, message.time_ms) = (status, time_ms);
        outcomes.push(shown(&decode_as(&message.encode_to_vec(), Some("DeviceState"))));
    }
    assert_snapshot!(outcomes.join("\n"));
}

#[test]
fn bindings() {
    let bind = br#"{"type":"bind","customer_id":"c_1001","device_id":"F4N0000AN/dev1","customer_device_no":"SN-0001","product_name":"Smoke detector","time":1628646783}"#;
    let unbind = br#"{"type":"unbind","customer_id":"c_1001","device_id":"F4N0000AN/dev1","time":1628650000}"#;
    let bound = decode_binding(Some(bind), None).unwrap().unwrap();
    let unbound = decode_binding(Some(unbind), None).unwrap().unwrap();
    assert_debug_snapshot!([&bound, &unbound]);

    for event in [bound, unbound] {
        let twin = protobuf_binding(&event).encode_to_vec();
        for type_name in [None, Some("BindingEvent")] {
            assert_eq!(decode_binding(Some(&twin), type_name).unwrap().unwrap(), event);
        }
        let json = encode_binding_json(&event);
        assert_eq!(decode_binding(Some(&json), Some("BindingEvent")).unwrap().unwrap(), event);
    }
}

fn protobuf_binding(event: &BindingEvent) -> proto::BindingEvent {
    let mut message = proto::BindingEvent {
        customer_id: event.customer.as_str().to_owned(),
        device_id: event.device.as_str().to_owned(),
        time: event.time.millis(),
        ..proto::BindingEvent::default()
    };
    match &event.change {
        BindingChange::Unbind => message.set_type(proto::BindingType::Unbind),
        BindingChange::Bind { customer_device_no, product_name } => {
            message.set_type(proto::BindingType::Bind);
            message.customer_device_no.clone_from(customer_device_no);
            message.product_name.clone_from(product_name);
        }
    }
    message
}

#[test]
fn customers() {
    let json = br#"{"customer_id":"c_1001","country_code":"86","phone_number":"13900000000","time":1628646000}"#;
    let event = decode_customer(Some(json), None).unwrap().unwrap();
    assert_eq!(event.phone_number, "13900000000");
    assert_debug_snapshot!(event);

    let twin = proto::CustomerEvent {
        customer_id: "c_1001".into(),
        country_code: "86".into(),
        phone_number: "13900000000".into(),
        time: 1_628_646_000,
    };
    assert!(!format!("{twin:?}").contains("139"), "a telephone number is not printed");
    assert_eq!(decode_customer(Some(&twin.encode_to_vec()), None).unwrap().unwrap(), event);
    let json = encode_customer_json(&event);
    assert_eq!(decode_customer(Some(&json), Some("CustomerEvent")).unwrap().unwrap(), event);
}

#[test]
fn orders() {
    let json = br#"{"customer_id":"c_1001","order_no":"20210811-0001","item_id":"D-FireInsurance2020","item_vno":"FireBusiness","item_num":1,"time":1628646100}"#;
    let event = decode_order(Some(json), None).unwrap().unwrap();
    assert_debug_snapshot!(event);

    let twin = proto::OrderEvent {
        customer_id: "c_1001".into(),
        order_no: "20210811-0001".into(),
        item_id: "D-FireInsurance2020".into(),
        item_vno: "FireBusiness".into(),
        item_num: 1,
        time: 1_628_646_100_000,
    };
    assert_eq!(decode_order(Some(&twin.encode_to_vec()), None).unwrap().unwrap(), event);
    let json = encode_order_json(&event);
    assert_eq!(decode_order(Some(&json), Some("OrderEvent")).unwrap().unwrap(), event);
}
