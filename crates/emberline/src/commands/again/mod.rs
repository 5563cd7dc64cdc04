//! Pushing something again: what `replay` and `dlq redrive` have in common.
//!
//! Plan, ask, run, report; under a name, so that a run that was stopped goes on where it was.
//! `job` is what was asked for, `begin` finds out whether it is new or goes on, `plan` shows
//! what it would do, `ask` whether it is to be done, `drive` does it, `progress` shows how far it is, `report` what came of it.
//!
//! Start at [`run`].

mod ask;
mod begin;
mod drive;
mod job;
mod plan;
mod progress;
mod rate;
mod report;

use emberline_broker::{BrokerError, KafkaSettings};
use emberline_pipeline::replay::{Planned, ReplayError, plan};
use tokio_util::sync::CancellationToken;

use crate::app::Exit;
use crate::output;
use crate::replays::{Entry, Registry, Timing};
use crate::settings::Settings;
use crate::signals::stop_on_signal;
use crate::wiring;
use begin::{Beginning, Found};
pub(super) use job::{Job, Options};
use progress::Reading;

/// Plans a job, and does it.
///
/// # Errors
/// If the arguments are of no use, Kafka gives no answer, or somebody else runs what has this
/// name.
pub(super) async fn run(job: Job, settings: Settings) -> anyhow::Result<Exit> {
    // What is wrong with the flags is told before anything is read.
    let rate = job.rate_of(&settings)?;
    if !job.options.dry_run {
        ask::somebody_is_there(&job)?;
    }
    let stop = stop_on_signal()?;
    let kafka = wiring::kafka(&settings)?;
    if job.options.dry_run {
        return dry_run(&job, (&settings, &kafka), rate, stop).await;
    }
    let registry = open(&settings, &kafka).await?;
    let begins = match begin::find(&job, &registry, &kafka).await? {
        Found::Begins(begins) => begins,
        Found::WasDone(entry) => return was_done(&job, &entry),
    };
    let rate = rate::left(&job, &settings, &registry, &begins.name)?;
    let planned = planned(&job, &begins, &settings, rate, stop.clone()).await?;
    plan::tell(&job, &begins.name, &planned, rate);
    if planned.plan.is_empty() {
        output::notice("nothing to send");
        if begins.before.is_none() {
            report::show(&job, &begins.name, &drive::nothing_done(&job, &begins, &planned.plan))?;
            return Ok(Exit::Done);
        }
    } else if !ask::agreed(&job, &stop).await? {
        output::notice("nothing was sent");
        return Ok(Exit::Failed);
    }
    // All of a pipeline: too much for the stack of each caller.
    Box::pin(drive::run(&job, registry, begins, planned, rate, &settings, stop)).await
}

async fn open(settings: &Settings, kafka: &KafkaSettings) -> anyhow::Result<Registry> {
    let topic = wiring::topics(settings).replays();
    Ok(Registry::open(kafka, topic, Timing::default()).await?)
}

/// Plans, and no more. Under a name: what is left of it.
async fn dry_run(
    job: &Job,
    (settings, kafka): (&Settings, &KafkaSettings),
    rate: Option<f64>,
    stop: CancellationToken,
) -> anyhow::Result<Exit> {
    let begins = if job.options.name.is_some() {
        match begin::find(job, &open(settings, kafka).await?, kafka).await? {
            Found::Begins(begins) => begins,
            Found::WasDone(entry) => return was_done(job, &entry),
        }
    } else {
        Beginning::anew(job, kafka).await?
    };
    let planned = planned(job, &begins, settings, rate, stop).await?;
    plan::show(job, &planned, rate)?;
    Ok(Exit::Done)
}

fn was_done(job: &Job, entry: &Entry) -> anyhow::Result<Exit> {
    output::notice(&format!(
        "{} {} is done since {}: to do it once more, give it another --name",
        job.word(),
        entry.name,
        crate::span::shown(entry.heard_ms),
    ));
    report::show(job, &entry.name, &entry.status)?;
    Ok(Exit::Done)
}

async fn planned(
    job: &Job,
    begins: &Beginning,
    settings: &Settings,
    rate: Option<f64>,
    stop: CancellationToken,
) -> anyhow::Result<Planned> {
    begins.notes.iter().for_each(|note| output::notice(note));
    let pipeline = wiring::replay(settings, job.worker(), None, rate)?;
    let run = begins.run_of(job, settings);
    let reading = Reading::new();
    let read = reading.clone();
    let tell = move |what: &'static str, done, all| read.tell(what, done, all, &stop);
    let planned = plan(&pipeline, run, tell).await;
    reading.clear();
    planned.map_err(|error| match error {
        ReplayError::Broker(error) => unanswered(error, &pipeline.kafka),
        other => other.into(),
    })
}

/// A failure of Kafka's, with what to do about it.
fn unanswered(error: BrokerError, kafka: &KafkaSettings) -> anyhow::Error {
    let advice = match error {
        BrokerError::NoTopic(_) => "; emberline topics create makes the pipeline's own topics",
        _ => "",
    };
    anyhow::Error::from(error).context(format!("Kafka at {}{advice}", kafka.brokers))
}
