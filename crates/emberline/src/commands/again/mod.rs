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
use emberline_pipeline::replay::{Planned, ReplayError, plan};
use tokio_util::sync::CancellationToken;

use crate::app::{Exit, UsageError};
use crate::output;
use crate::replays::{Registry, Timing};
use crate::settings::Settings;
use crate::signals::stop_on_signal;
use crate::wiring;
use begin::Beginning;
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
        let begins = Beginning::anew(&job, &kafka).await?;
        let planned = planned(&job, &begins, &settings, None, stop).await?;
        plan::show(&job, &planned, job.rate_of(&settings)?, None)?;
        return Ok(Exit::Done);
    }
    let topic = wiring::topics(&settings).replays();
    let registry = Registry::open(&kafka, topic, Timing::default()).await?;
    let begins = match begin::find(&job, &registry, &kafka).await? {
        begin::Found::Begins(begins) => begins,
        begin::Found::WasDone(entry) => {
            output::notice(&format!(
                "{} {} is done since {}: to do it once more, give it another --name",
                job.word(),
                entry.name,
                crate::span::shown(entry.heard_ms),
            ));
            report::show(&job, &entry.name, &entry.status)?;
            return Ok(Exit::Done);
        }
    };
    let rate = rate::left(&job, &settings, &registry, &begins.name)?;
    let planned = planned(&job, &begins, &settings, rate, stop.clone()).await?;
    if !job.options.json {
        plan::show(&job, &planned, rate, Some(&begins))?;
    }
    if planned.plan.is_empty() {
        output::notice("nothing to send");
        if begins.before.is_none() {
            return Ok(Exit::Done);
        }
    } else if !agreed(&job)? {
        output::notice("nothing was sent");
        return Ok(Exit::Failed);
    }
    drive::run(&job, registry, begins, planned, rate, &settings, stop).await
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

/// Whether the plan is to be carried out.
fn agreed(job: &Job) -> anyhow::Result<bool> {
    if job.options.yes {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() || !output::stderr_is_terminal() {
        let text = "nobody is there to be asked: --yes sends without asking, --dry-run only plans";
        return Err(UsageError(text.to_owned()).into());
    }
    output::ask("Send this? [y/N] ");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).context("the answer cannot be read")?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
