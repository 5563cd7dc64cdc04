//! Rows of figures, as a table and as JSON.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context;
use serde::Serialize;

/// One figure.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) name: &'static str,
    /// The figure.
    pub(crate) value: f64,
    /// What it counts.
    pub(crate) unit: &'static str,
    /// The same of the raw building block, measured in the same run.
    pub(crate) limit: Option<f64>,
    /// How near it comes to that: 1 is as good.
    pub(crate) ratio: Option<f64>,
    /// What it should come to.
    pub(crate) target: Option<Target>,
    /// Whether it does.
    pub(crate) met: Option<bool>,
    /// What else there is to say.
    pub(crate) note: String,
}

/// What a figure should come to.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    /// The ratio, at least.
    RatioAtLeast(f64),
    /// The value, below this.
    ValueBelow(f64),
}

impl Row {
    /// A figure that stands by itself.
    pub(crate) fn new(name: &'static str, value: f64, unit: &'static str) -> Self {
        Self {
            name,
            value,
            unit,
            limit: None,
            ratio: None,
            target: None,
            met: None,
            note: String::new(),
        }
    }

    /// A cost beside the least that it could be.
    pub(crate) fn beside_floor(mut self, floor: f64) -> Self {
        self.limit = Some(floor);
        self.ratio = Some(floor / self.value);
        self
    }

    /// A yield beside the most that it could be.
    pub(crate) fn beside_ceiling(mut self, ceiling: f64) -> Self {
        self.limit = Some(ceiling);
        self.ratio = Some(self.value / ceiling);
        self
    }

    /// With something to come to.
    pub(crate) fn target(mut self, target: Target) -> Self {
        self.target = Some(target);
        self.met = match target {
            Target::RatioAtLeast(least) => self.ratio.map(|ratio| ratio >= least),
            Target::ValueBelow(most) => Some(self.value < most),
        };
        self
    }

    /// With something to say.
    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }
}

/// All rows as one table.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{:<34} {:>12} {:<24} {:>12} {:>7}  {:<18} {}\n",
        "what", "figure", "unit", "raw limit", "ratio", "target", "note"
    );
    for row in rows {
        let limit = row.limit.map(number).unwrap_or_default();
        let ratio = row.ratio.map(|ratio| format!("{:.0} %", ratio * 100.0)).unwrap_or_default();
        let _ = writeln!(
            text,
            "{:<34} {:>12} {:<24} {limit:>12} {ratio:>7}  {:<18} {}",
            row.name,
            number(row.value),
            row.unit,
            verdict(row),
            row.note
        );
    }
    text
}

fn verdict(row: &Row) -> String {
    let target = match row.target {
        None => return String::new(),
        Some(Target::RatioAtLeast(least)) => format!(">= {:.0} %", least * 100.0),
        Some(Target::ValueBelow(most)) => format!("< {}", number(most)),
    };
    format!("{target}: {}", if row.met == Some(true) { "met" } else { "missed" })
}

/// Three digits or more, with commas between thousands.
fn number(value: f64) -> String {
    let plain = match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    };
    let (whole, rest) = plain.split_at(plain.find('.').unwrap_or(plain.len()));
    let mut text = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0
            && (whole.len() - place).is_multiple_of(3)
            && whole.as_bytes()[place - 1] != b'-'
        {
            text.push(',');
        }
        text.push(digit);
    }
    text + rest
}

/// Writes the rows as JSON, with what they were measured on.
///
/// # Errors
/// If the file can't be written.
pub(crate) fn write_json(
    path: &Path,
    (machine, load): (&str, &str),
    rows: &[Row],
) -> anyhow::Result<()> {
    let figures = serde_json::json!({ "machine": machine, "load": load, "rows": rows });
    let text = serde_json::to_string_pretty(&figures)?;
    std::fs::write(path, text).with_context(|| format!("could not write {}", path.display()))
}

/// The processor and how many of it there are.
pub(crate) fn machine() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default().to_owned();
    let model = model.trim_start_matches([' ', '\t', ':']);
    format!("{cores} x {}, load before {load}", if model.is_empty() { "unknown" } else { model })
}

#[cfg(test)]
mod tests {
    use super::{Row, Target, number, table};

    #[test]
    fn numbers_are_short_and_readable() {
        for (value, text) in [
            (0.5, "0.50"),
            (12.34, "12.3"),
            (433.4, "433"),
            (-1234.0, "-1,234"),
            (1.0e6, "1,000,000"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn a_missed_target_is_said() {
        let missed = Row::new("intake", 10.0, "records/CPU s")
            .beside_ceiling(100.0)
            .target(Target::RatioAtLeast(0.2));
        let met = Row::new("memory", 149.0, "MB").target(Target::ValueBelow(150.0));
        let text = table(&[missed, met]);
        assert!(text.contains("10 %  >= 20 %: missed"), "{text}");
        assert!(text.contains("< 150: met"), "{text}");
    }
}
