//! A run: the worker, what it says to the registry, and its end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use emberline_model::Outcome;
use emberline_pipeline::replay::{Plan, Planned};
use emberline_pipeline::{Exit as Ended, Monitor, WorkerStatus};
use tokio_util::sync::CancellationToken;

use super::begin::Beginning;
use super::progress::Sending;
use super::{Job, plan, rate, report};
use crate::app::Exit;
use crate::commands::run::{Observed, drive};
use crate::output;
use crate::replays::{
    End, Interruption, Registry, ReplayProgress, ReplayRange, ReplayState, ReplayStatus, Tenure,
    this_host,
};
use crate::settings::Settings;
use crate::wiring;

/// How often progress is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// What a report calls letters that may not be redriven again.
const TOO_OFTEN: &str = "redriven too often";

/// Carries a plan out.
///
/// # Errors
/// If somebody else runs it, or the worker can't start or go on.
pub(super) async fn run(
    job: &Job,
    registry: Registry,
    begins: Beginning,
    planned: Planned,
    rate: Option<f64>,
    settings: &Settings,
    stop: CancellationToken,
) -> anyhow::Result<Exit> {
    let Planned { plan, run, .. } = planned;
    let ends = run.ranges.iter().map(|range| (range.partition, range.to)).collect();
    let pipeline = wiring::replay(settings, job.worker(), Some(run), rate)?;
    let http = wiring::http(settings);
    // What is wrong with the address or the certificates is told before anything starts.
    wiring::http_client(settings)?;
    let heard_ms = begins.before.as_ref().map(|it| it.heard_ms);
    let mut since = None;
    let tenure = registry.claim(&begins.name, |before| {
        since = before.map(|it| it.heard_ms);
        match before {
            // What it is about was decided by another.
            Some(before) if since != heard_ms => before.status.clone(),
            _ => first_status(job, &begins, &plan, rate),
        }
    });
    let tenure = tenure.await?;
    if since != heard_ms {
        let end = match tenure.status().state {
            ReplayState::Done => End::Done,
            ReplayState::Cancelled => End::Cancelled,
            _ => End::Stopped,
        };
        tenure.end(end).await?;
        anyhow::bail!("{} {} was run by another meanwhile: begin again", job.word(), begins.name);
    }
    if let Err(too_much) = rate::is_still_left(rate, settings, &tenure.began_before().await?) {
        tenure.end(End::Stopped).await?;
        return Err(too_much);
    }
    let monitor = Monitor::new(&pipeline.workers);
    let observed = Observed::start_if_free(settings, Arc::clone(&monitor)).await?;
    let worker = Arc::clone(monitor.worker(job.worker()).expect("it is the only one"));
    let mut watch = Watch { base: tenure.status().progress, ends, worker, tenure: &tenure };
    let mut sending = Sending::new(&watch.base);
    let pushed = {
        let pushing = drive(pipeline, http, stop.clone(), monitor);
        tokio::pin!(pushing);
        let mut looks = tokio::time::interval(LOOK_EVERY);
        let mut asked = None;
        let pushed = loop {
            tokio::select! {
                pushed = &mut pushing => break pushed,
                why = tenure.interrupted(), if asked.is_none() => {
                    if let Interruption::TakenOver { host } = &why {
                        sending.clear();
                        output::notice(&format!(
                            "this process stood still, and {} {} is run on {host} now: leaving at \
                             once",
                            job.word(), begins.name
                        ));
                        // Whatever is in flight is the other's to settle.
                        std::process::exit(1);
                    }
                    stop.cancel();
                    asked = Some(why);
                }
                _ = looks.tick() => sending.show(&watch.look()),
            }
        };
        watch.look();
        if matches!(pushed, Ok(Ended::AtEnd)) {
            // What an earlier run settled beyond where this one began was not read again, and what
            // was settled last there was no time to tell.
            tenure.update(|status| {
                status.progress.read = status.progress.records;
                let matched = status.planned.get("matched").copied();
                status.progress.matched = matched.unwrap_or(status.progress.matched);
            });
        }
        pushed.map(|ended| (ended, asked.is_some()))
    };
    sending.clear();
    observed.stop().await;
    let (end, failure) = match pushed {
        Ok((Ended::AtEnd, _)) => (End::Done, None),
        Ok((_, true)) => (End::Cancelled, None),
        Ok((_, false)) => (End::Stopped, None),
        Err(error) => (End::Failed(format!("{error:#}")), Some(error)),
    };
    let goes_on = end != End::Done;
    let stays_undone = matches!(end, End::Stopped | End::Failed(_));
    let status = tenure.end(end).await?;
    report::show(job, &begins.name, &status)?;
    if goes_on {
        output::notice(&format!(
            "begun again with --name {} and the same flags, it goes on where it was",
            begins.name
        ));
    }
    match failure {
        Some(error) => Err(error),
        None if stays_undone => Ok(Exit::Failed),
        None => Ok(Exit::Done),
    }
}

/// The status that a run begins with.
fn first_status(job: &Job, begins: &Beginning, plan: &Plan, rate: Option<f64>) -> ReplayStatus {
    let (from, to) = job.bounds();
    let before = begins.before.as_ref().map(|it| &it.status);
    let mut progress = before.map(|it| it.progress.clone()).unwrap_or_default();
    // What was read and not settled is read again: what was done is what is not left.
    let done = |name: &str, left: u64| {
        let planned = before.and_then(|it| it.planned.get(name));
        planned.copied().unwrap_or_default().saturating_sub(left)
    };
    progress.read = done("records", plan.records);
    progress.matched = done("matched", plan.selected());
    progress.records = progress.read + plan.records;
    let range = |it: &emberline_broker::OffsetRange| ReplayRange {
        partition: it.partition,
        from: it.from,
        to: it.to,
    };
    ReplayStatus {
        kind: job.kind,
        state: ReplayState::Running,
        reason: String::new(),
        topic: job.topic.clone(),
        from,
        to,
        ranges: begins.whole.iter().map(range).collect(),
        only: begins.only,
        asked: job.asked.clone(),
        planned: before.map_or_else(|| plan::counts(plan), |it| it.planned.clone()),
        rate,
        host: this_host(),
        started_ms: before
            .map_or_else(|| jiff::Timestamp::now().as_millisecond(), |it| it.started_ms),
        ended_ms: None,
        progress,
        unsure_since_ms: begins.unsure_since_ms(),
    }
}

/// What is reported where there is nothing to send.
pub(super) fn nothing_done(job: &Job, begins: &Beginning, plan: &Plan) -> ReplayStatus {
    let mut status = first_status(job, begins, plan, None);
    (status.state, status.ended_ms) = (ReplayState::Done, Some(status.started_ms));
    let progress = &mut status.progress;
    (progress.read, progress.matched) = (plan.records, plan.selected());
    progress.duplicates = plan.duplicates;
    if plan.redriven_too_often > 0 {
        progress.failed.insert(TOO_OFTEN.to_owned(), plan.redriven_too_often);
    }
    status
}

/// How far a run is.
struct Watch<'a> {
    /// Where it began.
    base: ReplayProgress,
    ends: BTreeMap<i32, i64>,
    worker: Arc<WorkerStatus>,
    tenure: &'a Tenure,
}

impl Watch<'_> {
    /// Looks, and tells the registry.
    fn look(&mut self) -> ReplayProgress {
        let totals = &self.worker.totals;
        let count = |outcome: Outcome| totals.outcome(outcome);
        // What is only read may wait for long, and is read again if this ends now.
        let read = totals.records_settled.load(std::sync::atomic::Ordering::Relaxed);
        let left_out = count(Outcome::Skipped(emberline_model::SkipReason::NotSelected));
        let mut progress = self.base.clone();
        // Of a run that was killed some may be settled a second time.
        progress.read = (progress.read + read).min(progress.records);
        progress.matched += read.saturating_sub(left_out);
        progress.delivered += count(Outcome::Delivered);
        progress.duplicates += count(Outcome::Duplicate);
        for outcome in Outcome::ALL {
            let name = match outcome {
                Outcome::Parked(reason) => format!("parked: {}", reason.name()),
                Outcome::DeadLettered(reason) => format!("dead letter: {}", reason.name()),
                Outcome::Skipped(emberline_model::SkipReason::RedrivenTooOften) => {
                    TOO_OFTEN.to_owned()
                }
                _ => continue,
            };
            if count(outcome) > 0 {
                *progress.failed.entry(name).or_default() += count(outcome);
            }
        }
        let places = self.worker.places();
        let behind = places.iter().filter(|it| {
            it.read_to_ms > 0 && self.ends.get(&it.partition).is_some_and(|end| it.frontier < *end)
        });
        progress.position_ms = behind.map(|it| it.read_to_ms).min().or(progress.position_ms);
        let told = progress.clone();
        self.tenure.update(|status| status.progress = told);
        progress
    }
}
