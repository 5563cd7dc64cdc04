//! `replay list`: a line a replay.

use std::cmp::Reverse;
use std::fmt::Write as _;

use serde_json::json;

use super::show::{percent, view};
use crate::app::Exit;
use crate::output;
use crate::replays::Entry;
use crate::settings::Settings;
use crate::span::shown;

/// Arguments of `replay list`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Lists them.
pub(super) async fn run(args: &Args, settings: &Settings) -> anyhow::Result<Exit> {
    let entries = newest_first(super::open(settings).await?.list());
    if args.json {
        let replays: Vec<_> = entries.iter().map(view).collect();
        output::json(&json!({ "replays": replays }))?;
    } else if entries.is_empty() {
        output::notice("no replay was ever begun with a name");
    } else {
        output::text(&table(&entries))?;
    }
    Ok(Exit::Done)
}

fn newest_first(mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.sort_by_key(|entry| Reverse(entry.status.started_ms));
    entries
}

fn table(entries: &[Entry]) -> String {
    let head = ["name", "kind", "state", "progress", "started", "updated"].map(str::to_owned);
    let row = |entry: &Entry| {
        [
            entry.name.to_string(),
            entry.status.kind.name().to_owned(),
            entry.state_name().to_owned(),
            percent(entry),
            shown(entry.status.started_ms),
            shown(entry.heard_ms),
        ]
    };
    let rows: Vec<_> = std::iter::once(head).chain(entries.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or_default();
    let widths: [usize; 6] = std::array::from_fn(width);
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(widths);
        let cells: Vec<_> = cells.map(|(cell, width)| format!("{cell:width$}")).collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{newest_first, table};
    use crate::commands::replay::show::tests::entry;
    use crate::replays::{ReplayKind, ReplayState};

    #[test]
    fn the_newest_stands_first_in_a_table() {
        let old = entry("back-fill-of-august", ReplayState::Done);
        let mut new = entry("letters", ReplayState::Running);
        new.status.kind = ReplayKind::Redrive;
        new.status.started_ms += 1;
        let mut empty = entry("empty", ReplayState::Planned);
        (empty.status.progress.records, empty.status.started_ms) = (0, 0);
        let mut dead = entry("dead", ReplayState::Running);
        dead.interrupted = true;
        let entries = newest_first(vec![empty, old, new, dead]);
        insta::assert_snapshot!(table(&entries));
    }
}
