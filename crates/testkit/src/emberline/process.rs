//! A running program: started, asked, told to end, and never left behind.
//!
//! A shell between it and us waits for signals on a pipe. When the pipe ends, whatever the
//! reason, the program is killed: nothing outlives a test that was killed itself. (A death
//! signal of the kernel's would be bound to the thread that started the process, and test
//! threads end early.)

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::memory::{self, Memory};
use crate::http;
use crate::metrics_page::MetricsPage;
use crate::wait::wait_for;

/// Runs `"$@"` and passes on the signals that standard input names, a line each.
const SCRIPT: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
PROGRAM=$!
(
    while read -r SIGNAL <&3; do kill -"$SIGNAL" $PROGRAM; done
    kill -KILL $PROGRAM
) 2>/dev/null &
LISTENER=$!
exec 3<&-
wait $PROGRAM
STATUS=$?
kill $LISTENER 2>/dev/null
exit $STATUS
"#;

/// How long a start may take until the pages are served.
const START_LIMIT: Duration = Duration::from_mins(1);

/// What a process can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM: stop in good order.
    Terminate,
    /// SIGHUP: read the configuration again.
    Hangup,
    /// SIGKILL: gone at once, as in a crash.
    Kill,
    /// SIGSTOP: stands still, with its memory and its connections, until it is resumed.
    Suspend,
    /// SIGCONT: goes on where it stood still.
    Resume,
}

impl Signal {
    /// The exit code that a shell reports for a process killed by SIGKILL.
    pub const KILLED: i32 = 128 + 9;

    const fn name(self) -> &'static str {
        match self {
            Self::Terminate => "TERM",
            Self::Hangup => "HUP",
            Self::Kill => "KILL",
            Self::Suspend => "STOP",
            Self::Resume => "CONT",
        }
    }
}

/// A running `emberline`. It is killed when this is dropped.
#[derive(Debug)]
pub struct Emberline {
    shell: Child,
    log: PathBuf,
    address: Option<String>,
}

impl Emberline {
    /// Starts it. What it writes to stderr goes to the file `log`, what it writes to stdout
    /// to the file beside it that ends in `.out`.
    ///
    /// # Errors
    /// No shell, or no such file.
    pub fn start<I: AsRef<OsStr>>(
        binary: &Path,
        arguments: impl IntoIterator<Item = I>,
        log: &Path,
    ) -> Result<Self> {
        let stderr = File::create(log).context("could not create a log file")?;
        let stdout = File::create(log.with_extension("out"))?;
        let shell = Command::new("sh")
            .args(["-c", SCRIPT, "sh"])
            .arg(binary)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .context("could not start a shell")?;
        Ok(Self { shell, log: log.to_owned(), address: None })
    }

    /// Sends a signal. One that has ended is left in peace.
    ///
    /// # Errors
    /// The shell can't be told.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        if self.exit_code()?.is_some() {
            return Ok(());
        }
        let stdin = self.shell.stdin.as_mut().context("the shell has no standard input")?;
        stdin.write_all(format!("{}\n", signal.name()).as_bytes()).context("could not signal")
    }

    /// Its exit code, once it has ended.
    ///
    /// # Errors
    /// The operating system does not know it.
    pub fn exit_code(&mut self) -> Result<Option<i32>> {
        Ok(self.shell.try_wait()?.map(|status| status.code().unwrap_or(-1)))
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// It goes on for longer than `limit`.
    pub async fn ended(&mut self, limit: Duration) -> Result<i32> {
        wait_for("emberline ends", limit, async || self.exit_code()).await
    }

    /// Waits for its end, which must be a success.
    ///
    /// # Errors
    /// It goes on for longer than `limit`, or says that it failed.
    pub async fn succeeds(&mut self, limit: Duration) -> Result<()> {
        match self.ended(limit).await? {
            0 => Ok(()),
            code => bail!("emberline ended with exit code {code}"),
        }
    }

    /// How much memory it takes now, and took at most.
    ///
    /// # Errors
    /// It does not run, or the operating system does not tell.
    pub fn memory(&self) -> Result<Memory> {
        memory::of_child(self.shell.id())
    }

    /// What it has written to stderr so far.
    pub fn log(&self) -> String {
        read(&self.log)
    }

    /// What it has written to stdout so far.
    pub fn output(&self) -> String {
        read(&self.log.with_extension("out"))
    }

    /// Status and body of one of its pages, such as `/readyz`. Waits until they are served.
    ///
    /// # Errors
    /// It has ended, or serves none.
    pub async fn get(&mut self, path: &str) -> Result<(u16, String)> {
        let address = self.address().await?;
        http::get(&address, path).await
    }

    /// Its metrics now.
    ///
    /// # Errors
    /// As [`Emberline::get`].
    pub async fn metrics(&mut self) -> Result<MetricsPage> {
        match self.get("/metrics").await? {
            (200, page) => MetricsPage::parse(&page),
            (status, page) => bail!("/metrics answered {status}: {page}"),
        }
    }

    /// Waits until `/readyz` says that it works.
    ///
    /// # Errors
    /// It does not within a minute, or has ended.
    pub async fn ready(&mut self) -> Result<()> {
        wait_for("emberline is ready", START_LIMIT, async || {
            let got = self.get("/readyz").await;
            // That it has ended says more than what became of the question.
            if let Some(code) = self.exit_code()? {
                bail!("emberline ended with exit code {code}");
            }
            Ok((got?.0 == 200).then_some(()))
        })
        .await
    }

    /// Where its pages are: host and port. Waits until they are served.
    ///
    /// # Errors
    /// It has ended, or serves none.
    pub async fn address(&mut self) -> Result<String> {
        if let Some(address) = &self.address {
            return Ok(address.clone());
        }
        let address = wait_for("emberline serves its metrics", START_LIMIT, async || {
            let log = self.log();
            let told = log.lines().find_map(|line| line.strip_prefix("metrics: http://"));
            if let Some(address) = told.and_then(|told| told.strip_suffix("/metrics")) {
                return Ok(Some(address.to_owned()));
            }
            match self.exit_code()? {
                Some(code) => bail!("emberline ended with exit code {code}"),
                None => Ok(None),
            }
        })
        .await?;
        self.address = Some(address.clone());
        Ok(address)
    }
}

impl Drop for Emberline {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

fn read(file: &Path) -> String {
    fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}
