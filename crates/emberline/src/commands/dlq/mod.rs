//! `dlq`: the dead letters, looked at and redriven. But for `redrive` nothing is changed, no
//! group is joined, nothing is committed, and however many there are, only a part of them is
//! held at once.
//!
//! `topic` reads, `newest` is the order of `list`, `letter` and `original` say what a record
//! is, `filter` which are meant, `masking` what of it must not be shown.
//!
//! Start at [`run`]; then `list` and `show`.

mod advice;
mod chart;
mod export;
mod filter;
mod letter;
mod list;
mod masking;
mod newest;
mod original;
mod payload;
mod redrive;
mod row;
mod show;
mod stats;
mod tally;
mod topic;

use clap::Subcommand;

use crate::app::{Exit, block_on};
use crate::settings::Settings;

const EXAMPLES: &str = "\
Examples:
  emberline dlq list                                   the newest 50
  emberline dlq list --reason refused --from \"2h ago\"
  emberline dlq show 3:1500                            one of them, explained
  emberline dlq stats --from 2026-11-01T00:00:00Z      how many, by reason, code, product, hour
  emberline dlq export --reason too_old --output late.ndjson
  emberline dlq redrive --reason refused --dry-run     what sending them again would do

A letter is named by its place in the dead-letter topic, partition:offset.";

/// Arguments of `dlq`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List dead letters, the newest first.
    List(list::Args),
    /// Show one: why it is there, what to do about it, and what the record says.
    Show(show::Args),
    /// Count them by reason, error code, product, topic and hour.
    Stats(stats::Args),
    /// Write all that match as JSON, one object a line.
    Export(export::Args),
    /// Send those that match once more.
    Redrive(redrive::Args),
}

/// Looks at the dead letters, or sends some once more.
///
/// # Errors
/// If the settings are of no use, Kafka gives no answer, the place of `show` holds no letter,
/// or the result can't be written.
pub fn run(args: Args, settings: Settings) -> anyhow::Result<Exit> {
    match args.action {
        Action::List(args) => args.run(&settings),
        Action::Show(args) => args.run(&settings),
        Action::Stats(args) => args.run(&settings),
        Action::Export(args) => args.run(&settings),
        Action::Redrive(args) => block_on(args.run(settings)),
    }
}
