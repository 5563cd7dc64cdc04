//! What was generated, in numbers.

use std::time::Duration;

use emberline_fleet::{Counts, Fleet};
use serde::Serialize;

use super::feed::Tally;
use crate::output;

/// What was generated. The numbers from `device_records` on are of the devices' topics.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    /// Records that Kafka has, of all topics.
    written: u64,
    /// Records that could not be written, or may not have been.
    failed: u64,
    /// Bytes of keys and values, before compression.
    bytes: u64,
    seconds: f64,
    records_per_second: f64,
    device_records: u64,
    reports: u64,
    states: u64,
    duplicate_reports: u64,
    duplicate_states: u64,
    skipped: u64,
    unknown_properties: u64,
    impossible_values: u64,
    undecodable: u64,
}

impl Summary {
    pub(super) fn of(fleet: &Fleet, tally: &Tally, took: Duration) -> Self {
        let Counts {
            records,
            reports,
            states,
            duplicate_reports,
            duplicate_states,
            skipped,
            unknown_properties,
            refused,
            undecodable,
        } = *fleet.expectation().counts();
        let seconds = took.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 records")]
        let records_per_second = tally.written as f64 / seconds.max(0.001);
        Self {
            written: tally.written,
            failed: tally.failed,
            bytes: tally.bytes,
            seconds: (seconds * 1000.0).round() / 1000.0,
            records_per_second: records_per_second.round(),
            device_records: records,
            reports,
            states,
            duplicate_reports,
            duplicate_states,
            skipped,
            unknown_properties,
            impossible_values: refused,
            undecodable,
        }
    }

    pub(super) fn print(&self, as_json: bool) -> std::io::Result<()> {
        if as_json { output::json(self) } else { output::text(&self.text()) }
    }

    fn text(&self) -> String {
        let failed = match self.failed {
            0 => String::new(),
            failed => format!("; {failed} could not be written"),
        };
        format!(
            "\
{written} records written in {seconds} s ({rate}/s){failed}
{records} of devices:
  {reports} reports, {states} states
  {duplicates} reports and states again
  {skipped} records that are no telemetry, {unknown} properties outside of the thing model
  {impossible} impossible values, {undecodable} undecodable records
",
            written = self.written,
            seconds = self.seconds,
            rate = self.records_per_second,
            records = self.device_records,
            reports = self.reports,
            states = self.states,
            duplicates = self.duplicate_reports + self.duplicate_states,
            skipped = self.skipped,
            unknown = self.unknown_properties,
            impossible = self.impossible_values,
            undecodable = self.undecodable,
        )
    }
}
