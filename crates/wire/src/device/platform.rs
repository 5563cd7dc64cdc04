//! What a platform message means: the rules of the contract (input events) on what
//! was read of it.

use emberline_model::{DeviceId, DeviceState, EventTime, OnlineStatus, SkipReason};

use super::{
    DeviceRecord, beijing_time,
    envelope::{Envelope, Payload},
    message::{Message, Method, Params},
};
use crate::{DecodeError, json::Scalar};

/// Messages of the thing model's properties come under this topic.
const PROPERTY_TOPIC: &str = "$thing/up/property/";

/// Decodes a platform message; `scratch` takes the payload out of its Base64.
pub(super) fn decode(
    value: &[u8],
    record_time: EventTime,
    scratch: &mut Vec<u8>,
) -> Result<DeviceRecord, DecodeError> {
    let (mut envelope, mut message) = (Envelope::default(), Message::default());
    envelope.parse(value, &mut message, scratch)?;
    envelope.record(&mut message, record_time, scratch)
}

impl Envelope<'_> {
    fn record(
        &self,
        message: &mut Message,
        record_time: EventTime,
        scratch: &[u8],
    ) -> Result<DeviceRecord, DecodeError> {
        match &self.msg_type {
            Scalar::Text(kind) if kind == "Publish" => {
                self.published(message, record_time, scratch)
            }
            Scalar::Text(kind) if kind == "StatusChange" => self.status_change(record_time),
            Scalar::Absent if self.forwarded => self.published(message, record_time, scratch),
            Scalar::Absent => Err(DecodeError::Missing { field: "MsgType" }),
            _ => Ok(DeviceRecord::Skipped(SkipReason::OtherMessage)),
        }
    }

    fn status_change(&self, record_time: EventTime) -> Result<DeviceRecord, DecodeError> {
        let status = match self.event.text("Event")? {
            "Online" => OnlineStatus::Online,
            "Offline" => OnlineStatus::Offline,
            _ => return Ok(DeviceRecord::Skipped(SkipReason::OtherMessage)),
        };
        let (device, time) = (self.device()?, self.time_or(record_time)?);
        Ok(DeviceRecord::State(DeviceState { device, status, time }))
    }

    fn published(
        &self,
        message: &mut Message,
        record_time: EventTime,
        scratch: &[u8],
    ) -> Result<DeviceRecord, DecodeError> {
        let read = match self.payload {
            Payload::Message => Ok(()),
            Payload::Decoded => message.parse(scratch),
            Payload::NotBase64 => Err(DecodeError::Base64),
            Payload::Absent => Err(DecodeError::Missing { field: "the payload" }),
            Payload::Other => {
                Err(DecodeError::invalid("the payload", "neither Base64 text nor an object"))
            }
        };
        // A topic of the user's own may carry anything.
        let foreign = self.is_foreign();
        match read {
            Err(_) if foreign => return Ok(DeviceRecord::Skipped(SkipReason::OtherMessage)),
            read => read?,
        }
        match message.method {
            Method::Other => return Ok(DeviceRecord::Skipped(SkipReason::OtherMethod)),
            Method::Absent if foreign => {
                return Ok(DeviceRecord::Skipped(SkipReason::OtherMessage));
            }
            Method::Absent => return Err(DecodeError::Missing { field: "method" }),
            Method::Report => {}
        }
        if let Some(field) = message.repeated {
            return Err(DecodeError::invalid(field, "given twice"));
        }
        let properties = match &mut message.params {
            Params::Properties(properties) => properties,
            Params::Absent => return Ok(DeviceRecord::Skipped(SkipReason::NoProperty)),
            Params::NotAnObject => return Err(DecodeError::invalid("params", "not an object")),
        };
        let time = match std::mem::replace(&mut message.time, Ok(None))? {
            Some(time) => time,
            None => self.time_or(record_time)?,
        };
        let time = time.report_time().ok_or(DecodeError::Missing { field: "the report's time" })?;
        Ok(properties.take_record(self.device()?, time))
    }

    /// Whether its topic is known, and not that of the thing model's properties.
    fn is_foreign(&self) -> bool {
        match &self.topic {
            Scalar::Text(topic) => !topic.is_empty() && !topic.starts_with(PROPERTY_TOPIC),
            _ => false,
        }
    }

    fn device(&self) -> Result<DeviceId, DecodeError> {
        let (product_id, device_name) =
            (self.product_id.text("ProductId")?, self.device_name.text("DeviceName")?);
        DeviceId::new(product_id, device_name).map_err(|problem| {
            DecodeError::invalid("ProductId and DeviceName", problem.to_string())
        })
    }

    /// The envelope's own time, or else the record's.
    fn time_or(&self, record_time: EventTime) -> Result<EventTime, DecodeError> {
        match self.time.text("Time") {
            Ok(text) => beijing_time::parse(text).ok_or_else(|| {
                DecodeError::invalid("Time", "not a time such as 2020-06-08 20:03:41")
            }),
            Err(DecodeError::Missing { .. }) => {
                Ok(self.timestamp.numeric_time("timestamp")?.unwrap_or(record_time))
            }
            Err(problem) => Err(problem),
        }
    }
}
