//! The device's own message, inside of either spelling (contract: input events).

use emberline_model::{Category, Field};

use crate::device::{ClockStyle, Habits, main_field};
use crate::message::{Body, Flaw, Message, Method, Properties, Sample};
use crate::text::{push_all, push_unsigned, push_value};

/// The device's own message.
pub(crate) fn push_payload(out: &mut Vec<u8>, habits: Habits, message: &Message) {
    let method: &[u8] = match message.body {
        Body::Other(Method::ReportInfo) => b"report_info",
        Body::Other(Method::EventPost) => b"event_post",
        Body::Other(Method::ControlReply) => b"control_reply",
        Body::Other(Method::ActionReply) => b"action_reply",
        Body::Other(Method::EmptyReport) | Body::Report(_) | Body::State(_) => b"report",
    };
    push_all(out, &[b"{\"method\":\"", method, b"\",\"clientToken\":\"t-"]);
    push_unsigned(out, message.sequence);
    out.push(b'"');
    if habits.clock != ClockStyle::Absent {
        out.extend_from_slice(b",\"timestamp\":");
        let in_millis = habits.clock == ClockStyle::Millis;
        let time = if in_millis { message.time_ms } else { message.time_ms.div_euclid(1000) };
        push_unsigned(out, time.unsigned_abs());
    }
    match &message.body {
        Body::Report(properties) => push_properties(out, habits, properties, message.sequence),
        Body::Other(method) => out.extend_from_slice(tail_of(*method)),
        Body::State(_) => {}
    }
    out.push(b'}');
}

/// What follows in a message that is no telemetry.
const fn tail_of(method: Method) -> &'static [u8] {
    match method {
        Method::ReportInfo => {
            br#","params":{"name":"dev","imei":"860000000000000","fw_ver":"2.1.4","device_label":{"batch":"7"}}"#
        }
        Method::EventPost => br#","version":"1.0","eventId":"low_voltage","type":"alert","params":{"voltage":183.2}"#,
        Method::ControlReply => br#","code":0,"status":"""#,
        Method::ActionReply => br#","code":0,"status":"ok","response":{"result":1}"#,
        Method::EmptyReport => br#","params":{}"#,
    }
}

/// Properties outside of the standard model, as other firmware of the fleet tells them.
const UNKNOWN: [&[u8]; 4] = [
    br#""rssi":-61"#,
    br#""battery":{"level":87,"charging":false}"#,
    br#""firmware":"2.1.4""#,
    br#""switches":[1,0,1]"#,
];

fn push_properties(out: &mut Vec<u8>, habits: Habits, properties: &Properties, sequence: u64) {
    let mut separator: &[u8] = b",\"params\":{";
    let flawed = properties.flaw.map(|flaw| (properties.samples.len() - 1, flaw));
    for (index, sample) in properties.samples.iter().enumerate() {
        push_all(out, &[separator, b"\"", sample.category.property().as_bytes(), b"\":"]);
        let flaw = flawed.filter(|(place, _)| *place == index).map(|(_, flaw)| flaw);
        push_property(out, habits, sample, flaw, sequence);
        separator = b",";
    }
    for unknown in UNKNOWN.iter().take(usize::from(properties.unknown)) {
        push_all(out, &[separator, unknown]);
        separator = b",";
    }
    out.push(b'}');
}

fn push_property(
    out: &mut Vec<u8>,
    habits: Habits,
    sample: &Sample,
    flaw: Option<Flaw>,
    sequence: u64,
) {
    let category = sample.category;
    let main = main_field(category);
    // Varies from message to message, and rounds away.
    let fine = habits.fine_digits.then_some((sequence % 5) as u8);
    let value_of = |out: &mut Vec<u8>, field: &Field, steps: i32| match flaw {
        Some(Flaw::OutOfRange) if *field == *main => {
            push_value(out, field, field.quantity.max + 1_000, fine);
        }
        _ if category == Category::Smoke && habits.boolean_words => {
            out.extend_from_slice(if steps == 0 { b"false" } else { b"true" });
        }
        _ => push_value(out, field, steps, fine),
    };
    match flaw {
        Some(Flaw::Null) => return out.extend_from_slice(b"null"),
        Some(Flaw::Text) => return out.extend_from_slice(b"\"n/a\""),
        _ => {}
    }
    if !category.is_struct() {
        return value_of(out, main, sample.steps[0]);
    }
    let fields = category.fields();
    let told = if flaw == Some(Flaw::MissingField) { fields.len() - 1 } else { fields.len() };
    let mut separator: &[u8] = b"{\"";
    for (field, steps) in fields.iter().zip(sample.steps).take(told) {
        push_all(out, &[separator, field.name.as_bytes(), b"\":"]);
        value_of(out, field, steps);
        separator = b",\"";
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use emberline_model::Category;
    use serde_json::{Value, json};

    use super::push_payload;
    use crate::device::{ClockStyle, Habits};
    use crate::message::{Body, Flaw, Message, Method, Properties, Sample};
    use crate::plan::Format;

    const HABITS: Habits = Habits {
        format: Format::Platform,
        clock: ClockStyle::Millis,
        boolean_words: false,
        fine_digits: false,
    };

    fn told(habits: Habits, body: Body) -> Value {
        let mut out = Vec::new();
        let message = Message { time_ms: 1_591_617_821_250, sequence: 32_726, body };
        push_payload(&mut out, habits, &message);
        serde_json::from_slice(&out).unwrap()
    }

    fn report(flaw: Option<Flaw>, unknown: u8) -> Body {
        let samples = [
            Sample { category: Category::Smoke, steps: [1, 0, 0] },
            Sample { category: Category::Current, steps: [2, 1_234, 1_600] },
        ];
        Body::Report(Properties { samples: samples.into_iter().collect(), flaw, unknown })
    }

    fn params(habits: Habits, body: Body) -> Value {
        told(habits, body)["params"].take()
    }

    #[test]
    fn a_report_tells_its_properties_at_one_time() {
        assert_eq!(
            told(HABITS, report(None, 0)),
            json!({"method": "report", "clientToken": "t-32726", "timestamp": 1_591_617_821_250_i64,
                "params": {"smoke_state": 1,
                    "current_info": {"amount": 2, "current": 12.34, "rated_current": 16.0}}})
        );
    }

    #[test]
    fn firmware_has_its_habits() {
        let words = Habits { boolean_words: true, ..HABITS };
        assert_eq!(params(words, report(None, 0))["smoke_state"], true);
        let fine = Habits { fine_digits: true, ..HABITS };
        let current = &params(fine, report(None, 0))["current_info"];
        assert_eq!(*current, json!({"amount": 2, "current": 12.341, "rated_current": 16.001}));
        let seconds = Habits { clock: ClockStyle::Seconds, ..HABITS };
        assert_eq!(told(seconds, report(None, 0))["timestamp"], 1_591_617_821);
        let absent = Habits { clock: ClockStyle::Absent, ..HABITS };
        assert_eq!(told(absent, report(None, 0)).get("timestamp"), None);
    }

    #[test]
    fn a_flaw_is_in_the_last_property_only() {
        let flawed = |flaw| params(HABITS, report(Some(flaw), 0));
        assert_eq!(flawed(Flaw::Null), json!({"smoke_state": 1, "current_info": null}));
        assert_eq!(flawed(Flaw::Text), json!({"smoke_state": 1, "current_info": "n/a"}));
        assert_eq!(
            flawed(Flaw::MissingField),
            json!({"smoke_state": 1, "current_info": {"amount": 2, "current": 12.34}})
        );
        assert_eq!(flawed(Flaw::OutOfRange)["current_info"]["current"], 665.35);
    }

    #[test]
    fn unknown_properties_stand_beside_the_known_ones() {
        let params = params(HABITS, report(None, 4));
        assert_eq!(params.as_object().unwrap().len(), 6);
        assert_eq!(params["switches"], json!([1, 0, 1]));
    }

    #[test]
    fn other_methods_are_told_by_their_names() {
        for (method, name) in [
            (Method::ReportInfo, "report_info"),
            (Method::EventPost, "event_post"),
            (Method::ControlReply, "control_reply"),
            (Method::ActionReply, "action_reply"),
            (Method::EmptyReport, "report"),
        ] {
            assert_eq!(told(HABITS, Body::Other(method))["method"], name);
        }
    }
}
