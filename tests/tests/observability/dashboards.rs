//! The dashboards as files: what each panel asks, and what every one must have.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::rules::{deploy, text};

/// The variables that every dashboard has.
const VARIABLES: [&str; 6] = ["datasource", "namespace", "job", "group", "instance", "worker"];
/// Grafana 12 writes this version or a later one.
const SCHEMA: u64 = 41;

/// A query of a panel.
#[derive(Debug, Clone)]
pub(crate) struct PanelQuery {
    /// Dashboard and panel.
    pub(crate) panel: String,
    /// As it stands in the file.
    pub(crate) expression: String,
    /// The labels that its legend shows.
    pub(crate) legend: BTreeSet<String>,
}

/// The query of a variable: `label_values(metric, label)`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct VariableQuery {
    pub(crate) metric: String,
    pub(crate) label: String,
}

/// Every dashboard with its file's name.
fn dashboards() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(deploy().join("grafana")).expect("the dashboards") {
        let file = file.expect("a file").path();
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).expect("a file");
        let board = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        found.push((name, board));
    }
    found.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    found
}

/// The panels of a dashboard that show something.
fn panels(board: &Value) -> impl Iterator<Item = &Value> {
    let panels = board["panels"].as_array().expect("a list of panels");
    panels.iter().filter(|panel| panel["type"] != "row")
}

fn list<'a>(value: &'a Value, what: &str) -> &'a Vec<Value> {
    value.as_array().unwrap_or_else(|| panic!("no list of {what}: {value}"))
}

/// What all panels ask.
pub(crate) fn queries() -> Vec<PanelQuery> {
    let mut queries = Vec::new();
    for (name, board) in dashboards() {
        for panel in panels(&board) {
            for target in list(&panel["targets"], "queries") {
                let legend = text(target, &["legendFormat"]).split("{{").skip(1);
                let label = |part: &str| part.split("}}").next().map(|l| l.trim().to_owned());
                queries.push(PanelQuery {
                    panel: format!("{name}: {}", text(panel, &["title"])),
                    expression: text(target, &["expr"]).to_owned(),
                    legend: legend.filter_map(label).collect(),
                });
            }
        }
    }
    queries
}

/// What all variables ask, each once.
pub(crate) fn variable_queries() -> BTreeSet<VariableQuery> {
    let mut queries = BTreeSet::new();
    for (name, board) in dashboards() {
        for variable in list(&board["templating"]["list"], "variables") {
            if variable["type"] == "query" {
                let query = text(variable, &["query", "query"]);
                let inner =
                    query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
                let (metric, label) = inner
                    .and_then(|inner| inner.rsplit_once(", "))
                    .unwrap_or_else(|| panic!("{name}: another query than label_values: {query}"));
                queries.insert(VariableQuery { metric: metric.into(), label: label.into() });
            }
        }
    }
    queries
}

pub(crate) fn are_complete() {
    let boards = dashboards();
    assert!(boards.len() >= 4, "{} dashboards", boards.len());
    let mut uids = BTreeSet::new();
    for (name, board) in &boards {
        assert!(uids.insert(text(board, &["uid"])), "{name}: its uid is taken");
        assert!(board["schemaVersion"].as_u64() >= Some(SCHEMA), "{name}");
        assert!(!text(board, &["description"]).is_empty(), "{name}");
        let variables: Vec<_> = list(&board["templating"]["list"], "variables")
            .iter()
            .map(|variable| text(variable, &["name"]))
            .collect();
        assert_eq!(variables, VARIABLES, "{name}");
        let (mut ids, mut thresholds) = (BTreeSet::new(), 0);
        for panel in panels(board) {
            let title = format!("{name}: {}", text(panel, &["title"]));
            assert!(ids.insert(panel["id"].as_u64().expect("an id")), "{title}: its id is taken");
            assert!(text(panel, &["description"]).len() > 20, "{title}: no description");
            let defaults = &panel["fieldConfig"]["defaults"];
            assert!(!text(defaults, &["unit"]).is_empty(), "{title}: no unit");
            thresholds += usize::from(list(&defaults["thresholds"]["steps"], "steps").len() > 1);
            let asked = list(&panel["targets"], "queries");
            assert!(!asked.is_empty(), "{title}: it asks nothing");
            for source in asked.iter().chain([panel]) {
                assert_eq!(source["datasource"]["uid"], "${datasource}", "{title}");
            }
        }
        assert!(thresholds >= 3, "{name}: {thresholds} panels with thresholds");
    }
}

pub(crate) fn do_not_overlap() {
    for (name, board) in dashboards() {
        let mut taken = BTreeSet::new();
        for panel in list(&board["panels"], "panels") {
            let at = |key: &str| panel["gridPos"][key].as_u64().expect("a place");
            for x in at("x")..at("x") + at("w") {
                for y in at("y")..at("y") + at("h") {
                    assert!(x < 24 && taken.insert((x, y)), "{name}: {}", panel["title"]);
                }
            }
        }
    }
}
