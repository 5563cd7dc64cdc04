//! The measured processes: this program, started again with a job.
//!
//! A child says `ready` when it has begun, and at its end what it did, as one line of JSON.
//! Its CPU time is what the kernel counted for the whole process, start and end included.
//!
//! Start at [`Job`]; the parent's side is [`Running`], the child's [`work`].

mod calls;
mod inside;
mod pipeline;
mod produce;
mod read;
mod sink;

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::{cpu, say};

/// The argument that makes this program a child.
pub(crate) const ARGUMENT: &str = "child";

/// What a child says when it has begun.
const READY: &str = "ready";

/// What a child is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Job {
    /// Read a topic by rdkafka's own `poll`, and do nothing.
    ReadByPoll { brokers: String, topic: String },
    /// Read a topic as the pipeline does, in batches, and do nothing.
    ReadInBatches { brokers: String, topic: String },
    /// Post prepared bodies, and do nothing.
    Calls { url: String, calls: u64, in_flight: usize },
    /// Write receipts, and do nothing.
    Receipts { brokers: String, topic: String, records: u64, per_second: f64 },
    /// Run the pipeline.
    Pipeline(pipeline::Pipeline),
    /// Be the service: answer every call alike.
    Sink { latency_ms: u64 },
}

pub(crate) use pipeline::Pipeline;

/// What a child did.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Did {
    /// Records read.
    pub(crate) records: u64,
    /// Bytes of their values.
    pub(crate) bytes: u64,
    /// Reports that were accepted.
    pub(crate) delivered: u64,
    /// Reports that were left out because they had been there before.
    pub(crate) duplicates: u64,
    /// Calls answered.
    pub(crate) calls: u64,
    /// From the first record, or call, to the last.
    pub(crate) seconds: f64,
    /// From the start until the table of bindings was complete.
    pub(crate) restored_seconds: f64,
    /// Devices that were bound by it.
    pub(crate) restored_devices: u64,
    /// From a record's timestamp to its report's acceptance.
    pub(crate) p50_ms: Option<u64>,
    pub(crate) p99_ms: Option<u64>,
    pub(crate) most_ms: Option<u64>,
    /// Most memory that was resident, in MB.
    pub(crate) peak_mb: f64,
}

/// What a child did, and what it took.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    pub(crate) did: Did,
    pub(crate) cpu: Duration,
}

impl Measured {
    /// Records a second of CPU time.
    pub(crate) fn records_per_cpu_second(&self) -> f64 {
        per(self.did.records, self.cpu.as_secs_f64())
    }

    /// Calls a second of CPU time.
    pub(crate) fn calls_per_cpu_second(&self) -> f64 {
        per(self.did.calls, self.cpu.as_secs_f64())
    }

    /// Records a second.
    pub(crate) fn records_per_second(&self) -> f64 {
        per(self.did.records, self.did.seconds)
    }

    /// CPU seconds a million records.
    pub(crate) fn cpu_seconds_per_million(&self) -> f64 {
        1e6 / self.records_per_cpu_second()
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count, compared")]
pub(crate) fn per(count: u64, of: f64) -> f64 {
    count as f64 / of
}

/// Does a job. Called in the child.
///
/// # Errors
/// What kept it from being done.
pub(crate) fn work(job: &str) -> anyhow::Result<()> {
    let job = serde_json::from_str(job).context("the job is none")?;
    let mut did = match job {
        Job::ReadByPoll { brokers, topic } => read::by_poll(&brokers, &topic),
        Job::ReadInBatches { brokers, topic } => read::in_batches(&brokers, &topic),
        Job::Calls { url, calls, in_flight } => block_on(calls::post(&url, calls, in_flight)),
        Job::Receipts { brokers, topic, records, per_second } => {
            produce::write(&brokers, &topic, (records, per_second))
        }
        Job::Pipeline(pipeline) => block_on(pipeline::run(pipeline)),
        Job::Sink { latency_ms } => block_on(sink::serve(Duration::from_millis(latency_ms))),
    }?;
    did.peak_mb = peak_mb();
    say::line(&serde_json::to_string(&did)?)?;
    Ok(())
}

fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// The most that this process had resident. (The kernel's answer to whoever waits for it
/// holds the parent's own peak, too.)
fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or(f64::NAN) * 1024.0 / 1e6
}

/// A child at work.
pub(crate) struct Running {
    process: Child,
    /// Its end ends a child that has no end of its own.
    stdin: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    /// Starts a child, by the words of `under` if there are any, and waits until it has
    /// begun; returns what it said then.
    ///
    /// # Errors
    /// If it can't be started, or ended instead.
    pub(crate) fn start(job: &Job, under: &str) -> anyhow::Result<(Self, String)> {
        let program = std::env::current_exe()?;
        let mut words = under.split_whitespace();
        let mut command = match words.next() {
            Some(word) => Command::new(word),
            None => Command::new(&program),
        };
        command.args(words);
        if !under.is_empty() {
            command.arg(&program);
        }
        let mut process = command
            .args([ARGUMENT, &serde_json::to_string(job)?])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("could not start a child process")?;
        let stdin = process.stdin.take();
        let stdout = process.stdout.take().context("a child process has no stdout")?;
        let mut running = Self { process, stdin, lines: BufReader::new(stdout).lines() };
        let said = running.line()?;
        let said = said.strip_prefix(READY).with_context(|| format!("unexpected: {said}"))?;
        let said = said.trim().to_owned();
        Ok((running, said))
    }

    /// Waits until it has done its job.
    ///
    /// # Errors
    /// If it failed.
    pub(crate) fn finish(mut self) -> anyhow::Result<Measured> {
        drop(self.stdin.take());
        let did = self.line();
        let (status, cpu) = cpu::wait(self.process)?;
        anyhow::ensure!(status.success(), "a child process ended with {status}");
        Ok(Measured { did: serde_json::from_str(&did?)?, cpu })
    }

    fn line(&mut self) -> anyhow::Result<String> {
        Ok(self.lines.next().context("a child process ended too early")??)
    }
}

/// Has a job done.
///
/// # Errors
/// If it failed.
pub(crate) fn done(job: &Job, under: &str) -> anyhow::Result<Measured> {
    Running::start(job, under)?.0.finish()
}

/// Tells the parent that the job has begun.
fn ready(what: &str) -> std::io::Result<()> {
    say::line(&format!("{READY} {what}"))
}
