//! `replay show`: all that is known of a replay, for people and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Named;
use crate::app::Exit;
use crate::output;
use crate::replays::{Entry, ReplayRange};
use crate::settings::Settings;
use crate::span::shown;

/// Most ranges that are printed for people.
const MOST_RANGES: usize = 12;

/// Shows it.
pub(super) async fn run(args: &Named, settings: &Settings) -> anyhow::Result<Exit> {
    let registry = super::open(settings).await?;
    let entry = registry.find(&args.name).ok_or_else(|| super::unknown(&args.name))?;
    if args.json {
        output::json(&view(&entry))?;
    } else {
        output::text(&text(&entry))?;
    }
    Ok(Exit::Done)
}

/// How much of its ranges was read.
pub(super) fn percent(entry: &Entry) -> String {
    entry.percent().map_or_else(|| "-".to_owned(), |percent| format!("{percent} %"))
}

/// A replay as JSON.
pub(super) fn view(entry: &Entry) -> Value {
    let status = &entry.status;
    let progress = &status.progress;
    let range = |ReplayRange { partition, from, to }: &ReplayRange| json!({ "partition": partition, "from": from, "to": to });
    let cancel = entry.cancel.as_ref();
    json!({
        "name": entry.name.as_str(),
        "kind": status.kind.name(),
        "state": entry.state_name(),
        "reason": status.reason,
        "topic": status.topic,
        "from": status.from,
        "to": status.to,
        "ranges": status.ranges.iter().map(range).collect::<Vec<_>>(),
        "only": status.only.map(|(from, to)| json!({ "from": bound(from), "to": bound(to) })),
        "asked": status.asked,
        "planned": status.planned,
        "rate": status.rate,
        "host": status.host,
        "started": shown(status.started_ms),
        "updated": shown(entry.heard_ms),
        "ended": status.ended_ms.map(shown),
        "cancel": cancel.map(|it| json!({ "host": it.host, "time": shown(it.time_ms) })),
        "progress": {
            "percent": entry.percent(),
            "records": progress.records,
            "read": progress.read,
            "matched": progress.matched,
            "delivered": progress.delivered,
            "duplicates": progress.duplicates,
            "failed": progress.failed,
            "position": progress.position_ms.map(shown),
        },
    })
}

/// A replay for people: a line a subject.
fn text(entry: &Entry) -> String {
    let status = &entry.status;
    let mut lines = vec![("state", state(entry))];
    lines.push(("topic", status.topic.clone()));
    for (name, bounds) in [("from", &status.from), ("to", &status.to)] {
        if !bounds.is_empty() {
            lines.push((name, bounds.join(", ")));
        }
    }
    lines.push(("offsets", ranges(&status.ranges)));
    if let Some((from, to)) = status.only {
        let bound = |word, end| bound(end).map(|time| format!(" {word} {time}"));
        let bounds = [bound("from", from), bound("before", to)].map(Option::unwrap_or_default);
        lines.push(("only", format!("records{}", bounds.concat())));
    }
    if !status.asked.is_empty() {
        lines.push(("asked", joined(&status.asked)));
    }
    if !status.planned.is_empty() {
        lines.push(("planned", joined(&status.planned)));
    }
    let rate = status.rate.map(|rate| format!("at most {rate} calls a second"));
    lines.push(("rate", rate.unwrap_or_else(|| "no limit of its own".to_owned())));
    lines.push(("host", status.host.clone()));
    lines.push(("started", shown(status.started_ms)));
    lines.push(("updated", shown(entry.heard_ms)));
    if let Some(ended) = status.ended_ms {
        lines.push(("ended", shown(ended)));
    }
    lines.extend(progress(entry));
    let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let mut text = format!("{} {}\n", status.kind.name(), entry.name);
    for (name, value) in lines {
        let _ = writeln!(text, "  {name:<width$}  {value}");
    }
    text
}

/// A bound of times that is none lies at the end of all times.
fn bound(unix_ms: i64) -> Option<String> {
    (unix_ms != i64::MIN && unix_ms != i64::MAX).then(|| shown(unix_ms))
}

fn state(entry: &Entry) -> String {
    let mut state = entry.state_name().to_owned();
    if !entry.status.reason.is_empty() {
        let _ = write!(state, ": {}", entry.status.reason);
    }
    if let Some(cancel) = &entry.cancel {
        let _ = write!(state, ", asked to stop on {} at {}", cancel.host, shown(cancel.time_ms));
    }
    state
}

fn ranges(ranges: &[ReplayRange]) -> String {
    let shown = ranges.iter().take(MOST_RANGES);
    let mut shown: Vec<_> =
        shown.map(|it| format!("{}:{} to {}", it.partition, it.from, it.to)).collect();
    let more = ranges.len().saturating_sub(MOST_RANGES);
    if more > 0 {
        shown.push(format!("and of {more} more partitions (--json has all)"));
    }
    if shown.is_empty() { "none".to_owned() } else { shown.join(", ") }
}

fn progress(entry: &Entry) -> Vec<(&'static str, String)> {
    let progress = &entry.status.progress;
    let mut lines = vec![(
        "progress",
        format!("{} ({} of {} records read)", percent(entry), progress.read, progress.records),
    )];
    if let Some(position) = progress.position_ms {
        lines.push(("position", shown(position)));
    }
    lines.push(("matched", format!("{} records", progress.matched)));
    lines.push(("delivered", progress.delivered.to_string()));
    lines.push(("duplicates", progress.duplicates.to_string()));
    let failed: u64 = progress.failed.values().sum();
    let reasons =
        if failed == 0 { String::new() } else { format!(" ({})", joined(&progress.failed)) };
    lines.push(("failed", format!("{failed}{reasons}")));
    lines
}

fn joined<V: ToString>(map: &BTreeMap<String, V>) -> String {
    map.iter()
        .map(|(key, value)| format!("{key} {}", value.to_string()))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
pub(super) mod tests {
    use emberline_model::ReplayName;

    use super::{text, view};
    use crate::replays::tests::status;
    use crate::replays::{CancelRequest, Entry, ReplayProgress, ReplayRange, ReplayState};

    /// A replay in that state.
    pub(crate) fn entry(name: &str, state: ReplayState) -> Entry {
        Entry::of(ReplayName::parse(name).unwrap(), status(state), 1_700_000_060_000)
    }

    #[test]
    fn a_run_that_was_asked_to_stop_is_shown_with_all_that_is_known() {
        let mut entry = entry("back-fill", ReplayState::Running);
        entry.cancel = Some(CancelRequest { host: "desk".into(), time_ms: 1_700_000_059_000 });
        insta::assert_snapshot!(text(&entry));
        insta::assert_json_snapshot!(view(&entry));
    }

    #[test]
    fn one_that_failed_says_why_and_many_ranges_are_cut() {
        let mut entry = entry("back-fill", ReplayState::Failed);
        let status = &mut entry.status;
        (status.reason, status.ended_ms) = ("no credentials".into(), Some(1_700_000_060_000));
        (status.rate, status.only) = (None, Some((1_600_000_000_000, i64::MAX)));
        let range = |partition| ReplayRange { partition, from: 0, to: 9 };
        status.ranges = (0..20).map(range).collect();
        status.to.clear();
        status.asked.clear();
        status.planned.clear();
        status.progress = ReplayProgress::default();
        insta::assert_snapshot!(text(&entry));
    }
}
