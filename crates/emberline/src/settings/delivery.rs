//! `[dedupe]`, `[batch]`, `[limits]`, `[retry]`, `[join]`, `[bindings]`, `[claims]`:
//! how records become calls.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ByteSize, HumanDuration, Percent, Rate};

/// What counts as the same report come twice.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DedupeSettings {
    /// A report that comes again within this time is a duplicate; `0s` turns the removal
    /// of duplicates off. At most 1h. Default `2m`.
    pub window: HumanDuration,
    /// Most reports remembered, of some 36 bytes each; beyond it the oldest are
    /// forgotten early, and counted. Default 2000000.
    #[schemars(range(min = 1000, max = 1_000_000_000))]
    pub max_entries: u64,
}

impl Default for DedupeSettings {
    fn default() -> Self {
        Self { window: HumanDuration::from_secs(120), max_entries: 2_000_000 }
    }
}

/// How reports are gathered into one call.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BatchSettings {
    /// Most reports in one call; 1 makes each report a call. Default 100.
    #[schemars(range(min = 1, max = 1000))]
    pub max_reports: u16,
    /// Longest that a report waits for its batch to fill, at most 1m; `0s` for no waiting.
    /// Default `1s`.
    pub linger: HumanDuration,
}

impl Default for BatchSettings {
    fn default() -> Self {
        Self { max_reports: 100, linger: HumanDuration::from_secs(1) }
    }
}

/// How much is done at once.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitSettings {
    /// Calls of the whole group, not of one replica; lowered by itself when the service
    /// asks to slow down, times out or becomes slow. `none` for no limit. Default `200/s`.
    pub rate: Rate,
    /// What the devices workers have of the rate. In one process the workers lend each other
    /// what they don't use; kinds that run in processes of their own keep to their part. What
    /// the parts leave of 100% is free for others with the same key. Default `50%`.
    pub devices_part: Percent,
    /// What the bindings workers have of the rate. Default `15%`.
    pub bindings_part: Percent,
    /// What the retries workers have of the rate. Default `15%`.
    pub retries_part: Percent,
    /// What the claims workers have of the rate; the devices' where no topic of customers or
    /// orders is read. Default `10%`.
    pub claims_part: Percent,
    /// What replays and redrives have of the rate, all together. Default `10%`.
    pub replay_part: Percent,
    /// Most calls at the same time, a worker. Default 64.
    #[schemars(range(min = 1, max = 4096))]
    pub in_flight: u16,
    /// Most records read and not settled, a worker. Default 30000.
    #[schemars(range(min = 100, max = 10_000_000))]
    pub records: u32,
    /// Most bytes of records read and not settled, a worker, 1MB or more. Default `64MB`.
    pub bytes: ByteSize,
    /// How far a partition is read beyond its oldest record that is not settled, in
    /// offsets. What is settled beyond the oldest is written beside the committed offset, so
    /// that a crash repeats least: up to 24000 that fits, and up to 16000 there is room as well
    /// for how far each device's categories are. Default 16000.
    #[schemars(range(min = 100, max = 100_000_000))]
    pub gap: u32,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            rate: Rate::per_second_of(200.0),
            devices_part: Percent(50),
            bindings_part: Percent(15),
            retries_part: Percent(15),
            claims_part: Percent(10),
            replay_part: Percent(10),
            in_flight: 64,
            records: 30_000,
            bytes: ByteSize::megabytes(64),
            gap: 16_000,
        }
    }
}

/// What happens to what failed in a passing way.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetrySettings {
    /// Tries again before a record goes to a retry topic. Default 3.
    #[schemars(range(min = 0, max = 100))]
    pub in_place: u16,
    /// Most tries again in place, of the calls made for the first time; 10 a second (a tenth
    /// of `limits.rate` if that is less) are always free. What it does not cover goes to a
    /// retry topic. At most 1000%. Default `10%`.
    pub budget: Percent,
    /// From its first failure on, how long a record is tried before it becomes a dead
    /// letter. Default `7d`.
    pub max_age: HumanDuration,
    /// Delays of the retry topics, growing; each is a topic `<prefix>.retry.<delay>`. A
    /// record stays in the last until its maximum age. Default `["30s", "5m", "1h"]`.
    #[schemars(length(min = 1))]
    pub tiers: Vec<HumanDuration>,
    /// Longest wait before the first try in place; it doubles with each, and the wait
    /// is drawn at random below it. Default `200ms`.
    pub backoff_base: HumanDuration,
    /// What it doubles up to. Default `10s`.
    pub backoff_cap: HumanDuration,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            in_place: 3,
            budget: Percent(10),
            max_age: HumanDuration::from_secs(7 * 86_400),
            tiers: [30, 300, 3600].map(HumanDuration::from_secs).to_vec(),
            backoff_base: HumanDuration::from_millis(200),
            backoff_cap: HumanDuration::from_secs(10),
        }
    }
}

/// How telemetry finds its customer.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct JoinSettings {
    /// What of the bindings a process holds that runs the worker `devices`, and none that needs
    /// `all` of them: those of its `own_partitions`, which takes every topic of `topics.devices`
    /// to be listed in `topics.repartition`, and its worker. `auto`: `own_partitions` where that
    /// is so, else `all`. Default `auto`.
    pub table: JoinTable,
    /// How long telemetry of an unbound device waits in memory before it is parked in a
    /// retry topic, at most 1m. Default `2s`.
    pub wait: HumanDuration,
    /// How long a starting worker may take to read the bindings before it gives up.
    /// Default `5m`.
    pub startup_wait: HumanDuration,
}

impl Default for JoinSettings {
    fn default() -> Self {
        Self {
            table: JoinTable::Auto,
            wait: HumanDuration::from_secs(2),
            startup_wait: HumanDuration::from_secs(300),
        }
    }
}

/// What of the bindings is held where telemetry is joined with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum JoinTable {
    /// Those of the own partitions, where all telemetry is keyed anew; all of them otherwise.
    Auto,
    /// All of them.
    All,
    /// Those of the devices in the partitions that the process owns.
    OwnPartitions,
}

/// How binding events become pushes of a customer's whole set.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BindingSettings {
    /// How long further events of the same customer are gathered into one push, at most
    /// 1m; `0s` for no waiting. Default `100ms`.
    pub linger: HumanDuration,
    /// Largest set of a customer as one record of the bindings table, 100kB to 100MB: the
    /// topic's `max.message.bytes`. Some 20,000 devices take 2MB. Default `10MB`.
    pub max_set: ByteSize,
}

impl Default for BindingSettings {
    fn default() -> Self {
        Self { linger: HumanDuration::from_millis(100), max_set: ByteSize::megabytes(10) }
    }
}

/// What is kept as proof of what the service accepted.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReceiptSettings {
    /// Whether a receipt of each call that the service accepts is written to the topic
    /// `<prefix>.receipts`. Without it `audit` and `replay --missing-only` know nothing.
    /// Default true.
    pub enabled: bool,
    /// How long they are kept: what `topics create` makes the topic with, and `topics check`
    /// expects at least. Neither changes a topic that is there. Default `30d`.
    pub retention: HumanDuration,
}

impl Default for ReceiptSettings {
    fn default() -> Self {
        Self { enabled: true, retention: HumanDuration::from_secs(30 * 86_400) }
    }
}

/// What may be spent. A formal order uses up a purchased authorisation.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClaimSettings {
    /// Whether formal orders (item id without `D-`) are placed at all. Default false.
    pub formal_orders: bool,
    /// Most authorisations that may be used up by formal orders: those that the service
    /// lists, whoever placed them, and those that are being placed. Default 0.
    pub authorisations: u32,
    /// How long after a call without an answer the service may still act on it, 1s to 10m.
    /// So long nothing is sent for that customer or order; then the service is asked what
    /// became of it. After a crash an order waits some four times as long. Default `15s`.
    pub doubt: HumanDuration,
    /// How old the count of the service's orders may be when a formal one is placed, 1s to
    /// 1d. Default `1m`.
    pub recount: HumanDuration,
}

impl Default for ClaimSettings {
    fn default() -> Self {
        Self {
            formal_orders: false,
            authorisations: 0,
            doubt: HumanDuration::from_secs(15),
            recount: HumanDuration::from_secs(60),
        }
    }
}
