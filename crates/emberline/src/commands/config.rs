//! `config`: check, show and explain the configuration.

mod explain_retry;

use clap::{Subcommand, ValueEnum};
use explain_retry::Schedule;

use crate::app::Exit;
use crate::cli::Common;
use crate::settings::{Loaded, Problem, Problems, catalogue, problems_at_start, render};
use crate::{output, wiring};

const EXAMPLES: &str = "\
Examples:
  emberline config example > emberline.toml
  emberline config check -c emberline.toml
  EMBERLINE__LIMITS__RATE=50/s emberline config show -c emberline.toml
  emberline config schema > emberline.schema.json
  emberline config explain-retry -c emberline.toml";

/// Arguments of `config`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Tell every mistake, each with its place; exit code 2 if there is one.
    Check,
    /// Print what holds and where each value came from, secrets masked.
    Show {
        /// How to print it.
        #[arg(long, value_enum, default_value_t = Format::Toml)]
        format: Format,
    },
    /// Print the JSON schema, for editors.
    Schema,
    /// Print a configuration of every key with its meaning and default.
    Example,
    /// Print when a record that fails is tried again, and when it becomes a dead letter.
    ExplainRetry {
        /// As one JSON object.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// As a configuration, the sources in comments.
    Toml,
    /// As an object of sections, keys, values and sources.
    Json,
}

/// Does it.
///
/// # Errors
/// What is wrong with the configuration, or if stdout cannot be written.
pub fn run(args: &Args, common: &Common) -> anyhow::Result<Exit> {
    match args.action {
        Action::Check => check(&common.load()?)?,
        Action::Show { format: Format::Toml } => output::text(&render::show_toml(&common.load()?))?,
        Action::Show { format: Format::Json } => {
            output::pretty_json(&render::show_json(&common.load()?))?;
        }
        Action::Schema => output::pretty_json(&catalogue::schema())?,
        Action::Example => output::text(&render::example())?,
        Action::ExplainRetry { json } => {
            let schedule = Schedule::of(&common.load()?.settings)?;
            if json {
                output::pretty_json(&schedule)?;
            } else {
                output::text(&schedule.text())?;
            }
        }
    }
    Ok(Exit::Done)
}

fn check(loaded: &Loaded) -> anyhow::Result<()> {
    let settings = &loaded.settings;
    let portal = settings.portal.is_meant().then(|| wiring::portal::problems(settings));
    let mut problems: Vec<Problem> = Vec::new();
    for found in [problems_at_start(settings), portal.unwrap_or(Ok(()))] {
        let found =
            found.err().into_iter().flat_map(|found| found.iter().cloned().collect::<Vec<_>>());
        let new: Vec<_> = found.filter(|problem| !problems.contains(problem)).collect();
        problems.extend(new);
    }
    Problems::none_in(problems).map_err(|problems| loaded.locate(&problems))?;
    let topics: Vec<_> = settings.topics.inputs().map(|(_, topic)| topic).collect();
    output::line(&format!(
        "ok: reads {} from {} as group {}, calls {} at {}",
        topics.join(", "),
        settings.kafka.brokers,
        settings.kafka.group,
        settings.service.url,
        settings.limits.rate,
    ))?;
    Ok(())
}
