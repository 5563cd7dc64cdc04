//! The file of expected reports, for whoever judges what arrived.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use emberline_fleet::Expectation;
use serde::Serialize;

/// A file that is there before anything is generated, so that a wrong path is told first.
pub(super) struct ExpectedFile {
    path: PathBuf,
    file: File,
}

/// One line: a report that must arrive once.
#[derive(Serialize)]
struct ExpectedReport<'a> {
    device: &'a str,
    customer: &'a str,
    /// `DataCategory`.
    category: u16,
    /// `ReportTime`, Unix seconds.
    time: i64,
    /// The values as exact decimals, in the order of the contract's table of properties.
    values: &'a [String],
}

impl ExpectedFile {
    pub(super) fn create(path: &Path) -> anyhow::Result<Self> {
        let file =
            File::create(path).with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Writes every expected report, those of one device and category in their order.
    pub(super) fn write(self, expectation: &Expectation) -> anyhow::Result<()> {
        write_to(BufWriter::new(self.file), expectation)
            .with_context(|| format!("{} cannot be written", self.path.display()))
    }
}

fn write_to(mut out: impl Write, expectation: &Expectation) -> std::io::Result<()> {
    for story in expectation.stories() {
        for report in story.reports {
            let values: Vec<String> =
                report.measurement.readings().map(|reading| reading.value.to_string()).collect();
            let line = ExpectedReport {
                device: story.device.as_str(),
                customer: story.customer.as_str(),
                category: story.category.code(),
                time: report.time.seconds(),
                values: &values,
            };
            serde_json::to_writer(&mut out, &line)?;
            out.write_all(b"\n")?;
        }
    }
    out.flush()
}
