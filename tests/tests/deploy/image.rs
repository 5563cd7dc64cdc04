//! `deploy/Dockerfile`: without an engine it can't be built here, so its text is looked at.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use emberline_testkit::command::told;

use crate::judges;

fn recipe() -> Result<String> {
    Ok(fs::read_to_string(emberline_tests::root().join("deploy/Dockerfile"))?)
}

pub(crate) fn lint() -> Result<()> {
    let mut hadolint = Command::new(judges::hadolint()?);
    hadolint.args(["--no-color", "--disable-ignore-pragma", "--failure-threshold", "style"]);
    hadolint.arg(emberline_tests::root().join("deploy/Dockerfile"));
    told(&mut hadolint).map(drop)
}

/// What is written down in several places is the same in all of them.
pub(crate) fn versions() -> Result<()> {
    let root = emberline_tests::root();
    let read = |path: &str| fs::read_to_string(root.join(path)).with_context(|| path.to_owned());
    let version = env!("CARGO_PKG_VERSION");
    let toolchain = read("rust-toolchain.toml")?;
    let channel = toolchain.split_once("channel = \"").and_then(|(_, it)| it.split_once('"'));
    let (rust, _) = channel.context("rust-toolchain.toml names no channel")?;
    for (path, line) in [
        ("deploy/helm/emberline/Chart.yaml", format!("appVersion: {version}\n")),
        ("deploy/Dockerfile", format!("ARG VERSION={version}\n")),
        ("deploy/Dockerfile", format!("FROM rust:{rust}-")),
        ("deploy/Dockerfile", format!("RUSTUP_TOOLCHAIN={rust} ")),
    ] {
        ensure!(read(path)?.contains(&line), "{path} does not say {line:?}");
    }
    Ok(())
}

pub(crate) fn shape() -> Result<()> {
    let recipe = recipe()?;
    let instructions: Vec<&str> = recipe.lines().filter(|it| !it.starts_with('#')).collect();
    for from in instructions.iter().filter(|it| it.starts_with("FROM ")) {
        let image = from.split_whitespace().find(|it| !it.starts_with('-') && *it != "FROM");
        let image = image.context("FROM nothing")?;
        let stage = format!(" AS {image}");
        let is_stage = instructions.iter().any(|it| it.ends_with(&stage));
        let is_pinned = image == "scratch" || image.contains(':') && !image.ends_with(":latest");
        ensure!(is_stage || is_pinned, "{image} may be another one tomorrow");
    }
    // The last stage is what is handed out.
    let last = instructions.iter().rposition(|it| it.starts_with("FROM ")).context("no FROM")?;
    let handed_out = instructions.get(last..).unwrap_or_default();
    let starts = |word: &str| handed_out.iter().find(|it| it.starts_with(word)).copied();
    ensure!(starts("RUN ").is_none(), "nothing can be run in an image without a shell");
    let user = starts("USER ").context("no USER")?;
    let ids: Vec<&str> = user.trim_start_matches("USER ").split(':').collect();
    let numbers = ids.iter().all(|it| it.parse::<u32>().is_ok_and(|id| id > 0));
    ensure!(ids.len() == 2 && numbers, "{user}: Kubernetes wants to see numbers, and none is 0");
    ensure!(
        starts("ENTRYPOINT ") == Some("ENTRYPOINT [\"/usr/local/bin/emberline\"]"),
        "the entry point is not emberline"
    );
    let told = handed_out.join("\n");
    for label in ["title", "description", "licenses", "version", "revision", "created"] {
        let label = format!("org.opencontainers.image.{label}=");
        ensure!(told.contains(&label), "there is no label {label}");
    }
    // The chart runs it as the user that it is made for.
    let values =
        fs::read_to_string(emberline_tests::root().join("deploy/helm/emberline/values.yaml"))?;
    let expected = format!("runAsUser: {}", ids.first().context("no user")?);
    ensure!(values.contains(&expected), "the chart does not say {expected}");
    Ok(())
}
