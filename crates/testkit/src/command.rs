//! Commands that are run to their end.

use std::ffi::OsStr;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// What a command prints.
///
/// # Errors
/// It can't be run, or fails; the text has all that it says.
pub fn told(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_owned();
    let output = command.output().with_context(|| format!("could not run {}", name.display()))?;
    if !output.status.success() {
        let arguments: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
        let [told, complaint] =
            [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it));
        bail!("{} {}:\n{}{}", name.display(), arguments.join(" "), told, complaint);
    }
    Ok(String::from_utf8(output.stdout)?)
}
