//! A real Prometheus, which scrapes what a test runs and answers as it does to dashboards; and
//! its `promtool`.
//!
//! Both come from Debian's package `prometheus`, installed, or unpacked into the directory
//! `prometheus` of Cargo's target directory, where `.ci/run` puts it.

use std::fmt::{Display, Formatter};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tempfile::TempDir;

use crate::guard::Guarded;
use crate::wait::wait_for;
use crate::{http, target};

/// Until a server that was just started answers.
const START_LIMIT: Duration = Duration::from_mins(1);

/// There is no Prometheus on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing;

impl Display for Missing {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            "needs prometheus and promtool: install the package prometheus, or unpack it into \
             target/prometheus (apt-get download prometheus; dpkg -x …)",
        )
    }
}

impl std::error::Error for Missing {}

/// Whether there is a Prometheus for tests.
///
/// # Errors
/// [`Missing`], whose text is one line that says what to install.
pub fn availability() -> Result<(), Missing> {
    program("prometheus").and(promtool()).map(|_| ())
}

/// Where `promtool` is.
///
/// # Errors
/// [`Missing`].
pub fn promtool() -> Result<PathBuf, Missing> {
    program("promtool")
}

fn program(name: &str) -> Result<PathBuf, Missing> {
    let unpacked = target::directory().join("prometheus/usr/bin");
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::iter::once(unpacked).chain(std::env::split_paths(&on_path));
    places.map(|place| place.join(name)).find(|file| file.is_file()).ok_or(Missing)
}

/// A running Prometheus. It ends with this value, and with the test's process.
pub struct Prometheus {
    address: String,
    /// Ends before its directory goes.
    _guarded: Guarded,
    _directory: TempDir,
}

impl Prometheus {
    /// Starts one with this configuration.
    ///
    /// # Errors
    /// [`Missing`], or it does not start; the text has its log.
    pub async fn start(configuration: &str) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("emberline-prometheus-").tempdir()?;
        let path = directory.path();
        fs::write(path.join("prometheus.yml"), configuration)?;
        let command = [
            program("prometheus")?.display().to_string(),
            format!("--config.file={}", path.join("prometheus.yml").display()),
            format!("--storage.tsdb.path={}", path.join("data").display()),
            "--web.listen-address=127.0.0.1:0".to_owned(),
        ];
        let log = path.join("output.log");
        let clean_up = format!("rm -rf '{}'", path.display());
        let mut guarded = Guarded::start(&command, "kill -9 $GUARDED", &clean_up, &log)?;
        let address = wait_for("prometheus tells its address", START_LIMIT, async || {
            let text = fs::read_to_string(&log).unwrap_or_default();
            let told = text.lines().find(|line| line.contains("\"Listening on\""));
            let address = told.and_then(|line| line.split("address=").nth(1)).map(str::to_owned);
            if address.is_none() && !guarded.is_running() {
                bail!("prometheus ended:\n{text}");
            }
            Ok(address)
        })
        .await?;
        let prometheus = Self { address, _guarded: guarded, _directory: directory };
        wait_for("prometheus is ready", START_LIMIT, async || {
            let answer = http::get(&prometheus.address, "/-/ready").await;
            Ok(answer.is_ok_and(|(status, _)| status == 200).then_some(()))
        })
        .await?;
        Ok(prometheus)
    }

    /// What it answers to a query now: one entry a series.
    ///
    /// # Errors
    /// It refuses the query.
    pub async fn query(&self, query: &str) -> Result<Vec<Value>> {
        let data = self.get("query", &[("query", query)]).await?;
        list(&data["result"])
    }

    /// The labels of every series that there was for a selector.
    ///
    /// # Errors
    /// It refuses the selector.
    pub async fn series(&self, selector: &str) -> Result<Vec<Value>> {
        list(&self.get("series", &[("match[]", selector)]).await?)
    }

    /// Its rules, group by group.
    ///
    /// # Errors
    /// No answer.
    pub async fn rule_groups(&self) -> Result<Vec<Value>> {
        list(&self.get("rules", &[]).await?["groups"])
    }

    async fn get(&self, what: &str, parameters: &[(&str, &str)]) -> Result<Value> {
        let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let pairs: Vec<_> = parameters
            .iter()
            .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
            .collect();
        let path = format!("/api/v1/{what}?{}", pairs.join("&"));
        let (_, body) = http::get(&self.address, &path).await?;
        let mut answer: Value =
            serde_json::from_str(&body).with_context(|| format!("no JSON: {body}"))?;
        ensure!(answer["status"] == "success", "{}: {}", answer["errorType"], answer["error"]);
        Ok(answer["data"].take())
    }
}

fn list(value: &Value) -> Result<Vec<Value>> {
    value.as_array().cloned().with_context(|| format!("no list: {value}"))
}
