//! End-to-end stories against a real Kafka, and what holds for the workspace as a whole.
//!
//! Everything is under `tests/`: `stories` runs the program beside a Kafka and a sandbox,
//! `observability` holds alerts and dashboards to what a run shows, `metric_names` holds the metrics to their fixture, `crate_directions` holds the map.
//! Here is only what two of them share.

use std::collections::BTreeSet;
use std::path::PathBuf;

/// The repository's root.
pub fn root() -> PathBuf {
    let mut root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.pop();
    root
}

/// The metrics that users build dashboards on, as the fixture lists them: `name kind labels`.
pub fn metrics_fixture() -> BTreeSet<String> {
    let lines = include_str!("../fixtures/metrics.txt").lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

/// A metric as a line of the fixture.
pub fn metrics_line<'a>(
    name: &str,
    kind: &str,
    labels: impl IntoIterator<Item = &'a str>,
) -> String {
    let labels: BTreeSet<&str> = labels.into_iter().collect();
    let labels: Vec<&str> = labels.into_iter().collect();
    format!("{name} {kind} {}", labels.join(",")).trim_end().to_owned()
}
