//! Partitions of a table that come and go, against the embedded broker.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use emberline_broker::{
    Bounds, BrokerError, EmbeddedBroker, KafkaSettings, PartsEvent, PartsReader, TableRecord,
};
use rdkafka::mocking::MockCluster;
use support::{DEADLINE, broker_with, produce};
use tokio::sync::mpsc;

/// The offsets that were read, by partition.
type Offsets = Arc<Mutex<BTreeMap<i32, Vec<i64>>>>;

struct Parts {
    reader: PartsReader,
    told: mpsc::UnboundedReceiver<PartsEvent>,
    read: Offsets,
    /// That the partition had which was complete last.
    end: i64,
}

impl Parts {
    fn of(broker: &EmbeddedBroker, topic: &str) -> Self {
        Self::with(&broker.settings("g"), topic)
    }

    fn with(kafka: &KafkaSettings, topic: &str) -> Self {
        let read = Offsets::default();
        let filled = Arc::clone(&read);
        let (sender, told) = mpsc::unbounded_channel();
        let on_record = move |record: TableRecord<'_>| {
            filled.lock().unwrap().entry(record.partition).or_default().push(record.offset);
        };
        let reader = PartsReader::start(kafka, topic, on_record, sender).unwrap();
        Self { reader, told, read, end: 0 }
    }

    async fn event(&mut self) -> PartsEvent {
        tokio::time::timeout(DEADLINE, self.told.recv()).await.unwrap().unwrap()
    }

    /// The partition and the tenure told next, and what had been read of it by then.
    async fn complete(&mut self) -> (i32, u64, Vec<i64>) {
        match self.event().await {
            PartsEvent::Complete { partition, tenure, end, topic_partitions } => {
                assert_eq!(topic_partitions, 3);
                self.end = end;
                (partition, tenure, self.take(partition))
            }
            PartsEvent::Failed(error) => panic!("{error}"),
        }
    }

    /// What was read of a partition since this was asked last.
    fn take(&self, partition: i32) -> Vec<i64> {
        self.read.lock().unwrap().remove(&partition).unwrap_or_default()
    }

    async fn until_read(&self, partition: i32, offset: i64) {
        let limit = tokio::time::Instant::now() + DEADLINE;
        let last = || self.read.lock().unwrap().get(&partition)?.last().copied();
        while last() != Some(offset) {
            assert!(tokio::time::Instant::now() < limit, "{:?} of {partition}", last());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn nothing_comes(&mut self) {
        let more = tokio::time::timeout(Duration::from_millis(300), self.told.recv()).await;
        assert!(more.is_err(), "{more:?}");
    }
}

#[tokio::test]
async fn only_what_is_asked_for_is_read_and_told_once_each_by_itself() {
    let broker = broker_with("t", 3, 600).await;
    let mut parts = Parts::of(&broker, "t");
    parts.nothing_comes().await;
    parts.reader.read(vec![(0, 7), (2, 8)]);
    let mut told = BTreeMap::new();
    for _ in 0..2 {
        let (partition, tenure, read) = parts.complete().await;
        assert!(read.len() > 100 && read.iter().copied().eq(0..i64::try_from(read.len()).unwrap()));
        assert_eq!(usize::try_from(parts.end), Ok(read.len()));
        told.insert(partition, tenure);
    }
    assert_eq!(told, BTreeMap::from([(0, 7), (2, 8)]));
    parts.nothing_comes().await;
    assert!(parts.take(1).is_empty());

    // What comes later is read, and nothing is told of it.
    let keys: Vec<String> = (0..20).map(|n| format!("k{n}")).collect();
    let values: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), "later")).collect();
    produce(&broker.settings("g"), "t", &values).await;
    let bounds = Bounds::new(&broker.settings("g")).unwrap();
    let ends = bounds.of_topics(&["t".to_owned()], DEADLINE).unwrap();
    for partition in [0, 2] {
        let last = ends.iter().find(|it| it.partition == partition).unwrap().high - 1;
        parts.until_read(partition, last).await;
    }
    parts.nothing_comes().await;
    parts.reader.stop().await;
}

#[tokio::test]
async fn an_empty_partition_is_complete_at_once() {
    let broker = EmbeddedBroker::start(&[("t", 3)]).unwrap();
    let mut parts = Parts::of(&broker, "t");
    parts.reader.read(vec![(1, 3)]);
    assert_eq!(parts.complete().await, (1, 3, Vec::new()));
}

#[tokio::test]
async fn each_tenure_reads_from_the_beginning_also_when_it_follows_at_once() {
    let broker = broker_with("t", 3, 12_000).await;
    let mut parts = Parts::of(&broker, "t");
    parts.reader.read(vec![(0, 1), (1, 2)]);
    let mut all = BTreeMap::new();
    for _ in 0..2 {
        let (partition, _, read) = parts.complete().await;
        all.insert(partition, read);
    }
    for round in 1..20_u64 {
        let (ended, new) = (round * 2 - 1, round * 2 + 1);
        parts.reader.leave(vec![(0, ended)]);
        if round % 3 == 0 {
            // Long enough for the reader to have left it.
            parts.nothing_comes().await;
        }
        parts.reader.read(vec![(0, new)]);
        let (partition, tenure, read) = parts.complete().await;
        assert_eq!((partition, tenure), (0, new));
        assert_eq!(read, all[&0], "round {round}: told before its end, or read twice");
    }
    assert!(parts.take(1).is_empty(), "the other partition is followed, and not begun anew");
    parts.nothing_comes().await;
}

#[tokio::test]
async fn what_was_left_is_told_no_more_and_a_late_leave_ends_no_later_tenure() {
    let broker = broker_with("t", 3, 300).await;
    let mut parts = Parts::of(&broker, "t");
    parts.reader.read(vec![(0, 1)]);
    parts.reader.leave(vec![(0, 1)]);
    parts.reader.read(vec![(0, 2)]);
    parts.reader.leave(vec![(0, 1)]);
    let (partition, tenure, _) = parts.complete().await;
    assert_eq!((partition, tenure), (0, 2));
    parts.reader.read(vec![(2, 5)]);
    parts.reader.leave(vec![(2, 5)]);
    parts.nothing_comes().await;
    assert!(parts.take(2).is_empty());
}

#[tokio::test]
async fn a_topic_that_is_missing_is_told() {
    let broker = EmbeddedBroker::start(&[]).unwrap();
    let mut parts = Parts::of(&broker, "nowhere");
    parts.reader.read(vec![(0, 1)]);
    let told = parts.event().await;
    let PartsEvent::Failed(BrokerError::NoTopic(topic)) = &told else { panic!("{told:?}") };
    assert_eq!(topic, "nowhere");
}

/// As where a broker is away that has no replica of it elsewhere.
#[tokio::test]
async fn a_partition_without_a_leader_keeps_none_of_the_others_waiting() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("t", 3, 1).unwrap();
    let kafka = KafkaSettings::new(cluster.bootstrap_servers(), "g");
    produce(&kafka, "t", &[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4"), ("e", "5")]).await;
    cluster.partition_leader("t", 1, None).unwrap();
    let mut parts = Parts::with(&kafka, "t");
    parts.reader.read(vec![(0, 7), (1, 8), (2, 9)]);
    let mut told = Vec::new();
    for _ in 0..2 {
        let (partition, tenure, _) = parts.complete().await;
        told.push((partition, tenure));
    }
    told.sort_unstable();
    assert_eq!(told, [(0, 7), (2, 9)]);
    cluster.partition_leader("t", 1, Some(1)).unwrap();
    let (partition, tenure, _) = parts.complete().await;
    assert_eq!((partition, tenure), (1, 8), "it is asked for again");
    parts.reader.stop().await;
}
