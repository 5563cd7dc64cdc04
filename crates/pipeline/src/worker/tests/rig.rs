//! A worker without a source: the test says what is read, what is revoked and what the
//! service answers.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver as Answer;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use emberline_broker::{
    AssignedPartition, BrokerError, Commit, Frontier, KafkaSettings, OwnedRecord, PartitionRef,
    PartitionSlot, ProduceError, Record, Revocation, Room, SourceEvent, TopicIndex,
};
use emberline_flow::claim::ClaimRules;
use emberline_flow::gate::GateSettings;
use emberline_model::{
    Category, DeviceId, DeviceState, EventTime, Measurement, OnlineStatus, Report, ReportTime,
};
use emberline_service_api::{Credentials, Dialect, Secret, Signer};
use emberline_service_client::{HttpAnswer, Transport, TransportError};
use emberline_wire::device::{DeviceRecord, Telemetry};
use parking_lot::{Mutex, RwLock};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::super::{Ends, Shared, Worker};
use super::made_up::edges::SimWriters;
use crate::edges::{Edges, LogWriter, Producers, WallClock, Writers};
use crate::intake::{Content, Intake};
use crate::join::Join;
use crate::metrics::Totals;
use crate::order_book::ProcessBook;
use crate::outbox::WriteEnd;
use crate::raw::RawRecord;
use crate::replay::LaterStates;
use crate::settings::{DeliverySettings, PipelineSettings, Topics, WorkerKind};
use crate::status::Monitor;
use crate::table::Bindings;
use crate::traffic::Traffic;

/// Longest that anything is waited for.
const DEADLINE: Duration = Duration::from_secs(10);

/// The wall time that all records have, in seconds.
pub(super) const SECOND: i64 = 1_700_000_000;

/// Partitions of the topic that is keyed by device.
pub(super) const KEYED_PARTS: i32 = 12;

/// What the service says to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    Accepted,
    Refused,
    Status(u16),
    /// Nothing, until the answer is another one.
    Nothing,
}

/// A call as the service sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) action: String,
    pub(super) device: String,
    pub(super) category: Option<i64>,
    /// Report times, or the devices of a push.
    pub(super) content: Vec<String>,
    pub(super) status: Option<i64>,
}

type Policy = Arc<dyn Fn(&Seen) -> Says + Send + Sync>;

/// The service, within the process.
pub(super) struct Service {
    policy: watch::Sender<Policy>,
    calls: Mutex<Vec<Seen>>,
    accepted: Mutex<Vec<Seen>>,
}

impl Service {
    /// It accepts everything.
    fn new() -> Self {
        Self {
            policy: watch::Sender::new(Arc::new(|_: &Seen| Says::Accepted)),
            calls: Mutex::default(),
            accepted: Mutex::default(),
        }
    }

    pub(super) fn answers(&self, policy: impl Fn(&Seen) -> Says + Send + Sync + 'static) {
        self.policy.send_replace(Arc::new(policy));
    }

    pub(super) fn calls(&self) -> Vec<Seen> {
        self.calls.lock().clone()
    }

    pub(super) fn accepted(&self) -> Vec<Seen> {
        self.accepted.lock().clone()
    }
}

impl Seen {
    fn of(body: &[u8]) -> Self {
        let body: serde_json::Value = serde_json::from_slice(body).unwrap();
        let list = |name: &str, field: &str| {
            let items = body[name].as_array().cloned().unwrap_or_default();
            items.iter().map(|item| item[field].to_string()).collect::<Vec<_>>()
        };
        let mut content = list("DataInfo", "ReportTime");
        content.extend(list("DeviceInfos", "DeviceId"));
        Self {
            action: body["Action"].as_str().unwrap().to_owned(),
            device: body["DeviceId"].as_str().unwrap_or_default().to_owned(),
            category: body["DataCategory"].as_i64(),
            content,
            status: body["OnlineStatus"].as_i64(),
        }
    }
}

impl Transport for Service {
    async fn post(&self, body: Bytes) -> Result<HttpAnswer, TransportError> {
        let seen = Seen::of(&body);
        self.calls.lock().push(seen.clone());
        let mut policy = self.policy.subscribe();
        let says = loop {
            let now = Arc::clone(&policy.borrow_and_update());
            match now(&seen) {
                Says::Nothing => policy.changed().await.unwrap(),
                says => break says,
            }
        };
        let (status, body) = match says {
            Says::Refused => (
                200,
                r#"{"Response":{"Error":{"Code":"InvalidParameterValue","Message":"bad value"},"RequestId":"r"}}"#,
            ),
            Says::Status(status) => (status, ""),
            Says::Accepted | Says::Nothing => {
                self.accepted.lock().push(seen);
                (200, r#"{"Response":{"RequestId":"r","Status":"OK"}}"#)
            }
        };
        Ok(HttpAnswer { status, retry_after: None, body: Bytes::from_static(body.as_bytes()) })
    }
}

pub(super) fn delivery() -> DeliverySettings {
    DeliverySettings {
        dedupe_window: Duration::from_mins(2),
        dedupe_max_entries: 100_000,
        batch_max_reports: 100,
        linger: Duration::ZERO,
        rate: None,
        fractions: [0.5, 0.2, 0.2, 0.1, 0.0, 0.0, 0.0],
        gate: GateSettings::default(),
        slow_call: Duration::from_secs(5),
        retry_budget: 0.1,
        in_flight: 64,
        records: 10_000,
        bytes: 10_000_000,
        gap: 10_000,
        in_place: 0,
        backoff_base: Duration::from_millis(1),
        backoff_cap: Duration::from_millis(5),
        tiers: vec![Duration::from_secs(30), Duration::from_mins(5)],
        max_age: Duration::from_hours(24 * 7),
        join_wait: Duration::from_mins(1),
        startup_wait: Duration::from_secs(1),
        receipts: false,
        claims: claim_rules(),
        drain: Duration::from_mins(1),
        bindings_linger: Duration::ZERO,
        max_record: 1_000_000,
        commit_interval: Duration::from_millis(5),
    }
}

/// No formal orders.
pub(super) fn claim_rules() -> ClaimRules {
    ClaimRules {
        formal_orders: false,
        authorisations: 0,
        doubt: Duration::from_secs(5),
        lease: Duration::from_secs(40),
        recount: Duration::from_mins(1),
    }
}

/// A worker and all that is around it.
pub(super) struct Rig {
    pub(super) worker: Worker<Arc<Service>>,
    pub(super) service: Arc<Service>,
    pub(super) room: Arc<Room>,
    pub(super) ahead: Arc<Room>,
    pub(super) totals: Arc<Totals>,
    pub(super) monitor: Arc<Monitor>,
    /// What the worker has handed to its producer.
    pub(super) written: Arc<Mutex<Vec<OwnedRecord>>>,
    tenures: HashMap<i32, PartitionRef>,
    next_epoch: u64,
    partitions: i32,
}

/// Writers that also note what they are given.
struct Noting<T> {
    inner: T,
    written: Arc<Mutex<Vec<OwnedRecord>>>,
}

impl Writers for Noting<Box<dyn Writers>> {
    fn make(
        &self,
        ends: mpsc::UnboundedSender<WriteEnd>,
    ) -> Result<Box<dyn LogWriter>, BrokerError> {
        let written = Arc::clone(&self.written);
        Ok(Box::new(Noting { inner: self.inner.make(ends)?, written }))
    }
}

impl LogWriter for Noting<Box<dyn LogWriter>> {
    fn write(&mut self, record: Record<'_>, token: usize) -> Result<(), ProduceError> {
        self.written.lock().push(OwnedRecord::of(record));
        self.inner.write(record, token)
    }

    fn ask(&self) {
        self.inner.ask();
    }
}

/// Settings of workers that read these topics of devices and of bindings.
pub(super) fn pipeline_settings(
    brokers: &str,
    [devices, bindings]: [&str; 2],
    delivery: DeliverySettings,
    workers: &[WorkerKind],
) -> PipelineSettings {
    PipelineSettings {
        kafka: KafkaSettings::new(brokers, "g"),
        topics: Topics {
            devices: vec![devices.into()],
            repartition: Vec::new(),
            bindings: vec![bindings.into()],
            customers: vec!["customers".into()],
            orders: vec!["orders".into()],
            prefix: "own".into(),
            types: BTreeMap::default(),
        },
        credentials: Credentials { app_key: "key".into(), app_secret: Secret::new("secret") },
        credentials_again: None,
        rates_again: None,
        dialect: Dialect::default(),
        delivery,
        workers: workers.to_vec(),
        own_partitions: false,
        replay: None,
        exit_at_end: false,
    }
}

impl Rig {
    /// No broker is there, so what is written stays on its way.
    pub(super) fn new(kind: WorkerKind) -> Self {
        Self::with(kind, delivery(), "127.0.0.1:1")
    }

    pub(super) fn with(kind: WorkerKind, delivery: DeliverySettings, brokers: &str) -> Self {
        Self::watching(kind, delivery, brokers, None)
    }

    /// One that pushes something again while newer states may come.
    pub(super) fn watching(
        kind: WorkerKind,
        delivery: DeliverySettings,
        brokers: &str,
        later_states: Option<Arc<LaterStates>>,
    ) -> Self {
        let shared = Self::shared(kind, delivery, brokers, later_states);
        Self::of(kind, shared, Arc::new(Service::new()))
    }

    /// What it writes, the test takes in.
    pub(super) fn writing(
        kind: WorkerKind,
        delivery: DeliverySettings,
        writers: &SimWriters,
    ) -> Self {
        let shared = Self::shared(kind, delivery, "127.0.0.1:1", None);
        Self::of_writers(kind, shared, Arc::new(Service::new()), Box::new(writers.clone()))
    }

    fn shared(
        kind: WorkerKind,
        delivery: DeliverySettings,
        brokers: &str,
        later_states: Option<Arc<LaterStates>>,
    ) -> Arc<Shared> {
        let settings = pipeline_settings(brokers, ["t", "t"], delivery, &[kind]);
        Arc::new(Shared {
            signer: RwLock::new(Signer::new(&settings.credentials, settings.dialect)),
            bindings: Arc::new(Bindings::new(true)),
            order_book: Arc::new(ProcessBook::new(0)),
            traffic: Traffic::new(&settings.delivery, Instant::now()),
            highs: Mutex::default(),
            lanes_in_calls: Some(Mutex::default()),
            committed: Mutex::default(),
            keyed_parts: Some(KEYED_PARTS),
            later_states,
            reader: OnceLock::default(),
            settings,
        })
    }

    /// Another worker of the same process.
    pub(super) fn sharing(other: &Self, kind: WorkerKind) -> Self {
        Self::of(kind, Arc::clone(&other.worker.shared), Arc::new(Service::new()))
    }

    fn of(kind: WorkerKind, shared: Arc<Shared>, service: Arc<Service>) -> Self {
        let settings = &shared.settings;
        let (kafka, max_record) = (settings.kafka.clone(), settings.delivery.max_record);
        let writers = Producers { kafka, max_record, kind };
        Self::of_writers(kind, shared, service, Box::new(writers))
    }

    fn of_writers(
        kind: WorkerKind,
        shared: Arc<Shared>,
        service: Arc<Service>,
        writers: Box<dyn Writers>,
    ) -> Self {
        let settings = &shared.settings;
        let ahead = Arc::new(Room::new(1_000, 1_000_000));
        let room = Arc::new(Room::new(settings.delivery.records, settings.delivery.bytes));
        let monitor = Monitor::new(&[kind]);
        let status = Arc::clone(&monitor.workers()[0]);
        let totals = Arc::clone(&status.totals);
        let (_, events) = mpsc::channel(1);
        let written = Arc::default();
        let join = Join::Whole(Arc::clone(&shared.bindings));
        let worker = Worker::new(
            (kind, shared, status),
            Arc::clone(&service),
            Edges {
                source: None,
                events,
                room: Arc::clone(&room),
                ahead: Arc::clone(&ahead),
                writers: Box::new(Noting { inner: writers, written: Arc::clone(&written) }),
                join,
                clock: WallClock::system(),
            },
            Ends::default(),
            CancellationToken::new(),
            Instant::now(),
        );
        Self {
            worker: worker.unwrap(),
            service,
            room,
            ahead,
            totals,
            monitor,
            written,
            tenures: HashMap::new(),
            next_epoch: 1,
            partitions: 4,
        }
    }

    /// The device belongs to a customer from now on.
    pub(super) fn bind(&self, device: &str) {
        let customer = emberline_model::CustomerId::parse("c_1").unwrap();
        let bindings = &self.worker.shared.bindings;
        let mut set = bindings.set_of(&customer).unwrap();
        set.apply(&binding(device, SECOND));
        bindings.apply(&customer, &set, 0);
    }

    pub(super) fn event(&mut self, event: SourceEvent<Vec<Intake>>) {
        self.worker.on_event(event, Instant::now()).unwrap();
        self.worker.turn(Instant::now());
    }

    /// A tenure of this partition begins.
    pub(super) fn assign(&mut self, partition: i32, committed: Option<i64>, metadata: &str) {
        self.assign_of("t", partition, committed, metadata);
    }

    /// The same of a partition of this topic. No two partitions have the same number here.
    pub(super) fn assign_of(
        &mut self,
        topic: &str,
        partition: i32,
        committed: Option<i64>,
        metadata: &str,
    ) {
        let assigned = self.assigned_of(topic, partition);
        let start = (committed.unwrap_or(0), std::thread::current());
        let frontier = match &self.worker.join {
            Join::Whole(_) => Frontier::starting_at(start.0, start.1),
            Join::Own(_) => Frontier::closed_at(start.0, start.1),
        };
        let metadata = metadata.to_owned();
        let assigned = AssignedPartition { committed, metadata, frontier, ..assigned };
        self.event(SourceEvent::Assigned(vec![assigned]));
    }

    /// A tenure of this partition, of which nothing was committed before.
    pub(super) fn assigned(&mut self, partition: i32) -> AssignedPartition {
        self.assigned_of("t", partition)
    }

    fn assigned_of(&mut self, topic: &str, partition: i32) -> AssignedPartition {
        let at = PartitionRef {
            topic: topic.into(),
            topic_index: TopicIndex(0),
            partition,
            epoch: self.next_epoch,
            slot: PartitionSlot(0),
        };
        self.next_epoch += 1;
        self.tenures.insert(partition, at.clone());
        AssignedPartition {
            at,
            committed: None,
            metadata: String::new(),
            low: 0,
            high: 1_000_000,
            start: 0,
            topic_partitions: self.partitions,
            frontier: Frontier::starting_at(0, std::thread::current()),
        }
    }

    /// The number of the partition's latest tenure.
    pub(super) fn tenure(&self, partition: i32) -> u64 {
        self.tenures[&partition].epoch
    }

    /// The partition goes; what the worker answers.
    pub(super) fn revoke(&mut self, partition: i32) -> Answer<Vec<Commit>> {
        let (revocation, answer) = Revocation::new(vec![self.tenures[&partition].clone()], false);
        self.event(SourceEvent::Revoking(revocation));
        answer
    }

    /// The partition is another member's already.
    pub(super) fn lose(&mut self, partition: i32) {
        let (revocation, _) = Revocation::new(vec![self.tenures[&partition].clone()], true);
        self.event(SourceEvent::Revoking(revocation));
    }

    /// A record is read.
    pub(super) fn read(&mut self, partition: i32, offset: i64, content: Content) {
        self.read_again(partition, offset, None, content);
    }

    /// A record is read that went through a retry topic.
    pub(super) fn read_again(
        &mut self,
        partition: i32,
        offset: i64,
        history: Option<emberline_wire::headers::RetryHeader>,
        content: Content,
    ) {
        let raw = RawRecord::new(Some(b"key"), Some(b"value"), Vec::new());
        self.read_raw((partition, offset), raw, history, content);
    }

    /// A record is read that has these bytes.
    pub(super) fn read_raw(
        &mut self,
        (partition, offset): (i32, i64),
        raw: RawRecord,
        history: Option<emberline_wire::headers::RetryHeader>,
        content: Content,
    ) {
        // As the source charges it.
        let now_ms = self.worker.clock.unix_millis();
        let early = history.as_ref().is_some_and(|history| history.due_ms > now_ms);
        let charged = if early { &self.ahead } else { &self.room };
        charged.charge(1, raw.bytes());
        let intake = Intake {
            epoch: self.tenures[&partition].epoch,
            offset,
            arrival: EventTime::from_millis(SECOND * 1000 + offset),
            raw,
            early,
            history: history.map(Box::new),
            content,
        };
        self.event(SourceEvent::Records(vec![intake]));
    }

    /// Lets the worker work until the condition holds.
    pub(super) async fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let limit = Instant::now() + DEADLINE;
        while !done(self) {
            assert!(Instant::now() < limit, "waited too long for {what}: {:?}", self.totals);
            let worker = &mut self.worker;
            tokio::select! {
                biased;
                Some(end) = worker.calls.recv() => worker.call_ended(end, Instant::now()),
                () = tokio::time::sleep(Duration::from_millis(2)) => {}
            }
            self.worker.take_in_written(Instant::now());
            self.worker.turn(Instant::now());
        }
    }

    /// Until nothing is in flight any more.
    pub(super) async fn until_idle(&mut self) {
        self.until("an idle worker", |rig| rig.worker.records.len() == 0).await;
        assert_eq!(self.room.in_flight(), (0, 0), "room given back");
        assert_eq!(self.ahead.in_flight(), (0, 0), "room ahead given back");
        assert_eq!(self.worker.records.items(), 0);
        assert_eq!(self.worker.lanes.lanes_len(), 0);
        let claimed = self.worker.shared.lanes_in_calls.as_ref();
        assert!(claimed.is_none_or(|lanes| lanes.lock().is_empty()), "claims given back");
        self.assert_sum();
    }

    /// Everything read has its outcome, or is another owner's.
    pub(super) fn assert_sum(&self) {
        let outcomes: u64 =
            self.totals.outcomes.iter().map(|count| count.load(Ordering::Relaxed)).sum();
        let handed_over = self.totals.handed_over.load(Ordering::Relaxed);
        let read = self.totals.items_read.load(Ordering::Relaxed);
        assert_eq!(outcomes + handed_over + self.worker.records.items(), read);
    }

    pub(super) fn count(&self, outcome: &str) -> u64 {
        self.totals.by_name(outcome)
    }

    /// The tenure of this partition.
    pub(super) fn partition(&self, partition: i32) -> crate::partitions::PartitionId {
        self.worker.records.partitions.of_epoch(self.tenures[&partition].epoch).unwrap()
    }

    /// How far the partition may be committed.
    pub(super) fn frontier(&self, partition: i32) -> i64 {
        self.worker.records.partitions[self.partition(partition)].ledger.frontier()
    }
}

pub(super) fn device(name: &str) -> DeviceId {
    DeviceId::new("P", name).unwrap()
}

pub(super) fn binding(name: &str, second: i64) -> emberline_model::BindingEvent {
    emberline_model::BindingEvent {
        customer: emberline_model::CustomerId::parse("c_1").unwrap(),
        device: device(name),
        time: EventTime::from_millis(second * 1000),
        change: emberline_model::BindingChange::Bind {
            customer_device_no: name.to_owned(),
            product_name: "Smoke detector".into(),
        },
    }
}

/// Reports of these categories, each one value a field.
pub(super) fn telemetry(name: &str, second: i64, categories: &[Category]) -> Telemetry {
    let time = ReportTime::from_seconds(second).unwrap();
    let report = |category: &Category| Report {
        time,
        measurement: Measurement::new(*category, &vec![1.0; category.fields().len()]).unwrap(),
    };
    Telemetry {
        device: device(name),
        time,
        reports: categories.iter().map(report).collect(),
        refused: Vec::new(),
        unknown_properties: 0,
    }
}

pub(super) fn data(name: &str, second: i64, categories: &[Category]) -> Content {
    Content::Device(DeviceRecord::Telemetry(telemetry(name, second, categories)))
}

pub(super) fn state(name: &str, second: i64, status: OnlineStatus) -> Content {
    let time = EventTime::from_millis(second * 1000);
    Content::Device(DeviceRecord::State(DeviceState { device: device(name), status, time }))
}
