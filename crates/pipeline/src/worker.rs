//! A worker: one loop that performs what the plain state machines decide.
//!
//! Records come in typed from the polling thread, become items in lanes, go out in
//! calls, and are settled. The order of the loop's branches is the proof that nothing
//! starves: stopping, ends of calls, bindings, tables of own partitions, timers, intake; ends of
//! writes in each turn.
//!
//! Absent: any choice by kind of worker. What a worker delivers follows from the topics
//! that it reads.
//!
//! Start at [`Worker::run`]. The parts: `assignment` (partitions come and go), `take_in`
//! (records to items), `dispatch` (items to calls), `ended` (calls to outcomes),
//! `bindings` (a customer's set), `claims` and `leases` (customers and orders), `receipts`
//! (what was accepted), `keyed` (records that are only written on), `projected` (customers' sets
//! as facts), `set_aside` (retry and dead letters), `own` (tables of the own partitions), `spread`
//! (a topic that is not keyed as it must be).

mod assignment;
mod bindings;
mod claims;
mod dispatch;
mod ended;
mod keyed;
mod leases;
mod own;
mod projected;
mod receipts;
mod set_aside;
mod spread;
mod states;
mod take_in;

use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use emberline_broker::{Room, SourceEvent, TableReader};
use emberline_flow::backoff::{Backoff, RetryTiers};
use emberline_flow::dedupe::DedupeWindow;
use emberline_flow::in_time::InTime;
use emberline_flow::lanes::{LaneId, LaneKey, Lanes};
use emberline_flow::newest::NewestStates;
use emberline_flow::placing::partition_of;
use emberline_flow::spread::Spread;
use emberline_flow::standstill::Standstill;
use emberline_flow::waiting::WaitingRoom;
use emberline_model::{DeviceId, DeviceKey, Identity, Report};
use emberline_service_api::Signer;
use emberline_service_client::Transport;
use hashbrown::HashSet;
use parking_lot::{Mutex, RwLock};
use tokio::sync::mpsc::{Receiver, UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;

use self::assignment::Draining;
pub(crate) use self::assignment::Ends;
use self::bindings::WrittenSet;
use self::ended::CallEnded;
use self::own::Incomplete;
use self::projected::Projections;
use self::set_aside::Written;
use self::take_in::Waiting;
use crate::PipelineError;
use crate::claim_state::Origin;
use crate::edges::{Edges, Upstream, WallClock};
use crate::intake::Intake;
use crate::join::Join;
use crate::lane::{Item, Lane};
use crate::metrics::{Totals, WorkerMetrics};
use crate::offsets::{GroupCommitted, Highs};
use crate::order_book::ProcessBook;
use crate::outbox::Outbox;
use crate::partitions::PartitionId;
use crate::records::{RecordId, Records};
use crate::replay::LaterStates;
use crate::settings::{PipelineSettings, WorkerKind};
use crate::status::WorkerStatus;
use crate::table::Bindings;
use crate::traffic::Traffic;

/// Ends of calls taken from their channel at once.
const ENDS_AT_ONCE: usize = 64;
/// How often ends of writes are looked for while nothing else happens. Nothing wakes the loop
/// for one: they come singly, each call has one, and a turn costs more than to take one in.
const LOOK_AT_WRITES_EVERY: Duration = Duration::from_millis(5);
/// How often gauges are set.
const GAUGES_EVERY: Duration = Duration::from_secs(1);
/// How often held lanes are looked through at most.
const RELEASE_EVERY: Duration = Duration::from_millis(20);
/// Longest sleep of the loop: what has no deadline of its own is looked at so often.
const LONGEST_SLEEP: Duration = Duration::from_millis(500);

/// What a worker shares with others of its process.
pub(crate) struct Shared {
    pub(crate) settings: PipelineSettings,
    /// Another one when the credentials change.
    pub(crate) signer: RwLock<Signer>,
    pub(crate) bindings: Arc<Bindings>,
    pub(crate) order_book: Arc<ProcessBook>,
    /// Lanes with a call in flight, where two workers of the process may have items of the
    /// same one. `None` where only one can.
    pub(crate) lanes_in_calls: Option<Mutex<HashSet<LaneKey>>>,
    /// What is known of the service: one gate and one rate for all workers of the process.
    pub(crate) traffic: Traffic,
    pub(crate) highs: Mutex<Highs>,
    pub(crate) committed: GroupCommitted,
    /// Partitions of the topic that is keyed by device, where the bindings are divided by them
    /// here.
    pub(crate) keyed_parts: Option<i32>,
    /// Where states are pushed again, those that come meanwhile.
    pub(crate) later_states: Option<Arc<LaterStates>>,
    /// What the sets in `bindings` are read by.
    pub(crate) reader: OnceLock<Weak<TableReader>>,
}

impl Shared {
    /// The partition that a record of this device is given, where the bindings are divided by
    /// them here. Otherwise its key decides.
    pub(crate) fn keyed_partition(&self, device: &[u8]) -> Option<i32> {
        self.keyed_parts.map(|parts| partition_of(device, parts))
    }
}

/// Why a worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It was told to stop.
    Stopped,
    /// Every input is settled up to the end that it had at the start.
    AtEnd,
}

pub(crate) struct Worker<T> {
    kind: WorkerKind,
    shared: Arc<Shared>,
    /// Its connections belong to this worker's thread.
    transport: T,
    status: Arc<WorkerStatus>,
    metrics: WorkerMetrics,
    totals: Arc<Totals>,
    stop: CancellationToken,

    source: Option<Box<dyn Upstream>>,
    clock: WallClock,
    events: Receiver<SourceEvent<Vec<Intake>>>,
    room: Arc<Room>,
    /// What telemetry is joined with.
    join: Join,
    /// Tables of own partitions that are not complete yet.
    incomplete: Incomplete,

    records: Records,
    lanes: Lanes<Lane, Item>,
    dedupe: DedupeWindow,
    newest_states: NewestStates,
    /// Devices of which a state was called for here, where newer ones may come meanwhile, and
    /// is not known to be the newest yet.
    doubtful_states: HashSet<DeviceKey>,
    /// Since when this worker works, Unix milliseconds.
    began_ms: i64,
    /// Identities in calls of tenures that are over: their end decides about a second one.
    ghosts: HashSet<Identity>,
    /// Records of a retry topic that are not due yet.
    waiting: WaitingRoom<Waiting>,
    /// Records to be written keyed by device, until other partitions are read as far.
    in_time: InTime<PartitionId, (RecordId, DeviceId)>,
    /// Whether devices lie in several partitions, where that would be a mistake.
    spread: Option<Spread>,
    /// Bindings have changed since what waits for them was last looked through.
    bindings_changed: bool,
    next_look_at_waiting: Instant,
    tiers: RetryTiers,
    backoff: Backoff,

    standstill: Standstill,
    /// Until when the gate or the rate lets no call out, or a standstill.
    no_call_before: Option<Instant>,
    calls: UnboundedReceiver<CallEnded>,
    call_ended: UnboundedSender<CallEnded>,
    in_calls: usize,
    outbox: Outbox<Written>,
    receipts_topic: Arc<str>,
    keyed_topic: Arc<str>,
    sets_topic: Arc<str>,
    facts_topic: Arc<str>,
    /// Customers' sets that are being written on as facts.
    projections: Projections,
    /// A set made ready for a call that is about to begin.
    prepared_set: Option<WrittenSet>,
    /// Assignments after which the sets are not read to their end yet.
    sets_behind: Arc<AtomicUsize>,
    /// Sets pushed and not written yet, by the lane that is busy with them.
    pushed_sets: HashMap<LaneId, WrittenSet>,
    /// Orders whose number is leased.
    leased: HashSet<Origin>,

    draining: Option<Draining>,
    topic_partitions: HashMap<Arc<str>, i32>,
    /// Partitions that were ours at some time.
    known_partitions: HashSet<(Arc<str>, i32)>,
    ends: Option<Ends>,
    exit: Option<Exit>,
    /// Until when what was begun is finished before the group is left.
    leave_by: Option<Instant>,
    next_commit: Instant,
    next_gauges: Instant,
    intake_paused: bool,
    /// Held lanes are not looked through again before.
    next_release: Instant,

    reports: Vec<Report>,
    done: Vec<Item>,
    delivered_after: Vec<u64>,
    /// A receipt's bytes while it is written.
    receipt: Vec<u8>,
}

impl<T: Transport + Clone> Worker<T> {
    pub(crate) fn new(
        (kind, shared, status): (WorkerKind, Arc<Shared>, Arc<WorkerStatus>),
        transport: T,
        edges: Edges,
        ends: Ends,
        stop: CancellationToken,
        now: Instant,
    ) -> Result<Self, PipelineError> {
        let delivery = &shared.settings.delivery;
        let totals = Arc::clone(&status.totals);
        let (call_ended, calls) = unbounded_channel();
        let Edges { source, events, room, ahead, writers, join, clock } = edges;
        Ok(Self {
            metrics: WorkerMetrics::new(kind),
            records: Records::new((Arc::clone(&room), ahead), Arc::clone(&totals)),
            lanes: Lanes::default(),
            dedupe: DedupeWindow::new(delivery.dedupe_window, delivery.dedupe_max_entries),
            newest_states: NewestStates::new(delivery.states_known()),
            doubtful_states: HashSet::new(),
            began_ms: clock.unix_millis(),
            ghosts: HashSet::new(),
            waiting: WaitingRoom::default(),
            in_time: InTime::new(keyed::PATIENCE),
            spread: (kind == WorkerKind::Devices).then(Spread::default),
            bindings_changed: false,
            next_look_at_waiting: now,
            tiers: RetryTiers::new(delivery.tiers.clone(), delivery.max_age)?,
            backoff: Backoff::new(delivery.backoff_base, delivery.backoff_cap),
            standstill: Standstill::new(now),
            no_call_before: None,
            calls,
            call_ended,
            in_calls: 0,
            outbox: Outbox::new(kind, writers, now)?,
            receipts_topic: shared.settings.topics.receipts().into(),
            keyed_topic: shared.settings.topics.keyed_devices().into(),
            sets_topic: shared.settings.topics.customer_devices().into(),
            facts_topic: shared.settings.topics.device_customers().into(),
            projections: Projections::default(),
            prepared_set: None,
            sets_behind: Arc::default(),
            pushed_sets: HashMap::new(),
            leased: HashSet::new(),
            draining: None,
            topic_partitions: HashMap::new(),
            known_partitions: HashSet::new(),
            ends: Some(ends),
            exit: None,
            leave_by: None,
            next_commit: now,
            next_gauges: now,
            intake_paused: false,
            next_release: now,
            reports: Vec::new(),
            done: Vec::new(),
            delivered_after: Vec::new(),
            receipt: Vec::new(),
            incomplete: Incomplete::default(),
            join,
            source,
            clock,
            kind,
            shared,
            transport,
            status,
            totals,
            stop,
            events,
            room,
        })
    }

    /// Works until it is told to stop, has reached the end it was given, or can't go on.
    ///
    /// # Errors
    /// What the source can't recover from: a right that is missing, settings refused. Tables of
    /// the own partitions that can't be read. States that are pushed again, and newer ones can't
    /// be seen.
    pub(crate) async fn run(mut self) -> Result<Exit, PipelineError> {
        let result = self.work().await;
        let nothing = Join::Whole(Arc::clone(&self.shared.bindings));
        std::mem::replace(&mut self.join, nothing).end().await;
        result
    }

    async fn work(&mut self) -> Result<Exit, PipelineError> {
        let sleep = tokio::time::sleep(LONGEST_SLEEP);
        tokio::pin!(sleep);
        let mut ends = Vec::with_capacity(ENDS_AT_ONCE);
        let stop = self.stop.clone();
        let mut released = self.join.changes();
        loop {
            let wake = tokio::time::Instant::from_std(self.next_wake(Instant::now()));
            if wake < sleep.deadline() || sleep.is_elapsed() {
                sleep.as_mut().reset(wake);
            }
            tokio::select! {
                biased;
                () = stop.cancelled(), if self.exit.is_none() => self.leave(Exit::Stopped, Instant::now()),
                _ = self.calls.recv_many(&mut ends, ENDS_AT_ONCE) => {
                    let now = Instant::now();
                    for end in ends.drain(..) {
                        self.call_ended(end, now);
                    }
                }
                Ok(()) = released.changed(), if self.may_release(Instant::now()) => self.release_bound(Instant::now()),
                told = self.join.told() => self.table_told(told?, Instant::now())?,
                () = sleep.as_mut() => {}
                event = self.events.recv() => match event {
                    Some(event) => {
                        self.on_event(event, Instant::now())?;
                        // Calls under way get their turn between two batches of intake.
                        tokio::task::yield_now().await;
                    }
                    // The source has left its group and ended; unasked only if its thread
                    // has panicked.
                    None => return self.exit.ok_or(PipelineError::Worker(self.kind.name())),
                },
            }
            let now = Instant::now();
            self.take_in_written(now);
            self.turn(now);
            if let Some(later) = &self.shared.later_states {
                later.can_be_known()?;
            }
        }
    }

    fn take_in_written(&mut self, now: Instant) {
        self.outbox.ask(now);
        while let Some(end) = self.outbox.next_ended() {
            self.write_ended(end, now);
        }
    }

    /// What every turn of the loop does, whatever woke it.
    fn turn(&mut self, now: Instant) {
        self.retry_writes(now);
        self.take_in_due(now);
        self.go_in_time(now);
        self.lanes.expire(now);
        if self.room.is_blocked() {
            // Nothing more comes in until something goes out: to wait for fuller batches
            // would be to wait for nothing.
            let free = self.shared.settings.delivery.in_flight.saturating_sub(self.in_calls);
            self.lanes.end_linger(free);
        }
        // A call that has ended may have moved it, or another worker.
        self.gate_may_have_moved();
        self.dispatch(now);
        self.end_drain(now);
        self.end_leaving(now);
        self.forget_freed();
        if now >= self.next_commit {
            self.next_commit = now + self.shared.settings.delivery.commit_interval;
            self.commit();
            self.leave_at_end(now);
        }
        if now >= self.next_gauges {
            self.next_gauges = now + GAUGES_EVERY;
            self.set_gauges(now);
            self.mend_sets(now);
            self.mend_facts(now);
        }
    }

    /// Bindings may change without a pause; what comes after them is to have its turn.
    fn may_release(&self, now: Instant) -> bool {
        let waits = self.lanes.held() > 0 || self.waiting.has_unbound();
        waits && self.next_release <= now
    }

    fn next_wake(&self, now: Instant) -> Instant {
        let some_write = self.outbox.unacknowledged().0 > 0;
        let calls_may_go = self.calls_may_go();
        let candidates = [
            self.lanes.next_deadline(),
            self.outbox.next_deadline(),
            Some(now + LOOK_AT_WRITES_EVERY).filter(|_| some_write),
            self.no_call_before.filter(|_| calls_may_go),
            self.waiting.next_due(),
            self.in_time.next_deadline(),
            Some(self.next_look_at_waiting).filter(|_| self.bindings_changed),
            Some(self.next_release).filter(|at| *at > now && self.lanes.held() > 0),
            self.draining.as_ref().map(|draining| draining.deadline),
            self.leave_by.filter(|_| self.source.is_some()),
            Some(self.next_commit),
        ];
        let first = candidates.into_iter().flatten().min().unwrap_or(now);
        first.clamp(now, now + LONGEST_SLEEP)
    }

    /// Stops reading, and leaves the group once what was begun is finished. Not before: who
    /// has left sends no signs of life, and what takes longer than the session timeout would
    /// be lost to others.
    fn leave(&mut self, exit: Exit, now: Instant) {
        if self.exit.is_some() {
            return;
        }
        tracing::info!(worker = self.kind.name(), reason = ?exit, "leaving the group");
        self.exit = Some(exit);
        self.leave_by = Some(now + self.shared.settings.delivery.drain);
        if let Some(source) = &self.source {
            source.pause_intake(true);
        }
        self.give_up_rest(now);
    }

    /// Leaves the group when nothing is left to finish, or the time is up.
    fn end_leaving(&mut self, now: Instant) {
        let Some(deadline) = self.leave_by.filter(|_| self.source.is_some()) else { return };
        // Partitions that go meanwhile are drained and committed by themselves.
        let left = self.records.len() > 0 || self.draining.is_some();
        if left && now < deadline {
            return;
        }
        self.commit();
        if let Some(source) = self.source.take() {
            source.leave();
        }
    }

    fn commit(&mut self) {
        // Partitions that go are committed by the answer to their revocation.
        let going = self.draining.as_ref().map(Draining::partitions).unwrap_or_default();
        let Some(source) = &self.source else { return };
        let owned = self.records.partitions.owned().map(|(id, _)| id);
        let staying: Vec<_> = owned.filter(|id| !going.contains(id)).collect();
        let commits = self.records.due_commits(staying);
        if !commits.is_empty() {
            source.commit(commits);
        }
    }

    fn set_gauges(&mut self, now: Instant) {
        // The topics' partitions may have become more.
        self.take_share(now);
        self.note_ends();
        let metrics = &mut self.metrics;
        metrics.set_in_flight(self.records.len(), self.records.items(), self.in_calls);
        metrics.set_dedupe(self.dedupe.entries(), self.dedupe.evicted_early());
        let (gate, throttled) = self.shared.traffic.gate();
        metrics.set_writes(self.outbox.unacknowledged());
        metrics.set_gate(gate, throttled);
        let (limit, share) = self.shared.traffic.rate(now);
        metrics.set_rate(limit, share);
        let (look, now_ms) = (self.records.look(), self.clock.unix_millis());
        metrics.set_in_flight_look(&look, &self.totals, now_ms);
        let owned = self.records.partitions.owned_mut();
        metrics.set_partitions(owned, &self.shared.highs.lock().offsets, (&look, now_ms));
        if self.kind.joins() || self.kind.makes_sets() {
            self.join.set_gauge();
        }
        if self.kind.joins() {
            self.tell_tables();
            self.metrics.set_tables(&self.status.tables(), self.join.facts_older());
        }
        self.shared.order_book.set_gauges();
        self.look_for_stalls(now);
        self.tell_places();
    }
}

/// A worker that ends before its calls do gives their lanes back: others of the process may
/// have items of them.
impl<T> Drop for Worker<T> {
    fn drop(&mut self) {
        if let Some(lanes) = &self.shared.lanes_in_calls {
            let mut lanes = lanes.lock();
            self.lanes.keys_in_calls().for_each(|key| _ = lanes.remove(&key));
        }
    }
}

#[cfg(test)]
mod tests;
