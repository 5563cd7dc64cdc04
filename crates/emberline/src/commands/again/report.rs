//! What came of it.

use std::fmt::Write as _;

use emberline_model::ReplayName;
use serde_json::json;

use super::Job;
use crate::output::{self, grouped};
use crate::replays::{ReplayProgress, ReplayStatus};

/// Prints the final report.
pub(super) fn show(job: &Job, name: &ReplayName, status: &ReplayStatus) -> std::io::Result<()> {
    let ReplayStatus { state, reason, planned, progress, started_ms, ended_ms, .. } = status;
    let ReplayProgress { records, read, matched, delivered, duplicates, failed, .. } = progress;
    let seconds = ended_ms.map(|ended| (ended - started_ms).max(0) / 1000);
    if job.options.json {
        return output::json(&json!({
            "name": name.as_str(),
            "kind": status.kind.name(),
            "state": state.name(),
            "reason": reason,
            "seconds": seconds,
            "planned": planned,
            "report": {
                "records": records,
                "read": read,
                "matched": matched,
                "delivered": delivered,
                "duplicates": duplicates,
                "failed": failed,
            },
        }));
    }
    let mut text = format!("{} {name}: {}", job.word(), state.name());
    if !reason.is_empty() {
        let _ = write!(text, " ({reason})");
    }
    text.push('\n');
    let mut line = |name: &str, count: u64, remark: &str| {
        let line = format!("  {name:<24} {:>13}  {remark}", grouped(count));
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{}", line.trim_end());
    };
    line("read", *read, &format!("of {} records", grouped(*records)));
    line("matched", *matched, "records");
    line("delivered", *delivered, "reports, states and events");
    line("duplicates", *duplicates, "left out");
    for (reason, count) in failed {
        line(reason, *count, "");
    }
    output::text(&text)
}
