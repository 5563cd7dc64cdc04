//! The platform's two JSON spellings (contract: input events), written by hand.

use emberline_model::OnlineStatus;

use crate::device::Habits;
use crate::message::{Body, Message, Method};
use crate::payload::push_payload;
use crate::text::{ChinaTime, push_all, push_unsigned};

/// Writes messages; keeps its buffers.
#[derive(Default)]
pub(crate) struct JsonWriter {
    payload: Vec<u8>,
    china: ChinaTime,
}

/// The two parts of a device id.
#[derive(Clone, Copy)]
pub(crate) struct Names<'a> {
    pub(crate) product_id: &'a [u8],
    pub(crate) device_name: &'a [u8],
}

impl JsonWriter {
    /// The message in Kafka: an envelope with a Base64 payload.
    pub(crate) fn platform(&mut self, of: Names<'_>, habits: Habits, message: &Message) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        let (kind, event, reason) = match message.body {
            Body::State(OnlineStatus::Online) => ("StatusChange", "Online", ""),
            Body::State(_) => ("StatusChange", "Offline", "REASON_DEVICE_DISCONNECT"),
            Body::Report(_) | Body::Other(_) => ("Publish", "", ""),
        };
        self.payload.clear();
        if kind == "Publish" {
            push_payload(&mut self.payload, habits, message);
        }
        push_all(&mut out, &[b"{\"MsgType\":\"", kind.as_bytes()]);
        push_all(&mut out, &[b"\",\"Event\":\"", event.as_bytes(), b"\",\"Topic\":\""]);
        push_topic(&mut out, of, &message.body);
        push_all(&mut out, &[b"\",\"Seq\":"]);
        push_unsigned(&mut out, message.sequence);
        push_all(&mut out, &[b",\"PayloadLen\":"]);
        push_unsigned(&mut out, self.payload.len() as u64);
        push_all(&mut out, &[b",\"ProductId\":\"", of.product_id]);
        push_all(&mut out, &[b"\",\"DeviceName\":\"", of.device_name, b"\",\"Payload\":"]);
        if self.payload.is_empty() {
            out.extend_from_slice(b"null");
        } else {
            out.push(b'"');
            base64_simd::STANDARD.encode_append(&self.payload, &mut out);
            out.push(b'"');
        }
        let time = self.china.format(message.time_ms.div_euclid(1000));
        push_all(&mut out, &[b",\"Time\":\"", time]);
        push_all(&mut out, &[b"\",\"Reason\":\"", reason.as_bytes(), b"\"}"]);
        out
    }

    /// The HTTP forwarding, relayed. It has no form for a state: the platform tells
    /// those in its first spelling.
    pub(crate) fn forwarded(
        &mut self,
        of: Names<'_>,
        habits: Habits,
        message: &Message,
    ) -> Vec<u8> {
        if matches!(message.body, Body::State(_)) {
            return self.platform(of, habits, message);
        }
        let mut out = Vec::with_capacity(384);
        out.extend_from_slice(b"{\"payload\":");
        push_payload(&mut out, habits, message);
        out.extend_from_slice(b",\"seq\":");
        push_unsigned(&mut out, message.sequence);
        out.extend_from_slice(b",\"timestamp\":");
        push_unsigned(&mut out, message.time_ms.div_euclid(1000).unsigned_abs());
        out.extend_from_slice(b",\"topic\":\"");
        push_topic(&mut out, of, &message.body);
        push_all(&mut out, &[b"\",\"devicename\":\"", of.device_name]);
        push_all(&mut out, &[b"\",\"productid\":\"", of.product_id, b"\"}"]);
        out
    }
}

/// The platform's own topic; a state comes from none.
fn push_topic(out: &mut Vec<u8>, of: Names<'_>, body: &Body) {
    let kind: &[u8] = match body {
        Body::State(_) => return,
        Body::Other(Method::EventPost) => b"event",
        Body::Other(Method::ActionReply) => b"action",
        Body::Report(_) | Body::Other(_) => b"property",
    };
    push_all(out, &[b"$thing/up/", kind, b"/", of.product_id, b"/", of.device_name]);
}

#[cfg(test)]
mod tests {
    use emberline_model::{Category, OnlineStatus};
    use serde_json::{Value, json};

    use super::{JsonWriter, Names};
    use crate::device::{ClockStyle, Habits};
    use crate::message::{Body, Message, Properties, Sample};
    use crate::plan::Format;

    const NAMES: Names<'_> = Names { product_id: b"F4N0000AN", device_name: b"dev1" };
    const HABITS: Habits = Habits {
        format: Format::Platform,
        clock: ClockStyle::Millis,
        boolean_words: false,
        fine_digits: false,
    };

    fn message(body: Body) -> Message {
        Message { time_ms: 1_591_617_821_250, sequence: 32_726, body }
    }

    fn report() -> Message {
        let samples = [Sample { category: Category::Power, steps: [120, 0, 0] }];
        let samples = samples.into_iter().collect();
        message(Body::Report(Properties { samples, ..Properties::default() }))
    }

    fn read(bytes: &[u8]) -> Value {
        serde_json::from_slice(bytes).unwrap()
    }

    #[test]
    fn a_report_in_kafka_is_an_envelope_around_the_devices_message() {
        let habits = Habits { clock: ClockStyle::Seconds, ..HABITS };
        let mut envelope = read(&JsonWriter::default().platform(NAMES, habits, &report()));
        let payload = envelope["Payload"].take();
        assert_eq!(
            envelope,
            json!({"MsgType": "Publish", "Event": "", "Topic": "$thing/up/property/F4N0000AN/dev1",
                "Seq": 32726, "PayloadLen": 90, "ProductId": "F4N0000AN", "DeviceName": "dev1",
                "Payload": null, "Time": "2020-06-08 20:03:41", "Reason": ""})
        );
        let payload = base64_simd::STANDARD.decode_to_vec(payload.as_str().unwrap()).unwrap();
        assert_eq!(payload.len(), 90);
        assert_eq!(
            read(&payload),
            json!({"method": "report", "clientToken": "t-32726", "timestamp": 1_591_617_821,
                "params": {"power": 1.2}})
        );
    }

    #[test]
    fn a_forwarded_report_holds_the_message_itself() {
        let habits = Habits { clock: ClockStyle::Absent, ..HABITS };
        assert_eq!(
            read(&JsonWriter::default().forwarded(NAMES, habits, &report())),
            json!({"payload": {"method": "report", "clientToken": "t-32726",
                "params": {"power": 1.2}}, "seq": 32726, "timestamp": 1_591_617_821,
                "topic": "$thing/up/property/F4N0000AN/dev1",
                "devicename": "dev1", "productid": "F4N0000AN"})
        );
    }

    #[test]
    fn a_state_is_told_in_the_first_spelling_by_both() {
        let offline = message(Body::State(OnlineStatus::Offline));
        let first = JsonWriter::default().platform(NAMES, HABITS, &offline);
        assert_eq!(JsonWriter::default().forwarded(NAMES, HABITS, &offline), first);
        assert_eq!(
            read(&first),
            json!({"MsgType": "StatusChange", "Event": "Offline", "Topic": "", "Seq": 32726,
                "PayloadLen": 0, "ProductId": "F4N0000AN", "DeviceName": "dev1", "Payload": null,
                "Time": "2020-06-08 20:03:41", "Reason": "REASON_DEVICE_DISCONNECT"})
        );
    }
}
