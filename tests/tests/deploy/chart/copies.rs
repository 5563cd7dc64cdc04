//! Alerts and dashboards: a chart can read only what lies inside it, so it holds copies.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{directory, objects};
use crate::judges;

const RULES: &str = "emberline.rules.yml";

/// Each copy, with what it is of.
fn pairs() -> Result<BTreeMap<PathBuf, PathBuf>> {
    let (root, files) = (emberline_tests::root(), directory().join("files"));
    let mut pairs = BTreeMap::new();
    pairs.insert(files.join(RULES), root.join("deploy/prometheus").join(RULES));
    let dashboards = root.join("deploy/grafana");
    for entry in fs::read_dir(&dashboards).with_context(|| dashboards.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_some_and(|it| it == "json") {
            let name = path.file_name().context("no name")?;
            pairs.insert(files.join("dashboards").join(name), path);
        }
    }
    Ok(pairs)
}

/// Mend it with `UPDATE_CHART=1`.
pub(crate) fn same() -> Result<()> {
    let pairs = pairs()?;
    if std::env::var_os("UPDATE_CHART").is_some() {
        for (copy, original) in &pairs {
            fs::create_dir_all(copy.parent().context("no directory")?)?;
            fs::copy(original, copy).with_context(|| original.display().to_string())?;
        }
    }
    for (copy, original) in &pairs {
        let read =
            |path: &Path| fs::read_to_string(path).with_context(|| path.display().to_string());
        ensure!(
            read(copy)? == read(original)?,
            "{} is not {}: UPDATE_CHART=1 mends it",
            copy.display(),
            original.display()
        );
    }
    let copied = fs::read_dir(directory().join("files/dashboards"))?.count();
    ensure!(copied + 1 == pairs.len(), "{copied} copies of {} dashboards", pairs.len() - 1);
    rendered(&pairs)
}

/// What is rendered is what was written: templates in it are Prometheus' and Grafana's.
fn rendered(pairs: &BTreeMap<PathBuf, PathBuf>) -> Result<()> {
    let objects = objects("lag")?;
    let rules = |objects: &[Value]| {
        let rules = objects.iter().find(|it| it["kind"] == "PrometheusRule");
        rules.map(|it| it["spec"].clone()).context("no rules")
    };
    let written = fs::read_to_string(directory().join("files").join(RULES))?;
    let indented = written.replace('\n', "\n  ");
    let expected = judges::objects(&format!(
        "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {{name: x}}\nspec:\n  {indented}"
    ))?;
    ensure!(rules(&objects)? == rules(&expected)?, "{RULES} is rendered as something else");
    for copy in pairs.keys().filter(|it| it.extension().is_some_and(|it| it == "json")) {
        let name = copy.file_name().and_then(|it| it.to_str()).context("no name")?;
        let held = objects.iter().find_map(|it| it["data"][name].as_str());
        let held = held.with_context(|| format!("{name} is in no ConfigMap"))?;
        let written = fs::read_to_string(copy)?;
        ensure!(held.trim_end() == written.trim_end(), "{name} is rendered as something else");
    }
    Ok(())
}
