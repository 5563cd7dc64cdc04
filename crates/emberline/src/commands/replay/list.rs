//! `replay list`: a line a replay.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::io::{self, Write};

use serde_json::json;

use super::show::{percent, view};
use crate::app::Exit;
use crate::commands::table;
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
        output::pieces(|out| write_table(out, &entries))?;
    }
    Ok(Exit::Done)
}

fn newest_first(mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.sort_by_key(|entry| Reverse(entry.status.started_ms));
    entries
}

fn write_table(out: &mut dyn Write, entries: &[Entry]) -> io::Result<()> {
    let head = ["name", "kind", "state", "progress", "started", "updated"];
    table::write(out, head, entries, |entry| {
        [
            Cow::Borrowed(entry.name.as_str()),
            Cow::Borrowed(entry.status.kind.name()),
            Cow::Borrowed(entry.state_name()),
            Cow::Owned(percent(entry)),
            Cow::Owned(shown(entry.status.started_ms)),
            Cow::Owned(shown(entry.heard_ms)),
        ]
    })
}

#[cfg(test)]
mod tests {
    use super::{newest_first, write_table};
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
        let mut table = Vec::new();
        write_table(&mut table, &entries).unwrap();
        insta::assert_snapshot!(String::from_utf8(table).unwrap());
    }
}
