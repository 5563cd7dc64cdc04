//! The conservation sum: nothing ends in silence.

use anyhow::{Result, ensure};
use emberline_testkit::{Emberline, MetricsPage, World};

/// A worker's numbers.
pub(crate) struct Sum<'a> {
    page: &'a MetricsPage,
    worker: &'a str,
}

impl<'a> Sum<'a> {
    pub(crate) fn of(page: &'a MetricsPage, worker: &'a str) -> Self {
        Self { page, worker }
    }

    pub(crate) fn count(&self, metric: &str) -> u64 {
        self.page.count(metric, &[("worker", self.worker)])
    }

    /// Items that ended this way, for whatever reason.
    pub(crate) fn outcome(&self, outcome: &str) -> u64 {
        let labels = [("worker", self.worker), ("outcome", outcome)];
        self.page.count("emberline_outcomes_total", &labels)
    }

    /// Items that ended this way for this reason.
    pub(crate) fn reason(&self, outcome: &str, reason: &str) -> u64 {
        let labels = [("worker", self.worker), ("outcome", outcome), ("reason", reason)];
        self.page.count("emberline_outcomes_total", &labels)
    }

    /// What was read is what was settled, handed over or is in flight.
    pub(crate) fn closes(&self) -> Result<()> {
        let read = self.count("emberline_items_read_total");
        let ended = self.count("emberline_outcomes_total")
            + self.count("emberline_items_handed_over_total")
            + self.count("emberline_items_in_flight");
        ensure!(read == ended, "{}: {read} items read, {ended} accounted for", self.worker);
        Ok(())
    }
}

/// The metrics of a process once a worker has read so many records and nothing of it is in
/// flight any more. (Gauges are set once a second, counters at once.)
pub(crate) async fn at_rest(
    world: &World,
    run: &mut Emberline,
    (worker, records): (&str, u64),
) -> Result<MetricsPage> {
    let what = format!("{worker} is at rest after {records} records");
    world
        .wait_for(&what, async || {
            let page = run.metrics().await?;
            let sum = Sum::of(&page, worker);
            let rests = sum.count("emberline_records_read_total") >= records
                && sum.count("emberline_items_in_flight") == 0
                && sum.closes().is_ok();
            Ok(rests.then_some(page))
        })
        .await
}
