//! A worker as small as can be: it keeps what it is told and settles when asked.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]
#![expect(clippy::unwrap_used, reason = "a helper of tests")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use emberline_broker::{
    AssignedPartition, Commit, Committed, EmbeddedBroker, KafkaSettings, PartitionRef, Producer,
    ProducerSettings, Record, RecordReader, RecordRef, Room, Source, SourceEvent, SourceSettings,
    where_it_left_off,
};
use tokio::sync::mpsc;

/// Longest that anything is waited for.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// A record as a test looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub partition: i32,
    pub epoch: u64,
    pub offset: i64,
    pub key: Option<String>,
    pub value: Option<String>,
    pub headers: Vec<(String, String)>,
    pub bytes: usize,
    pub early: bool,
}

/// Collects records.
#[derive(Default)]
pub struct Collector(Vec<Seen>);

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

impl RecordReader for Collector {
    type Batch = Vec<Seen>;

    /// A value such as `due 1700000000000` tells it.
    fn due(&mut self, record: &RecordRef<'_>) -> Option<i64> {
        record.value.map(text)?.strip_prefix("due ")?.parse().ok()
    }

    fn read(&mut self, record: RecordRef<'_>) {
        self.0.push(Seen {
            partition: record.partition,
            epoch: record.epoch,
            offset: record.offset,
            key: record.key.map(text),
            value: record.value.map(text),
            headers: record.headers.iter().map(|(name, value)| (text(name), text(value))).collect(),
            bytes: record.bytes(),
            early: record.early,
        });
    }

    fn finish(&mut self) -> Option<Vec<Seen>> {
        Some(std::mem::take(&mut self.0))
    }
}

/// A source and what it has told so far.
pub struct Worker {
    pub source: Source,
    pub events: mpsc::Receiver<SourceEvent<Vec<Seen>>>,
    pub assigned: Vec<AssignedPartition>,
    pub seen: Vec<Seen>,
    pub room: Arc<Room>,
}

impl Worker {
    pub fn start(kafka: &KafkaSettings, settings: SourceSettings, room: Room) -> Self {
        Self::start_at(kafka, settings, room, where_it_left_off)
    }

    pub fn start_at(
        kafka: &KafkaSettings,
        settings: SourceSettings,
        room: Room,
        start_of: impl Fn(&Committed<'_>) -> i64 + Send + 'static,
    ) -> Self {
        let (sender, events) = mpsc::channel(16);
        let room = Arc::new(room);
        let collector = Collector::default();
        let source =
            Source::start(kafka, settings, collector, start_of, Arc::clone(&room), sender).unwrap();
        Self { source, events, assigned: Vec::new(), seen: Vec::new(), room }
    }

    /// The next event, records and assignments kept.
    pub async fn next(&mut self) -> SourceEvent<Vec<Seen>> {
        let event = tokio::time::timeout(DEADLINE, self.events.recv()).await;
        let event = event.expect("an event in time").expect("a running source");
        match event {
            SourceEvent::Records(records) => {
                self.seen.extend(records.clone());
                SourceEvent::Records(records)
            }
            SourceEvent::Assigned(new) => {
                self.assigned.extend(new);
                SourceEvent::Assigned(Vec::new())
            }
            other => other,
        }
    }

    /// Takes events until the condition holds. A revocation is answered with nothing.
    pub async fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let limit = tokio::time::Instant::now() + DEADLINE;
        while !done(self) {
            assert!(tokio::time::Instant::now() < limit, "waited too long for {what}");
            self.next().await;
        }
    }

    /// Takes events until one is what is looked for.
    pub async fn wait_for<T>(
        &mut self,
        what: &str,
        mut found: impl FnMut(SourceEvent<Vec<Seen>>) -> Option<T>,
    ) -> T {
        let limit = tokio::time::Instant::now() + DEADLINE;
        loop {
            assert!(tokio::time::Instant::now() < limit, "waited too long for {what}");
            if let Some(found) = found(self.next().await) {
                return found;
            }
        }
    }

    /// Takes what comes within a while; for what must not come.
    pub async fn drain_for(&mut self, while_: Duration) {
        let limit = tokio::time::Instant::now() + while_;
        while let Ok(Some(event)) = tokio::time::timeout_at(limit, self.events.recv()).await {
            if let SourceEvent::Records(records) = event {
                self.seen.extend(records);
            }
        }
    }

    pub fn tenure(&self, partition: i32) -> PartitionRef {
        let found = self.assigned.iter().rev().find(|found| found.at.partition == partition);
        found.expect("an assigned partition").at.clone()
    }

    pub fn commit(&self, partition: i32, offset: i64, metadata: &str) -> Commit {
        Commit { at: self.tenure(partition), offset, metadata: metadata.to_owned() }
    }

    /// Closes the source, answering its revocation.
    pub async fn close(mut self, commits: Vec<Commit>) -> Vec<SourceEvent<Vec<Seen>>> {
        let mut commits = Some(commits);
        let mut told = Vec::new();
        let closing = self.source.close();
        tokio::pin!(closing);
        let mut closed = false;
        while !closed || !self.events.is_closed() || !self.events.is_empty() {
            tokio::select! {
                result = &mut closing, if !closed => {
                    result.unwrap();
                    closed = true;
                }
                event = self.events.recv() => match event {
                    Some(SourceEvent::Revoking(revocation)) => {
                        revocation.done(commits.take().unwrap_or_default());
                    }
                    Some(event) => told.push(event),
                    None => if closed { break } else { tokio::task::yield_now().await },
                },
            }
        }
        told
    }
}

/// Writes `count` records to partitions chosen by key, each key `k0`, `k1`, ….
pub async fn produce(kafka: &KafkaSettings, topic: &str, values: &[(&str, &str)]) {
    let (sender, mut done) = mpsc::unbounded_channel();
    let producer = Producer::new(kafka, &ProducerSettings::default(), sender).unwrap();
    for (index, (key, value)) in values.iter().enumerate() {
        let number = index.to_string();
        let record = Record {
            topic,
            partition: None,
            key: Some(key.as_bytes()),
            value: Some(value.as_bytes()),
            headers: &[("index", number.as_bytes())],
            timestamp_ms: None,
        };
        producer.send(record, index).unwrap();
    }
    for _ in values {
        let (_, result) = tokio::time::timeout(DEADLINE, done.recv()).await.unwrap().unwrap();
        result.unwrap();
    }
    producer.close(DEADLINE).await.unwrap();
}

/// The offsets seen of each partition, in order of arrival.
pub fn offsets(seen: &[Seen]) -> BTreeMap<i32, Vec<i64>> {
    let mut offsets: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
    for record in seen {
        offsets.entry(record.partition).or_default().push(record.offset);
    }
    offsets
}

/// A broker with one topic and the records `v0`, `v1`, … in it.
pub async fn broker_with(topic: &str, partitions: i32, records: usize) -> EmbeddedBroker {
    let broker = EmbeddedBroker::start(&[(topic, partitions)]).unwrap();
    let texts: Vec<(String, String)> =
        (0..records).map(|index| (format!("k{index}"), format!("v{index}"))).collect();
    let values: Vec<(&str, &str)> =
        texts.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    produce(&broker.settings("tests"), topic, &values).await;
    broker
}

/// Settings of a source in these tests.
pub fn settings(topic: &str) -> SourceSettings {
    SourceSettings {
        drain_deadline: Duration::from_secs(5),
        ..SourceSettings::new(vec![topic.to_owned()], "g")
    }
}

pub fn wide_room() -> Room {
    Room::new(100_000, 100_000_000)
}
