//! The pipeline beside its raw limits. What is compared runs by turns, so that a busy minute
//! of the machine hits both.

use emberline_testkit::kafka::TestKafka;

use crate::child::{Job, Measured, Pipeline, Running, done, per};
use crate::cli::Cli;
use crate::load::{self, Load};
use crate::report::{Row, Target};
use crate::sizes::Sizes;
use crate::{micro, say};

/// Whether receipts are written.
pub(crate) const RECEIPTS: &str = "RECEIPTS__ENABLED";

/// 60 MiB.
const MOST_MEMORY_MB: f64 = 62.9;

/// What the comparisons need.
pub(crate) struct Bench<'a> {
    pub(crate) cli: &'a Cli,
    pub(crate) sizes: Sizes,
    pub(crate) kafka: &'a TestKafka,
    /// Of the service.
    pub(crate) url: String,
}

impl Bench<'_> {
    /// Everything but the calls, beside reading alone.
    pub(crate) fn intake(&self, load: &Load, rows: &mut Vec<Row>) -> anyhow::Result<()> {
        let (brokers, topic) = (self.kafka.bootstrap().to_owned(), load.topic.clone());
        let by_poll = Job::ReadByPoll { brokers: brokers.clone(), topic: topic.clone() };
        let in_batches = Job::ReadInBatches { brokers, topic };
        let (mut polls, mut batches, mut intakes) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.sizes.runs {
            polls.push(done(&by_poll, "")?);
            batches.push(done(&in_batches, "")?);
            intakes.push(self.pipeline("intake", load, |pipeline| {
                pipeline.inside = true;
                pipeline.set(RECEIPTS, "false");
            })?);
        }
        let yields = Measured::records_per_cpu_second;
        let (poll, batch) = (median(&polls, yields), median(&batches, yields));
        let unit = "records/CPU s";
        for (name, value, runs) in
            [("raw read, rdkafka poll", poll, &polls), ("raw read, own batches", batch, &batches)]
        {
            let cost = median(runs, Measured::cpu_seconds_per_million);
            rows.push(Row::new(name, value, unit).note(format!("{cost:.2} CPU s a million")));
        }
        let cost = median(&intakes, Measured::cpu_seconds_per_million);
        let speed = median(&intakes, Measured::records_per_second);
        let peak = median(&intakes, |run| run.did.peak_mb);
        let intake = median(&intakes, yields);
        rows.push(
            Row::new("intake, calls answered inside", intake, unit)
                .beside_ceiling(poll)
                .target(Target::RatioAtLeast(0.35))
                .note(format!(
                    "{cost:.2} CPU s a million, {speed:.0} records/s, {}, peak {peak:.0} MB; \
                     beside own batches {:.0} %",
                    reports_per_call(&intakes),
                    100.0 * intake / batch
                )),
        );
        Ok(())
    }

    /// One report a call, beside the HTTP client alone; and with receipts, beside that.
    pub(crate) async fn push(&self, rows: &mut Vec<Row>) -> anyhow::Result<()> {
        let load = load::write(self.kafka, Sizes::DEVICES, self.sizes.push_records).await?;
        let in_flight = Sizes::PUSH_IN_FLIGHT;
        let (mut raws, mut pushes, mut proven) = (Vec::new(), Vec::new(), Vec::new());
        let mut producers = Vec::new();
        for _ in 0..self.sizes.runs {
            let push = |receipts: &str| {
                self.pipeline("push", &load, |pipeline| {
                    pipeline.set("BATCH__MAX_REPORTS", "1");
                    pipeline.set("BATCH__LINGER", "0s");
                    pipeline.set("LIMITS__IN_FLIGHT", &in_flight.to_string());
                    pipeline.set(RECEIPTS, receipts);
                })
            };
            let plain = push("false")?;
            let (url, calls) = (self.url.clone(), plain.did.calls);
            raws.push(done(&Job::Calls { url, calls, in_flight }, "")?);
            pushes.push(plain);
            let run = push("true")?;
            let (records, per_second) = (run.did.calls, per(run.did.calls, run.did.seconds));
            proven.push(run);
            let (brokers, topic) = (self.kafka.bootstrap(), load.receipts());
            let brokers = brokers.to_owned();
            producers.push(done(&Job::Receipts { brokers, topic, records, per_second }, "")?);
        }
        let yields = Measured::calls_per_cpu_second;
        let speed = |run: &Measured| per(run.did.calls, run.did.seconds);
        let unit = "calls/CPU s";
        let raw = median(&raws, yields);
        let note = |runs: &[Measured]| {
            let (cost, speed) = (1e6 / median(runs, yields), median(runs, speed));
            format!("{cost:.1} us a call, {speed:.0} calls/s")
        };
        rows.push(Row::new("raw client, prepared bodies", raw, unit).note(note(&raws)));
        rows.push(
            Row::new("push, one report a call", median(&pushes, yields), unit)
                .beside_ceiling(raw)
                .target(Target::RatioAtLeast(0.8))
                .note(note(&pushes)),
        );
        let cost = median(&pushes, Measured::cpu_seconds_per_million);
        rows.push(
            Row::new("push, cost", cost, "CPU s a million records")
                .target(Target::ValueBelow(42.0)),
        );
        rows.push(
            Row::new("the same with receipts", median(&proven, yields), unit)
                .beside_ceiling(median(&pushes, yields))
                .target(Target::RatioAtLeast(0.9))
                .note(note(&proven)),
        );
        let cost = |runs: &[Measured]| 1e6 / median(runs, yields);
        let of_it = cost(&proven) - cost(&pushes);
        rows.push(
            Row::new("raw producer, receipts' bytes", cost(&producers), "CPU us a record")
                .note(format!("of the {of_it:.1} us that a receipt costs")),
        );
        Ok(())
    }

    /// Many reports a call, with receipts and without.
    pub(crate) fn batched(&self, load: &Load, rows: &mut Vec<Row>) -> anyhow::Result<()> {
        let (mut runs, mut plain) = (Vec::new(), Vec::new());
        for _ in 0..self.sizes.runs {
            runs.push(self.pipeline("batched", load, |_| {})?);
            plain.push(self.pipeline("batched", load, |pipeline| {
                pipeline.set(RECEIPTS, "false");
            })?);
        }
        let calls = median(&runs, |run| per(run.did.calls, run.did.seconds));
        let peak = median(&runs, |run| run.did.peak_mb);
        rows.push(
            Row::new("batched", median(&runs, Measured::records_per_second), "records/s")
                .note(format!("{}, {calls:.0} calls/s", reports_per_call(&runs))),
        );
        let cost = median(&runs, Measured::cpu_seconds_per_million);
        rows.push(
            Row::new("batched, cost", cost, "CPU s a million records")
                .target(Target::ValueBelow(12.0)),
        );
        rows.push(
            Row::new("batched, peak memory", peak, "MB").target(Target::ValueBelow(MOST_MEMORY_MB)),
        );
        let yields = Measured::records_per_cpu_second;
        rows.push(
            Row::new("batched, beside no receipts", median(&runs, yields), "records/CPU s")
                .beside_ceiling(median(&plain, yields))
                .target(Target::RatioAtLeast(0.9)),
        );
        Ok(())
    }

    /// Events as they happen: how long each takes.
    pub(crate) async fn latency(&self, rows: &mut Vec<Row>) -> anyhow::Result<()> {
        let (rate, seconds) = (Sizes::LATENCY_RATE, self.sizes.latency_seconds);
        for (names, linger) in [
            (["produced to accepted, p50", "produced to accepted, p99"], "1s"),
            (["the same without linger, p50", "the same without linger, p99"], "0s"),
        ] {
            say::progress(&format!("latency, linger {linger}"));
            let load = load::write(self.kafka, Sizes::DEVICES, 0).await?;
            let mut pipeline = self.base(&load);
            pipeline.set("BATCH__LINGER", linger);
            let run = self.live(pipeline, &load, (rate, seconds))?;
            let note = format!(
                "{rate} records/s, linger {linger}, {}, at most {} ms",
                reports_per_call(std::slice::from_ref(&run)),
                run.did.most_ms.unwrap_or(0)
            );
            for (name, millis) in names.into_iter().zip([run.did.p50_ms, run.did.p99_ms]) {
                let millis = per(millis.unwrap_or(0), 1.0);
                rows.push(Row::new(name, millis, "ms").note(note.clone()));
            }
        }
        Ok(())
    }

    /// Memory where many devices are bound, all workers at work and a backlog to read.
    pub(crate) async fn memory(&self, rows: &mut Vec<Row>) -> anyhow::Result<()> {
        let (devices, records) = (Sizes::LARGE_DEVICES, self.sizes.large_records);
        let load = load::write(self.kafka, devices, records).await?;
        let run = self.pipeline("memory", &load, |pipeline| pipeline.all_workers = true)?;
        rows.push(
            Row::new("peak memory, 100,000 devices bound", run.did.peak_mb, "MB")
                .target(Target::ValueBelow(150.0))
                .note(format!(
                    "all workers, {} records read, {} identities in the window",
                    run.did.records, run.did.delivered
                )),
        );
        Ok(())
    }

    /// A run beside which events are written as they happen, so many a second for so many seconds.
    pub(crate) fn live(
        &self,
        mut pipeline: Pipeline,
        load: &Load,
        (rate, seconds): (u64, u64),
    ) -> anyhow::Result<Measured> {
        pipeline.until = Some(rate * seconds);
        let (running, _) = Running::start(&Job::Pipeline(pipeline), &self.cli.under)?;
        load::write_live(self.kafka.bootstrap(), load, (rate, seconds))?;
        running.finish()
    }

    pub(crate) fn pipeline(
        &self,
        name: &str,
        load: &Load,
        change: impl FnOnce(&mut Pipeline),
    ) -> anyhow::Result<Measured> {
        let mut pipeline = self.base(load);
        change(&mut pipeline);
        let run = done(&Job::Pipeline(pipeline), &self.cli.under)?;
        let (records, cpu) = (run.did.records, run.cpu.as_secs_f64());
        say::progress(&format!("{name}: {records} records, {cpu:.2} CPU s"));
        Ok(run)
    }

    pub(crate) fn base(&self, load: &Load) -> Pipeline {
        let mut pipeline = Pipeline::new(self.kafka.bootstrap(), load, &self.url);
        for (key, value) in &self.cli.set {
            pipeline.set(key, value);
        }
        pipeline
    }
}

pub(crate) fn median(runs: &[Measured], figure: impl Fn(&Measured) -> f64) -> f64 {
    micro::median(runs.iter().map(figure).collect())
}

fn reports_per_call(runs: &[Measured]) -> String {
    let mean = median(runs, |run| per(run.did.delivered, per(run.did.calls, 1.0)));
    format!("{mean:.1} reports a call")
}
