//! The pipeline as `run` runs it: its settings, its recorder, its clients.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Context;
use emberline::commands::{run, topics};
use emberline::observe::metrics;
use emberline::{settings, wiring};
use emberline_broker::Admin;
use emberline_pipeline::{Monitor, WorkerKind};
use emberline_testkit::kafka::unique;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::inside::Inside;
use super::{Did, ready};
use crate::load::Load;

/// How often progress is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A run of the pipeline.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Pipeline {
    /// Settings that differ from the program's defaults, as it takes them from its
    /// environment: `EMBERLINE__SECTION__KEY` and value.
    pub(crate) settings: Vec<(String, String)>,
    /// All workers instead of the one for devices.
    pub(crate) all_workers: bool,
    /// Answer calls within the process.
    pub(crate) inside: bool,
    /// End when so many records of devices are settled, instead of at the topic's end.
    pub(crate) until: Option<u64>,
}

impl Pipeline {
    /// The worker for devices with the program's defaults, without a limit of the rate, in
    /// a group of its own; to the end of its topic.
    pub(crate) fn new(brokers: &str, load: &Load, url: &str) -> Self {
        let mut pipeline =
            Self { settings: Vec::new(), all_workers: false, inside: false, until: None };
        pipeline.set("KAFKA__BROKERS", brokers);
        pipeline.set("KAFKA__GROUP", &unique("bench"));
        pipeline.set("TOPICS__DEVICES", &load.topic);
        pipeline.set("TOPICS__BINDINGS", &load.bindings);
        pipeline.set("TOPICS__CUSTOMERS", &load.customers);
        pipeline.set("TOPICS__ORDERS", &load.orders);
        pipeline.set("TOPICS__PREFIX", &load.prefix);
        pipeline.set("SERVICE__URL", url);
        pipeline.set("SERVICE__APP_KEY", "bench");
        pipeline.set("SERVICE__APP_SECRET", "bench-secret");
        pipeline.set("LIMITS__RATE", "none");
        pipeline
    }

    /// Sets `SECTION__KEY` to a value.
    pub(crate) fn set(&mut self, key: &str, value: &str) {
        self.settings.push((format!("EMBERLINE__{key}"), value.to_owned()));
    }
}

/// Runs it to its end.
pub(super) async fn run(job: Pipeline) -> anyhow::Result<Did> {
    let settings = settings::load(None, &job.settings)?.settings;
    let workers =
        if job.all_workers { WorkerKind::ALL.to_vec() } else { vec![WorkerKind::Devices] };
    let pipeline = wiring::pipeline(&settings, workers, job.until.is_none())?;
    topics::create_missing(&Admin::new(&pipeline.kafka)?, &settings).await?;
    let monitor = Monitor::new(&pipeline.workers);
    let stop = CancellationToken::new();
    let upkeep = tokio::spawn(metrics::upkeep(metrics::install()?, stop.child_token()));
    let watch = tokio::spawn(watch(Arc::clone(&monitor), job.until, stop.clone()));
    let result = if job.inside {
        let answers = || Inside;
        emberline_pipeline::run(pipeline, answers, stop.child_token(), Arc::clone(&monitor))
            .await
            .map_err(anyhow::Error::from)
    } else {
        let http = wiring::http(&settings);
        run::drive(pipeline, http, stop.child_token(), Arc::clone(&monitor)).await
    };
    stop.cancel();
    let (seconds, restored_seconds) = watch.await??;
    upkeep.await?;
    result?;
    let devices = monitor.worker(WorkerKind::Devices).context("no worker for devices")?;
    let totals = &devices.totals;
    Ok(Did {
        records: totals.records_read.load(Ordering::Relaxed),
        delivered: totals.by_name("delivered"),
        duplicates: totals.by_name("duplicate"),
        calls: totals.calls.load(Ordering::Relaxed),
        seconds,
        restored_seconds,
        restored_devices: monitor.restoring().devices as u64,
        p50_ms: devices.latency_ms(0.5),
        p99_ms: devices.latency_ms(0.99),
        most_ms: devices.latency_ms(1.0),
        ..Did::default()
    })
}

/// Tells the parent when reading can begin, ends the pipeline when it has done what was
/// asked for, and says how long it was at work, from the first record to the last outcome,
/// and how long the table of bindings took, in seconds.
async fn watch(
    monitor: Arc<Monitor>,
    until: Option<u64>,
    stop: CancellationToken,
) -> anyhow::Result<(f64, f64)> {
    let began = Instant::now();
    let mut restored = None;
    let devices = monitor.worker(WorkerKind::Devices).context("no worker for devices")?;
    let totals = &devices.totals;
    let mut every = tokio::time::interval(LOOK_EVERY);
    let mut told = false;
    let mut work: Option<(Instant, Instant)> = None;
    let mut settled_before = 0;
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = stop.cancelled() => break,
        }
        if restored.is_none() && monitor.restoring().is_complete {
            restored = Some(began.elapsed());
        }
        if !told && monitor.ready().is_ok() {
            ready("")?;
            told = true;
        }
        let records = totals.records_read.load(Ordering::Relaxed);
        let settled: u64 =
            totals.outcomes.iter().map(|outcome| outcome.load(Ordering::Relaxed)).sum();
        if records > 0 {
            let now = Instant::now();
            let (_, last) = work.get_or_insert((now, now));
            if settled > settled_before {
                *last = now;
            }
        }
        settled_before = settled;
        let all_read = until.is_some_and(|until| records >= until);
        if all_read && settled >= totals.items_read.load(Ordering::Relaxed) {
            stop.cancel();
        }
    }
    if !told {
        // It was over before it was looked at.
        ready("")?;
    }
    let seconds = work.map_or(0.0, |(first, last)| (last - first).as_secs_f64());
    Ok((seconds, restored.unwrap_or(began.elapsed()).as_secs_f64()))
}
