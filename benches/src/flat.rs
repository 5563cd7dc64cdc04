//! The same work with more devices, more partitions and a longer backlog: what a record costs
//! should not depend on them.

use std::fmt::Write as _;

use crate::child::{Pipeline, per};
use crate::compare::{Bench, RECEIPTS};
use crate::load::{self, Load};
use crate::report::{Row, Target};
use crate::sizes::Sizes;
use crate::{micro, say};

/// A record may cost so much more than in the usual shape.
const MOST: f64 = 1.15;
/// Most memory with a million devices that all talk: 400 MiB.
const MOST_MEMORY_MB: f64 = 419.4;

/// What is read, and how it lies there.
#[derive(Clone, Copy)]
struct Shape {
    name: &'static str,
    devices: u32,
    partitions: i32,
    records: Records,
}

#[derive(Clone, Copy)]
enum Records {
    /// All of them wait before the process starts.
    Waiting(u64),
    /// They are written as they happen, so many a second for so many seconds.
    Live(u64, u64),
}

/// What the runs of a shape came to.
#[derive(Default)]
struct Runs {
    /// CPU us a record, without what a start costs.
    micros: Vec<f64>,
    peak_mb: Vec<f64>,
    /// From produced to accepted at most; of records that waited it says nothing.
    most_ms: Vec<f64>,
}

impl Bench<'_> {
    /// One report a call, answered inside the process, so that each shape has the same to do.
    pub(crate) async fn flat(&self, rows: &mut Vec<Row>) -> anyhow::Result<()> {
        let shapes = shapes(self.sizes);
        let mut loads = Vec::new();
        for shape in &shapes {
            say::progress(&format!("writing the load of {}", shape.name));
            loads.push((self.write(shape, 0).await?, self.write(shape, shape.waiting()).await?));
        }
        let mut runs: Vec<Runs> = shapes.iter().map(|_| Runs::default()).collect();
        for _ in 0..self.sizes.runs {
            for ((shape, (empty, full)), runs) in shapes.iter().zip(&loads).zip(&mut runs) {
                let start = self.pipeline("a start", empty, one_report_a_call)?;
                let run = match shape.records {
                    Records::Waiting(_) => self.pipeline(shape.name, full, one_report_a_call)?,
                    Records::Live(rate, seconds) => {
                        // On topics that no other run has.
                        let load = self.write(shape, 0).await?;
                        let mut pipeline = self.base(&load);
                        one_report_a_call(&mut pipeline);
                        self.live(pipeline, &load, (rate, seconds))?
                    }
                };
                let cpu = run.cpu.saturating_sub(start.cpu).as_secs_f64();
                runs.micros.push(1e6 / per(run.did.records, cpu));
                runs.peak_mb.push(run.did.peak_mb);
                runs.most_ms.push(per(run.did.most_ms.unwrap_or(0), 1.0));
            }
        }
        let usual = micro::median(runs[0].micros.clone());
        for (index, (shape, runs)) in shapes.iter().zip(runs).enumerate() {
            let micros = micro::median(runs.micros);
            let peak = micro::median(runs.peak_mb);
            let row = Row::new(shape.name, micros, "CPU us a record");
            let mut note = format!("peak {peak:.0} MB");
            if let Records::Live(rate, _) = shape.records {
                let most = micro::median(runs.most_ms);
                let _ = write!(note, ", {rate} records/s, accepted after {most:.0} ms at most");
            }
            rows.push(if index == 0 {
                row.note(note)
            } else {
                let more = 100.0 * (micros / usual - 1.0);
                row.target(Target::ValueBelow(usual * MOST)).note(format!("{more:+.0} %, {note}"))
            });
            if shape.devices == Sizes::MOST_DEVICES {
                rows.push(
                    Row::new("peak memory, 1,000,000 devices", peak, "MB")
                        .target(Target::ValueBelow(MOST_MEMORY_MB)),
                );
            }
        }
        Ok(())
    }

    async fn write(&self, shape: &Shape, records: u64) -> anyhow::Result<Load> {
        load::write_over(self.kafka, (shape.devices, records), shape.partitions).await
    }
}

impl Shape {
    /// Records that are there before the process starts.
    const fn waiting(&self) -> u64 {
        match self.records {
            Records::Waiting(records) => records,
            Records::Live(..) => 0,
        }
    }
}

fn shapes(sizes: Sizes) -> Vec<Shape> {
    let records = Records::Waiting(sizes.records);
    let usual = Shape { name: "flat: usual", devices: Sizes::DEVICES, partitions: 6, records };
    vec![
        usual,
        Shape { devices: 100_000, name: "flat: 100,000 devices", ..usual },
        Shape { devices: Sizes::MOST_DEVICES, name: "flat: 1,000,000 devices", ..usual },
        Shape { partitions: 1, name: "flat: 1 partition", ..usual },
        Shape { partitions: 96, name: "flat: 96 partitions", ..usual },
        Shape {
            records: Records::Waiting(sizes.long_backlog),
            name: "flat: long backlog",
            ..usual
        },
        Shape {
            records: Records::Live(Sizes::FLAT_RATE, sizes.latency_seconds),
            name: "flat: hardly any backlog",
            ..usual
        },
    ]
}

fn one_report_a_call(pipeline: &mut Pipeline) {
    pipeline.inside = true;
    pipeline.set("BATCH__MAX_REPORTS", "1");
    pipeline.set("BATCH__LINGER", "0s");
    pipeline.set("LIMITS__IN_FLIGHT", &Sizes::PUSH_IN_FLIGHT.to_string());
    pipeline.set(RECEIPTS, "false");
}
