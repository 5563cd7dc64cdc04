//! axe-core: which faults of a page keep people out. It is fetched once with npm, as the
//! version that is written here and no other, and kept in the target directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::Page;
use crate::command::told;
use crate::fetched;
use crate::target;

const VERSION: &str = "4.14.1";
/// Of the package, as npm calls it `integrity`.
const SHA512: &str =
    "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==";

/// What the browser says of a page that was loaded anew under a script.
const LOADED_ANEW: &str = "navigated or closed";
/// So often a page may load itself anew while it is looked at.
const MOST_LOADS: usize = 5;

impl Page {
    /// The faults of this page that axe-core calls serious or critical, a line each.
    ///
    /// # Errors
    /// axe-core can't be fetched, or fails.
    pub async fn serious_faults(&self) -> Result<Vec<String>> {
        let script = tokio::task::spawn_blocking(script).await??;
        let look = format!(
            "{script};axe.run(document, {{resultTypes: ['violations']}}).then(it => it.violations)"
        );
        let mut loads = 0;
        let found = loop {
            match self.evaluate(&look).await {
                // It was loaded anew meanwhile: that one is looked at.
                Err(error) if loads < MOST_LOADS && error.to_string().contains(LOADED_ANEW) => {
                    loads += 1;
                }
                found => break found?,
            }
        };
        let found = found.as_array().context("axe-core told nothing")?;
        let is_serious =
            |it: &&Value| ["serious", "critical"].iter().any(|bad| it["impact"] == *bad);
        Ok(found.iter().filter(is_serious).map(line).collect())
    }
}

fn line(fault: &Value) -> String {
    let nodes = fault["nodes"].as_array().into_iter().flatten();
    let nodes: Vec<_> = nodes.map(|node| format!("{} {}", node["target"], node["html"])).collect();
    format!("{}: {}: {}", fault["id"], fault["help"], nodes.join(", "))
}

/// Whether it needn't be fetched.
pub(super) fn is_there() -> bool {
    place().is_file()
}

fn place() -> PathBuf {
    target::directory().join("axe-core").join(VERSION).join("axe.min.js")
}

/// Blocks while it is fetched.
fn script() -> Result<String> {
    let place = place();
    fetched::once(&place, fetch).context("could not fetch axe-core")?;
    fs::read_to_string(&place).context("could not read axe-core")
}

fn fetch(work: &Path) -> Result<PathBuf> {
    let name = format!("axe-core@{VERSION}");
    told(Command::new("npm").args(["pack", "--silent", &name]).current_dir(work))?;
    let package = work.join(format!("axe-core-{VERSION}.tgz"));
    let digest = ring::digest::digest(&ring::digest::SHA512, &fs::read(&package)?);
    if base64_simd::STANDARD.encode_to_string(digest) != SHA512 {
        bail!("the package {name} is not the one that these tests were written with");
    }
    told(Command::new("tar").arg("-xzf").arg(&package).arg("-C").arg(work))?;
    Ok(work.join("package/axe.min.js"))
}
