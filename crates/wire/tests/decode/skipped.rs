//! What is no telemetry, and no error either.

use emberline_model::SkipReason;
use emberline_wire::{
    DecodeError,
    device::{DeviceDecoder, DeviceInput, DeviceRecord},
    events::{decode_binding, decode_customer, decode_order},
};

use crate::support::{
    RECORD_TIME, base64, decode, forwarded, published, published_on, report, shown,
};

#[test]
fn a_report_without_a_property_is_skipped() {
    let no_property = Ok(DeviceRecord::Skipped(SkipReason::NoProperty));
    for message in [report("{}"), report("null"), r#"{"method":"report"}"#.to_owned()] {
        assert_eq!(decode(&published(&message)), no_property);
    }
    assert_eq!(shown(&decode(&published(&report("[1]")))), "error: params: not an object",);
}

#[test]
fn other_methods_are_skipped_whatever_their_params_are() {
    let skipped = Ok(DeviceRecord::Skipped(SkipReason::OtherMethod));
    for method in ["report_info", "event_post", "control_reply", "action_reply", "Report", ""] {
        for params in ["[1,2]", "\"x\"", "{\"power\":\"high\",\"power\":1e999}", "null", "1e999"] {
            for message in [
                format!(r#"{{"method":"{method}","params":{params},"timestamp":"now"}}"#),
                format!(r#"{{"timestamp":-1,"method":"{method}","params":{params},"params":1}}"#),
            ] {
                assert_eq!(decode(&published(&message)), skipped, "{message}");
                assert_eq!(decode(&forwarded(&message)), skipped, "{message}");
            }
        }
    }
    for params in ["{\"power\":\"high\",\"smoke_state\":1e999}", "1e999", "[1]"] {
        let first = format!(r#"{{"params":{params},"timestamp":1e999,"method":"control_reply"}}"#);
        assert_eq!(decode(&published(&first)), skipped, "{first}");
        assert_eq!(decode(&forwarded(&first)), skipped, "{first}");
    }
}

#[test]
fn other_messages_of_the_platform_are_skipped() {
    let skipped = Ok(DeviceRecord::Skipped(SkipReason::OtherMessage));
    for value in [
        r#"{"MsgType":"Register","ProductId":"P","DeviceName":"d"}"#,
        r#"{"MsgType":"StatusChange","Event":"Activated","ProductId":"P","DeviceName":"d"}"#,
    ] {
        assert_eq!(decode(value.as_bytes()), skipped, "{value}");
    }
    let on_own_topic = |payload: &str| decode(&published_on("F4N0000AN/dev1/data", payload));
    assert_eq!(on_own_topic(&base64("21.5,47")), skipped);
    assert_eq!(on_own_topic(&base64("{cut")), skipped);
    assert_eq!(on_own_topic(&base64("{\"humidity\":47}")), skipped);
    assert_eq!(on_own_topic("?"), skipped);
    assert!(matches!(
        on_own_topic(&base64(&report("{\"power\":1}"))),
        Ok(DeviceRecord::Telemetry(_))
    ));
}

#[test]
fn a_tombstone_is_skipped_and_an_empty_value_is_an_error() {
    let input = |value| DeviceInput { value, type_name: None, timestamp: RECORD_TIME };
    let mut decoder = DeviceDecoder::new();
    let tombstone = decoder.decode(input(None)).unwrap();
    assert_eq!(tombstone, DeviceRecord::Skipped(SkipReason::Tombstone));
    assert_eq!(decoder.decode(input(Some(b""))), Err(DecodeError::Empty));
}

#[test]
fn an_events_tombstone_is_no_event() {
    assert_eq!(decode_binding(None, None), Ok(None));
    assert_eq!(decode_customer(None, Some("CustomerEvent")), Ok(None));
    assert_eq!(decode_order(None, None), Ok(None));
}
