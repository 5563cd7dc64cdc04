//! How far it is: drawn on a terminal, a line now and then elsewhere.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::output::{self, grouped};
use crate::replays::ReplayProgress;
use crate::span::shown;

/// How often a line is written where nothing is drawn.
const LINE_EVERY: Duration = Duration::from_secs(10);

fn bar(template: &str, length: u64) -> Option<ProgressBar> {
    output::stderr_is_terminal().then(|| {
        let style = ProgressStyle::with_template(template).expect("a constant template is valid");
        ProgressBar::new(length).with_style(style)
    })
}

/// Reading, before anything is sent.
#[derive(Clone)]
pub(super) struct Reading {
    bar: Option<ProgressBar>,
    told: Arc<Mutex<Instant>>,
}

impl Reading {
    pub(super) fn new() -> Self {
        let bar = bar("{msg} [{bar:32}] {human_pos} of {human_len}, {eta} left", 0);
        Self { bar, told: Arc::new(Mutex::new(Instant::now())) }
    }

    pub(super) fn tell(
        &self,
        what: &'static str,
        done: u64,
        all: u64,
        stop: &CancellationToken,
    ) -> ControlFlow<()> {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("reading {what}"));
            bar.set_length(all);
            bar.set_position(done);
        } else {
            let mut told = self.told.lock();
            if told.elapsed() >= LINE_EVERY {
                *told = Instant::now();
                let (done, all) = (grouped(done), grouped(all));
                output::notice(&format!("reading {what}: {done} of {all}"));
            }
        }
        if stop.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    pub(super) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Sending.
pub(super) struct Sending {
    bar: Option<ProgressBar>,
    began: (Instant, u64),
    before: (Instant, u64),
    told: Instant,
    per_second: f64,
}

impl Sending {
    /// From here on.
    pub(super) fn new(progress: &ReplayProgress) -> Self {
        let bar = bar("[{bar:32}] {percent} %  {msg}", progress.records);
        let now = Instant::now();
        let before = (now, progress.delivered);
        Self { bar, began: (now, progress.read), before, told: now, per_second: 0.0 }
    }

    /// Shows how far it is.
    pub(super) fn show(&mut self, progress: &ReplayProgress) {
        let since = self.before.0.elapsed();
        if since >= Duration::from_millis(900) {
            #[expect(clippy::cast_precision_loss, reason = "a count, shown")]
            let more = progress.delivered.saturating_sub(self.before.1) as f64;
            self.per_second = more / since.as_secs_f64();
            self.before = (Instant::now(), progress.delivered);
        }
        if let Some(bar) = &self.bar {
            bar.set_position(progress.read);
            bar.set_message(self.message(progress));
        } else if self.told.elapsed() >= LINE_EVERY {
            self.told = Instant::now();
            let (read, all) = (grouped(progress.read), grouped(progress.records));
            let message = self.message(progress);
            output::notice(&format!("{read} of {all} records, {message}"));
        }
    }

    /// Nothing of it stays on the terminal.
    pub(super) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn message(&self, progress: &ReplayProgress) -> String {
        let at = progress.position_ms.map_or_else(String::new, |at| format!(", at {}", shown(at)));
        let left = self.left(progress).map_or_else(String::new, |left| {
            format!(", about {} left", indicatif::HumanDuration(left))
        });
        let set_aside =
            [("parked", "parked"), ("dead letter", "dead letters")].map(|(kind, word)| {
                let of_kind = progress.failed.iter().filter(|(reason, _)| reason.starts_with(kind));
                match of_kind.map(|(_, count)| count).sum() {
                    0 => String::new(),
                    count => format!(", {} {word}", grouped(count)),
                }
            });
        let (delivered, set_aside) = (grouped(progress.delivered), set_aside.concat());
        format!("{delivered} delivered ({:.0}/s){set_aside}{at}{left}", self.per_second)
    }

    /// By the speed since this run began; `None` while it has none, and at the end.
    fn left(&self, progress: &ReplayProgress) -> Option<Duration> {
        let (began, from) = self.began;
        let done = progress.read.saturating_sub(from);
        let left = progress.records.saturating_sub(progress.read);
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let share = (done > 0 && left > 0).then(|| left as f64 / done as f64)?;
        Duration::try_from_secs_f64((began.elapsed().as_secs_f64() * share).ceil()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::{ReplayProgress, Sending};

    #[test]
    fn how_long_it_takes_is_told_once_it_is_known() {
        // What was done before says nothing of how fast this run is.
        let mut progress = ReplayProgress { records: 100, read: 40, ..Default::default() };
        let sending = Sending::new(&progress);
        assert_eq!(sending.message(&progress), "0 delivered (0/s)");
        progress.read = 50;
        assert!(sending.message(&progress).ends_with(" left"));
        progress.read = 100;
        assert_eq!(sending.message(&progress), "0 delivered (0/s)");
    }
}
