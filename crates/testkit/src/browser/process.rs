//! The browser's process: a profile of its own, and never left behind.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::guard::Guarded;
use crate::wait::wait_for;

/// Until a browser that was just started tells its address; a cold start reads some 300 MB.
const START_LIMIT: Duration = Duration::from_mins(1);

/// Quiet, offline but for the pages that are asked for, and the same on every machine.
const ARGUMENTS: &[&str] = &[
    "--headless",
    "--remote-debugging-port=0",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-gpu",
    "--disable-sync",
    "--hide-scrollbars",
    "--mute-audio",
    "--password-store=basic",
    "--use-mock-keychain",
    "--force-color-profile=srgb",
];

pub(super) struct Process {
    guarded: Mutex<Guarded>,
    /// Dropped last: the browser writes to it.
    profile: TempDir,
}

impl Process {
    pub(super) fn start(program: &Path) -> Result<Self> {
        let profile = tempfile::Builder::new().prefix("emberline-browser-").tempdir()?;
        let mut command = vec![program.display().to_string()];
        command.extend(ARGUMENTS.iter().map(|&argument| argument.to_owned()));
        command.push(format!("--user-data-dir={}", profile.path().display()));
        if runs_as_root(profile.path())? {
            // It does not start as root with it.
            command.push("--no-sandbox".to_owned());
        }
        command.push("about:blank".to_owned());
        let clean_up = format!("rm -rf '{}'", profile.path().display());
        let log = profile.path().join("output.log");
        let guarded = Guarded::start(&command, "kill -9 $GUARDED", &clean_up, &log)?;
        Ok(Self { guarded: Mutex::new(guarded), profile })
    }

    /// Where it is driven: a WebSocket's URL.
    pub(super) async fn address(&self) -> Result<String> {
        let file = self.profile.path().join("DevToolsActivePort");
        wait_for("the browser tells its address", START_LIMIT, async || {
            let text = fs::read_to_string(&file).unwrap_or_default();
            let told = text.split_once('\n').filter(|(_, path)| path.starts_with('/'));
            if let Some((port, path)) = told {
                return Ok(Some(format!("ws://127.0.0.1:{port}{}", path.trim_end())));
            }
            if !self.is_running() {
                bail!("the browser ended:\n{}", self.log_end());
            }
            Ok(None)
        })
        .await
        .with_context(|| self.log_end())
    }

    fn is_running(&self) -> bool {
        self.guarded.lock().is_ok_and(|mut guarded| guarded.is_running())
    }

    /// The last lines that it wrote.
    fn log_end(&self) -> String {
        let log = fs::read_to_string(self.profile.path().join("output.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }
}

/// Whether what this process makes is root's.
fn runs_as_root(made: &Path) -> Result<bool> {
    Ok(fs::metadata(made)?.uid() == 0)
}
