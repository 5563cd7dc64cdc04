//! A broker, a service that answers as it is told, and the pipeline between them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use emberline_broker::{
    Bounds, EmbeddedBroker, KafkaSettings, Producer, ProducerSettings, Record, RecordReader,
    RecordRef, Room, Source, SourceEvent, SourceSettings, where_it_left_off,
};
use emberline_flow::claim::ClaimRules;
use emberline_flow::gate::GateSettings;
use emberline_pipeline::{
    DeliverySettings, Exit, Monitor, PipelineError, PipelineSettings, Topics, WorkerKind,
};
use emberline_service_api::{Credentials, Dialect, Secret};
use emberline_service_client::{HttpAnswer, Transport, TransportError};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

/// Longest that anything is waited for.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// The prefix of own topics whose numbers of partitions don't go together.
pub(crate) const ODD: &str = "odd";

/// What the service says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Says {
    Accepted,
    Rejected(&'static str),
    Status(u16),
    /// Nothing, until the answer is another one.
    Nothing,
}

type Policy = Arc<dyn Fn(&Value) -> Says + Send + Sync>;

/// The service: every call that it accepted, in order.
pub(crate) struct Service {
    policy: watch::Sender<Policy>,
    calls: watch::Sender<usize>,
    accepted: watch::Sender<Vec<Value>>,
}

impl Service {
    pub(crate) fn answers(&self, policy: impl Fn(&Value) -> Says + Send + Sync + 'static) {
        self.policy.send_replace(Arc::new(policy));
    }

    /// Waits for so many calls, answered or not.
    pub(crate) async fn wait_for_calls(&self, count: usize) {
        let mut calls = self.calls.subscribe();
        let waited = tokio::time::timeout(DEADLINE, calls.wait_for(|calls| *calls >= count));
        waited.await.expect("calls in time").unwrap();
    }

    /// What was accepted so far is of no interest any more.
    pub(crate) fn forget(&self) {
        self.calls.send_replace(0);
        self.accepted.send_replace(Vec::new());
    }

    /// How often each (device, category, report time) was accepted.
    pub(crate) fn reports(&self) -> BTreeMap<(String, i64, i64), usize> {
        let mut reports = BTreeMap::new();
        for call in self.accepted.borrow().iter() {
            let Some(category) = call["DataCategory"].as_i64() else { continue };
            for report in call["DataInfo"].as_array().unwrap() {
                let device = call["DeviceId"].as_str().unwrap().to_owned();
                let time = report["ReportTime"].as_i64().unwrap();
                *reports.entry((device, category, time)).or_insert(0) += 1;
            }
        }
        reports
    }
}

impl Transport for Service {
    async fn post(&self, body: Bytes) -> Result<HttpAnswer, TransportError> {
        let call: Value = serde_json::from_slice(&body).unwrap();
        self.calls.send_modify(|calls| *calls += 1);
        let mut policy = self.policy.subscribe();
        let says = loop {
            let now = Arc::clone(&policy.borrow_and_update());
            match now(&call) {
                Says::Nothing => policy.changed().await.unwrap(),
                says => break says,
            }
        };
        let (status, body) = match says {
            Says::Accepted | Says::Nothing => {
                self.accepted.send_modify(|accepted| accepted.push(call));
                (200, json!({"Response": {"RequestId": "r", "Status": "OK"}}))
            }
            Says::Rejected(code) => {
                let error = json!({"Code": code, "Message": "no"});
                (200, json!({"Response": {"Error": error, "RequestId": "r"}}))
            }
            Says::Status(status) => (status, Value::Null),
        };
        Ok(HttpAnswer { status, retry_after: None, body: Bytes::from(body.to_string()) })
    }
}

/// A record of one of the pipeline's own topics.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) timestamp_ms: i64,
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) headers: BTreeMap<String, String>,
}

pub(crate) struct World {
    broker: EmbeddedBroker,
    pub(crate) service: Arc<Service>,
    pub(crate) settings: PipelineSettings,
}

/// A pipeline that runs.
pub(crate) struct Running {
    pub(crate) monitor: Arc<Monitor>,
    pub(crate) stop: CancellationToken,
    ended: oneshot::Receiver<Result<Exit, PipelineError>>,
}

impl Running {
    pub(crate) async fn ended(self) -> Result<Exit, PipelineError> {
        tokio::time::timeout(DEADLINE, self.ended).await.expect("an end in time").unwrap()
    }

    pub(crate) fn count(&self, kind: WorkerKind, outcome: &str) -> u64 {
        self.monitor.worker(kind).unwrap().totals.by_name(outcome)
    }

    /// Waits until the condition holds.
    pub(crate) async fn until(&self, what: &str, done: impl Fn(&Self) -> bool) {
        let limit = tokio::time::Instant::now() + DEADLINE;
        let mut look = tokio::time::interval(Duration::from_millis(5));
        while !done(self) {
            assert!(tokio::time::Instant::now() < limit, "waited too long for {what}");
            look.tick().await;
        }
    }
}

impl World {
    pub(crate) fn new(workers: &[WorkerKind]) -> Self {
        let own = [
            "own.customer-devices",
            "own.retry.1s",
            "own.retry.1h",
            "own.dead-letters",
            "own.receipts",
            "own.devices",
            "own.device-customers",
        ];
        let topics: Vec<_> = own.into_iter().chain(["devices", "raw", "bindings"]).collect();
        let topics = topics.into_iter().chain(["customers", "orders"]).map(|name| (name, 2));
        let odd = [("devices", 2), ("device-customers", 3), ("customer-devices", 2)];
        let odd = odd.map(|(topic, partitions)| (format!("{ODD}.{topic}"), partitions));
        let odd = odd.iter().map(|(topic, partitions)| (topic.as_str(), *partitions));
        let topics: Vec<_> = topics.chain([("own.order-book", 1)]).chain(odd).collect();
        let broker = EmbeddedBroker::start(&topics).unwrap();
        let service = Service {
            policy: watch::Sender::new(Arc::new(|_: &Value| Says::Accepted)),
            calls: watch::Sender::new(0),
            accepted: watch::Sender::new(Vec::new()),
        };
        let settings = PipelineSettings {
            kafka: broker.settings("g"),
            topics: Topics {
                devices: vec!["devices".into()],
                repartition: Vec::new(),
                bindings: vec!["bindings".into()],
                customers: vec!["customers".into()],
                orders: vec!["orders".into()],
                prefix: "own".into(),
                types: BTreeMap::new(),
            },
            credentials: Credentials { app_key: "key".into(), app_secret: Secret::new("secret") },
            credentials_again: None,
            rates_again: None,
            dialect: Dialect::default(),
            delivery: delivery(),
            workers: workers.iter().copied().filter(|kind| kind.calls_service()).collect(),
            own_partitions: false,
            replay: None,
            exit_at_end: true,
        };
        Self { broker, service: Arc::new(service), settings }
    }

    /// There is a topic `raw` that is not keyed by device, and a worker for it.
    pub(crate) fn repartitioning(mut self) -> Self {
        self.settings.topics.devices.push("raw".into());
        self.settings.topics.repartition.push("raw".into());
        self.settings.workers.push(WorkerKind::Repartition);
        self
    }

    /// The bindings are divided by partitions.
    pub(crate) fn dividing_bindings(mut self) -> Self {
        self.settings.own_partitions = true;
        self
    }

    pub(crate) fn run(&self) -> Running {
        let monitor = Monitor::new(&self.settings.workers);
        let stop = CancellationToken::new();
        let (service, settings) = (Arc::clone(&self.service), self.settings.clone());
        let (end, ended) = oneshot::channel();
        let (its_stop, its_monitor) = (stop.clone(), Arc::clone(&monitor));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let transport = move || Arc::clone(&service);
            let run = emberline_pipeline::run(settings, transport, its_stop, its_monitor);
            // A test that has failed does not wait.
            let _ = end.send(runtime.unwrap().block_on(run));
        });
        Running { monitor, stop, ended }
    }

    fn kafka(&self) -> KafkaSettings {
        self.broker.settings("tests")
    }

    pub(crate) async fn produce(&self, topic: &str, records: &[(&str, String)]) {
        self.produce_at(topic, None, records).await;
    }

    /// Writes records that came at this time, Unix milliseconds; `None`: now.
    pub(crate) async fn produce_at(
        &self,
        topic: &str,
        timestamp_ms: Option<i64>,
        records: &[(&str, String)],
    ) {
        let records: Vec<_> =
            records.iter().map(|(key, value)| (key.as_bytes(), value.as_bytes(), None)).collect();
        self.produce_in(topic, timestamp_ms, &records).await;
    }

    /// Writes records, each a key, a value and its partition; `None`: by its key.
    pub(crate) async fn produce_in(
        &self,
        topic: &str,
        timestamp_ms: Option<i64>,
        records: &[(&[u8], &[u8], Option<i32>)],
    ) {
        let (sender, mut done) = mpsc::unbounded_channel();
        let producer = Producer::new(&self.kafka(), &ProducerSettings::default(), sender).unwrap();
        for (number, (key, value, partition)) in records.iter().enumerate() {
            let trace = number.to_string();
            let record = Record {
                topic,
                partition: *partition,
                key: Some(key),
                value: Some(value),
                headers: &[("trace", trace.as_bytes())],
                timestamp_ms,
            };
            producer.send(record, number).unwrap();
        }
        for _ in records {
            done.recv().await.unwrap().1.unwrap();
        }
    }

    pub(crate) async fn bind(&self, devices: &[&str]) {
        let event = |device: &&str| {
            let event = json!({"type": "bind", "customer_id": "c_1", "device_id": format!("P/{device}"),
                "customer_device_no": device, "product_name": "Smoke detector", "time": 1_628_646_783});
            ("c_1", event.to_string())
        };
        self.produce("bindings", &devices.iter().map(event).collect::<Vec<_>>()).await;
    }

    /// Twenty devices that are bound, with thirty records each of two properties.
    pub(crate) async fn tell_of_twenty_devices(&self) {
        let devices: Vec<String> = (0..20).map(|number| format!("d{number}")).collect();
        self.bind(&devices.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let mut records = Vec::new();
        for second in 0..30 {
            for device in &devices {
                let params = json!({"power": 1.5, "smoke_state": second % 2, "humidity": 3});
                records.push((device.as_str(), telemetry(device, 1_700_000_000 + second, &params)));
            }
        }
        self.produce("devices", &records).await;
    }

    /// The offsets committed for a worker's group, all partitions of the topic added up.
    pub(crate) async fn committed(&self, kind: WorkerKind, topic: &str) -> i64 {
        let kafka = self.broker.settings(&format!("g-{}", kind.name()));
        let names = [(topic.to_owned(), 0), (topic.to_owned(), 1)];
        let asked = tokio::task::spawn_blocking(move || {
            Bounds::new(&kafka).unwrap().committed(&names, DEADLINE).unwrap()
        });
        asked.await.unwrap().into_iter().flatten().sum()
    }

    /// The first records of a topic of the pipeline's own.
    pub(crate) async fn written(&self, topic: &str, count: usize) -> Vec<Written> {
        let (sender, mut events) = mpsc::channel(4);
        let settings = SourceSettings::new(vec![topic.to_owned()], "look");
        let room = Arc::new(Room::new(1_000, 1_000_000));
        let reader = Collector::default();
        let source =
            Source::start(&self.kafka(), settings, reader, where_it_left_off, room, sender);
        let mut found = Vec::new();
        while found.len() < count {
            let event = tokio::time::timeout(DEADLINE, events.recv()).await;
            if let SourceEvent::Records(records) = event.expect("records in time").unwrap() {
                found.extend(records);
            }
        }
        drop((source, events));
        found
    }
}

#[derive(Default)]
struct Collector(Vec<Written>);

impl RecordReader for Collector {
    type Batch = Vec<Written>;

    fn read(&mut self, record: RecordRef<'_>) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        self.0.push(Written {
            partition: record.partition,
            offset: record.offset,
            timestamp_ms: record.timestamp_ms,
            key: record.key.map(text).unwrap_or_default(),
            value: record.value.map(text).unwrap_or_default(),
            headers: record.headers.iter().map(|(name, value)| (text(name), text(value))).collect(),
        });
    }

    fn finish(&mut self) -> Option<Vec<Written>> {
        Some(std::mem::take(&mut self.0))
    }
}

/// Telemetry in the platform's second spelling.
pub(crate) fn telemetry(device: &str, second: i64, params: &Value) -> String {
    json!({
        "payload": {"clientToken": "t", "method": "report", "params": params},
        "seq": 1, "timestamp": second, "topic": format!("$thing/up/property/P/{device}"),
        "devicename": device, "productid": "P",
    })
    .to_string()
}

fn delivery() -> DeliverySettings {
    DeliverySettings {
        dedupe_window: Duration::from_mins(2),
        dedupe_max_entries: 100_000,
        batch_max_reports: 100,
        linger: Duration::from_millis(20),
        rate: None,
        fractions: [0.5, 0.2, 0.2, 0.1, 0.0, 0.0, 0.0],
        gate: GateSettings::default(),
        slow_call: Duration::from_secs(5),
        retry_budget: 0.1,
        in_flight: 64,
        records: 10_000,
        bytes: 10_000_000,
        gap: 10_000,
        in_place: 1,
        backoff_base: Duration::from_millis(1),
        backoff_cap: Duration::from_millis(5),
        tiers: vec![Duration::from_secs(1), Duration::from_hours(1)],
        max_age: Duration::from_hours(24 * 7),
        join_wait: Duration::from_millis(50),
        startup_wait: Duration::from_millis(200),
        receipts: true,
        claims: ClaimRules {
            formal_orders: false,
            authorisations: 0,
            doubt: Duration::from_millis(100),
            lease: Duration::from_secs(10),
            recount: Duration::from_mins(1),
        },
        drain: Duration::from_secs(10),
        bindings_linger: Duration::from_millis(5),
        max_record: 1_000_000,
        commit_interval: Duration::from_millis(50),
    }
}
