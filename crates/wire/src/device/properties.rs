//! The properties of one report, gathered one by one as they are read.

use emberline_model::{Category, DeviceId, Measurement, Report, ReportTime, SkipReason};

use super::{DeviceRecord, Refusal, Telemetry, refusal::Problem};

/// What was found so far: at most one entry a category, a measurement or a refusal.
#[derive(Debug, Default)]
pub(super) struct Properties {
    measured: [Option<Measurement>; Category::ALL.len()],
    refused: Vec<Refusal>,
    unknown: u16,
}

impl Properties {
    /// Adds a property of the thing model. One that comes twice is refused: which of the
    /// two the device meant can't be known.
    pub(super) fn add(&mut self, category: Category, value: Result<Measurement, Problem>) {
        if self.refused.iter().any(|refusal| refusal.category == category) {
            return;
        }
        let place = &mut self.measured[category.index()];
        let problem = if place.take().is_some() {
            Problem::GivenTwice { field: category.property() }
        } else {
            match value {
                Ok(measurement) => {
                    *place = Some(measurement);
                    return;
                }
                Err(problem) => problem,
            }
        };
        self.refused.push(Refusal::new(category, &problem));
    }

    /// Counts a property outside of the standard model.
    pub(super) fn add_unknown(&mut self) {
        self.unknown = self.unknown.saturating_add(1);
    }

    /// Whether there was no property at all.
    pub(super) fn is_empty(&self) -> bool {
        self.unknown == 0 && self.refused.is_empty() && self.measured.iter().all(Option::is_none)
    }

    /// The record that they make; what they were is used up.
    pub(super) fn take_record(&mut self, device: DeviceId, time: ReportTime) -> DeviceRecord {
        if self.is_empty() {
            return DeviceRecord::Skipped(SkipReason::NoProperty);
        }
        self.refused.sort_unstable_by_key(|refusal| refusal.category);
        let measured = self.measured.iter().flatten();
        DeviceRecord::Telemetry(Telemetry {
            device,
            time,
            reports: measured.map(|&measurement| Report { time, measurement }).collect(),
            refused: std::mem::take(&mut self.refused),
            unknown_properties: self.unknown,
        })
    }
}
