//! Builders of messages, for the tests of this crate.

use emberline_model::EventTime;
use emberline_wire::{
    DecodeError,
    device::{DeviceDecoder, DeviceInput, DeviceRecord, Telemetry},
};

/// The record's own time in these tests: 2021-08-11T01:00:00Z.
pub(crate) const RECORD_TIME: EventTime = EventTime::from_millis(1_628_643_600_000);

/// The device's message, in the platform's first spelling.
pub(crate) fn published(message: &str) -> Vec<u8> {
    published_on("$thing/up/property/F4N0000AN/dev1", &base64(message))
}

/// Base64 as the platform writes it.
pub(crate) fn base64(message: &str) -> String {
    base64_simd::STANDARD.encode_to_string(message)
}

/// A payload as it stands, on any topic.
pub(crate) fn published_on(topic: &str, payload: &str) -> Vec<u8> {
    format!(
        r#"{{"MsgType":"Publish","Event":"","Topic":"{topic}","Seq":32726,"PayloadLen":250,"ProductId":"F4N0000AN","DeviceName":"dev1","Payload":"{payload}","Time":"2020-06-08 20:03:41","Reason":""}}"#
    )
    .into_bytes()
}

/// The device's message, in the platform's second spelling.
pub(crate) fn forwarded(message: &str) -> Vec<u8> {
    format!(
        r#"{{"payload":{message},"seq":10498444,"timestamp":1579055948,"topic":"$thing/up/property/DEP0000AS4/dev001","devicename":"dev001","productid":"DEP0000AS4"}}"#
    )
    .into_bytes()
}

/// A property report with these params, at a time in milliseconds.
pub(crate) fn report(params: &str) -> String {
    format!(
        r#"{{"method":"report","clientToken":"123","timestamp":1628646783000,"params":{params}}}"#
    )
}

/// Decodes a value without a type header.
pub(crate) fn decode(value: &[u8]) -> Result<DeviceRecord, DecodeError> {
    decode_as(value, None)
}

/// Decodes a value whose header names its type.
pub(crate) fn decode_as(
    value: &[u8],
    type_name: Option<&str>,
) -> Result<DeviceRecord, DecodeError> {
    DeviceDecoder::new().decode(DeviceInput {
        value: Some(value),
        type_name,
        timestamp: RECORD_TIME,
    })
}

/// Decodes a value that must be telemetry.
pub(crate) fn telemetry(value: &[u8]) -> Telemetry {
    match decode(value) {
        Ok(DeviceRecord::Telemetry(telemetry)) => telemetry,
        other => panic!("telemetry is expected, not {other:?}"),
    }
}

/// A record in a few words: what it is of, when, and the values as they are sent.
pub(crate) fn shown(record: &Result<DeviceRecord, DecodeError>) -> String {
    match record {
        Ok(DeviceRecord::Telemetry(telemetry)) => {
            let mut lines = vec![format!("{} at {}", telemetry.device, telemetry.time.seconds())];
            lines.extend(telemetry.reports.iter().map(|report| {
                assert_eq!(report.time, telemetry.time);
                let readings: Vec<_> = report
                    .measurement
                    .readings()
                    .map(|reading| format!("{}={}", reading.sub_type.code(), reading.value))
                    .collect();
                format!("  {}: {}", report.category().code(), readings.join(" "))
            }));
            lines.extend(telemetry.refused.iter().map(|refusal| {
                format!("  {} refused: {}", refusal.category.code(), refusal.reason)
            }));
            if telemetry.unknown_properties > 0 {
                lines.push(format!("  unknown properties: {}", telemetry.unknown_properties));
            }
            lines.join("\n")
        }
        Ok(DeviceRecord::State(state)) => {
            format!("{} is {:?} at {} ms", state.device, state.status, state.time.millis())
        }
        Ok(DeviceRecord::Skipped(reason)) => format!("skipped: {}", reason.name()),
        Err(problem) => format!("error: {problem}"),
    }
}
