//! Several processes in one group: what more of them cost.

use crate::child::{Job, Measured, Running, per};
use crate::compare::{Bench, RECEIPTS};
use crate::load;
use crate::micro;
use crate::report::{Row, Target};
use crate::say;
use crate::sizes::Sizes;

/// How many processes share the work, and what that row is called.
const PROCESSES: [(usize, &str); 3] = [
    (1, "intake, one process, pinned"),
    (2, "the same, two processes"),
    (4, "the same, four processes"),
];

/// What the processes of one group did together.
struct Together {
    records: u64,
    cpu_seconds: f64,
    /// Of the one that was at work longest.
    seconds: f64,
}

impl Together {
    fn of(processes: &[Measured]) -> Self {
        Self {
            records: processes.iter().map(|process| process.did.records).sum(),
            cpu_seconds: processes.iter().map(|process| process.cpu.as_secs_f64()).sum(),
            seconds: processes.iter().map(|process| process.did.seconds).fold(0.0, f64::max),
        }
    }
}

impl Bench<'_> {
    /// A topic read by one process, one twice as long by two, and one four times as long by four,
    /// each process bound to a processor: everything but the calls, from the first one's start on.
    pub(crate) async fn group(&self, rows: &mut Vec<Row>) -> anyhow::Result<()> {
        let mut loads = Vec::new();
        for (processes, _) in PROCESSES {
            let records = self.sizes.records * processes as u64;
            say::progress(&format!("writing {records} records"));
            let (devices, partitions) = (Sizes::DEVICES, Sizes::GROUP_PARTITIONS);
            loads.push(load::write_over(self.kafka, (devices, records), partitions).await?);
        }
        let mut runs: [Vec<Together>; PROCESSES.len()] = Default::default();
        for _ in 0..self.sizes.runs {
            for (((processes, _), load), runs) in PROCESSES.into_iter().zip(&loads).zip(&mut runs) {
                // They have the group in common that this names.
                let mut pipeline = self.base(load);
                pipeline.inside = true;
                pipeline.set(RECEIPTS, "false");
                let job = Job::Pipeline(pipeline);
                let pinned = |process: usize| {
                    let under = format!("taskset -c {} {}", process % cores(), self.cli.under);
                    Ok(Running::start(&job, &under)?.0)
                };
                let started = (0..processes).map(pinned).collect::<anyhow::Result<Vec<_>>>()?;
                let ended = started.into_iter().map(Running::finish);
                let together = Together::of(&ended.collect::<anyhow::Result<Vec<_>>>()?);
                let (records, cpu) = (together.records, together.cpu_seconds);
                say::progress(&format!("{processes} processes: {records} records, {cpu:.2} CPU s"));
                runs.push(together);
            }
        }
        let median = |runs: &[Together], figure: fn(&Together) -> f64| {
            micro::median(runs.iter().map(figure).collect())
        };
        let yields = |run: &Together| per(run.records, run.cpu_seconds);
        let alone = median(&runs[0], yields);
        for ((processes, name), runs) in PROCESSES.into_iter().zip(&runs) {
            let speed = median(runs, |run| per(run.records, run.seconds));
            let row = Row::new(name, median(runs, yields), "records/CPU s")
                .note(format!("{} partitions, {speed:.0} records/s", Sizes::GROUP_PARTITIONS));
            rows.push(match processes {
                1 => row,
                _ => row.beside_ceiling(alone).target(Target::RatioAtLeast(0.85)),
            });
        }
        Ok(())
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
