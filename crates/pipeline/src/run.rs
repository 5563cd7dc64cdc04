//! Starting and ending the workers of a process.
//!
//! The bindings come first: the table is loaded to its end, and what waits on the
//! binding topics is settled, before the first telemetry is joined. Where a process holds the
//! bindings of its own partitions, it waits until there are such, and its worker loads them.

use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use emberline_broker::{BrokerError, KafkaSettings, Room, Source, SourceSettings, TableReader};
use emberline_flow::claim::ClaimRules;
use emberline_flow::commit_metadata;
use emberline_service_api::Signer;
use emberline_service_client::Transport;
use parking_lot::{Mutex, RwLock};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::asked::{
    LeftOff, ends_now, left_off_by_devices, partitions_of, partitions_of_table, patiently,
};
use crate::behind::Behind;
use crate::credentials;
use crate::edges::{Edges, Producers, WallClock};
use crate::error::PipelineError;
use crate::first::{bindings_first, restore, writers_first};
use crate::intake::{Reader, Selecting};
use crate::join::{Join, Own};
use crate::offsets;
use crate::offsets::GroupCommitted;
use crate::order_book::ProcessBook;
use crate::own_tables::OwnTables;
use crate::replay::LaterStates;
use crate::settings::{DeliverySettings, PipelineSettings, Topics, WorkerKind};
use crate::status::{Monitor, Restoring, WorkerStatus};
use crate::table::Bindings;
use crate::traffic::Traffic;
use crate::worker::{Ends, Exit, Shared, Worker};

/// Batches that may wait between the polling thread and the worker.
const BATCHES_WAITING: usize = 4;
/// Most offsets between a retry partition's frontier and what is read of it: records that
/// are not due yet wait in memory, and only so many of them.
const RETRY_GAP: u64 = 1_000;

/// Runs the workers, each with a transport of its own, until `stop`, or until every input
/// is settled up to the end that it had at the start, where the settings say so.
///
/// # Errors
/// [`PipelineError`] if a worker can't start or go on; the others are stopped, drained
/// and committed all the same.
pub async fn run<T: Transport + Clone>(
    settings: PipelineSettings,
    transport: impl Fn() -> T,
    stop: CancellationToken,
    monitor: Arc<Monitor>,
) -> Result<Exit, PipelineError> {
    let any = |does: fn(WorkerKind) -> bool| settings.workers.iter().any(|kind| does(*kind));
    let (calls, places_orders) = (any(WorkerKind::calls_service), any(WorkerKind::places_orders));
    let by_partitions = settings.joins_by_partitions();
    let needs_bindings = !by_partitions && (any(WorkerKind::joins) || any(WorkerKind::makes_sets));
    let retries = settings.workers.contains(&WorkerKind::Retries);
    let bindings = Arc::new(Bindings::new(any(WorkerKind::makes_sets)));
    let ends = tokio::select! {
        ends = ends_now(&settings) => ends?,
        () = stop.cancelled() => return Ok(Exit::Stopped),
    };
    let later_states = match &settings.replay {
        Some(replay) if !replay.states_from.is_empty() => {
            Some(LaterStates::follow(&settings, &replay.states_from)?)
        }
        _ => None,
    };
    let writes_keyed = settings.workers.contains(&WorkerKind::Repartition);
    // Without these nothing would ever be settled.
    let receipts = (settings.delivery.receipts && calls).then(|| settings.topics.receipts());
    let keyed = writes_keyed.then(|| settings.topics.keyed_devices());
    for topic in receipts.into_iter().chain(keyed) {
        partitions_of(&settings.kafka, &settings.topics, topic).await?;
    }
    let divides = writes_keyed && settings.own_partitions;
    let parts =
        if divides || by_partitions { Some(partitions_of_table(&settings).await?) } else { None };
    let own_tables = parts.filter(|_| by_partitions).map(OwnTables::new);
    let shared = Arc::new(Shared {
        signer: RwLock::new(Signer::new(&settings.credentials, settings.dialect)),
        bindings: Arc::clone(&bindings),
        order_book: Arc::new(ProcessBook::new(authorisations(&settings.delivery.claims))),
        lanes_in_calls: (retries && settings.workers.len() > 1).then(Default::default),
        traffic: Traffic::new(&settings.delivery, Instant::now()),
        highs: Mutex::default(),
        committed: GroupCommitted::default(),
        keyed_parts: parts.filter(|_| divides),
        later_states,
        reader: OnceLock::new(),
        settings,
    });
    let settings = &shared.settings;
    let left_off = if writes_keyed { left_off_by_devices(settings).await? } else { LeftOff::new() };
    let reader = if needs_bindings {
        Some(Arc::new(read_bindings(settings, &bindings).await?))
    } else {
        None
    };
    let order_book = if places_orders {
        let from = (&settings.kafka, &settings.topics);
        Some(read_order_book(from, &shared.order_book).await?)
    } else {
        None
    };
    if let Some(reader) = &reader {
        let _ = shared.reader.set(Arc::downgrade(reader));
    }
    let group_stop = stop.child_token();
    let watcher =
        tokio::spawn(offsets::watch(Arc::clone(&shared), Arc::clone(&monitor), group_stop.clone()));
    let credentials = tokio::spawn(credentials::watch(Arc::clone(&shared), group_stop.clone()));
    let readers = (reader.as_deref(), order_book.as_ref());
    let rates = tokio::spawn(follow_rates(Arc::clone(&shared), group_stop.clone()));
    let behind = Behind::new();
    let behind = behind.watch(settings.clone(), own_tables.clone(), group_stop.clone());
    let behind = tokio::spawn(behind);
    let begin = Begin { ends, left_off, own_tables };
    let result = run_workers((&shared, &transport), readers, begin, &group_stop, &monitor).await;
    group_stop.cancel();
    // A question under way has no say in when this ends.
    watcher.abort();
    credentials.abort();
    rates.abort();
    behind.abort();
    // The workers have ended, and nobody else reads to its end.
    if let Some(reader) = reader.and_then(Arc::into_inner) {
        reader.stop().await;
    }
    if let Some(order_book) = order_book {
        order_book.stop().await;
    }
    result
}

/// Begins to read the bindings table.
async fn read_bindings(
    settings: &PipelineSettings,
    bindings: &Arc<Bindings>,
) -> Result<TableReader, BrokerError> {
    patiently(&settings.topics, async || {
        let bindings = Arc::clone(bindings);
        TableReader::start(&settings.kafka, &settings.topics.customer_devices(), move |record| {
            bindings.read(record.key, record.value, Some(record.offset));
        })
    })
    .await
}

/// Takes over other rates as soon as they are known.
async fn follow_rates(shared: Arc<Shared>, stop: CancellationToken) {
    let Some(mut rates) = shared.settings.rates_again.clone() else { return };
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            changed = rates.changed() => if changed.is_err() { return },
        }
        let new = *rates.borrow_and_update();
        shared.traffic.set_rates(&new, Instant::now());
    }
}

/// Authorisations that may be used up.
fn authorisations(claims: &ClaimRules) -> usize {
    if claims.formal_orders { claims.authorisations } else { 0 }
}

/// Begins to read the order book.
pub(crate) async fn read_order_book(
    (kafka, topics): (&KafkaSettings, &Topics),
    book: &Arc<ProcessBook>,
) -> Result<TableReader, PipelineError> {
    let topic = topics.order_book();
    let parts = partitions_of(kafka, topics, topic.clone()).await?;
    if parts != 1 {
        return Err(PipelineError::OrderBookParts(topic, parts));
    }
    patiently(topics, async || {
        let book = Arc::clone(book);
        TableReader::start(kafka, &topic, move |record| {
            book.read(record.offset, record.key, record.value, Instant::now());
        })
    })
    .await
    .map_err(PipelineError::from)
}

/// Where the workers of a process begin.
struct Begin {
    ends: Ends,
    left_off: LeftOff,
    /// The bindings of the own partitions, where telemetry is joined by these.
    own_tables: Option<Arc<OwnTables>>,
}

async fn run_workers<T: Transport + Clone>(
    (shared, transport): (&Arc<Shared>, &impl Fn() -> T),
    (reader, order_book): (Option<&TableReader>, Option<&TableReader>),
    mut begin: Begin,
    stop: &CancellationToken,
    monitor: &Arc<Monitor>,
) -> Result<Exit, PipelineError> {
    let topics = &shared.settings.topics;
    match reader {
        Some(reader) => tokio::select! {
            restored = restore(shared, reader, monitor) => restored?,
            () = stop.cancelled() => return Ok(Exit::Stopped),
        },
        None => monitor.restores(Restoring { is_complete: true, ..Restoring::default() }),
    }
    if let Some(order_book) = order_book {
        tokio::select! {
            read = patiently(topics, async || order_book.read_to_current_end().await) => read?,
            () = stop.cancelled() => return Ok(Exit::Stopped),
        }
    }
    let by_partitions = begin.own_tables.is_some();
    let mut running = JoinSet::new();
    let mut exit = Exit::AtEnd;
    let mut failed = None;
    let mut bindings_awaited = false;
    for status in in_start_order(monitor) {
        if let Some(reader) = reader.filter(|_| status.kind().joins())
            && !std::mem::replace(&mut bindings_awaited, true)
        {
            bindings_first(shared, reader, stop, monitor).await;
        }
        let later = tokio::select! {
            later = writers_first(status.kind(), by_partitions, shared, stop, monitor) => later,
            Some(error) = next_failure(&mut running, &mut exit) => Err(error),
        };
        let started = match later {
            Ok(_) if stop.is_cancelled() => {
                // Whoever joined a group now would leave it at once.
                exit = Exit::Stopped;
                break;
            }
            Ok(later) => {
                begin.ends = later.unwrap_or(begin.ends);
                start((shared, transport()), &begin, stop, status)
            }
            Err(error) => Err(error),
        };
        match started {
            Ok(started) => _ = running.spawn(started.ended()),
            Err(error) => {
                stop.cancel();
                failed = Some(error);
                break;
            }
        }
    }
    // Whichever ends first: one that can't go on takes the others with it.
    while let Some(error) = next_failure(&mut running, &mut exit).await {
        stop.cancel();
        failed.get_or_insert(error);
    }
    failed.map_or(Ok(exit), Err)
}

/// The error of the next worker that can't go on; `None` when all have ended without.
async fn next_failure(
    running: &mut JoinSet<Result<Exit, PipelineError>>,
    exit: &mut Exit,
) -> Option<PipelineError> {
    while let Some(ended) = running.join_next().await {
        match ended {
            Ok(Ok(Exit::Stopped)) => *exit = Exit::Stopped,
            Ok(Ok(Exit::AtEnd)) => {}
            Ok(Err(error)) => return Some(error),
            Err(_) => return Some(PipelineError::Worker("unknown")),
        }
    }
    None
}

fn in_start_order(monitor: &Monitor) -> Vec<Arc<WorkerStatus>> {
    let again = [WorkerKind::Replay, WorkerKind::Redrive];
    let kinds = WorkerKind::ALL.iter().chain(&again);
    kinds.filter_map(|kind| monitor.worker(*kind).cloned()).collect()
}

struct Started {
    name: &'static str,
    thread: JoinHandle<()>,
    result: oneshot::Receiver<Result<Exit, PipelineError>>,
}

impl Started {
    async fn ended(self) -> Result<Exit, PipelineError> {
        let result = self.result.await;
        // The thread ends right after it has sent its result; joining can't block for long.
        let joined = self.thread.join();
        match (result, joined) {
            (Ok(result), Ok(())) => result,
            _ => Err(PipelineError::Worker(self.name)),
        }
    }
}

fn start<T: Transport + Clone>(
    (shared, transport): (&Arc<Shared>, T),
    begin: &Begin,
    stop: &CancellationToken,
    status: Arc<WorkerStatus>,
) -> Result<Started, PipelineError> {
    let kind = status.kind();
    let name = kind.name();
    let settings = &shared.settings;
    let topics = topics_of(kind, settings);
    let own_tables = begin.own_tables.clone().filter(|_| kind.joins());
    let delivery = &settings.delivery;
    let (room, ahead) = rooms(kind, delivery);
    let (events, received) = mpsc::channel(BATCHES_WAITING);
    let gap_limit = if kind == WorkerKind::Retries { RETRY_GAP } else { delivery.gap };
    let source_settings = SourceSettings {
        drain_deadline: delivery.drain + Duration::from_secs(2),
        gap_limit,
        ahead: (kind == WorkerKind::Retries).then(|| Arc::clone(&ahead)),
        ends: settings.replay.as_ref().map(|replay| Arc::new(replay.ends())),
        gated: own_tables.is_some(),
        ..SourceSettings::new(topics.clone(), group_of(kind, settings))
    };
    let selecting = settings.replay.as_ref().map(|replay| Selecting {
        selection: Arc::clone(&replay.selection),
        bindings: Arc::clone(&shared.bindings),
        began_ms: WallClock::system().unix_millis(),
    });
    let reader = Reader::new(kind, &topics, &settings.topics).selecting(selecting);
    let (seeds, left_off) = (kind.seeds(), begin.left_off.clone());
    let replay = settings.replay.clone();
    let kafka = KafkaSettings {
        memory_budget_bytes: prefetch(kind, settings.kafka.memory_budget_bytes),
        ..settings.kafka.clone()
    };
    let source = Source::start(
        &kafka,
        source_settings,
        reader,
        move |committed| {
            let Some(offset) = committed.offset else {
                // A partition that has no part in a replay is not read at all.
                if let Some(replay) = &replay {
                    return replay.start_of(committed.partition).unwrap_or(committed.high);
                }
                let name = (committed.topic.to_owned(), committed.partition);
                let left_off = left_off.get(&name).copied().unwrap_or(committed.low);
                return left_off.clamp(committed.low, committed.high);
            };
            commit_metadata::decode(committed.metadata, offset).begin(offset, seeds)
        },
        Arc::clone(&room),
        events,
    )?;
    status.started(source.pulse());
    let worker = Worker::new(
        (kind, Arc::clone(shared), Arc::clone(&status)),
        transport,
        Edges {
            source: Some(Box::new(source)),
            events: received,
            room,
            ahead,
            writers: Box::new(Producers {
                kafka: settings.kafka.clone(),
                max_record: delivery.max_record,
                kind,
            }),
            join: match own_tables {
                Some(tables) => Join::Own(Own::start(settings, tables)?),
                None => Join::Whole(Arc::clone(&shared.bindings)),
            },
            clock: WallClock::system(),
        },
        begin.ends.of_topics(&topics, settings.exit_at_end),
        stop.clone(),
        Instant::now(),
    )?;
    let (sender, result) = oneshot::channel();
    let thread = std::thread::Builder::new().name(format!("worker-{name}")).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let result = match runtime {
            Ok(runtime) => runtime.block_on(worker.run()),
            Err(error) => Err(error.into()),
        };
        // Nobody is to wait for one that has failed.
        status.caught_up();
        // The receiver is gone only if the whole process is on its way out.
        let _ = sender.send(result);
    })?;
    Ok(Started { name, thread, result })
}

/// Room for records in flight, and for those that are read before they are due: a half each
/// where there are any.
fn rooms(kind: WorkerKind, delivery: &DeliverySettings) -> (Arc<Room>, Arc<Room>) {
    let part = if kind == WorkerKind::Retries { 2 } else { 1 };
    let room = || Arc::new(Room::new(delivery.records / part, delivery.bytes / part));
    (room(), room())
}

/// Memory for records fetched ahead: little for topics that carry little.
fn prefetch(kind: WorkerKind, budget: u64) -> u64 {
    match kind {
        WorkerKind::Devices | WorkerKind::Replay | WorkerKind::Repartition => budget,
        WorkerKind::Bindings | WorkerKind::Retries | WorkerKind::Claims | WorkerKind::Redrive => {
            budget / 4
        }
    }
}

/// The topics that a kind of worker reads.
pub(crate) fn topics_of(kind: WorkerKind, settings: &PipelineSettings) -> Vec<String> {
    let topics = &settings.topics;
    match kind {
        WorkerKind::Devices => topics.read_by_devices(),
        WorkerKind::Repartition => {
            let sets = settings.own_partitions.then(|| topics.customer_devices());
            topics.repartition.iter().cloned().chain(sets).collect()
        }
        WorkerKind::Bindings => topics.bindings.clone(),
        WorkerKind::Claims => [&*topics.customers, &*topics.orders].concat(),
        WorkerKind::Retries => {
            settings.delivery.tiers.iter().map(|delay| topics.retry(*delay)).collect()
        }
        WorkerKind::Replay | WorkerKind::Redrive => {
            settings.replay.iter().map(|replay| replay.topic.clone()).collect()
        }
    }
}

pub(crate) fn group_of(kind: WorkerKind, settings: &PipelineSettings) -> String {
    let prefix = &settings.kafka.group;
    match &settings.replay {
        Some(replay) if kind.is_again() => kind.group_of_replay(prefix, &replay.name),
        _ => kind.group(prefix),
    }
}

pub(crate) fn all_topics(settings: &PipelineSettings) -> Vec<String> {
    settings.workers.iter().flat_map(|kind| topics_of(*kind, settings)).collect()
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use super::{Exit, PipelineError, next_failure};

    #[tokio::test]
    async fn a_worker_that_cannot_go_on_is_heard_of_and_one_at_its_end_is_none() {
        let mut running = JoinSet::new();
        let mut exit = Exit::AtEnd;
        running.spawn(async { Ok(Exit::AtEnd) });
        assert!(next_failure(&mut running, &mut exit).await.is_none());
        assert_eq!(exit, Exit::AtEnd);
        running.spawn(async { Ok(Exit::Stopped) });
        running.spawn(async { Err(PipelineError::Worker("repartition")) });
        let error = next_failure(&mut running, &mut exit).await.unwrap();
        assert!(error.to_string().contains("repartition"));
        assert!(next_failure(&mut running, &mut exit).await.is_none());
        assert_eq!(exit, Exit::Stopped);
    }
}
