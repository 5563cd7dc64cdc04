//! `replay`: a part of an input topic, pushed again; and the named replays, seen and stopped
//! from anywhere.
//!
//! `start` is the run itself, on the base of `commands::again`. Which replays there are, and who
//! runs them, is told by [`crate::replays`]. `show` has the form in which one is printed.

mod cancel;
mod list;
mod show;
mod start;

use clap::{Args as ClapArgs, Subcommand};
use emberline_model::ReplayName;

use crate::app::Exit;
use crate::replays::{Registry, Timing};
use crate::settings::Settings;
use crate::wiring;

const EXAMPLES: &str = "\
Examples:
  emberline replay --topic devices --from '2h ago' --dry-run
  emberline replay --topic devices --from 2026-11-25T08:00:00+08:00 --to '1h ago' --missing-only
  emberline replay --topic devices --from 3:1500 --to 3:2500 --device F4N0000AN/dev1 --yes
  emberline replay --topic devices --from '1 day ago' --name back-fill --rate 5/s --yes
  emberline replay list
  emberline replay show back-fill
  emberline replay cancel back-fill

States: planned, running, interrupted (no sign of life for 15 s), done, failed, cancelled, stopped.
What was interrupted, stopped, cancelled or failed goes on where it was when it is begun again with
its name and the same flags.";

/// Arguments of `replay`.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub struct Args {
    #[command(subcommand)]
    command: Option<ReplayCommand>,
    #[command(flatten)]
    start: start::Args,
}

#[derive(Debug, Subcommand)]
enum ReplayCommand {
    /// List the named replays, the newest first.
    List(list::Args),
    /// Show all that is known of one.
    Show(Named),
    /// Ask the one that runs under a name to stop, wherever it runs.
    Cancel(Named),
}

/// Which replay, and how it is printed.
#[derive(Debug, ClapArgs)]
struct Named {
    /// The replay's name.
    #[arg(value_parser = ReplayName::parse)]
    name: ReplayName,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Does it.
///
/// # Errors
/// If the registry of replays can't be read or written, or stdout cannot be written.
pub async fn run(args: Args, settings: Settings) -> anyhow::Result<Exit> {
    match args.command {
        Some(ReplayCommand::List(args)) => list::run(&args, &settings).await,
        Some(ReplayCommand::Show(args)) => show::run(&args, &settings).await,
        Some(ReplayCommand::Cancel(args)) => cancel::run(&args, &settings).await,
        None => super::again::run(args.start.job(&settings)?, settings).await,
    }
}

async fn open(settings: &Settings) -> anyhow::Result<Registry> {
    let (kafka, topics) = (wiring::kafka(settings)?, wiring::topics(settings));
    Ok(Registry::open(&kafka, topics.replays(), Timing::default()).await?)
}

fn unknown(name: &ReplayName) -> anyhow::Error {
    anyhow::anyhow!("there is no replay {name}: see emberline replay list")
}
