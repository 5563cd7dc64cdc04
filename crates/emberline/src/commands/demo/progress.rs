//! How far it is: drawn over and over on a terminal, a line a second elsewhere.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use emberline_pipeline::{Monitor, WorkerKind};
use indicatif::{ProgressBar, ProgressStyle};

use super::LOOK_EVERY;
use super::summary::grouped;
use super::sums::{Generated, Pipeline};
use crate::output;

/// How often a terminal is drawn.
const DRAWN_EVERY: Duration = Duration::from_millis(200);
/// How often a line is written where there is none.
const LINE_EVERY: Duration = Duration::from_secs(1);

/// What is known while it runs.
pub(super) struct Board {
    pub(super) monitor: Arc<Monitor>,
    generated: Cell<Generated>,
    records: Cell<u64>,
}

impl Board {
    pub(super) fn new(monitor: Arc<Monitor>) -> Self {
        Self { monitor, generated: Cell::default(), records: Cell::new(0) }
    }

    /// So much was generated so far, in so many records.
    pub(super) fn made(&self, generated: Generated, records: u64) {
        self.generated.set(generated);
        self.records.set(records);
    }

    fn pipeline(&self) -> Pipeline {
        Pipeline::of(&self.monitor, super::sums::handed_over(&self.monitor))
    }

    /// Items generated and not settled; those in a retry topic wait for something else.
    pub(super) fn waiting(&self) -> u64 {
        let pipeline = self.pipeline();
        let settled = pipeline.read.saturating_sub(pipeline.in_flight);
        self.generated.get().items().saturating_sub(settled)
    }

    /// Whether everything generated has reached its end.
    pub(super) fn is_settled(&self) -> bool {
        let pipeline = self.pipeline();
        pipeline.read >= self.generated.get().items()
            && pipeline.in_flight == 0
            && pipeline.parked == 0
    }

    /// Waits until this is so, or for so long.
    pub(super) async fn until(&self, longest: Duration, is_so: impl Fn() -> bool) {
        let deadline = Instant::now() + longest;
        while !is_so() && Instant::now() < deadline {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// What is going on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Phase {
    /// The devices are being bound.
    Binding,
    /// They report, since then.
    Reporting(Instant),
    /// They are done, and their last reports are waited for.
    Settling,
}

impl Phase {
    const fn remark(self) -> &'static str {
        match self {
            Self::Binding => "binding the devices",
            Self::Reporting(_) => "ctrl-c ends it early",
            Self::Settling => "waiting for the last reports",
        }
    }
}

/// Shows it.
pub(super) struct Progress {
    start: Instant,
    /// `None` where nobody sees it drawn.
    bar: Option<ProgressBar>,
    phase: Cell<Phase>,
}

impl Progress {
    /// For a run of this length, or one without an end.
    pub(super) fn new(longest: Option<Duration>) -> Self {
        let bar = output::stderr_is_terminal().then(|| bar(longest));
        Self { start: Instant::now(), bar, phase: Cell::new(Phase::Binding) }
    }

    /// Something else goes on from now on.
    pub(super) fn enter(&self, phase: Phase) {
        self.phase.set(phase);
    }

    /// Goes on for ever.
    pub(super) async fn draw(&self, board: &Board) {
        let every = if self.bar.is_some() { DRAWN_EVERY } else { LINE_EVERY };
        let mut ticks = tokio::time::interval(every);
        ticks.tick().await;
        // The last second's deliveries tell the speed.
        let mut before = (Instant::now(), 0);
        let mut speed = 0.0;
        loop {
            ticks.tick().await;
            let delivered = board.pipeline().delivered;
            let since = before.0.elapsed().as_secs_f64();
            if since >= 0.9 {
                #[expect(clippy::cast_precision_loss, reason = "a count, shown")]
                let more = delivered.saturating_sub(before.1) as f64;
                speed = more / since;
                before = (Instant::now(), delivered);
            }
            match &self.bar {
                Some(bar) => {
                    if let Phase::Reporting(since) = self.phase.get() {
                        bar.set_position(since.elapsed().as_secs());
                    }
                    bar.set_message(self.drawn(board, speed));
                }
                None => output::notice(&self.line(board, speed)),
            }
        }
    }

    /// Nothing of it stays on the terminal.
    pub(super) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn line(&self, board: &Board, speed: f64) -> String {
        let pipeline = board.pipeline();
        format!(
            "{:>3} s  {} records written, delivered {} ({speed:.0}/s), {} to go, {} waiting for \
             a binding{}",
            self.start.elapsed().as_secs(),
            grouped(board.records.get()),
            grouped(pipeline.delivered),
            grouped(board.waiting()),
            grouped(pipeline.parked),
            match self.phase.get() {
                Phase::Reporting(_) => String::new(),
                phase => format!("; {}", phase.remark()),
            },
        )
    }

    fn drawn(&self, board: &Board, speed: f64) -> String {
        let pipeline = board.pipeline();
        let devices = board.monitor.worker(WorkerKind::Devices);
        let latency = |quantile| devices.and_then(|devices| devices.latency_ms(quantile));
        let latency = match (latency(0.5), latency(0.99)) {
            (Some(median), Some(p99)) => format!("half within {median} ms, 99 % within {p99} ms"),
            _ => String::new(),
        };
        let rows = [
            ("written", grouped(board.records.get()), "records"),
            ("delivered", grouped(pipeline.delivered), &format!("{speed:.0}/s, {latency}")),
            ("duplicates", grouped(pipeline.duplicates), "left out"),
            ("skipped", grouped(pipeline.skipped + pipeline.superseded), "nothing to send"),
            ("dead letters", grouped(pipeline.dead_lettered), "unreadable"),
            ("parked", grouped(pipeline.parked), "the device has no binding yet"),
            ("in flight", grouped(pipeline.in_flight), ""),
        ];
        let mut text = self.phase.get().remark().to_owned();
        for (name, number, remark) in rows {
            text.push_str(&format!("\n  {name:<13} {number:>12}  {remark}"));
        }
        text
    }
}

fn bar(longest: Option<Duration>) -> ProgressBar {
    let (bar, template) = match longest {
        Some(longest) => (ProgressBar::new(longest.as_secs()), "{bar:30} {pos} of {len} s  {msg}"),
        None => (ProgressBar::new_spinner(), "{spinner} {pos} s  {msg}"),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
