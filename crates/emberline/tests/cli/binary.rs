//! Runs the built program as a user would.

use std::process::{Command, Output, Stdio};

/// How to run the program: with which configuration and environment.
pub(crate) struct Emberline {
    directory: tempfile::TempDir,
    has_config: bool,
    variables: Vec<(String, String)>,
}

/// How a run ended, and what it wrote.
#[derive(Debug)]
pub(crate) struct Run {
    /// The exit code.
    pub(crate) code: i32,
    /// What it printed.
    pub(crate) stdout: String,
    /// What it told beside it.
    pub(crate) stderr: String,
}

impl Emberline {
    /// Without a configuration.
    pub(crate) fn plain() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { directory, has_config: false, variables: Vec::new() }
    }

    /// With this configuration.
    pub(crate) fn with_config(text: &str) -> Self {
        let plain = Self::plain();
        std::fs::write(plain.config_path(), text).unwrap();
        Self { has_config: true, ..plain }
    }

    /// With an environment variable more.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Where the configuration stands.
    pub(crate) fn config_path(&self) -> String {
        self.directory.path().join("config.toml").display().to_string()
    }

    /// The command, ready to be run.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_emberline"));
        // Nothing of the tester's own settings.
        command.env_clear();
        command.args(arguments).envs(self.variables.iter().cloned()).stdin(Stdio::null());
        if self.has_config {
            command.env("EMBERLINE_CONFIG", self.config_path());
        }
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        Run {
            code: status.code().unwrap_or(-1),
            stdout: String::from_utf8(stdout).unwrap(),
            stderr: String::from_utf8(stderr).unwrap(),
        }
    }
}
