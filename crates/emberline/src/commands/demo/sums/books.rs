//! Where the numbers come from: the workers' counters and the service's books.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use emberline_model::Outcome;
use emberline_pipeline::metrics::Totals;
use emberline_pipeline::{Monitor, WorkerKind};
use emberline_sandbox::Ledger;

use super::{Pipeline, Service};

/// Items that the workers of the input topics have given up with a partition so far; they
/// are read again.
pub(in crate::commands::demo) fn handed_over(monitor: &Monitor) -> u64 {
    inputs(monitor).map(|totals| totals.handed_over.load(Ordering::Relaxed)).sum()
}

fn inputs(monitor: &Monitor) -> impl Iterator<Item = &Totals> {
    let workers = monitor.workers().iter().filter(|worker| worker.kind() != WorkerKind::Retries);
    workers.map(|worker| &*worker.totals)
}

impl Pipeline {
    /// Adds the workers up. `read_again` of the items given up with a partition were read
    /// again; what was given up since then, at the stop, is still in flight.
    pub(in crate::commands::demo) fn of(monitor: &Monitor, read_again: u64) -> Self {
        let load = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let totals = || monitor.workers().iter().map(|worker| &*worker.totals);
        let ended = |name: &str| totals().map(|totals| totals.by_name(name)).sum::<u64>();
        // Taken on the way, the numbers may be a moment apart from each other.
        let settled_from_retry: u64 = monitor.worker(WorkerKind::Retries).map_or(0, |retries| {
            Outcome::ALL.into_iter().map(|outcome| retries.totals.outcome(outcome)).sum()
        });
        let in_flight: u64 = inputs(monitor).map(|totals| load(&totals.in_flight)).sum();
        let given_up_since = handed_over(monitor).saturating_sub(read_again);
        let read: u64 = inputs(monitor).map(|totals| load(&totals.items_read)).sum();
        Self {
            read: read.saturating_sub(read_again),
            delivered: ended("delivered"),
            duplicates: ended("duplicate"),
            skipped: ended("skipped"),
            superseded: ended("superseded"),
            parked: ended("parked").saturating_sub(settled_from_retry),
            dead_lettered: ended("dead_lettered"),
            in_flight: in_flight + given_up_since,
            calls: totals().map(|totals| load(&totals.calls)).sum(),
            rejected_calls: totals().map(|totals| load(&totals.rejected_calls)).sum(),
        }
    }
}

impl Service {
    /// Reads the books; `late` are the devices that were bound after they began to report.
    pub(in crate::commands::demo) fn of(
        ledger: &Ledger,
        [customers, orders, bindings]: [u64; 3],
        late: &[String],
    ) -> Self {
        let totals = ledger.totals();
        Self {
            reports: totals.distinct_reports,
            states: totals.states_accepted,
            customers,
            orders,
            bindings,
            sent_twice: totals.sent_twice,
            calls: totals.calls,
            rejected_calls: totals.calls - totals.accepted_calls,
            out_of_order: totals.order_inversions,
            out_of_order_late: late.iter().map(|device| inversions(ledger, device)).sum(),
            overlapping_calls: totals.overlapping_calls,
        }
    }
}

/// Most reports of a device that the service's books show.
const HISTORY: usize = 1_000;

/// How many reports of a device came after a newer one; `None` if not all are shown.
fn inversions(ledger: &Ledger, device: &str) -> Option<u64> {
    let reports = ledger.reports_of(device);
    if reports.len() >= HISTORY {
        return None;
    }
    let mut newest: HashMap<u16, i64> = HashMap::new();
    let mut inversions = 0;
    for report in reports.iter().filter(|report| report.occurrence == 1) {
        let newest = newest.entry(report.category).or_insert(report.report_time);
        inversions += u64::from(report.report_time < *newest);
        *newest = report.report_time.max(*newest);
    }
    Some(inversions)
}
