//! How the workers are, for health checks, `demo` and tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use emberline_broker::Pulse;
use hdrhistogram::Histogram;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::failures::Failures;
use crate::metrics::Totals;
use crate::settings::WorkerKind;
use crate::tap::Tap;

/// A polling thread that has not gone round for so long is stuck.
const STUCK_AFTER: Duration = Duration::from_mins(1);
/// A partition that has more to read and is not read for so long will not be.
const STILL_AFTER: Duration = Duration::from_mins(2);

/// A partition that moves here for less than that is no reason to count as not ready.
const TABLE_MAY_TAKE: Duration = Duration::from_secs(10);

/// How far a worker is with a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionPlace {
    /// Its topic.
    pub topic: String,
    /// Its number.
    pub partition: i32,
    /// Below it everything is settled.
    pub frontier: i64,
    /// Kafka's time of the newest record read, Unix milliseconds; 0 before the first.
    pub read_to_ms: i64,
}

/// How far the tables of the own partitions are, of a worker that joins telemetry by them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TablesProgress {
    /// Partitions that are owned.
    pub owned: usize,
    /// Those of them whose table is not complete.
    pub restoring: usize,
    /// Since when one of these is waited for.
    pub since: Option<Instant>,
    /// Devices that are bound by what is read.
    pub devices: usize,
    /// How long it took the last time from one partition's coming until all were complete.
    pub took: Option<Duration>,
}

impl TablesProgress {
    fn hold_up(&self) -> bool {
        let long = |since: Instant| since.elapsed() > TABLE_MAY_TAKE;
        self.restoring > 0 && (self.took.is_none() || self.since.is_some_and(long))
    }
}

impl std::fmt::Display for TablesProgress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { owned, restoring, devices, .. } = self;
        write!(f, "of {restoring} of its {owned} partitions, {devices} devices so far")
    }
}

/// How one worker is.
#[derive(Debug)]
pub struct WorkerStatus {
    kind: WorkerKind,
    /// What it read and what became of it.
    pub totals: Arc<Totals>,
    latency_ms: Mutex<Histogram<u64>>,
    pulse: Mutex<Option<Pulse>>,
    /// The partition that has stood still longest, since when.
    still: Mutex<Option<(Instant, String)>>,
    places: Mutex<Vec<PartitionPlace>>,
    tables: Mutex<TablesProgress>,
    assigned: AtomicBool,
    caught_up: watch::Sender<bool>,
    tap: Arc<Tap>,
    failures: Arc<Failures>,
}

impl WorkerStatus {
    fn new(kind: WorkerKind, tap: Arc<Tap>, failures: Arc<Failures>) -> Self {
        let latency = Histogram::new_with_bounds(1, 7 * 86_400_000, 2);
        Self {
            kind,
            totals: Arc::default(),
            latency_ms: Mutex::new(latency.expect("constant bounds are valid")),
            pulse: Mutex::new(None),
            still: Mutex::new(None),
            places: Mutex::default(),
            tables: Mutex::default(),
            assigned: AtomicBool::new(false),
            caught_up: watch::Sender::new(false),
            tap,
            failures,
        }
    }

    pub(crate) fn tap(&self) -> &Tap {
        &self.tap
    }

    pub(crate) fn failures(&self) -> &Failures {
        &self.failures
    }

    /// Which worker.
    pub fn kind(&self) -> WorkerKind {
        self.kind
    }

    /// Milliseconds from a record's timestamp to its report's acceptance, at this quantile
    /// (0 to 1); `None` before the first acceptance.
    pub fn latency_ms(&self, quantile: f64) -> Option<u64> {
        let latency = self.latency_ms.lock();
        (!latency.is_empty()).then(|| latency.value_at_quantile(quantile))
    }

    /// How far it is with each partition that it owns, as of the last second.
    pub fn places(&self) -> Vec<PartitionPlace> {
        self.places.lock().clone()
    }

    /// How far the tables of its own partitions are; nothing, where it has none.
    pub fn tables(&self) -> TablesProgress {
        *self.tables.lock()
    }

    pub(crate) fn restores_tables(&self, progress: TablesProgress) {
        *self.tables.lock() = progress;
    }

    pub(crate) fn stands_at(&self, places: Vec<PartitionPlace>) {
        *self.places.lock() = places;
    }

    pub(crate) fn delivered_after(&self, millis: impl Iterator<Item = u64>) {
        let mut latency = self.latency_ms.lock();
        millis.for_each(|millis| latency.saturating_record(millis.max(1)));
    }

    pub(crate) fn started(&self, pulse: Pulse) {
        *self.pulse.lock() = Some(pulse);
    }

    pub(crate) fn stands_still(&self, partition: Option<(Instant, String)>) {
        *self.still.lock() = partition;
    }

    pub(crate) fn assigned(&self) {
        self.assigned.store(true, Ordering::Relaxed);
    }

    pub(crate) fn caught_up(&self) {
        self.caught_up.send_if_modified(|caught_up| !std::mem::replace(caught_up, true));
    }

    pub(crate) fn is_caught_up(&self) -> bool {
        *self.caught_up.borrow()
    }

    /// Waits until the worker has settled all that its input held at the start.
    pub(crate) async fn wait_caught_up(&self) {
        // The sender lives in `self`, so the wait ends only with the value.
        let _ = self.caught_up.subscribe().wait_for(|caught_up| *caught_up).await;
    }
}

/// How far the table of bindings is read at the start of a process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Restoring {
    /// Offsets of its topic that are passed, of how many; `None` while that is being asked.
    pub offsets: Option<(u64, u64)>,
    /// Devices that are bound by what is read.
    pub devices: usize,
    /// Nothing is missing that the topic held.
    pub is_complete: bool,
}

impl std::fmt::Display for Restoring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some((passed, all)) = self.offsets else { return f.write_str("Kafka is being asked") };
        let percent = passed.saturating_mul(100).checked_div(all).unwrap_or(100);
        write!(f, "{percent} % of its topic read, {} devices", self.devices)
    }
}

/// How the workers of a process are.
#[derive(Debug)]
pub struct Monitor {
    workers: Vec<Arc<WorkerStatus>>,
    restoring: Mutex<Restoring>,
    /// What the start waits for beside it, in words.
    starts_after: Mutex<Option<String>>,
    tap: Arc<Tap>,
    failures: Arc<Failures>,
}

impl Monitor {
    /// For these workers, none of which has started.
    pub fn new(kinds: &[WorkerKind]) -> Arc<Self> {
        let (tap, failures) = (Arc::new(Tap::default()), Arc::new(Failures::default()));
        let status = |kind: &WorkerKind| {
            Arc::new(WorkerStatus::new(*kind, Arc::clone(&tap), Arc::clone(&failures)))
        };
        Arc::new(Self {
            workers: kinds.iter().map(status).collect(),
            restoring: Mutex::default(),
            starts_after: Mutex::default(),
            tap,
            failures,
        })
    }

    /// Where the calls of all of them can be listened to.
    pub fn tap(&self) -> &Arc<Tap> {
        &self.tap
    }

    /// The latest failures of calls, of all of them.
    pub fn failures(&self) -> &Failures {
        &self.failures
    }

    /// Each worker's status.
    pub fn workers(&self) -> &[Arc<WorkerStatus>] {
        &self.workers
    }

    /// One worker's status, if it is among these.
    pub fn worker(&self, kind: WorkerKind) -> Option<&Arc<WorkerStatus>> {
        self.workers.iter().find(|worker| worker.kind == kind)
    }

    /// How far the table of bindings is read that the workers wait for.
    pub fn restoring(&self) -> Restoring {
        *self.restoring.lock()
    }

    pub(crate) fn restores(&self, progress: Restoring) {
        *self.restoring.lock() = progress;
    }

    pub(crate) fn starts_after(&self, waits: Option<String>) {
        *self.starts_after.lock() = waits;
    }

    /// Whether every polling thread goes round, and no partition with something to read stands
    /// still. The service or the brokers being down is no reason to be restarted, so what they
    /// hold up is not looked at.
    ///
    /// # Errors
    /// Which worker stands still.
    pub fn live(&self) -> Result<(), String> {
        for worker in &self.workers {
            let age = worker.pulse.lock().as_ref().map(Pulse::age);
            if let Some(age) = age.filter(|age| *age > STUCK_AFTER) {
                let kind = worker.kind.name();
                return Err(format!("worker {kind}: polling thread still for {} s", age.as_secs()));
            }
            let still = worker.still.lock().clone();
            if let Some((since, partition)) = still.filter(|still| still.0.elapsed() > STILL_AFTER)
            {
                let (kind, seconds) = (worker.kind.name(), since.elapsed().as_secs());
                return Err(format!("worker {kind}: {partition} is not read for {seconds} s"));
            }
        }
        Ok(())
    }

    /// Whether the bindings are loaded and every worker takes part in its group. Who joins by the
    /// bindings of its own partitions has read those of its first ones, and does not wait long
    /// for those of any other.
    ///
    /// # Errors
    /// What is still missing.
    pub fn ready(&self) -> Result<(), String> {
        let restoring = self.restoring();
        if !restoring.is_complete {
            return Err(format!("the bindings table is being loaded: {restoring}"));
        }
        if let Some(waits) = &*self.starts_after.lock() {
            return Err(waits.clone());
        }
        for worker in &self.workers {
            let kind = worker.kind.name();
            if !worker.assigned.load(Ordering::Relaxed) {
                return Err(format!("worker {kind} waits for its partitions"));
            }
            let tables = worker.tables();
            if tables.hold_up() {
                return Err(format!("worker {kind} reads the bindings {tables}"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Monitor, Restoring, TABLE_MAY_TAKE, TablesProgress};
    use crate::settings::WorkerKind;

    #[test]
    fn who_is_not_ready_says_how_far_the_bindings_are() {
        let monitor = Monitor::new(&[WorkerKind::Devices]);
        let why = || monitor.ready().unwrap_err();
        assert!(why().ends_with("Kafka is being asked"), "{}", why());
        let mut restoring =
            Restoring { offsets: Some((250_000, 1_000_000)), devices: 740_123, is_complete: false };
        monitor.restores(restoring);
        assert!(why().ends_with("25 % of its topic read, 740123 devices"), "{}", why());
        restoring.is_complete = true;
        monitor.restores(restoring);
        assert!(why().contains("worker devices waits for its partitions"), "{}", why());
    }

    #[test]
    fn who_reads_the_bindings_of_its_partitions_is_not_ready_at_first_and_not_when_it_takes_long() {
        let monitor = Monitor::new(&[WorkerKind::Devices]);
        monitor.restores(Restoring { is_complete: true, ..Restoring::default() });
        let worker = monitor.worker(WorkerKind::Devices).unwrap();
        worker.assigned();
        let now = Instant::now();
        let first = TablesProgress {
            owned: 10,
            restoring: 6,
            since: Some(now),
            devices: 1_234,
            took: None,
        };
        worker.restores_tables(first);
        let why = monitor.ready().unwrap_err();
        let expected = "worker devices reads the bindings of 6 of its 10 partitions, 1234 devices";
        assert!(why.starts_with(expected), "{why}");
        let complete = TablesProgress { restoring: 0, since: None, ..first };
        let took = Some(Duration::from_secs(2));
        for progress in [complete, TablesProgress { took, ..complete }] {
            worker.restores_tables(progress);
            assert_eq!(monitor.ready(), Ok(()));
        }
        let another = TablesProgress { restoring: 1, since: Some(now), took, ..first };
        worker.restores_tables(another);
        assert_eq!(monitor.ready(), Ok(()), "a partition moves here");
        let ago = now.checked_sub(2 * TABLE_MAY_TAKE);
        worker.restores_tables(TablesProgress { since: ago, ..another });
        assert!(monitor.ready().is_err());
    }
}
