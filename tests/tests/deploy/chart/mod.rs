//! The Helm chart, rendered with each of the sets of values that lie beside it (`ci/`).

pub(crate) mod copies;
pub(crate) mod pods;
pub(crate) mod scaling;
pub(crate) mod values;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use emberline_testkit::command::told;
use serde_json::Value;

use crate::judges;

/// The sets of values.
const SETS: [&str; 4] = ["minimal", "hosted", "lag", "bare"];
/// helm alone believes in an old cluster.
const KUBERNETES: [&str; 2] = ["--kube-version", "1.30.0"];
/// What comes from files that others change. It has a test of its own.
const COPIED: [&str; 2] = ["templates/prometheusrule.yaml", "templates/dashboards.yaml"];

/// Where the chart is.
fn directory() -> PathBuf {
    emberline_tests::root().join("deploy/helm/emberline")
}

/// What helm says, or what it complains of.
fn helm(command: &str, set: &str, more: &[&str]) -> Result<String> {
    let chart = directory();
    let values = chart.join(format!("ci/{set}-values.yaml"));
    let mut helm = Command::new(judges::helm()?);
    helm.arg(command);
    if command == "template" {
        helm.args(["rel", "--namespace", "default"]);
    }
    helm.arg(&chart).args(KUBERNETES).arg("--values").arg(values).args(more);
    told(&mut helm)
}

fn rendered(set: &str) -> Result<String> {
    helm("template", set, &[])
}

/// A set's objects, each accepted.
fn objects(set: &str) -> Result<Vec<Value>> {
    judges::objects(&rendered(set)?).with_context(|| format!("{set} values"))
}

pub(crate) fn renders() -> Result<()> {
    for set in SETS {
        let text = rendered(set)?;
        let own = |it: &&str| !COPIED.iter().any(|file| it.contains(file));
        let own: Vec<&str> = text.split_inclusive("\n---\n").filter(own).collect();
        insta::with_settings!({
            snapshot_path => "../../../fixtures/chart",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, { insta::assert_snapshot!(set, own.concat()) });
    }
    Ok(())
}

pub(crate) fn lint() -> Result<()> {
    SETS.iter().try_for_each(|set| helm("lint", set, &["--strict"]).map(drop))
}

pub(crate) fn accepted() -> Result<()> {
    for set in SETS {
        let objects = objects(set)?;
        let deployments = objects.iter().filter(|it| it["kind"] == "Deployment").count();
        ensure!(deployments >= 2, "{set} values: only {deployments} Deployments");
    }
    Ok(())
}
