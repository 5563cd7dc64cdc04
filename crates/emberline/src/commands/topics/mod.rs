//! `topics`: the pipeline's own topics, and the inputs where wanted, made and checked.
//!
//! What a topic must be like is decided in `plan`, how it differs in `check`; neither
//! talks to Kafka.

pub(super) mod check;
pub(super) mod plan;

use anyhow::Context;
use clap::{Args as ClapArgs, Subcommand};
use emberline_broker::{Admin, AdminError, BrokerError, NewTopic, Seen};
use serde_json::json;

use crate::app::Exit;
use crate::settings::Settings;
use crate::{output, wiring};
use check::{Verdict, check};
use plan::{Sizes, Wanted};

const EXAMPLES: &str = "\
Examples:
  emberline topics create -c emberline.toml --partitions 12 --replication 3
  emberline topics create -c emberline.toml --inputs
  emberline topics check -c emberline.toml --inputs --json";

/// Arguments of `topics`.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make the topics that are missing; those that are there are left as they are.
    Create {
        /// Make missing input topics too.
        #[arg(long)]
        inputs: bool,
        /// Partitions of each new topic.
        #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(i32).range(1..=10_000))]
        partitions: i32,
        /// Replicas of each new topic; the brokers' default if not given.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=100))]
        replication: Option<i32>,
        /// Print the result as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Say what is wrong with the topics and what to do about it; exit code 1 if anything is.
    Check {
        /// Check the input topics too.
        #[arg(long)]
        inputs: bool,
        /// Print the result as JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Makes or checks them.
///
/// # Errors
/// If Kafka gives no answer, or stdout cannot be written.
pub async fn run(args: Args, settings: Settings) -> anyhow::Result<Exit> {
    let admin = Admin::new(&wiring::kafka(&settings)?)?;
    let kafka_at = || format!("Kafka at {}", settings.kafka.brokers);
    match args.action {
        Action::Create { inputs, partitions, replication, json } => {
            let sizes = Sizes { partitions, replication };
            let wanted = wanted(&admin, &settings, inputs).await.with_context(kafka_at)?;
            create(&admin, &wanted, sizes, json).await.with_context(kafka_at)
        }
        Action::Check { inputs, json } => {
            let wanted = wanted(&admin, &settings, inputs).await.with_context(kafka_at)?;
            let names: Vec<_> = wanted.iter().map(|topic| topic.name.as_str()).collect();
            let found = admin.describe(&names).await.with_context(kafka_at)?;
            let verdicts = wanted.iter().zip(&found).map(|(wanted, found)| check(wanted, found));
            report(&verdicts.collect::<Vec<_>>(), json)
        }
    }
}

async fn wanted(
    admin: &Admin,
    settings: &Settings,
    inputs: bool,
) -> Result<Vec<Wanted>, BrokerError> {
    let mut wanted = own_topics(admin, settings).await?;
    if inputs {
        wanted.extend(plan::input_topics(settings));
    }
    Ok(wanted)
}

/// The pipeline's own topics, as they must be beside the inputs that there are.
async fn own_topics(admin: &Admin, settings: &Settings) -> Result<Vec<Wanted>, BrokerError> {
    let mut wanted = plan::own_topics(settings);
    let mut names: Vec<_> = settings.topics.repartition.iter().map(String::as_str).collect();
    if settings.divides_bindings() {
        names.extend(wanted.iter().map(|topic| topic.name.as_str()));
    }
    if !names.is_empty() {
        let found = admin.describe(&names).await?;
        plan::fit(&mut wanted, found.iter().filter_map(Seen::there), settings);
    }
    Ok(wanted)
}

/// Makes the pipeline's own topics that are missing, with the brokers' defaults; returns
/// their names.
///
/// # Errors
/// If Kafka gives no answer, or does not allow it.
pub async fn create_missing(admin: &Admin, settings: &Settings) -> anyhow::Result<Vec<String>> {
    let wanted = own_topics(admin, settings).await?;
    let names: Vec<_> = wanted.iter().map(|topic| topic.name.as_str()).collect();
    let found = admin.describe(&names).await?;
    if let Some((hidden, _)) = wanted.iter().zip(&found).find(|(_, seen)| **seen == Seen::Hidden) {
        // A worker in a process of its own may need less than all of them.
        anyhow::bail!(
            "no right to see the topic {}: allow {} on it; to see it, DESCRIBE is enough",
            hidden.name,
            hidden.rights
        );
    }
    let missing: Vec<_> = wanted
        .iter()
        .zip(&found)
        .filter(|(_, seen)| **seen == Seen::Absent)
        .map(|(it, _)| it)
        .collect();
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let new: Vec<NewTopic> = missing.iter().map(|topic| topic.as_new(Sizes::DEFAULT)).collect();
    let mut made = Vec::new();
    for (topic, result) in missing.iter().zip(admin.create(&new).await?) {
        match result {
            Ok(()) => made.push(topic.name.clone()),
            // Another replica was faster.
            Err(AdminError::Exists(_)) => {}
            Err(error) => {
                anyhow::bail!("topic {} is missing and can't be made: {error}", topic.name)
            }
        }
    }
    Ok(made)
}

async fn create(
    admin: &Admin,
    wanted: &[Wanted],
    sizes: Sizes,
    json: bool,
) -> anyhow::Result<Exit> {
    let new: Vec<NewTopic> = wanted.iter().map(|topic| topic.as_new(sizes)).collect();
    let results = admin.create(&new).await?;
    let verdicts = wanted.iter().zip(results).map(|(topic, result)| match result {
        Ok(()) => Verdict::good(&topic.name, "created"),
        Err(AdminError::Exists(_)) => Verdict::good(&topic.name, "exists"),
        Err(error) => Verdict::bad(&topic.name, error.to_string(), String::new()),
    });
    report(&verdicts.collect::<Vec<_>>(), json)
}

/// Prints what was found, a topic a line.
fn report(verdicts: &[Verdict], json: bool) -> anyhow::Result<Exit> {
    let good = verdicts.iter().all(Verdict::is_good);
    if json {
        output::json(&json!({ "ok": good, "topics": verdicts }))?;
    } else {
        let width = verdicts.iter().map(|it| it.topic.len()).max().unwrap_or_default();
        for verdict in verdicts {
            output::line(&format!("{:width$}  {}", verdict.topic, verdict.state))?;
            for problem in &verdict.problems {
                let advice = if problem.advice.is_empty() { "" } else { ": " };
                output::line(&format!(
                    "{:width$}  - {}{advice}{}",
                    "", problem.text, problem.advice
                ))?;
            }
        }
    }
    Ok(if good { Exit::Done } else { Exit::Failed })
}
