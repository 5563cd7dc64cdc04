//! One message of a device, before it is spelt in a format.

use arrayvec::ArrayVec;
use emberline_model::{Category, Measurement, OnlineStatus};

use crate::plan::Format;

/// What a device says, and when.
pub(crate) struct Message {
    /// By the device's own clock, in Unix milliseconds.
    pub(crate) time_ms: i64,
    /// The sender's counter.
    pub(crate) sequence: u64,
    pub(crate) body: Body,
}

/// What a device says.
pub(crate) enum Body {
    /// Method `report`.
    Report(Properties),
    /// A method that is no telemetry.
    Other(Method),
    /// It went on- or offline, as the platform or the gateway tells.
    State(OnlineStatus),
}

/// The properties of one report.
#[derive(Default)]
pub(crate) struct Properties {
    /// What was measured, in the order in which it is told.
    pub(crate) samples: ArrayVec<Sample, 6>,
    /// The flaw of the last sample.
    pub(crate) flaw: Option<Flaw>,
    /// How many properties outside of the standard model are told beside it.
    pub(crate) unknown: u8,
}

/// The values of one category, in steps, in the order of [`Category::fields`].
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) category: Category,
    pub(crate) steps: [i32; 3],
}

impl Sample {
    /// What the pipeline is to make of it.
    pub(crate) fn measurement(&self) -> Measurement {
        let mut values = ArrayVec::<f64, 3>::new();
        for (field, steps) in self.category.fields().iter().zip(self.steps) {
            values.push(in_units(steps, field.quantity.decimals));
        }
        Measurement::new(self.category, &values).expect("a sample keeps to the thing model")
    }
}

/// Steps of 10^-`decimals` as a number.
pub(crate) fn in_units(steps: i32, decimals: u8) -> f64 {
    f64::from(steps) / f64::from(10_u32.pow(u32::from(decimals)))
}

/// What is wrong with a property.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flaw {
    /// Its main value lies beyond the range.
    OutOfRange,
    /// A struct without its last field.
    MissingField,
    /// `null` instead of a value.
    Null,
    /// A text instead of a number.
    Text,
}

impl Flaw {
    /// One that the format can express, if there is any.
    pub(crate) fn choose(
        rng: &mut fastrand::Rng,
        format: Format,
        category: Category,
    ) -> Option<Self> {
        let flaws: &[Self] = match (format, category) {
            (Format::Protobuf, Category::Smoke) => &[],
            (Format::Protobuf, _) if category.is_struct() => {
                &[Self::OutOfRange, Self::MissingField]
            }
            (Format::Protobuf, _) => &[Self::OutOfRange],
            _ if category.is_struct() => {
                &[Self::OutOfRange, Self::MissingField, Self::Null, Self::Text]
            }
            _ => &[Self::OutOfRange, Self::Null, Self::Text],
        };
        rng.choice(flaws).copied()
    }
}

/// What travels with the telemetry and is none (contract: input events).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// Static facts about the device.
    ReportInfo,
    /// An event of the device.
    EventPost,
    /// Its answer to a property that was set.
    ControlReply,
    /// Its answer to an action.
    ActionReply,
    /// A report without any property: all that protobuf can say of these.
    EmptyReport,
}

impl Method {
    const ALL: [Self; 5] = [
        Self::ReportInfo,
        Self::EventPost,
        Self::ControlReply,
        Self::ActionReply,
        Self::EmptyReport,
    ];

    /// One that the format can express.
    pub(crate) fn choose(rng: &mut fastrand::Rng, format: Format) -> Self {
        match format {
            Format::Protobuf => Self::EmptyReport,
            Format::Platform | Format::Forwarded => {
                rng.choice(Self::ALL).unwrap_or(Self::EmptyReport)
            }
        }
    }
}
