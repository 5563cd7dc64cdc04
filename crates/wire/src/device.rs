//! What comes of a record on a device topic: telemetry, a state, or nothing to send.
//! This is the hot path: about a microsecond a record, nothing allocated for the usual
//! one.
//!
//! Read [`DeviceDecoder::decode`], then `platform` for what its messages mean (`envelope`
//! reads their two spellings, `message` what the device itself said in them), `protobuf`
//! for the user's own gateways.

mod beijing_time;
mod envelope;
mod message;
mod platform;
mod properties;
mod property;
mod protobuf;
mod raw;
mod refusal;

use arrayvec::ArrayVec;
use emberline_model::{Category, DeviceId, DeviceState, EventTime, Report, ReportTime, SkipReason};

pub(crate) use envelope::decode_base64;
pub(crate) use raw::of_message;
pub use raw::properties_as_sent;
pub use refusal::Refusal;

use crate::DecodeError;

/// Scratch space above this size, in bytes, is given back after the record that needed
/// it: one huge record shall not cost memory for ever.
const MOST_SCRATCH_KEPT: usize = 1 << 20;

/// Decodes the records of device topics. Holds scratch space: make one a thread.
#[derive(Debug, Default)]
pub struct DeviceDecoder {
    /// The payload of the record at hand, out of its Base64.
    payload: Vec<u8>,
}

/// A record of a device topic.
#[derive(Debug, Clone, Copy)]
pub struct DeviceInput<'a> {
    /// The record's value; `None` for a tombstone.
    pub value: Option<&'a [u8]>,
    /// The header [`TYPE_HEADER`](crate::headers::TYPE_HEADER), or else the type that the
    /// topic is configured for. Only asked for where the value is not JSON.
    pub type_name: Option<&'a str>,
    /// The record's own time: the last resort where the message tells none.
    pub timestamp: EventTime,
}

/// What a record of a device topic comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum DeviceRecord {
    /// Properties of the thing model.
    Telemetry(Telemetry),
    /// The device went online or offline.
    State(DeviceState),
    /// Nothing to send, and no error.
    Skipped(SkipReason),
}

impl DeviceRecord {
    /// The device that it tells something of.
    pub fn device(&self) -> Option<&DeviceId> {
        match self {
            Self::Telemetry(telemetry) => Some(&telemetry.device),
            Self::State(state) => Some(&state.device),
            Self::Skipped(_) => None,
        }
    }
}

/// The properties that one device reported at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Telemetry {
    /// Which device.
    pub device: DeviceId,
    /// When it measured; the time of each of the reports.
    pub time: ReportTime,
    /// One report a property, in the order of [`Category::ALL`].
    pub reports: ArrayVec<Report, { Category::ALL.len() }>,
    /// The properties that can't be sent, in the same order. A property is either
    /// here or among the reports.
    pub refused: Vec<Refusal>,
    /// How many properties lie outside of the standard model.
    pub unknown_properties: u16,
}

impl DeviceDecoder {
    /// A decoder without scratch space so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Decodes one record. A value that begins with `{` is a message of the platform,
    /// anything else protobuf (contract: input events).
    ///
    /// # Errors
    /// [`DecodeError`] if the record as a whole can't be read. A single property that
    /// can't is among the [`Telemetry::refused`] instead.
    pub fn decode(&mut self, input: DeviceInput<'_>) -> Result<DeviceRecord, DecodeError> {
        let record = match input.value {
            None => Ok(DeviceRecord::Skipped(SkipReason::Tombstone)),
            Some([]) => Err(DecodeError::Empty),
            Some(value @ [b'{', ..]) => platform::decode(value, input.timestamp, &mut self.payload),
            Some(value) => protobuf::decode(value, input.type_name, input.timestamp),
        };
        if self.payload.capacity() > MOST_SCRATCH_KEPT {
            self.payload = Vec::new();
        }
        record
    }
}
