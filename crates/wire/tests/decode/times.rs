//! Whose time stands, and in which unit it is read.

use emberline_wire::events::decode_binding;

use crate::support::{RECORD_TIME, decode, forwarded, published, shown, telemetry};

fn report_time(value: &[u8]) -> i64 {
    telemetry(value).time.seconds()
}

#[test]
fn a_report_time_is_read_in_seconds_and_in_milliseconds() {
    for timestamp in
        ["1628646783", "1628646783000", "1628646783999", "1628646783.0", "1.628646783e9"]
    {
        let message =
            format!(r#"{{"timestamp":{timestamp},"method":"report","params":{{"power":1}}}}"#);
        assert_eq!(report_time(&published(&message)), 1_628_646_783, "{timestamp}");
        assert_eq!(report_time(&forwarded(&message)), 1_628_646_783, "{timestamp}");
    }
}

#[test]
fn without_a_timestamp_the_envelopes_time_stands_and_then_the_records() {
    for message in [
        r#"{"method":"report","params":{"power":1}}"#,
        r#"{"method":"report","timestamp":null,"params":{"power":1}}"#,
    ] {
        let first = published(message);
        assert_eq!(report_time(&first), 1_591_617_821, "20:03:41 in UTC+8");
        let timeless = String::from_utf8(first).unwrap().replace("2020-06-08 20:03:41", "");
        assert_eq!(report_time(timeless.as_bytes()), RECORD_TIME.millis() / 1000);

        let second = String::from_utf8(forwarded(message)).unwrap();
        assert_eq!(report_time(second.as_bytes()), 1_579_055_948);
        let in_millis = second.replace("1579055948", "1579055948123");
        assert_eq!(report_time(in_millis.as_bytes()), 1_579_055_948);
        let timeless = second.replace("\"timestamp\":1579055948,", "");
        assert_eq!(report_time(timeless.as_bytes()), RECORD_TIME.millis() / 1000);
    }
}

#[test]
fn a_time_that_is_none_is_an_error() {
    for timestamp in
        ["\"1628646783\"", "1.5", "1e300", "-1", "true", "[]", "{}", "99999999999999999"]
    {
        let message =
            format!(r#"{{"method":"report","timestamp":{timestamp},"params":{{"power":1}}}}"#);
        assert_eq!(
            shown(&decode(&published(&message))),
            "error: timestamp of the payload: not a time in whole Unix seconds or milliseconds",
        );
    }
    let message = r#"{"method":"report","params":{"power":1}}"#;
    let bad = String::from_utf8(published(message)).unwrap().replace("2020-06-08", "2020-06-31");
    assert_eq!(
        shown(&decode(bad.as_bytes())),
        "error: Time: not a time such as 2020-06-08 20:03:41",
    );
}

#[test]
fn an_events_time_is_a_number_or_a_text() {
    for time in
        ["1628646783", "1628646783000", "\"2021-08-11T09:53:03+08:00\"", "\"2021-08-11T01:53:03Z\""]
    {
        let json =
            format!(r#"{{"type":"unbind","customer_id":"c_1","device_id":"P/d","time":{time}}}"#);
        let event = decode_binding(Some(json.as_bytes()), None).unwrap().unwrap();
        assert_eq!(event.time.millis(), 1_628_646_783_000, "{time}");
    }
}
