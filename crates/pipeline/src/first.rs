//! What is waited for before a worker starts: the bindings that it joins by, and whoever writes
//! what it reads.
//!
//! Start at [`writers_first`].

use std::pin::pin;
use std::time::{Duration, Instant};

use emberline_broker::{BrokerError, TableReader};
use tokio_util::sync::CancellationToken;

use crate::asked::{ends_now, patiently};
use crate::error::PipelineError;
use crate::projection::projection_first;
use crate::settings::{PipelineSettings, WorkerKind};
use crate::status::{Monitor, Restoring};
use crate::worker::{Ends, Shared};

/// How often the progress of the table of bindings is looked at, and said.
const LOOK_AT_RESTORE: Duration = Duration::from_millis(200);
const SAY_RESTORING_EVERY: Duration = Duration::from_secs(5);

/// Waits until the table of bindings is complete, and tells how far it is.
pub(crate) async fn restore(
    shared: &Shared,
    reader: &TableReader,
    monitor: &Monitor,
) -> Result<(), BrokerError> {
    let began = Instant::now();
    let table = &shared.bindings.table;
    let topics = &shared.settings.topics;
    let mut complete = pin!(patiently(topics, async || reader.read_to_current_end().await));
    let mut look = tokio::time::interval(LOOK_AT_RESTORE);
    let mut said = began;
    loop {
        tokio::select! {
            restored = &mut complete => {
                restored?;
                break;
            }
            _ = look.tick() => {}
        }
        let restoring =
            Restoring { offsets: reader.progress(), devices: table.len(), is_complete: false };
        shared.bindings.set_gauge();
        monitor.restores(restoring);
        if said.elapsed() >= SAY_RESTORING_EVERY {
            said = Instant::now();
            tracing::info!("loading the bindings table: {restoring}");
        }
    }
    let (devices, seconds) = (table.len(), began.elapsed().as_secs_f64());
    monitor.restores(Restoring { offsets: reader.progress(), devices, is_complete: true });
    tracing::info!(devices, seconds, "bindings table loaded");
    Ok(())
}

/// Waits until a worker of this kind may begin: whoever writes what it reads has come to its end,
/// where the run has one to come to, and the facts are there, where telemetry is joined by the
/// bindings of the own partitions. Returned are the ends that the logs have then, where they are others
/// than at the start: what was written meanwhile is to be settled too.
pub(crate) async fn writers_first(
    kind: WorkerKind,
    by_partitions: bool,
    shared: &Shared,
    stop: &CancellationToken,
    monitor: &Monitor,
) -> Result<Option<Ends>, PipelineError> {
    let ends = match writer_for(kind, &shared.settings) {
        Some(writer) => ends_after(writer, shared, stop, monitor).await?,
        None => None,
    };
    if kind != WorkerKind::Devices || !by_partitions {
        return Ok(ends);
    }
    Ok(facts_first(shared, stop, monitor).await?.or(ends))
}

/// Waits until this process' own bindings worker has caught up, and the table with it.
pub(crate) async fn bindings_first(
    shared: &Shared,
    reader: &TableReader,
    stop: &CancellationToken,
    monitor: &Monitor,
) {
    let Some(bindings) = monitor.worker(WorkerKind::Bindings) else { return };
    let settings = &shared.settings;
    // To the end of the input means: with the bindings that the input has.
    let longest = if settings.exit_at_end { Duration::MAX } else { settings.delivery.startup_wait };
    tokio::select! {
        // Also when it has ended.
        () = bindings.wait_caught_up() => {}
        () = tokio::time::sleep(longest) => {
            tracing::warn!("bindings are not caught up with yet; telemetry without one waits");
        }
        () = stop.cancelled() => return,
    }
    tokio::select! {
        read = reader.read_to_current_end() => if let Err(error) = read {
            tracing::warn!(%error, "bindings table");
        },
        () = stop.cancelled() => {}
    }
}

/// Whose end a worker of this kind waits for, where the run has one to come to: who writes what
/// it reads.
fn writer_for(kind: WorkerKind, settings: &PipelineSettings) -> Option<WorkerKind> {
    match kind {
        WorkerKind::Devices => Some(WorkerKind::Repartition),
        WorkerKind::Repartition if settings.own_partitions => Some(WorkerKind::Bindings),
        _ => None,
    }
}

/// Where the run has an end to come to, waits until this process' own worker of this kind has
/// come to it. Returned are the ends that the logs have then: what it wrote is to be settled too.
async fn ends_after(
    kind: WorkerKind,
    shared: &Shared,
    stop: &CancellationToken,
    monitor: &Monitor,
) -> Result<Option<Ends>, PipelineError> {
    let writer = monitor.worker(kind);
    let Some(writer) = writer.filter(|_| shared.settings.exit_at_end) else {
        return Ok(None);
    };
    tokio::select! {
        // Also when it has ended.
        () = writer.wait_caught_up() => Ok(Some(ends_now(&shared.settings).await?)),
        () = stop.cancelled() => Ok(None),
    }
}

/// Waits until the facts are there by which telemetry is joined. Returned are the ends that the
/// logs have then, where the run has one to come to: what was keyed meanwhile is to be settled
/// too.
async fn facts_first(
    shared: &Shared,
    stop: &CancellationToken,
    monitor: &Monitor,
) -> Result<Option<Ends>, PipelineError> {
    let settings = &shared.settings;
    // This process' own worker has come to its end before, and writes no more.
    let written = settings.exit_at_end && monitor.worker(WorkerKind::Repartition).is_some();
    if written {
        return Ok(None);
    }
    tokio::select! {
        waited = projection_first(settings, monitor) => waited?,
        () = stop.cancelled() => return Ok(None),
    }
    Ok(if settings.exit_at_end { Some(ends_now(settings).await?) } else { None })
}
