//! What was asked for.

use std::collections::BTreeMap;

use emberline_model::ReplayName;
use emberline_pipeline::WorkerKind;
use emberline_pipeline::replay::Selection;

use super::rate;
use crate::replays::ReplayKind;
use crate::settings::{Rate, Settings};
use crate::span::Span;

/// The flags that a replay and a redrive have in common.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Show what would be sent, and send nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Send without asking. Needed where nobody is there to be asked.
    #[arg(long, short)]
    pub(super) yes: bool,
    /// A name of its own: what is stopped goes on where it was when it is begun again with the
    /// same name and flags. Default: one made of the time.
    #[arg(long, value_name = "NAME", value_parser = ReplayName::parse)]
    pub(super) name: Option<ReplayName>,
    /// Calls a second; at most, and by default, what replays have of `limits.rate`
    /// (`limits.replay_part`).
    #[arg(long, value_name = "RATE")]
    pub(super) rate: Option<Rate>,
    /// Print the plan of a dry run, or the final report, as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// What is to be pushed again.
pub(crate) struct Job {
    pub(crate) kind: ReplayKind,
    pub(crate) topic: String,
    pub(crate) span: Span,
    pub(crate) selection: Selection,
    /// Only records that became dead letters.
    pub(crate) dead_letters_only: bool,
    /// What has a receipt is left out.
    pub(crate) without_receipt_only: bool,
    /// The flags that chose, as they were given: a run that goes on has the same.
    pub(crate) asked: BTreeMap<String, String>,
    pub(crate) options: Options,
}

impl Job {
    /// What it is called.
    pub(super) const fn word(&self) -> &'static str {
        self.kind.name()
    }

    pub(super) const fn worker(&self) -> WorkerKind {
        match self.kind {
            ReplayKind::Replay => WorkerKind::Replay,
            ReplayKind::Redrive => WorkerKind::Redrive,
        }
    }

    /// The name that was given, or one that nothing else has.
    pub(super) fn name(&self) -> ReplayName {
        self.options.name.clone().unwrap_or_else(|| {
            let now = jiff::Timestamp::now().strftime("%Y%m%dt%H%M%S");
            let name = format!("{}-{now}-{:04x}", self.word(), fastrand::u16(..));
            ReplayName::parse(&name).expect("letters, digits and hyphens")
        })
    }

    /// The rate that it may have where nothing else runs.
    ///
    /// # Errors
    /// More than replays have was asked for.
    pub(super) fn rate_of(&self, settings: &Settings) -> anyhow::Result<Option<f64>> {
        rate::of(self.options.rate, settings, 0.0)
    }
}
