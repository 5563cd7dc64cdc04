//! The alert rules as a file: what `promtool` says of them, their cases, their runbooks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use emberline_testkit::command::told;
use emberline_testkit::prometheus::promtool;
use serde_json::Value;

use crate::expression::groupings;

const RUNBOOKS: &str = "{{ $externalLabels.runbooks }}deploy/README.md#";
/// What each runbook answers.
const ANSWERS: [&str; 4] = ["**Means.**", "**Check.**", "**Do.**", "**Goes away"];

/// The directory `deploy`.
pub(crate) fn deploy() -> PathBuf {
    emberline_tests::root().join("deploy")
}

/// The file of rules.
pub(crate) fn file() -> PathBuf {
    deploy().join("prometheus/emberline.rules.yml")
}

/// Every alert, as its rule says.
pub(crate) fn alerts() -> Vec<Value> {
    let groups = yaml(&file());
    let rules = |group: &Value| group["rules"].as_array().cloned().expect("a list of rules");
    groups["groups"].as_array().expect("a list of groups").iter().flat_map(rules).collect()
}

/// A text of a rule.
pub(crate) fn text<'a>(value: &'a Value, keys: &[&str]) -> &'a str {
    let found = keys.iter().fold(value, |value, key| &value[*key]);
    found.as_str().unwrap_or_else(|| panic!("no {keys:?} in {value}"))
}

pub(crate) fn are_accepted() {
    promtool_says(&["check", "rules"], &[file()]);
}

pub(crate) fn fire_in_their_cases_only() {
    promtool_says(&["test", "rules"], &cases());
}

pub(crate) fn have_cases_of_both_kinds() {
    let mut firing: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    for file in cases() {
        for test in yaml(&file)["tests"].as_array().expect("a list of tests") {
            for case in test["alert_rule_test"].as_array().expect("a list of cases") {
                let fires = case["exp_alerts"].as_array().is_some_and(|alerts| !alerts.is_empty());
                let counts = firing.entry(text(case, &["alertname"]).to_owned()).or_default();
                counts[usize::from(fires)] += 1;
            }
        }
    }
    let alerts: BTreeSet<String> =
        alerts().iter().map(|rule| text(rule, &["alert"]).to_owned()).collect();
    let tested: BTreeSet<String> = firing.keys().cloned().collect();
    assert_eq!(alerts, tested, "left: the alerts, right: those with cases");
    for (alert, [silent, firing]) in firing {
        assert!(silent > 0 && firing > 0, "{alert}: {silent} silent cases, {firing} firing ones");
    }
}

pub(crate) fn have_runbooks() {
    let guide = std::fs::read_to_string(deploy().join("README.md")).expect("the guide");
    let sections: BTreeMap<&str, &str> = guide
        .split("\n### ")
        .skip(1)
        .filter_map(|section| section.split_once('\n'))
        .filter(|(title, _)| title.starts_with("Emberline"))
        .collect();
    let mut alerts_named = BTreeSet::new();
    for rule in alerts() {
        let name = text(&rule, &["alert"]).to_owned();
        assert!(!text(&rule, &["annotations", "summary"]).is_empty(), "{name}");
        let severity = text(&rule, &["labels", "severity"]);
        assert!(matches!(severity, "critical" | "warning"), "{name}: {severity}");
        let description = text(&rule, &["annotations", "description"]);
        assert!(description.contains("$value"), "{name}: no figure: {description}");
        for label in description.split("$labels.").skip(1) {
            let label = label.split(' ').next().unwrap_or_default();
            let groups = groupings(text(&rule, &["expr"]));
            assert!(groups.contains(label), "{name} tells {label}, and has {groups:?}");
        }
        let link = text(&rule, &["annotations", "runbook_url"]).strip_prefix(RUNBOOKS);
        assert_eq!(link, Some(name.to_lowercase().as_str()), "{name}");
        let section = sections.get(name.as_str());
        let section = section.unwrap_or_else(|| panic!("{name} has no runbook"));
        for answer in ANSWERS {
            assert!(section.contains(answer), "the runbook of {name} lacks {answer}");
        }
        alerts_named.insert(name);
    }
    let orphans: Vec<_> = sections.keys().filter(|name| !alerts_named.contains(**name)).collect();
    assert!(orphans.is_empty(), "runbooks of no alert: {orphans:?}");
}

fn cases() -> Vec<PathBuf> {
    let directory = deploy().join("prometheus/tests");
    let files = std::fs::read_dir(directory).expect("the directory of cases");
    let mut files: Vec<PathBuf> = files.filter_map(|file| Some(file.ok()?.path())).collect();
    files.sort_unstable();
    assert!(!files.is_empty());
    files
}

fn yaml(file: &Path) -> Value {
    let text = std::fs::read_to_string(file).expect("a file");
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn promtool_says(arguments: &[&str], files: &[PathBuf]) {
    let promtool = promtool().expect("it was looked for before");
    told(Command::new(promtool).args(arguments).args(files)).expect("no complaint");
}
