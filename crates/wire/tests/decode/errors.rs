//! What can't be read, what is told of it, and what is put up with.

use emberline_wire::events::{decode_binding, decode_customer, decode_order};
use insta::assert_snapshot;

use crate::support::{
    base64, decode_as, forwarded, published, published_on, report, shown, telemetry,
};

#[test]
fn base64_may_lack_its_padding_and_have_its_slashes_escaped() {
    for padding in 0..4 {
        let message = report(&format!(r#"{{"power":1,"note":"{}"}}"#, "?".repeat(padding)));
        let padded = base64(&message);
        let bare = padded.trim_end_matches('=');
        let escaped = padded.replace('/', "\\/");
        for payload in [&padded, bare, &escaped] {
            let value = published_on("$thing/up/property/F4N0000AN/dev1", payload);
            assert_eq!(telemetry(&value).reports.len(), 1, "{payload}");
        }
    }
}

#[test]
fn what_is_wrong_with_a_message_is_told() {
    let without = |name: &str| {
        let value = String::from_utf8(published(&report("{\"power\":1}"))).unwrap();
        value.replace(&format!("\"{name}\""), "\"other\"").into_bytes()
    };
    let payload = |payload: &str| published_on("$thing/up/property/F4N0000AN/dev1", payload);
    let values: Vec<(Vec<u8>, Option<&str>)> = vec![
        (without("MsgType"), None),
        (without("ProductId"), None),
        (without("DeviceName"), None),
        (without("Payload"), None),
        (forwarded("null"), None),
        (forwarded("[]"), None),
        (payload(""), None),
        (payload("eyJ"), None),
        (payload("eyJtZXRob2QiOiJyZXBvcnQi"), None),
        (payload("e"), None),
        (payload("e*=="), None),
        (payload(&base64("[]")), None),
        (payload(&base64("{}")), None),
        (b"{".to_vec(), None),
        (b"{}x".to_vec(), None),
        (b"{\"MsgType\":NaN}".to_vec(), None),
        (br#"{"MsgType":"StatusChange"}"#.to_vec(), None),
        (
            br#"{"MsgType":"StatusChange","Event":"Online","ProductId":"P/Q","DeviceName":"d"}"#
                .to_vec(),
            None,
        ),
        (b"\x0a\x01P".to_vec(), None),
        (b"\x0a\x01P".to_vec(), Some("DeviceTelemetry")),
        (b"\x0a\x09P".to_vec(), Some("DeviceTelemetry")),
        (b"\x0a\x01\xff".to_vec(), Some("DeviceState")),
        (b"\x0a\x01P".to_vec(), Some("BindingEvent")),
    ];
    let told: Vec<_> =
        values.iter().map(|(value, type_name)| shown(&decode_as(value, *type_name))).collect();
    assert_snapshot!(told.join("\n"));
}

#[test]
fn what_is_wrong_with_an_event_is_told_without_its_values() {
    let mut told = Vec::new();
    for json in [
        r#"{"type":"bind","customer_id":"c_1","device_id":"P/d","product_name":"x","time":1}"#,
        r#"{"type":"rebind","customer_id":"c_1","device_id":"P/d","time":1}"#,
        r#"{"type":"unbind","customer_id":"c 13900000000","device_id":"P/d","time":1}"#,
        r#"{"type":"unbind","customer_id":"c_1","device_id":"13900000000","time":1}"#,
        r#"{"type":"unbind","customer_id":"c_1","device_id":"P/d"}"#,
        r#"{"type":"unbind","customer_id":"c_1","device_id":"P/d","time":"13900000000"}"#,
        r#"{"type":"unbind","customer_id":"c_1","device_id":"P/d","time":1,"time":2}"#,
    ] {
        told.push(decode_binding(Some(json.as_bytes()), None).unwrap_err().to_string());
    }
    for json in [
        r#"{"customer_id":"c_1","country_code":"86","phone_number":13900000000,"time":1}"#,
        r#"{"customer_id":"c_1","country_code":"86","phone_number":["13900000000"],"time":1}"#,
        r#"{"customer_id":"c_1","country_code":"86","phone_number":"","time":1}"#,
        r#"{"customer_id":"c_1","country_code":"86","phone_number":"13900000000"#,
    ] {
        told.push(decode_customer(Some(json.as_bytes()), None).unwrap_err().to_string());
    }
    for (item_num, item_id) in [("1.5", "Fire"), ("0", "D-CarInsurance2021"), ("1", "Fire")] {
        let json = format!(
            r#"{{"customer_id":"c_1","order_no":"1","item_id":"{item_id}","item_vno":"AutoVIP","item_num":{item_num},"time":1}}"#
        );
        told.push(decode_order(Some(json.as_bytes()), None).unwrap_err().to_string());
    }
    told.push(decode_order(Some(b"{}"), Some("BindingEvent")).unwrap_err().to_string());
    told.push(decode_order(Some(b""), None).unwrap_err().to_string());
    let told = told.join("\n");
    assert!(!told.contains("139"), "{told}");
    assert_snapshot!(told);
}

#[test]
fn a_message_with_two_methods_is_no_report_and_not_skipped() {
    for methods in
        [r#""method":"report","method":"event_post""#, r#""method":"x","method":"report""#]
    {
        let message = format!(r#"{{{methods},"params":{{"power":1}}}}"#);
        assert_eq!(shown(&decode_as(&published(&message), None)), "error: method: given twice");
    }
}
