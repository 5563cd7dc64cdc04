//! Pictures of pages, kept for people to look at.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::json;

use super::Page;
use crate::target;

impl Page {
    /// Keeps a picture of the whole page as `target/screenshots/<test>/<name>.png`.
    ///
    /// # Errors
    /// The browser makes none, or it can't be written.
    pub async fn screenshot(&self, test: &str, name: &str) -> Result<PathBuf> {
        let parameters = json!({"format": "png", "captureBeyondViewport": true});
        let answer = self.call("Page.captureScreenshot", parameters).await?;
        let encoded = answer["data"].as_str().context("there is no picture in the answer")?;
        let picture = base64_simd::STANDARD.decode_to_vec(encoded)?;
        let directory = target::directory().join("screenshots").join(test);
        fs::create_dir_all(&directory)?;
        let file = directory.join(format!("{name}.png"));
        fs::write(&file, picture).context("could not keep a picture")?;
        Ok(file)
    }
}
