//! What the workers are told. Plain values: the binary reads them from its settings
//! file and has checked them.

use std::collections::BTreeMap;
use std::time::Duration;

use emberline_broker::KafkaSettings;
use emberline_flow::claim::ClaimRules;
use emberline_flow::gate::GateSettings;
use emberline_service_api::{Credentials, Dialect};
use tokio::sync::watch;

use crate::credentials::CredentialsSource;
use crate::replay::ReplayRun;

/// A worker kind. One process runs any set of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WorkerKind {
    /// Device records: data and state.
    Devices,
    /// Binding events.
    Bindings,
    /// Records that wait in the retry topics.
    Retries,
    /// Customers, and their orders.
    Claims,
    /// A part of an input topic, once more.
    Replay,
    /// Dead letters, once more.
    Redrive,
    /// Device records of topics that are not keyed by device, on their way to the one that is.
    Repartition,
}

impl WorkerKind {
    /// Every kind that follows its topics, in the order in which they start.
    pub const ALL: [Self; 5] =
        [Self::Claims, Self::Bindings, Self::Repartition, Self::Devices, Self::Retries];

    /// All of them, with those that push something again, in the order of their fractions.
    pub const EVERY: [Self; 7] = [
        Self::Devices,
        Self::Bindings,
        Self::Retries,
        Self::Claims,
        Self::Replay,
        Self::Redrive,
        Self::Repartition,
    ];

    /// Whether it calls the service; who does not only writes to Kafka.
    pub const fn calls_service(self) -> bool {
        !matches!(self, Self::Repartition)
    }

    /// Whether it may read binding events, and so makes customers' sets.
    pub(crate) const fn makes_sets(self) -> bool {
        !matches!(self, Self::Claims | Self::Devices | Self::Repartition)
    }

    /// Whether it may read orders.
    pub(crate) const fn places_orders(self) -> bool {
        !matches!(self, Self::Bindings | Self::Devices | Self::Repartition)
    }

    /// Whether it joins reports with the customers of their devices.
    pub(crate) const fn joins(self) -> bool {
        !matches!(self, Self::Claims | Self::Bindings | Self::Repartition)
    }

    /// Whether it reads again what was settled before, to know it as seen.
    pub(crate) const fn seeds(self) -> bool {
        !self.reads_set_aside() && !matches!(self, Self::Repartition)
    }

    /// Whether it reads what came before, in whatever order: records that were set aside.
    pub(crate) const fn reads_set_aside(self) -> bool {
        matches!(self, Self::Retries | Self::Redrive)
    }

    /// Whether it pushes something again, up to an end.
    pub(crate) const fn is_again(self) -> bool {
        matches!(self, Self::Replay | Self::Redrive)
    }

    /// The group that its workers are members of, where `kafka.group` is this.
    pub fn group(self, prefix: &str) -> String {
        format!("{prefix}-{}", self.name())
    }

    /// The same of a named replay or redrive.
    pub fn group_of_replay(self, prefix: &str, name: &str) -> String {
        format!("{}-{name}", self.group(prefix))
    }

    /// Its name on the command line, in group names and as the metric label `worker`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Devices => "devices",
            Self::Bindings => "bindings",
            Self::Retries => "retries",
            Self::Claims => "claims",
            Self::Replay => "replay",
            Self::Redrive => "redrive",
            Self::Repartition => "repartition",
        }
    }
}

/// The names of all topics.
#[derive(Debug, Clone)]
pub struct Topics {
    /// Input: telemetry and online/offline events.
    pub devices: Vec<String>,
    /// Those of `devices` whose records are not keyed by device.
    pub repartition: Vec<String>,
    /// Input: binding events.
    pub bindings: Vec<String>,
    /// Input: customers to be made known.
    pub customers: Vec<String>,
    /// Input: their orders.
    pub orders: Vec<String>,
    /// What the names of the pipeline's own topics begin with.
    pub prefix: String,
    /// Message type of a topic's protobuf records that carry no `emberline-type` header.
    pub types: BTreeMap<String, String>,
}

impl Topics {
    /// The compacted topic of each customer's full set of devices.
    pub fn customer_devices(&self) -> String {
        format!("{}.customer-devices", self.prefix)
    }

    /// The compacted topic of what each customer's set says of each device, by the partitions of
    /// [`keyed_devices`](Self::keyed_devices).
    pub fn device_customers(&self) -> String {
        format!("{}.device-customers", self.prefix)
    }

    /// The compacted topic of the orders that are being placed, and of the formal ones that
    /// were. It has one partition.
    pub fn order_book(&self) -> String {
        format!("{}.order-book", self.prefix)
    }

    /// The topic of receipts.
    pub fn receipts(&self) -> String {
        format!("{}.receipts", self.prefix)
    }

    /// The compacted topic of the named replays. It has one partition.
    pub fn replays(&self) -> String {
        format!("{}.replays", self.prefix)
    }

    /// The topic that the records of `repartition` are written to, keyed by device.
    pub fn keyed_devices(&self) -> String {
        format!("{}.devices", self.prefix)
    }

    /// Whether records lie in the topic keyed by device.
    pub fn repartitions(&self) -> bool {
        !self.repartition.is_empty()
    }

    /// The topics of device records that are keyed by device: what the devices workers read.
    pub fn read_by_devices(&self) -> Vec<String> {
        let keyed = self.devices.iter().filter(|topic| !self.repartition.contains(topic));
        keyed.cloned().chain(self.repartitions().then(|| self.keyed_devices())).collect()
    }

    /// Every topic that holds device records: the user's, and the one keyed by device.
    pub fn of_devices(&self) -> Vec<String> {
        let keyed = self.repartitions().then(|| self.keyed_devices());
        self.devices.iter().cloned().chain(keyed).collect()
    }

    /// Whether a topic's name is one of the pipeline's own.
    pub(crate) fn is_own(&self, topic: &str) -> bool {
        topic.strip_prefix(&self.prefix).is_some_and(|rest| rest.starts_with('.'))
    }

    /// The topic of dead letters.
    pub fn dead_letters(&self) -> String {
        format!("{}.dead-letters", self.prefix)
    }

    /// The retry topic of one tier, named after its delay: `emberline.retry.30s`.
    pub fn retry(&self, delay: Duration) -> String {
        format!("{}.retry.{}", self.prefix, short_duration(delay))
    }
}

/// The shortest way to write a duration in one unit: `30s`, `5m`, `1h`, `1500ms`.
fn short_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    for (unit, name) in [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")] {
        if millis > 0 && millis.is_multiple_of(unit) {
            return format!("{}{name}", millis / unit);
        }
    }
    format!("{millis}ms")
}

/// How reports are delivered.
#[derive(Debug, Clone)]
pub struct DeliverySettings {
    /// Dedupe window, in time of event arrival.
    pub dedupe_window: Duration,
    /// Most identities that the window holds.
    pub dedupe_max_entries: usize,
    /// Most reports in one call.
    pub batch_max_reports: usize,
    /// Longest that a report waits for its batch to fill.
    pub linger: Duration,
    /// Calls a second of the whole group; `None` for no limit.
    pub rate: Option<f64>,
    /// What each worker kind has of the rate, in the order of [`WorkerKind`]: at most 1
    /// together, where a replay and a redrive share one part.
    pub fractions: [f64; WorkerKind::EVERY.len()],
    /// When calls stop, and how they come back.
    pub gate: GateSettings,
    /// Calls that take longer are a sign of too much.
    pub slow_call: Duration,
    /// Most calls in flight at once, of one worker.
    pub in_flight: usize,
    /// Most records in flight, of one worker.
    pub records: usize,
    /// Most bytes of records in flight, of one worker.
    pub bytes: usize,
    /// Most offsets between a partition's frontier and the last record read.
    pub gap: u64,
    /// Attempts in place after the first, before a record goes to the retry topics.
    pub in_place: u32,
    /// Retries in place for each call made for the first time, at most.
    pub retry_budget: f64,
    /// First backoff between attempts in place.
    pub backoff_base: Duration,
    /// Longest backoff between attempts in place.
    pub backoff_cap: Duration,
    /// Delays of the retry topics, shortest first.
    pub tiers: Vec<Duration>,
    /// How old a record may become before it is dead-lettered.
    pub max_age: Duration,
    /// How long an unbound device's reports wait in memory before they are parked.
    pub join_wait: Duration,
    /// Longest that the devices wait at the start for the bindings to be caught up with.
    pub startup_wait: Duration,
    /// Whether what the service accepts is written to the topic of receipts.
    pub receipts: bool,
    /// What may be spent, and how orders are placed.
    pub claims: ClaimRules,
    /// Longest that a partition is drained before it is given up.
    pub drain: Duration,
    /// How long further binding events of a customer are gathered into one push.
    pub bindings_linger: Duration,
    /// Largest record written, in bytes: a customer's whole set is one.
    pub max_record: usize,
    /// How often settled offsets are committed.
    pub commit_interval: Duration,
}

impl DeliverySettings {
    /// For how long of event arrival a device's newest state is known: the platform sends again
    /// within seconds, also where duplicates are not removed.
    pub(crate) fn states_known(&self) -> Duration {
        self.dedupe_window.max(Duration::from_mins(2))
    }
}

/// The group's rate, and how it is divided.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// As [`DeliverySettings::rate`].
    pub rate: Option<f64>,
    /// As [`DeliverySettings::fractions`].
    pub fractions: [f64; WorkerKind::EVERY.len()],
}

/// All that `run` needs.
#[derive(Debug, Clone)]
pub struct PipelineSettings {
    /// The cluster and the group's name; each worker kind's group is `<group>-<kind>`.
    pub kafka: KafkaSettings,
    /// Topic names.
    pub topics: Topics,
    /// Who calls the service.
    pub credentials: Credentials,
    /// Where they are read again while the workers run; `None` if they can't change.
    pub credentials_again: Option<CredentialsSource>,
    /// Other rates than those of `delivery`, while the workers run; `None` if they can't change.
    pub rates_again: Option<watch::Receiver<Rates>>,
    /// How the service reads ambiguous parts of its contract.
    pub dialect: Dialect,
    /// Limits and times.
    pub delivery: DeliverySettings,
    /// Which workers to run.
    pub workers: Vec<WorkerKind>,
    /// Whether the bindings are divided by the partitions of the topic that is keyed by device.
    pub own_partitions: bool,
    /// What is pushed again, where that is what the workers do.
    pub replay: Option<ReplayRun>,
    /// Stop once every input is settled up to the end that it had at the start.
    pub exit_at_end: bool,
}

impl PipelineSettings {
    /// Whether telemetry is joined by tables of the own partitions alone: no worker of the
    /// process needs all bindings.
    pub(crate) fn joins_by_partitions(&self) -> bool {
        let needs_all = |kind: &WorkerKind| match kind {
            WorkerKind::Devices => false,
            kind => kind.joins() || kind.makes_sets(),
        };
        let joins = self.workers.iter().any(|kind| kind.joins());
        self.own_partitions && joins && !self.workers.iter().any(needs_all)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::{Topics, short_duration};

    #[test]
    fn what_is_repartitioned_is_read_where_it_is_keyed_by_device() {
        let mut topics = Topics {
            devices: vec!["a".into(), "b".into()],
            repartition: Vec::new(),
            bindings: Vec::new(),
            customers: Vec::new(),
            orders: Vec::new(),
            prefix: "own".into(),
            types: BTreeMap::new(),
        };
        assert_eq!(topics.read_by_devices(), ["a", "b"]);
        assert_eq!(topics.of_devices(), ["a", "b"]);
        topics.repartition.push("b".into());
        assert_eq!(topics.read_by_devices(), ["a", "own.devices"]);
        assert_eq!(topics.of_devices(), ["a", "b", "own.devices"]);
    }

    #[test]
    fn a_tier_is_named_after_its_delay() {
        assert_eq!(short_duration(Duration::from_secs(30)), "30s");
        assert_eq!(short_duration(Duration::from_mins(5)), "5m");
        assert_eq!(short_duration(Duration::from_hours(1)), "1h");
        assert_eq!(short_duration(Duration::from_millis(1500)), "1500ms");
        assert_eq!(short_duration(Duration::from_hours(168)), "7d");
    }
}
