//! Where the program is, built as the tests were.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, bail};

/// Names a program to test instead of one built here.
const GIVEN: &str = "EMBERLINE_TEST_BINARY";

/// The program: the one that `EMBERLINE_TEST_BINARY` names, else built now, once a process,
/// in the profile and target directory of the test that asks. Blocks while it is built.
///
/// # Errors
/// It can't be built; the text has what the compiler said.
pub fn binary() -> Result<&'static Path> {
    static BINARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let found = BINARY.get_or_init(|| find().map_err(|error| format!("{error:#}")));
    found.as_deref().map_err(|text| anyhow!("{text}"))
}

fn find() -> Result<PathBuf> {
    if let Some(given) = env::var_os(GIVEN).filter(|given| !given.is_empty()) {
        let given = PathBuf::from(given);
        if !given.is_file() {
            bail!("{GIVEN} names {}, which is not there", given.display());
        }
        return Ok(given);
    }
    build()
}

fn build() -> Result<PathBuf> {
    let program = env::current_exe().context("no path of the running test")?;
    // The tag is missing where somebody made the directory before cargo did.
    let marks = ["CACHEDIR.TAG", ".rustc_info.json"];
    let is_target = |dir: &&Path| marks.iter().any(|mark| dir.join(mark).is_file());
    let target = program.ancestors().find(is_target).context("not built by cargo")?;
    // `<target>/[<triple>/]<profile>/deps/<program>`
    let directory = program.parent().and_then(Path::parent).context("not built by cargo")?;
    let profile = directory.file_name().and_then(|name| name.to_str()).unwrap_or("debug");
    let profile = if profile == "debug" { "dev" } else { profile };
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        // The whole workspace is named so that dependencies get the same features as in
        // `cargo test --workspace`, and are not built a second time.
        .args(["build", "--quiet", "--workspace", "--bin", "emberline", "--profile", profile])
        .arg("--target-dir")
        .arg(target);
    // What cargo tells this test of its own package would make build scripts run again that
    // look at it, here and in the next build, and what rests on them be built anew.
    for (name, _) in env::vars_os() {
        let of_package =
            |name: &str| ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|it| name.starts_with(it));
        if name.to_str().is_some_and(of_package) {
            command.env_remove(name);
        }
    }
    if let Some(triple) = directory.parent().filter(|parent| *parent != target) {
        command.arg("--target").args(triple.file_name());
    }
    let output = command.output().context("could not run cargo")?;
    if !output.status.success() {
        bail!("could not build emberline:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(directory.join("emberline"))
}
