//! The gaps as a table, as JSON and as CSV.

use std::borrow::Cow;

use serde::Serialize;

use super::super::Format;
use super::super::row::report;
use super::super::show::{counted, write_csv};
use super::devices::Devices;
use super::marks::{Gap, Gaps};
use crate::commands::table;
use crate::output;

/// What it comes to.
#[derive(Debug, Serialize)]
pub(super) struct Verdict<'a> {
    ok: bool,
    devices: usize,
    /// Reports that arrived, each once: those accepted and those missing.
    reports: u64,
    accepted: u64,
    missing: u64,
    /// Records on the topics of devices that can't be read, of whatever device.
    undecodable: u64,
    unreadable_receipts: u64,
    gaps: Vec<Line<'a>>,
}

/// A report without a receipt.
#[derive(Debug, Serialize)]
struct Line<'a> {
    device_id: &'a str,
    category: &'static str,
    report_time: String,
    topic: &'a str,
    partition: i32,
    offset: i64,
    why: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter: Option<DeadLetter<'a>>,
}

#[derive(Debug, Serialize)]
struct DeadLetter<'a> {
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'a str>,
    partition: i32,
    offset: i64,
}

/// The columns of the CSV. One is only ever added at the end.
const COLUMNS: [&str; 7] =
    ["device_id", "category", "report_time", "topic", "partition", "offset", "why"];

impl<'a> Verdict<'a> {
    pub(super) fn new(
        devices: &'a Devices,
        topics: &'a [String],
        gaps: &'a Gaps,
        undecodable: u64,
        unreadable_receipts: u64,
    ) -> Self {
        let missing = gaps.list.len() as u64;
        let mut sorted: Vec<&Gap> = gaps.list.iter().collect();
        sorted.sort_unstable_by_key(|gap| {
            let it = gap.missing;
            (it.device, it.category, it.time, gap.place)
        });
        Self {
            ok: missing == 0 && unreadable_receipts == 0,
            devices: devices.len(),
            reports: gaps.accepted + missing,
            accepted: gaps.accepted,
            missing,
            undecodable,
            unreadable_receipts,
            gaps: sorted.into_iter().map(|gap| Line::of(gap, devices, topics)).collect(),
        }
    }

    /// Whether there is no gap, and all receipts could be read.
    pub(super) const fn is_good(&self) -> bool {
        self.ok
    }

    /// Prints it. The sum stands beside a CSV, not in it.
    ///
    /// # Errors
    /// Stdout cannot be written.
    pub(super) fn show(&self, format: Format) -> anyhow::Result<()> {
        match format {
            Format::Json => output::json(self)?,
            Format::Csv => {
                output::pieces(|out| write_csv(out, COLUMNS, self.gaps.iter().map(Line::cells)))?;
                output::notice(&self.summary());
            }
            Format::Table => {
                let head = ["device", "category", "report time", "record", "why"];
                output::pieces(|out| {
                    table::write(out, head, &self.gaps, |line| {
                        let [device, category, time, topic, partition, offset, why] = line.cells();
                        let record = Cow::Owned(format!("{topic} {partition}:{offset}"));
                        [device, category, time, record, why]
                    })?;
                    writeln!(out, "{}", self.summary())
                })?;
            }
        }
        Ok(())
    }

    fn summary(&self) -> String {
        let Self { devices, reports, accepted, missing, .. } = self;
        let (reports, devices) = (counted(*reports, "report"), counted(*devices as u64, "device"));
        format!("{reports} of {devices}: {accepted} accepted, {missing} missing")
    }
}

impl<'a> Line<'a> {
    fn of(gap: &'a Gap, devices: &'a Devices, topics: &'a [String]) -> Self {
        let dead_letter = gap.letter.as_ref().map(|letter| DeadLetter {
            reason: &letter.reason,
            error_code: letter.error_code.as_deref(),
            partition: letter.partition,
            offset: letter.offset,
        });
        Self {
            device_id: devices.id(gap.missing.device),
            category: gap.missing.category.property(),
            report_time: report(gap.missing.time),
            topic: topics.get(usize::from(gap.place.topic)).map_or("", String::as_str),
            partition: gap.place.partition,
            offset: gap.place.offset,
            why: why(gap.is_refused, dead_letter.as_ref()),
            dead_letter,
        }
    }

    fn cells(&self) -> [Cow<'_, str>; COLUMNS.len()] {
        [
            Cow::Borrowed(self.device_id),
            Cow::Borrowed(self.category),
            Cow::Borrowed(&*self.report_time),
            Cow::Borrowed(self.topic),
            Cow::Owned(self.partition.to_string()),
            Cow::Owned(self.offset.to_string()),
            Cow::Borrowed(&*self.why),
        ]
    }
}

fn why(is_refused: bool, letter: Option<&DeadLetter<'_>>) -> Cow<'static, str> {
    match letter {
        Some(DeadLetter { reason, error_code, partition, offset }) => {
            let code = error_code.map(|code| format!(", {code}")).unwrap_or_default();
            Cow::Owned(format!("dead letter: {reason}{code}, at {partition}:{offset}"))
        }
        None if is_refused => Cow::Borrowed("its value can't be sent"),
        None => Cow::Borrowed("no receipt (waiting in a retry topic, or in flight, or never sent)"),
    }
}

#[cfg(test)]
mod tests {
    use super::{DeadLetter, why};

    #[test]
    fn a_dead_letter_is_named_with_its_reason_and_place() {
        let letter = DeadLetter {
            reason: "refused",
            error_code: Some("InvalidParameterValue"),
            partition: 1,
            offset: 234,
        };
        assert_eq!(
            why(false, Some(&letter)),
            "dead letter: refused, InvalidParameterValue, at 1:234"
        );
        let letter = DeadLetter { error_code: None, reason: "too_old", ..letter };
        assert_eq!(why(true, Some(&letter)), "dead letter: too_old, at 1:234");
        assert!(why(false, None).starts_with("no receipt"));
    }
}
