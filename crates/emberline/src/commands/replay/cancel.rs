//! `replay cancel`: the run of a name is asked to stop, and its word is waited for.

use std::time::Duration;

use serde_json::{Value, json};

use super::Named;
use super::show::view;
use crate::app::Exit;
use crate::output;
use crate::replays::{CancelOutcome, Entry, ReplayState};
use crate::settings::Settings;
use crate::span::shown;

/// How long the run's word is waited for: longer than the silence after which it is dead.
const PATIENCE: Duration = Duration::from_secs(20);

/// Asks, waits, and says what became of it.
pub(super) async fn run(args: &Named, settings: &Settings) -> anyhow::Result<Exit> {
    let registry = super::open(settings).await?;
    if let Some(entry) = registry.find(&args.name).filter(|it| it.status.state.is_running()) {
        output::notice(&format!("asking replay {} on {} to stop …", args.name, entry.status.host));
    }
    let told = Told::of(registry.cancel(&args.name, PATIENCE).await?);
    let Some(told) = told else { return Err(super::unknown(&args.name)) };
    if args.json {
        output::json(&told.view())?;
    } else {
        output::line(&told.text)?;
    }
    Ok(if told.good { Exit::Done } else { Exit::Failed })
}

/// What is said of an outcome.
struct Told {
    outcome: &'static str,
    text: String,
    entry: Entry,
    /// It was stopped, or had been cancelled before.
    good: bool,
}

impl Told {
    /// `None`: there is no such replay.
    fn of(outcome: CancelOutcome) -> Option<Self> {
        let (outcome, entry) = match outcome {
            CancelOutcome::Unknown => return None,
            CancelOutcome::NotRunning(entry) => ("not_running", entry),
            CancelOutcome::Ended(entry) => ("ended", entry),
            CancelOutcome::Marked(entry) => ("marked", entry),
            CancelOutcome::TakenOver(entry) => ("taken_over", entry),
            CancelOutcome::Asked(entry) => ("asked", entry),
        };
        let (name, host, state) = (&entry.name, &entry.status.host, entry.state_name());
        let ended = entry
            .status
            .ended_ms
            .map_or_else(String::new, |ended| format!(" since {}", shown(ended)));
        let text = match outcome {
            "not_running" => format!("nothing runs under {name}: it is {state}{ended}"),
            "ended" => format!("replay {name} has stopped on {host}: it is {state}"),
            "marked" => {
                format!("nobody was alive any more who ran replay {name}: it is {state} now")
            }
            "taken_over" => format!(
                "replay {name} was taken over by {host} meanwhile and runs there: cancel it again to stop that one"
            ),
            _ => format!(
                "replay {name} was asked to stop and is still alive on {host}: see emberline replay show {name}"
            ),
        };
        let good = matches!(outcome, "ended" | "marked")
            || (outcome == "not_running" && entry.status.state == ReplayState::Cancelled);
        Some(Self { outcome, text, entry, good })
    }

    fn view(&self) -> Value {
        json!({ "ok": self.good, "outcome": self.outcome, "replay": view(&self.entry) })
    }
}
