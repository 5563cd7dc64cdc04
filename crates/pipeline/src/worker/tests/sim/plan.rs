//! What kind of world a seed makes: limits, times, how much happens.

use std::time::Duration;

use emberline_flow::gate::GateSettings;

use super::super::made_up::draw::Draw;
use super::super::rig::{claim_rules, pipeline_settings};
use crate::settings::{DeliverySettings, PipelineSettings, WorkerKind};

/// The workers of these worlds.
pub(super) const KINDS: [WorkerKind; 3] =
    [WorkerKind::Bindings, WorkerKind::Devices, WorkerKind::Retries];

pub(super) struct Plan {
    pub(super) settings: PipelineSettings,
    pub(super) partitions: i32,
    pub(super) devices: u8,
    pub(super) customers: u8,
    /// Customers that the service does not know at first.
    pub(super) unknown: u8,
    pub(super) processes: usize,
    /// Things that happen before everything heals.
    pub(super) events: usize,
    /// They happen within this time.
    pub(super) stretch: Duration,
    pub(super) batch: usize,
    /// Of a hundred events, so many are records; the rest is trouble.
    pub(super) records: u64,
    /// Largest number of records of one event.
    pub(super) burst: u64,
    /// Workers `devices` join by the bindings of their own partitions.
    pub(super) own_tables: bool,
    /// From then on nobody divides the bindings by partitions any more.
    pub(super) projector_ends: Option<Duration>,
}

impl Plan {
    pub(super) fn of(draw: &mut Draw) -> Self {
        let customers = draw.pick(&[1, 2, 2, 3]);
        let events = usize::try_from(draw.within(30..=150)).unwrap_or(30);
        let own_tables = draw.percent(50);
        let stretch = draw.millis(3_000..=60_000);
        let dies = draw.percent(20).then(|| stretch / 100 * draw.pick(&[0, 20, 50, 90]));
        Self {
            settings: settings(draw),
            partitions: draw.pick(&[1, 2, 2, 4]),
            devices: draw.pick(&[1, 2, 3, 5]),
            customers,
            unknown: u8::from(draw.percent(25)),
            processes: draw.pick(&[1, 1, 2, 3]),
            events,
            stretch,
            batch: draw.pick(&[1, 3, 10]),
            records: draw.pick(&[50, 65, 65, 80]),
            burst: draw.pick(&[1, 3, 3, 8]),
            own_tables,
            projector_ends: dies.filter(|_| own_tables),
        }
    }
}

fn settings(draw: &mut Draw) -> PipelineSettings {
    let millis = |draw: &mut Draw, from: &[u64]| Duration::from_millis(draw.pick(from));
    let delivery = DeliverySettings {
        dedupe_window: Duration::from_secs(draw.pick(&[20, 120])),
        dedupe_max_entries: 100_000,
        batch_max_reports: draw.pick(&[1, 3, 10]),
        linger: millis(draw, &[0, 0, 50, 500]),
        rate: draw.pick(&[None, None, Some(5.0), Some(40.0)]),
        fractions: [0.6, 0.2, 0.2, 0.0, 0.0, 0.0, 0.0],
        gate: GateSettings::default(),
        slow_call: Duration::from_secs(5),
        retry_budget: draw.pick(&[0.0, 0.1, 10.0]),
        in_flight: draw.pick(&[1, 2, 4, 16]),
        records: draw.pick(&[3, 10, 50, 1_000]),
        bytes: draw.pick(&[1_000, 20_000, 1_000_000]),
        gap: draw.pick(&[10, 40, 10_000]),
        in_place: draw.pick(&[0, 1, 3]),
        backoff_base: Duration::from_millis(100),
        backoff_cap: Duration::from_secs(2),
        tiers: [5, 20, 60].map(Duration::from_secs).to_vec(),
        max_age: Duration::from_secs(150),
        join_wait: millis(draw, &[0, 500, 2_000]),
        startup_wait: Duration::from_secs(1),
        receipts: draw.percent(70),
        claims: claim_rules(),
        drain: millis(draw, &[200, 3_000, 15_000]),
        bindings_linger: millis(draw, &[0, 0, 200]),
        max_record: 1_000_000,
        commit_interval: millis(draw, &[50, 200, 1_000]),
    };
    pipeline_settings("nowhere:1", ["devices", "bindings"], delivery, &KINDS)
}
