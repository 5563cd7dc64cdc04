//! How far it is: drawn over and over on a terminal, a line a second elsewhere.

use std::cell::Cell;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use emberline_pipeline::WorkerKind;
use indicatif::{ProgressBar, ProgressStyle};

use super::board::Board;
use crate::output::{self, grouped};

/// How often a terminal is drawn.
const DRAWN_EVERY: Duration = Duration::from_millis(200);
/// How often a line is written where there is none.
const LINE_EVERY: Duration = Duration::from_secs(1);

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
                    let at = match self.phase.get() {
                        Phase::Binding => None,
                        Phase::Reporting(since) => Some(since.elapsed().as_secs()),
                        Phase::Settling => bar.length(),
                    };
                    if let Some(at) = at {
                        bar.set_position(at);
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
            grouped(board.records()),
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
            ("written", grouped(board.records()), "records"),
            ("delivered", grouped(pipeline.delivered), &format!("{speed:.0}/s, {latency}")),
            ("duplicates", grouped(pipeline.duplicates), "left out"),
            ("skipped", grouped(pipeline.skipped + pipeline.superseded), "nothing to send"),
            ("dead letters", grouped(pipeline.dead_lettered), "unreadable"),
            ("parked", grouped(pipeline.parked), "the device has no binding yet"),
            ("in flight", grouped(pipeline.in_flight), ""),
        ];
        let mut text = self.phase.get().remark().to_owned();
        for (name, number, remark) in rows {
            // Writing to a text cannot fail.
            let _ = write!(text, "\n  {name:<13} {number:>12}  {remark}");
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
