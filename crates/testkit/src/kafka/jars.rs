//! Kafka's jars, fetched once by Maven and kept in the target directory.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::target;

/// The version in `kafka/pom.xml`.
pub(super) const VERSION: &str = "4.2.0";
const POM: &str = include_str!("../../kafka/pom.xml");

/// The directory of the jars; fetches them when it isn't there. Blocks: the first time
/// about 10 s, with a good line.
pub(super) fn directory() -> Result<PathBuf> {
    let home = target::directory().join("kafka-libs");
    let jars = home.join(VERSION);
    fs::create_dir_all(&home)?;
    // Other test processes want the same; the lock ends with the file.
    let lock = File::create(home.join("lock"))?;
    lock.lock().context("could not lock the directory of Kafka's jars")?;
    if !jars.is_dir() {
        fetch(&home, &jars)?;
    }
    Ok(jars)
}

/// What is there under its name is whole: it is moved there in one step.
fn fetch(home: &Path, jars: &Path) -> Result<()> {
    let work = tempfile::tempdir_in(home)?;
    let (pom, partial) = (work.path().join("pom.xml"), work.path().join("jars"));
    fs::write(&pom, POM)?;
    let output = Command::new("mvn")
        .args(["-q", "-B", "-f"])
        .arg(&pom)
        .arg("dependency:copy-dependencies")
        .arg(format!("-DoutputDirectory={}", partial.display()))
        .output()
        .context("could not run mvn")?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stdout);
        bail!("maven could not fetch Kafka {VERSION}:\n{}", text.trim());
    }
    fs::rename(&partial, jars).context("could not put Kafka's jars in their place")
}
