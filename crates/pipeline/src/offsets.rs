//! What is known of offsets beyond our own: where the logs end, for the lag; where they begin
//! and what the groups have committed, for the end of the input.
//!
//! Asked for every few seconds by clients of their own, never by a polling thread.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use emberline_broker::{Bounds, BrokerError, KafkaSettings, PartitionBounds};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::asked::ASK;
use crate::run::{all_topics, group_of, topics_of};
use crate::settings::{PipelineSettings, WorkerKind};
use crate::status::Monitor;
use crate::worker::Shared;

/// Where the logs end and begin, as last asked for.
#[derive(Debug, Default)]
pub(crate) struct Highs {
    /// Log end offsets, by topic and partition.
    pub(crate) offsets: HashMap<(String, i32), i64>,
    /// Below these nothing is left to be read.
    pub(crate) lows: HashMap<(String, i32), i64>,
    /// When they were last told; `None`: never.
    pub(crate) told: Option<Instant>,
}

/// What the workers' groups have committed as last asked for, by kind, topic and partition.
pub(crate) type GroupCommitted = Mutex<HashMap<(WorkerKind, String, i32), i64>>;

const ASK_EVERY: Duration = Duration::from_secs(3);

/// Keeps the log ends up to date, for the lag; and the groups' committed offsets, where
/// the end of the input matters: other members have a part in reaching it.
pub(crate) async fn watch(shared: Arc<Shared>, monitor: Arc<Monitor>, stop: CancellationToken) {
    let mut groups = match group_clients(&shared.settings) {
        Ok(groups) => groups,
        Err(error) => {
            tracing::error!(%error, "committed offsets are not known");
            Vec::new()
        }
    };
    let bounds = match Bounds::new(&shared.settings.kafka) {
        Ok(bounds) => Arc::new(bounds),
        Err(error) => {
            tracing::error!(%error, "lag is not measured");
            return;
        }
    };
    let topics = all_topics(&shared.settings);
    let mut every = tokio::time::interval(ASK_EVERY);
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = stop.cancelled() => return,
        }
        groups
            .retain(|(kind, _)| monitor.worker(*kind).is_some_and(|worker| !worker.is_caught_up()));
        for (kind, client) in &groups {
            read_committed(&shared, *kind, client).await;
        }
        let (bounds, topics) = (Arc::clone(&bounds), topics.clone());
        let asked = tokio::task::spawn_blocking(move || bounds.of_topics(&topics, ASK)).await;
        match asked {
            Ok(Ok(found)) => set_highs(&shared.highs, found),
            Ok(Err(error)) => tracing::debug!(%error, "log ends are not known"),
            Err(_) => return,
        }
    }
}

fn set_highs(highs: &Mutex<Highs>, found: Vec<PartitionBounds>) {
    let mut highs = highs.lock();
    highs.told = Some(Instant::now());
    for bounds in found {
        highs.lows.insert(bounds.name(), bounds.low);
        highs.offsets.insert((bounds.topic, bounds.partition), bounds.high);
    }
}

fn group_clients(
    settings: &PipelineSettings,
) -> Result<Vec<(WorkerKind, Arc<Bounds>)>, BrokerError> {
    // Where the end of the input is not the end of the run, only the devices wait for it:
    // for that of the bindings.
    let waited_for = |kind: &&WorkerKind| settings.exit_at_end || **kind == WorkerKind::Bindings;
    let client = |kind: &WorkerKind| {
        let kafka = KafkaSettings { group: group_of(*kind, settings), ..settings.kafka.clone() };
        Ok((*kind, Arc::new(Bounds::new(&kafka)?)))
    };
    settings.workers.iter().filter(waited_for).map(client).collect()
}

async fn read_committed(shared: &Shared, kind: WorkerKind, client: &Arc<Bounds>) {
    let topics = topics_of(kind, &shared.settings);
    let names: Vec<(String, i32)> = shared
        .highs
        .lock()
        .offsets
        .keys()
        .filter(|(topic, _)| topics.contains(topic))
        .cloned()
        .collect();
    if names.is_empty() {
        return;
    }
    let (client, asked) = (Arc::clone(client), names.clone());
    let found = tokio::task::spawn_blocking(move || client.committed(&asked, ASK)).await;
    let Ok(Ok(found)) = found else { return };
    let mut committed = shared.committed.lock();
    for ((topic, partition), offset) in names.into_iter().zip(found) {
        if let Some(offset) = offset {
            committed.insert((kind, topic, partition), offset);
        }
    }
}
