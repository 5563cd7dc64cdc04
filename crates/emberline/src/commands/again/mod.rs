//! Pushing something again: what `replay` and `dlq redrive` have in common.
//!
//! Plan, ask, run, report; under a name, so that a run that was stopped goes on where it was.
//! `job` is what was asked for, `begin` finds out whether it is new or goes on, `plan` shows
//! what it would do, `drive` does it, `progress` shows how far it is, `report` what came of it.
//!
//! Start at [`run`].

mod begin;
mod drive;
mod job;
mod plan;
mod progress;
mod rate;
mod report;

use std::io::IsTerminal;

use anyhow::Context;
use emberline_broker::KafkaSettings;
use emberline_pipeline::replay::{Planned, ReplayError, plan};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::app::{Exit, UsageError};
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
    let stop = stop_on_signal()?;
    let kafka = wiring::kafka(&settings)?;
    if job.options.dry_run {
        return dry_run(&job, &settings, &kafka, stop).await;
    }
    let registry = open(&settings, &kafka).await?;
    let begins = match begin::find(&job, &registry, &kafka).await? {
        Found::Begins(begins) => begins,
        Found::WasDone(entry) => return was_done(&job, &entry),
    };
    let rate = rate::left(&job, &settings, &registry, &begins.name)?;
    let planned = planned(&job, &begins, &settings, rate, stop.clone()).await?;
    let is_empty = planned.plan.is_empty();
    // With JSON one object ends it: that of the report, and where there is none, of the plan.
    if !job.options.json || (is_empty && begins.before.is_none()) {
        plan::show(&job, &planned, rate, Some(&begins))?;
    }
    if is_empty {
        output::notice("nothing to send");
        if begins.before.is_none() {
            return Ok(Exit::Done);
        }
    } else if !agreed(&job, &stop).await? {
        output::notice("nothing was sent");
        return Ok(Exit::Failed);
    }
    drive::run(&job, registry, begins, planned, rate, &settings, stop).await
}

async fn open(settings: &Settings, kafka: &KafkaSettings) -> anyhow::Result<Registry> {
    let topic = wiring::topics(settings).replays();
    Ok(Registry::open(kafka, topic, Timing::default()).await?)
}

/// Plans, and no more. Under a name: what is left of it.
async fn dry_run(
    job: &Job,
    settings: &Settings,
    kafka: &KafkaSettings,
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
    let planned = planned(job, &begins, settings, None, stop).await?;
    plan::show(job, &planned, job.rate_of(settings)?, None)?;
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
    if let Err(ReplayError::Broker(emberline_broker::BrokerError::NoTopic(topic))) = &planned {
        anyhow::bail!("topic {topic} does not exist, or this client has no right to see it");
    }
    Ok(planned?)
}

/// Whether the plan is to be carried out. A signal is a no.
async fn agreed(job: &Job, stop: &CancellationToken) -> anyhow::Result<bool> {
    if job.options.yes {
        return Ok(!stop.is_cancelled());
    }
    if !std::io::stdin().is_terminal() || !output::stderr_is_terminal() {
        let text = "nobody is there to be asked: --yes sends without asking, --dry-run only plans";
        return Err(UsageError(text.to_owned()).into());
    }
    output::ask("Send this? [y/N] ");
    let (sender, answer) = oneshot::channel();
    // Nothing ends a read of a terminal: its thread is left behind where a signal comes first.
    std::thread::spawn(move || {
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer).map(|_| answer);
        let _ = sender.send(read);
    });
    let answer = tokio::select! {
        answer = answer => answer.context("nobody answers")?.context("the answer cannot be read")?,
        () = stop.cancelled() => {
            // The answer's line ends here.
            output::notice("");
            return Ok(false);
        }
    };
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
