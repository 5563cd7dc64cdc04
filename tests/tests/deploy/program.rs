//! The program, asked about command lines and configurations of others.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use emberline_testkit::binary;
use emberline_testkit::command::told;
use serde_json::Value;

/// Fails if this is no command line of the program's. Nothing is run: a command that loads a
/// configuration is given one that is missing, and any other is asked for its help.
pub(crate) fn understands(arguments: &[&str]) -> Result<()> {
    let loads_none = arguments.first().is_some_and(|it| ["sandbox", "health"].contains(it));
    let mut command = Command::new(binary()?);
    command.env_clear().env("EMBERLINE_CONFIG", "/missing.toml").args(arguments);
    if loads_none {
        command.arg("--help");
    }
    let output = command.output().context("could not run emberline")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    let understood = if loads_none {
        output.status.success()
    } else {
        output.status.code() == Some(2) && complaint.contains("/missing.toml: cannot be read")
    };
    ensure!(understood, "emberline {}:\n{complaint}", arguments.join(" "));
    Ok(())
}

/// Fails if the program would not start with this configuration and environment.
pub(crate) fn accepts<'a>(
    configuration: Option<&Path>,
    environment: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<()> {
    let mut command = Command::new(binary()?);
    command.env_clear().args(["config", "check"]).envs(environment);
    if let Some(configuration) = configuration {
        command.arg("--config").arg(configuration);
    }
    told(&mut command).map(drop)
}

/// The schema of its configuration.
pub(crate) fn schema() -> Result<Value> {
    let schema = told(Command::new(binary()?).env_clear().args(["config", "schema"]))?;
    Ok(serde_json::from_str(&schema)?)
}
