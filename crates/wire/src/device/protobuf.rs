//! Protobuf from the user's own gateways: `DeviceTelemetry` and `DeviceState`.

use emberline_model::{Category, DeviceId, DeviceState, EventTime, OnlineStatus};
use prost::Message;

use super::{DeviceRecord, properties::Properties, property::measure};
use crate::{DecodeError, proto};

const TELEMETRY: &str = "DeviceTelemetry";
const STATE: &str = "DeviceState";

/// Decodes a message of the named type. `fallback` stands in for a time that the
/// message does not tell.
pub(super) fn decode(
    value: &[u8],
    type_name: Option<&str>,
    fallback: EventTime,
) -> Result<DeviceRecord, DecodeError> {
    let expected = "DeviceTelemetry or DeviceState";
    match type_name {
        Some(TELEMETRY) => telemetry(value, fallback),
        Some(STATE) => state(value, fallback),
        Some(other) => Err(DecodeError::wrong_type(other, expected)),
        None => Err(DecodeError::NoType { expected }),
    }
}

fn telemetry(value: &[u8], fallback: EventTime) -> Result<DeviceRecord, DecodeError> {
    let message = proto::DeviceTelemetry::decode(value)
        .map_err(|problem| DecodeError::protobuf(TELEMETRY, &problem))?;
    let device = device_id(&message.product_id, &message.device_name)?;
    let time = time_or("report_time_ms", message.report_time_ms, fallback)?;
    let time = time.report_time().ok_or(DecodeError::Missing { field: "report_time_ms" })?;

    let mut properties = Properties::default();
    let mut add = |category, values: &[Option<f64>]| {
        properties.add(category, measure(category, values));
    };
    if let Some(voltage) = message.voltage_info {
        add(Category::Voltage, &[voltage.amount.map(f64::from), voltage.voltage]);
    }
    if let Some(temperature) = message.temperature_info {
        add(Category::Temperature, &[temperature.amount.map(f64::from), temperature.temperature]);
    }
    if let Some(current) = message.current_info {
        let amount = current.amount.map(f64::from);
        add(Category::Current, &[amount, current.current, current.rated_current]);
    }
    if message.residual_current.is_some() {
        add(Category::ResidualCurrent, &[message.residual_current]);
    }
    if message.power.is_some() {
        add(Category::Power, &[message.power]);
    }
    if let Some(smoke) = message.smoke_state {
        add(Category::Smoke, &[Some(f64::from(u8::from(smoke)))]);
    }
    Ok(properties.take_record(device, time))
}

fn state(value: &[u8], fallback: EventTime) -> Result<DeviceRecord, DecodeError> {
    let message = proto::DeviceState::decode(value)
        .map_err(|problem| DecodeError::protobuf(STATE, &problem))?;
    let status = match proto::OnlineStatus::try_from(message.status) {
        Ok(proto::OnlineStatus::Offline) => OnlineStatus::Offline,
        Ok(proto::OnlineStatus::Online) => OnlineStatus::Online,
        Ok(proto::OnlineStatus::Unknown) => OnlineStatus::Unknown,
        Ok(proto::OnlineStatus::Unspecified) => {
            return Err(DecodeError::Missing { field: "status" });
        }
        Err(_) => return Err(DecodeError::invalid("status", "not one of the schema's")),
    };
    Ok(DeviceRecord::State(DeviceState {
        device: device_id(&message.product_id, &message.device_name)?,
        status,
        time: time_or("time_ms", message.time_ms, fallback)?,
    }))
}

fn device_id(product_id: &str, device_name: &str) -> Result<DeviceId, DecodeError> {
    if product_id.is_empty() {
        return Err(DecodeError::Missing { field: "product_id" });
    }
    if device_name.is_empty() {
        return Err(DecodeError::Missing { field: "device_name" });
    }
    DeviceId::new(product_id, device_name)
        .map_err(|problem| DecodeError::invalid("product_id and device_name", problem.to_string()))
}

/// A time in milliseconds; a sender that put seconds there is understood, as the
/// platform's are. Zero is what proto3 shows of a field that is not there.
fn time_or(
    field: &'static str,
    number: i64,
    fallback: EventTime,
) -> Result<EventTime, DecodeError> {
    if number == 0 {
        return Ok(fallback);
    }
    EventTime::from_seconds_or_millis(number)
        .ok_or_else(|| DecodeError::invalid(field, "not a time in Unix milliseconds"))
}
