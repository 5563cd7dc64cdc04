//! The protobuf messages of a user's own gateway and application.

use emberline_model::{Category, OnlineStatus};
use emberline_wire::proto;
use prost::Message as _;

use crate::device::main_field;
use crate::message::{Body, Flaw, Message, Properties, Sample, in_units};

/// A device's message, and the name of its type.
pub(crate) fn device_message(
    product_id: &str,
    device_name: &str,
    message: &Message,
) -> (Vec<u8>, &'static str) {
    let (product_id, device_name) = (product_id.to_owned(), device_name.to_owned());
    if let Body::State(status) = message.body {
        let state = proto::DeviceState {
            product_id,
            device_name,
            status: status_of(status).into(),
            time_ms: message.time_ms,
            reason: String::new(),
        };
        return (state.encode_to_vec(), "DeviceState");
    }
    let mut telemetry = proto::DeviceTelemetry {
        product_id,
        device_name,
        report_time_ms: message.time_ms,
        sequence: Some(message.sequence),
        ..Default::default()
    };
    if let Body::Report(properties) = &message.body {
        fill(&mut telemetry, properties);
    }
    (telemetry.encode_to_vec(), "DeviceTelemetry")
}

fn status_of(status: OnlineStatus) -> proto::OnlineStatus {
    match status {
        OnlineStatus::Offline => proto::OnlineStatus::Offline,
        OnlineStatus::Online => proto::OnlineStatus::Online,
        OnlineStatus::Unknown => proto::OnlineStatus::Unknown,
    }
}

fn fill(telemetry: &mut proto::DeviceTelemetry, properties: &Properties) {
    let last = properties.samples.len().saturating_sub(1);
    for (index, sample) in properties.samples.iter().enumerate() {
        set(telemetry, sample, properties.flaw.filter(|_| index == last));
    }
}

/// Sets one property. A flaw is one that protobuf can express.
fn set(telemetry: &mut proto::DeviceTelemetry, sample: &Sample, flaw: Option<Flaw>) {
    let category = sample.category;
    let main = main_field(category).quantity;
    let steps = sample.steps[usize::from(category.is_struct())];
    let steps = if flaw == Some(Flaw::OutOfRange) { main.max + 1_000 } else { steps };
    let value = in_units(steps, main.decimals);
    let whole = flaw != Some(Flaw::MissingField);
    let amount = u32::try_from(sample.steps[0]).ok();
    match category {
        Category::Voltage => {
            telemetry.voltage_info =
                Some(proto::Voltage { voltage: whole.then_some(value), amount });
        }
        Category::Temperature => {
            telemetry.temperature_info =
                Some(proto::Temperature { temperature: whole.then_some(value), amount });
        }
        Category::Current => {
            let rated = in_units(sample.steps[2], category.fields()[2].quantity.decimals);
            telemetry.current_info = Some(proto::Current {
                current: Some(value),
                amount,
                rated_current: whole.then_some(rated),
            });
        }
        Category::ResidualCurrent => telemetry.residual_current = Some(value),
        Category::Power => telemetry.power = Some(value),
        Category::Smoke => telemetry.smoke_state = Some(steps != 0),
    }
}
