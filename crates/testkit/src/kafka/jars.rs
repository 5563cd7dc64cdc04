//! Kafka's jars, fetched once by Maven and kept in the target directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::command::told;
use crate::fetched;
use crate::target;

/// The version in `kafka/pom.xml`.
pub(super) const VERSION: &str = "4.2.0";
const POM: &str = include_str!("../../kafka/pom.xml");

/// The directory of the jars; fetches them when it isn't there. Blocks: the first time
/// about 10 s, with a good line.
pub(super) fn directory() -> Result<PathBuf> {
    let jars = target::directory().join("kafka-libs").join(VERSION);
    fetched::once(&jars, fetch).with_context(|| format!("could not fetch Kafka {VERSION}"))?;
    Ok(jars)
}

fn fetch(work: &Path) -> Result<PathBuf> {
    let (pom, jars) = (work.join("pom.xml"), work.join("jars"));
    fs::write(&pom, POM)?;
    let mut maven = Command::new("mvn");
    maven.args(["-q", "-B", "-f"]).arg(&pom).arg("dependency:copy-dependencies");
    told(maven.arg(format!("-DoutputDirectory={}", jars.display())))?;
    Ok(jars)
}
