//! Runs that were recorded: what a new one is held beside, and how the ratios went.
//!
//! Ratios only. What a machine does in a second is its own, and so is what else it does then;
//! a limit measured in the same run has both in it. Nothing fails by a comparison: a ratio
//! still moves by some percent from run to run.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::micro::median;
use crate::report::Row;

/// A new run is held beside the median of so many before it.
const BESIDE: usize = 5;
/// A ratio that has fallen by more than this is worth a look.
const WORTH_A_LOOK: f64 = 0.2;
/// Rows that are plotted.
const PLOTTED: [&str; 4] = [
    "intake, calls answered inside",
    "push, one report a call",
    "the same with receipts",
    "batched, beside no receipts",
];
/// The newest runs of a plot.
const MOST_PLOTTED: usize = 30;
/// What the plots lie between in the README.
const BEGIN: &str = "<!-- plots: begin -->\n";
const END: &str = "<!-- plots: end -->\n";

/// A run, as one line of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) time: Timestamp,
    /// The commit that was measured; with a `+` where files had been changed since.
    pub(crate) commit: String,
    pub(crate) machine: String,
    pub(crate) quick: bool,
    /// By row.
    pub(crate) figures: BTreeMap<String, Figure>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Figure {
    pub(crate) value: f64,
    pub(crate) unit: String,
    /// Beside its raw limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ratio: Option<f64>,
}

impl Run {
    /// One that has just been made.
    pub(crate) fn new(machine: &str, quick: bool, rows: &[Row]) -> Self {
        let figure = |row: &Row| {
            let unit = row.unit.to_owned();
            (row.name.to_owned(), Figure { value: row.value, unit, ratio: row.ratio })
        };
        Self {
            time: Timestamp::now(),
            commit: commit(),
            machine: machine.to_owned(),
            quick,
            figures: rows.iter().map(figure).collect(),
        }
    }

    fn ratio(&self, row: &str) -> Option<f64> {
        self.figures.get(row)?.ratio
    }
}

fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).current_dir(directory()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short", "HEAD"]) else { return "unknown".into() };
    let changed = git(&["status", "--porcelain"]).is_none_or(|changes| !changes.is_empty());
    if changed { commit + "+" } else { commit }
}

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn file() -> PathBuf {
    directory().join("history.jsonl")
}

/// The runs recorded, oldest first.
///
/// # Errors
/// The file can't be read, or a line of it is no run.
pub(crate) fn read() -> anyhow::Result<Vec<Run>> {
    let path = file();
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let line = |(number, line): (usize, &str)| {
        let place = || format!("{}, line {}", path.display(), number + 1);
        serde_json::from_str(line).with_context(place)
    };
    text.lines().enumerate().map(line).collect()
}

/// Records a run, and plots it.
///
/// # Errors
/// A file can't be written.
pub(crate) fn record(run: &Run) -> anyhow::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(file())?;
    file.write_all((serde_json::to_string(run)? + "\n").as_bytes())?;
    let path = directory().join("README.md");
    let readme = with_plots(&fs::read_to_string(&path)?, &read()?)?;
    fs::write(&path, readme).with_context(|| path.display().to_string())
}

/// How a run's ratios are beside those of the runs before it that were as long.
pub(crate) fn compare(run: &Run, before: &[Run]) -> String {
    let alike: Vec<&Run> = before.iter().filter(|it| it.quick == run.quick).collect();
    let mut text = String::new();
    for (name, now) in run.figures.iter().filter_map(|(name, it)| Some((name, it.ratio?))) {
        let ratios = alike.iter().rev().filter_map(|it| it.ratio(name));
        let ratios: Vec<f64> = ratios.take(BESIDE).collect();
        if ratios.is_empty() {
            continue;
        }
        let (count, before) = (ratios.len(), median(ratios));
        let change = now / before - 1.0;
        let look = if change < -WORTH_A_LOOK { "  worth a look" } else { "" };
        let _ = writeln!(
            text,
            "{name:<34} {:>5.0} % {:>5.0} % {:>+5.0} %  {count}{look}",
            now * 100.0,
            before * 100.0,
            change * 100.0,
        );
    }
    if text.is_empty() {
        return "no run like this one is recorded".into();
    }
    format!(
        "{:<34} {:>7} {:>7} {:>7}  runs\n{text}",
        "ratio to the raw limit", "now", "before", "change"
    )
}

/// The README with the plots of these runs in place of those that it has.
///
/// # Errors
/// It has no place for them.
fn with_plots(readme: &str, runs: &[Run]) -> anyhow::Result<String> {
    let place = "README.md has no place for the plots";
    let (before, rest) = readme.split_once(BEGIN).context(place)?;
    let (_, after) = rest.split_once(END).context(place)?;
    let plots: Vec<String> = PLOTTED.iter().filter_map(|row| plot(row, runs)).collect();
    Ok(format!("{before}{BEGIN}{}{END}{after}", plots.join("\n")))
}

/// The ratios of one row over the quick runs.
fn plot(row: &str, runs: &[Run]) -> Option<String> {
    let quick = runs.iter().filter(|run| run.quick);
    let mut points: Vec<(&str, f64)> =
        quick.filter_map(|run| Some((run.commit.as_str(), run.ratio(row)?))).collect();
    points.drain(..points.len().saturating_sub(MOST_PLOTTED));
    if points.is_empty() {
        return None;
    }
    let commits: Vec<String> = points.iter().map(|(commit, _)| format!("\"{commit}\"")).collect();
    let ratios: Vec<String> = points.iter().map(|(_, it)| format!("{:.0}", it * 100.0)).collect();
    Some(format!(
        "```mermaid\nxychart-beta\n    title \"{row}: % of the raw limit\"\n    x-axis [{}]\n    \
         y-axis \"%\" 0 --> 100\n    line [{}]\n```\n",
        commits.join(", "),
        ratios.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use jiff::Timestamp;

    use super::{Figure, Run, compare, directory, plot, read, with_plots};

    const ROW: &str = "push, one report a call";

    fn run(quick: bool, ratio: Option<f64>) -> Run {
        let figure = Figure { value: 1.0, unit: "calls/CPU s".into(), ratio };
        Run {
            time: Timestamp::UNIX_EPOCH,
            commit: "abc1234".into(),
            machine: "one of glass".into(),
            quick,
            figures: BTreeMap::from([(ROW.into(), figure)]),
        }
    }

    #[test]
    fn a_run_is_held_beside_the_median_of_the_last_five_like_it() {
        let before: Vec<Run> = [0.9, 0.2, 0.5, 0.4, 0.6, 0.5]
            .into_iter()
            .flat_map(|ratio| [run(true, Some(ratio)), run(false, Some(0.1))])
            .collect();
        let text = compare(&run(true, Some(0.3)), &before);
        let line = text.lines().nth(1).unwrap();
        assert_eq!(
            line.split_whitespace().skip(5).collect::<Vec<_>>().join(" "),
            "30 % 50 % -40 % 5 worth a look"
        );
        assert!(!compare(&run(true, Some(0.45)), &before).contains("look"));
    }

    #[test]
    fn without_one_like_it_there_is_nothing_to_compare() {
        let nothing = "no run like this one is recorded";
        assert_eq!(compare(&run(true, Some(0.5)), &[run(false, Some(0.5))]), nothing);
        assert_eq!(compare(&run(true, None), &[run(true, Some(0.5))]), nothing);
    }

    #[test]
    fn only_the_newest_quick_runs_are_plotted() {
        let mut runs = vec![run(true, Some(0.99)), run(false, Some(0.98))];
        runs.extend((0..30).map(|_| run(true, Some(0.5))));
        let plot = plot(ROW, &runs).unwrap();
        assert_eq!(plot.matches("50").count(), 30, "{plot}");
        assert!(!plot.contains("99") && !plot.contains("98"), "{plot}");
    }

    #[test]
    fn the_readme_shows_what_is_recorded() {
        let readme = fs::read_to_string(directory().join("README.md")).unwrap();
        let runs = read().unwrap();
        assert!(runs.iter().any(|run| run.quick), "there are some");
        assert_eq!(with_plots(&readme, &runs).unwrap(), readme);
    }
}
