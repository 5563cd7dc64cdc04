//! The order of things: parts in isolation, then the pipeline beside its limits.

use emberline_testkit::kafka::TestKafka;

use crate::child::{Job, Running};
use crate::cli::{Cli, Part};
use crate::compare::Bench;
use crate::history::Run;
use crate::report::{self, Row};
use crate::sizes::Sizes;
use crate::{history, load, micro, say};

/// Runs what was asked for and shows the table.
///
/// # Errors
/// If Kafka is missing, or a part failed.
pub(crate) fn run(cli: &Cli) -> anyhow::Result<()> {
    let sizes = if cli.quick { Sizes::QUICK } else { Sizes::FULL };
    let machine = report::machine();
    let mut rows = micro::rows(cli);
    let mut load = String::from("none");
    if cli.wants_kafka() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        load = runtime.block_on(with_kafka(cli, sizes, &mut rows))?;
    }
    say::line(&format!("machine: {machine}\nload:    {load}\n"))?;
    say::line(report::table(&rows).trim_end())?;
    let run = Run::new(&machine, cli.quick, &rows);
    say::line(history::compare(&run, &history::read()?).trim_end())?;
    if cli.record {
        history::record(&run)?;
    }
    match &cli.json {
        Some(path) => report::write_json(path, (&machine, &load), &rows),
        None => Ok(()),
    }
}

async fn with_kafka(cli: &Cli, sizes: Sizes, rows: &mut Vec<Row>) -> anyhow::Result<String> {
    say::progress("starting kafka");
    let kafka = TestKafka::start().await?;
    let (sink, url) = Running::start(&Job::Sink { latency_ms: cli.latency }, "")?;
    let bench = Bench { cli, sizes, kafka: &kafka, url };
    let mut load = String::from("none of its own");
    if cli.wants(Part::Intake) || cli.wants(Part::Batched) {
        say::progress("writing the load");
        let usual = load::write(&kafka, Sizes::DEVICES, sizes.records).await?;
        load = format!(
            "{} records of {} bytes, {} devices",
            sizes.records,
            usual.bytes_per_record,
            Sizes::DEVICES
        );
        if cli.wants(Part::Intake) {
            bench.intake(&usual, rows)?;
        }
        if cli.wants(Part::Batched) {
            bench.batched(&usual, rows)?;
        }
    }
    if cli.wants(Part::Push) {
        bench.push(rows).await?;
    }
    if cli.wants(Part::Latency) {
        bench.latency(rows).await?;
    }
    if cli.wants(Part::Memory) {
        bench.memory(rows).await?;
    }
    if cli.wants(Part::Restore) {
        bench.restore(rows).await?;
    }
    if cli.wants(Part::Group) {
        bench.group(rows).await?;
    }
    if cli.wants(Part::Flat) {
        bench.flat(rows).await?;
    }
    let answered = sink.finish()?.did.calls;
    say::progress(&format!("the service answered {answered} calls"));
    Ok(load)
}
