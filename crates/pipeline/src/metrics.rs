//! Names and meanings of the metrics, and one worker's handles to them.
//!
//! Handles are made once; nothing is looked up on the hot path. No label is ever a
//! device, a customer or anything else without bound.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use emberline_flow::gate::GateState;
use emberline_model::Outcome;
use emberline_service_api::FailureClass;
use hashbrown::HashMap;
use metrics::{Counter, Gauge, Histogram, Unit};

use crate::lane::Action;
use crate::partitions::{Partition, PartitionId};
use crate::records::InFlightLook;
use crate::settings::WorkerKind;
use crate::status::TablesProgress;

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution.
    Histogram,
}

/// One metric's name, kind, labels and meaning.
#[derive(Debug, Clone, Copy)]
pub struct Description {
    /// The name, as Prometheus shows it.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it says, as an equation where there is one.
    pub help: &'static str,
}

macro_rules! metrics {
    ($($constant:ident = $name:literal, $kind:ident, [$($label:literal),*], $help:literal;)*) => {
        $(#[doc = $help] pub const $constant: &str = $name;)*

        /// Every metric of the workers.
        pub const ALL: &[Description] = &[
            $(Description { name: $name, kind: Kind::$kind, labels: &[$($label),*], help: $help },)*
        ];
    };
}

metrics! {
    RECORDS_READ = "emberline_records_read_total", Counter, ["worker"],
        "Records read from Kafka to be delivered. Records read only to seed the dedupe window are not among them.";
    RECORDS_SEEDED = "emberline_records_seeded_total", Counter, ["worker"],
        "Records before the committed offset that were read again to seed the dedupe window. Nothing is pushed from them.";
    ITEMS_READ = "emberline_items_read_total", Counter, ["worker"],
        "Reports, states, binding events, refused or unknown properties, and records that made none of them. Equals outcomes + handed over + in flight.";
    OUTCOMES = "emberline_outcomes_total", Counter, ["worker", "outcome", "reason"],
        "Items that reached their one final outcome.";
    ITEMS_HANDED_OVER = "emberline_items_handed_over_total", Counter, ["worker"],
        "Items given up unsettled with their partition: its next owner reads their records again.";
    ITEMS_IN_FLIGHT = "emberline_items_in_flight", Gauge, ["worker"],
        "Items read and not settled.";
    RECORDS_IN_FLIGHT = "emberline_records_in_flight", Gauge, ["worker"],
        "Records read and not settled.";
    CALLS = "emberline_calls_total", Counter, ["worker", "action", "outcome"],
        "Calls to the service that ended, by failure class or ok.";
    CALLS_IN_FLIGHT = "emberline_calls_in_flight", Gauge, ["worker"],
        "Calls to the service under way.";
    CALL_SECONDS = "emberline_call_seconds", Histogram, ["worker", "action"],
        "Time from the start of a call to its answer.";
    END_TO_END_SECONDS = "emberline_end_to_end_seconds", Histogram, ["worker"],
        "Time from a record's Kafka timestamp to its report's acceptance by the service.";
    PARTITION_LAG = "emberline_partition_lag", Gauge, ["worker", "topic", "partition"],
        "Log end offset minus frontier of an owned partition.";
    PARTITION_LAG_SECONDS = "emberline_partition_lag_seconds", Gauge, ["worker", "topic", "partition"],
        "Seconds since the Kafka timestamp of the oldest record that is read and not settled, of an owned partition. Where none is read and there is more, seconds since it was last read to its end. 0 where nothing waits.";
    PARTITION_FRONTIER = "emberline_partition_frontier", Gauge, ["worker", "topic", "partition"],
        "One past the highest offset below which everything is settled, of an owned partition.";
    CIRCUIT_OPEN = "emberline_circuit_open", Gauge, ["worker", "cause"],
        "1 while calls are held back: transport (most calls fail in a passing way), throttled (an action waits as the service asked), credentials (they are refused).";
    HALTED = "emberline_halted", Gauge, ["worker"],
        "1 while all calls are stopped because the service refuses the credentials.";
    RATE_LIMIT = "emberline_rate_limit", Gauge, ["worker"],
        "Calls a second allowed to this process now: the group's rate, lowered after throttling, times its share. 0 means no limit.";
    RATE_SHARE = "emberline_rate_share", Gauge, ["worker"],
        "This process' part of the group's rate: over its worker kinds, the kind's fraction times owned partitions by all partitions.";
    ITEMS_UNACCOUNTED = "emberline_items_unaccounted", Gauge, ["worker"],
        "Items read minus outcomes, handed over and in flight, where what is in flight is counted anew. Must stay 0.";
    PARKED_AGE_SECONDS = "emberline_parked_age_seconds", Gauge, ["worker"],
        "Seconds since the first failure of that record which has waited longest in the retry topics, of those that are read now. What has waited for longer than a tier is seen once in each round.";
    READY = "emberline_ready", Gauge, [],
        "1 while /readyz says that the process works, else 0.";
    INFO = "emberline_info", Gauge, ["group", "version"],
        "Always 1: the prefix of the Kafka groups and the version of this process.";
    BINDINGS_DEVICES = "emberline_bindings_devices", Gauge, [],
        "Devices in the bindings table, or in those of the own partitions.";
    BINDINGS_PARTITIONS = "emberline_bindings_partitions", Gauge, ["state"],
        "Owned partitions whose bindings this process has in a table of their own: restoring (the table is being read, and no record of the partition is), or ready. Both are 0 where it holds the whole bindings table.";
    BINDINGS_RESTORE_SECONDS = "emberline_bindings_restore_seconds", Histogram, [],
        "Time from the assignment of a partition until its table of bindings was complete and its records could be read. Partitions that went before are not among them.";
    BINDINGS_BEHIND = "emberline_bindings_behind_seconds", Gauge, ["stage"],
        "Seconds for which changes of bindings have waited to reach the tables of the own partitions: since an end of customer-devices was seen that worker repartition has not committed yet (projected), or one of device-customers that is not read here (read). 0 where nothing waits, and where the process has no such tables.";
    BINDINGS_FACTS_OLDER = "emberline_bindings_facts_older_total", Counter, [],
        "Facts about a device and a customer that came to a complete table of an own partition although it knew a later one, which stands: written a second time (after a crash of repartition, or from offsets that were set back), or late. One that is met while a table is being read is not counted: the topic may have held it for long.";
    BINDINGS_FACTS_MENDED = "emberline_bindings_facts_mended_total", Counter, [],
        "Facts about a device and a customer that were written once more, because an older one had come last in its partition and stood for a minute: compaction would have left the older one alone.";
    AUTHORISATIONS = "emberline_authorisations", Gauge, [],
        "Authorisations that formal orders may use up: the setting. 0 where formal orders are off.";
    AUTHORISATIONS_USED = "emberline_authorisations_used", Gauge, [],
        "Authorisations used up: formal orders that the service lists, as last counted, or that the order book has beside them.";
    DEDUPE_ENTRIES = "emberline_dedupe_entries", Gauge, ["worker"],
        "Identities in the dedupe window.";
    DEDUPE_EVICTED = "emberline_dedupe_evicted_total", Counter, ["worker"],
        "Identities dropped before the end of their window because the window was full. Must stay 0.";
    WRITES = "emberline_writes_total", Counter, ["worker", "destination", "result"],
        "Records written to the pipeline's own topics, by acknowledgement.";
    SETS_MENDED = "emberline_sets_mended_total", Counter, ["worker"],
        "Customers' sets written anew because two processes had made one at once, each without the other's device.";
    WRITES_PENDING = "emberline_writes_pending", Gauge, ["worker", "state"],
        "Records on their way to the pipeline's own topics: waiting for their first acknowledgement, or failing (refused or not acknowledged in time, and tried again: nothing is committed past them). Failing must not stay above 0.";
    COMMITS = "emberline_commits_total", Counter, ["worker", "result"],
        "Offset commits.";
    LATE_ACKNOWLEDGEMENTS = "emberline_late_acknowledgements_total", Counter, ["worker"],
        "Ends of calls whose partition had been given up meanwhile; they settle nothing.";
    DEFECTS = "emberline_defects_total", Counter, ["worker"],
        "Calls refused as malformed: a defect of Emberline's own. Must stay 0.";
    CONFIG_RELOADS = "emberline_config_reloads_total", Counter, ["outcome"],
        "Times that the configuration was read again while running: applied (as a whole), partly (some of what changed needs a restart), or refused (it is wrong: what held before still holds).";
    CONFIG_RESTART_NEEDED = "emberline_config_restart_needed", Gauge, [],
        "Keys of the configuration that have changed since the start and take effect after a restart only. The log names them.";
    TAP_LEFT_OUT = "emberline_tap_left_out_total", Counter, [],
        "Calls that somebody listening with emberline tap was not shown, because there were more than are shown, or it was too slow.";
    DEVICES_IN_SEVERAL_PARTITIONS = "emberline_devices_in_several_partitions_total", Counter, ["topic"],
        "Devices of a sample whose records were read in more than one partition of a topic of device records: it is not keyed by device, or its partitions have become more. Must stay 0.";
    OFFSETS_OUT_OF_RANGE = "emberline_offsets_out_of_range_total", Counter, ["worker"],
        "Assignments whose committed offset the log no longer holds: records were deleted before they were read. Must stay 0.";
}

/// Tells the recorder what each metric means. Call once, after it is installed.
pub fn describe() {
    for metric in ALL {
        let unit = if metric.name.ends_with("_seconds") { Unit::Seconds } else { Unit::Count };
        match metric.kind {
            Kind::Counter => metrics::describe_counter!(metric.name, unit, metric.help),
            Kind::Gauge => metrics::describe_gauge!(metric.name, unit, metric.help),
            Kind::Histogram => metrics::describe_histogram!(metric.name, unit, metric.help),
        }
    }
}

/// A worker's own count of what it read and what became of it, beside the metrics: for
/// `demo`'s sum and for tests, where no recorder need be installed.
#[derive(Debug, Default)]
pub struct Totals {
    /// Records read to be delivered.
    pub records_read: AtomicU64,
    /// Of these, records that are settled.
    pub records_settled: AtomicU64,
    /// Items made of them.
    pub items_read: AtomicU64,
    /// Items by outcome, in the order of [`Outcome::ALL`].
    pub outcomes: [AtomicU64; Outcome::ALL.len()],
    /// Items given up unsettled with their partition.
    pub handed_over: AtomicU64,
    /// Items read and not settled.
    pub in_flight: AtomicU64,
    /// Calls that ended.
    pub calls: AtomicU64,
    /// Calls that the service did not accept.
    pub rejected_calls: AtomicU64,
}

impl Totals {
    /// Items that ended this way.
    pub fn outcome(&self, outcome: Outcome) -> u64 {
        self.outcomes[outcome.index()].load(Ordering::Relaxed)
    }

    /// Items whose outcome has this [`Outcome::name`].
    pub fn by_name(&self, name: &str) -> u64 {
        Outcome::ALL
            .into_iter()
            .filter(|outcome| outcome.name() == name)
            .map(|outcome| self.outcome(outcome))
            .sum()
    }
}

/// How a call ended, as the metric label `outcome`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallEnd {
    Ok,
    Transient,
    Throttled,
    Credentials,
    UnknownCustomer,
    Permanent,
    Defect,
}

impl CallEnd {
    pub(crate) fn of(class: FailureClass) -> Self {
        match class {
            FailureClass::Transient => Self::Transient,
            FailureClass::Throttled => Self::Throttled,
            FailureClass::Credentials => Self::Credentials,
            FailureClass::UnknownCustomer => Self::UnknownCustomer,
            FailureClass::Permanent => Self::Permanent,
            FailureClass::Defect => Self::Defect,
        }
    }

    const ALL: [(Self, &'static str); 7] = [
        (Self::Ok, "ok"),
        (Self::Transient, "transient"),
        (Self::Throttled, "throttled"),
        (Self::Credentials, "credentials"),
        (Self::UnknownCustomer, "unknown_customer"),
        (Self::Permanent, "permanent"),
        (Self::Defect, "defect"),
    ];
}

/// The calls of one action.
pub(crate) struct ActionMetrics {
    ends: [Counter; CallEnd::ALL.len()],
    seconds: Histogram,
}

impl ActionMetrics {
    fn new(worker: &'static str, action: &'static str) -> Self {
        let ends = CallEnd::ALL.map(|(_, outcome)| {
            metrics::counter!(CALLS, "worker" => worker, "action" => action, "outcome" => outcome)
        });
        let seconds = metrics::histogram!(CALL_SECONDS, "worker" => worker, "action" => action);
        Self { ends, seconds }
    }

    pub(crate) fn ended(&self, end: CallEnd, took: Duration) {
        self.ends[end as usize].increment(1);
        self.seconds.record(took.as_secs_f64());
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count, shown")]
fn shown(count: usize) -> f64 {
    count as f64
}

/// Milliseconds as seconds; a time that is yet to come counts as now.
#[expect(clippy::cast_precision_loss, reason = "a time, shown")]
fn seconds(millis: i64) -> f64 {
    millis.max(0) as f64 / 1_000.0
}

/// One worker's handles.
pub(crate) struct WorkerMetrics {
    pub(crate) records_read: Counter,
    pub(crate) records_seeded: Counter,
    pub(crate) items_read: Counter,
    outcomes: [Counter; Outcome::ALL.len()],
    pub(crate) handed_over: Counter,
    pub(crate) items_in_flight: Gauge,
    pub(crate) records_in_flight: Gauge,
    pub(crate) actions: [ActionMetrics; Action::ALL.len()],
    pub(crate) calls_in_flight: Gauge,
    pub(crate) end_to_end_seconds: Histogram,
    /// Transport, throttled, credentials.
    circuit_open: [Gauge; 3],
    pub(crate) halted: Gauge,
    pub(crate) rate_limit: Gauge,
    pub(crate) rate_share: Gauge,
    pub(crate) dedupe_entries: Gauge,
    pub(crate) dedupe_evicted: Counter,
    /// Restoring, ready.
    bindings_partitions: [Gauge; 2],
    pub(crate) bindings_restore_seconds: Histogram,
    bindings_facts_older: Counter,
    pub(crate) bindings_facts_mended: Counter,
    items_unaccounted: Gauge,
    parked_age: Gauge,
    writes_pending: [Gauge; 2],
    pub(crate) sets_mended: Counter,
    pub(crate) commits_ok: Counter,
    pub(crate) commits_failed: Counter,
    pub(crate) late_acknowledgements: Counter,
    pub(crate) defects: Counter,
    pub(crate) offsets_out_of_range: Counter,
    worker: &'static str,
    partitions: HashMap<(Arc<str>, i32), PartitionGauges>,
    /// By topic; and whether it is known as spread.
    spread: HashMap<Arc<str>, (Counter, bool)>,
}

/// The gauges of one owned partition.
struct PartitionGauges {
    lag: Gauge,
    lag_seconds: Gauge,
    frontier: Gauge,
}

impl WorkerMetrics {
    pub(crate) fn new(kind: WorkerKind) -> Self {
        let worker = kind.name();
        let counter = |name| metrics::counter!(name, "worker" => worker);
        let gauge = |name| metrics::gauge!(name, "worker" => worker);
        Self {
            records_read: counter(RECORDS_READ),
            records_seeded: counter(RECORDS_SEEDED),
            items_read: counter(ITEMS_READ),
            outcomes: Outcome::ALL.map(|outcome| {
                metrics::counter!(OUTCOMES, "worker" => worker,
                    "outcome" => outcome.name(), "reason" => outcome.reason())
            }),
            handed_over: counter(ITEMS_HANDED_OVER),
            items_in_flight: gauge(ITEMS_IN_FLIGHT),
            records_in_flight: gauge(RECORDS_IN_FLIGHT),
            actions: Action::ALL.map(|action| ActionMetrics::new(worker, action.name())),
            calls_in_flight: gauge(CALLS_IN_FLIGHT),
            end_to_end_seconds: metrics::histogram!(END_TO_END_SECONDS, "worker" => worker),
            circuit_open: ["transport", "throttled", "credentials"]
                .map(|cause| metrics::gauge!(CIRCUIT_OPEN, "worker" => worker, "cause" => cause)),
            halted: gauge(HALTED),
            rate_limit: gauge(RATE_LIMIT),
            rate_share: gauge(RATE_SHARE),
            dedupe_entries: gauge(DEDUPE_ENTRIES),
            dedupe_evicted: counter(DEDUPE_EVICTED),
            // Only one worker of a process has tables of its own partitions.
            bindings_partitions: ["restoring", "ready"]
                .map(|state| metrics::gauge!(BINDINGS_PARTITIONS, "state" => state)),
            bindings_restore_seconds: metrics::histogram!(BINDINGS_RESTORE_SECONDS),
            bindings_facts_older: metrics::counter!(BINDINGS_FACTS_OLDER),
            bindings_facts_mended: metrics::counter!(BINDINGS_FACTS_MENDED),
            sets_mended: counter(SETS_MENDED),
            items_unaccounted: gauge(ITEMS_UNACCOUNTED),
            parked_age: gauge(PARKED_AGE_SECONDS),
            writes_pending: ["waiting", "failing"]
                .map(|state| metrics::gauge!(WRITES_PENDING, "worker" => worker, "state" => state)),
            commits_ok: metrics::counter!(COMMITS, "worker" => worker, "result" => "ok"),
            commits_failed: metrics::counter!(COMMITS, "worker" => worker, "result" => "failed"),
            late_acknowledgements: counter(LATE_ACKNOWLEDGEMENTS),
            defects: counter(DEFECTS),
            offsets_out_of_range: counter(OFFSETS_OUT_OF_RANGE),
            worker,
            partitions: HashMap::new(),
            spread: HashMap::new(),
        }
    }

    /// The topic's devices are looked for in several partitions.
    pub(crate) fn spread_of(&mut self, topic: &Arc<str>) -> &mut (Counter, bool) {
        self.spread.entry(Arc::clone(topic)).or_insert_with(|| {
            let name = topic.to_string();
            (metrics::counter!(DEVICES_IN_SEVERAL_PARTITIONS, "topic" => name), false)
        })
    }

    /// One of its devices is; whether it is the first.
    pub(crate) fn is_spread(&mut self, topic: &Arc<str>) -> bool {
        let (devices, known) = self.spread_of(topic);
        devices.increment(1);
        !std::mem::replace(known, true)
    }

    pub(crate) fn settled(&self, outcome: Outcome, count: u64) {
        self.outcomes[outcome.index()].increment(count);
    }

    pub(crate) fn call_ended(&self, action: Action, end: CallEnd, took: Duration) {
        self.actions[action as usize].ended(end, took);
    }

    /// Takes in the times of one call's reports, in milliseconds. Equal ones, which follow
    /// one another, cost one entry.
    pub(crate) fn delivered_after(&self, millis: &[u64]) {
        for alike in millis.chunk_by(|a, b| a == b) {
            let seconds = Duration::from_millis(alike[0]).as_secs_f64();
            self.end_to_end_seconds.record_many(seconds, alike.len());
        }
    }

    pub(crate) fn set_in_flight(&self, records: usize, items: u64, calls: usize) {
        self.records_in_flight.set(shown(records));
        #[expect(clippy::cast_precision_loss, reason = "a count, shown")]
        self.items_in_flight.set(items as f64);
        self.calls_in_flight.set(shown(calls));
    }

    pub(crate) fn set_dedupe(&self, entries: usize, evicted: u64) {
        self.dedupe_entries.set(shown(entries));
        self.dedupe_evicted.absolute(evicted);
    }

    pub(crate) fn set_tables(&self, progress: &TablesProgress, facts_older: u64) {
        let TablesProgress { owned, restoring, .. } = *progress;
        let counts = [restoring, owned.saturating_sub(restoring)];
        for (gauge, count) in self.bindings_partitions.iter().zip(counts) {
            gauge.set(shown(count));
        }
        self.bindings_facts_older.absolute(facts_older);
    }

    pub(crate) fn set_gate(&self, state: GateState, throttled: bool) {
        let down = matches!(state, GateState::Open | GateState::HalfOpen);
        let halted = state == GateState::Halted;
        for (gauge, open) in self.circuit_open.iter().zip([down, throttled, halted]) {
            gauge.set(f64::from(u8::from(open)));
        }
        self.halted.set(f64::from(u8::from(halted)));
    }

    #[expect(clippy::cast_precision_loss, reason = "counts, shown")]
    pub(crate) fn set_writes(&self, (pending, failing): (usize, usize)) {
        for (gauge, count) in self.writes_pending.iter().zip([pending - failing, failing]) {
            gauge.set(count as f64);
        }
    }

    pub(crate) fn set_rate(&self, limit: Option<f64>, share: f64) {
        self.rate_limit.set(limit.unwrap_or(0.0));
        self.rate_share.set(share);
    }

    /// Sets what a look over all records in flight tells, at this time in Unix milliseconds.
    pub(crate) fn set_in_flight_look(&self, look: &InFlightLook, totals: &Totals, now_ms: i64) {
        let ended: u64 = Outcome::ALL.into_iter().map(|outcome| totals.outcome(outcome)).sum();
        let read = totals.items_read.load(Ordering::Relaxed);
        let told = ended + totals.handed_over.load(Ordering::Relaxed) + look.items;
        #[expect(clippy::cast_precision_loss, reason = "a count, shown")]
        self.items_unaccounted.set(i128::from(read).saturating_sub(i128::from(told)) as f64);
        self.parked_age.set(look.parked_since_ms.map_or(0.0, |since| seconds(now_ms - since)));
    }

    /// Sets the gauges of the owned partitions, at this time in Unix milliseconds; those of partitions that are no longer
    /// owned are set to NaN, which Prometheus shows as no value.
    pub(crate) fn set_partitions<'a>(
        &mut self,
        owned: impl Iterator<Item = (PartitionId, &'a mut Partition)>,
        highs: &std::collections::HashMap<(String, i32), i64>,
        (look, now_ms): (&InFlightLook, i64),
    ) {
        let mut gone = std::mem::take(&mut self.partitions);
        for (id, partition) in owned {
            let name = (Arc::clone(&partition.at.topic), partition.at.partition);
            let gauges = gone.remove(&name).unwrap_or_else(|| self.partition(&name));
            let at = partition.ledger.frontier();
            let high = highs.get(&(name.0.to_string(), name.1)).copied().unwrap_or(partition.high);
            #[expect(clippy::cast_precision_loss, reason = "an offset, shown")]
            {
                gauges.lag.set(high.max(partition.position).saturating_sub(at).max(0) as f64);
                gauges.frontier.set(at as f64);
            }
            let oldest = look.oldest_ms.get(&id).copied();
            gauges.lag_seconds.set(seconds(partition.behind_for_ms(oldest, high, now_ms)));
            self.partitions.insert(name, gauges);
        }
        for PartitionGauges { lag, lag_seconds, frontier } in gone.into_values() {
            for gauge in [lag, lag_seconds, frontier] {
                gauge.set(f64::NAN);
            }
        }
    }

    fn partition(&self, (topic, partition): &(Arc<str>, i32)) -> PartitionGauges {
        let gauge = |name| {
            metrics::gauge!(name, "worker" => self.worker, "topic" => topic.to_string(),
                "partition" => partition.to_string())
        };
        PartitionGauges {
            lag: gauge(PARTITION_LAG),
            lag_seconds: gauge(PARTITION_LAG_SECONDS),
            frontier: gauge(PARTITION_FRONTIER),
        }
    }
}
