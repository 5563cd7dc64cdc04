//! The test Kafka itself, and the source and the admin client against it: what the
//! embedded broker can't show.
#![expect(clippy::unwrap_used, reason = "a test; its functions are run by a harness of their own")]

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use emberline_broker::{
    Admin, AdminError, Commit, KafkaSettings, NewTopic, PartsEvent, PartsReader, RecordReader,
    RecordRef, Room, Seen, Source, SourceEvent, SourceSettings, TableReader, TableRecord,
    where_it_left_off,
};
use emberline_testkit::harness::{self, trial};
use emberline_testkit::kafka::{NewRecord, TestKafka, availability, unique};
use libtest_mimic::Arguments;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use tokio::sync::mpsc;

const DEADLINE: Duration = Duration::from_mins(1);

/// Longest that a test may take.
const LIMIT: Duration = Duration::from_mins(2);

fn main() -> ExitCode {
    let trials = vec![
        trial("what_was_written_survives_the_node_that_was_killed", LIMIT, survival),
        trial("two_sources_share_a_topic_and_hand_partitions_over_by_commits", LIMIT, hand_over),
        trial("a_compacted_topic_is_made_described_and_read_whole", LIMIT, compacted),
        trial("a_part_of_a_table_is_complete_behind_what_is_no_record", LIMIT, parts),
    ];
    harness::run(&Arguments::from_args(), availability().err().as_ref(), trials)
}

async fn survival() {
    let kafka = TestKafka::start().await.unwrap();
    let topic = unique("t");
    kafka.create_topic(&topic, 3, &[("retention.ms", "-1")]).await.unwrap();
    let mut records: Vec<NewRecord> =
        (0..1000).map(|n| NewRecord::text(&format!("k{n}"), &format!("v{n}"))).collect();
    records[7].headers = vec![("name".to_owned(), b"value".to_vec())];
    records[8].value = None;
    records[9].timestamp_ms = Some(1_700_000_000_000);
    kafka.produce(&topic, &records).await.unwrap();

    let read = kafka.read_all(&topic).await.unwrap();
    assert_eq!(read.len(), 1000);
    let of = |key: &[u8]| read.iter().find(|record| record.key.as_deref() == Some(key)).unwrap();
    assert_eq!(of(b"k7").header("name"), Some("value"));
    assert_eq!(of(b"k8").value, None);
    assert_eq!(of(b"k9").timestamp_ms, 1_700_000_000_000);

    if kafka.kill_node(1).is_ok() {
        kafka.restart_node(1).unwrap();
        kafka.wait_until_up().await.unwrap();
        assert_eq!(kafka.read_all(&topic).await.unwrap().len(), 1000);
    }
}

/// Counts the records of each batch.
#[derive(Default)]
struct Counter(usize);

impl RecordReader for Counter {
    type Batch = usize;

    fn read(&mut self, _: RecordRef<'_>) {
        self.0 += 1;
    }

    fn finish(&mut self) -> Option<usize> {
        Some(std::mem::take(&mut self.0))
    }
}

struct Member {
    source: Source,
    events: mpsc::Receiver<SourceEvent<usize>>,
    assigned: usize,
    read: usize,
}

impl Member {
    fn join(kafka: &KafkaSettings, topic: &str, group: &str) -> Self {
        let settings = SourceSettings::new(vec![topic.to_owned()], group);
        let (sender, events) = mpsc::channel(16);
        let room = Arc::new(Room::new(1_000_000, 1 << 30));
        let source =
            Source::start(kafka, settings, Counter::default(), where_it_left_off, room, sender);
        Self { source: source.unwrap(), events, assigned: 0, read: 0 }
    }

    /// Takes an event; a revocation is answered with what `commit` says.
    async fn step(&mut self, commit: i64) {
        match self.events.recv().await.unwrap() {
            SourceEvent::Assigned(new) => self.assigned += new.len(),
            SourceEvent::Records(count) => self.read += count,
            SourceEvent::Revoking(revocation) => {
                self.assigned -= revocation.partitions.len();
                let metadata = "from a revocation".to_owned();
                let commits = revocation.partitions.iter().map(|at| Commit {
                    at: at.clone(),
                    offset: commit,
                    metadata: metadata.clone(),
                });
                let commits = commits.collect();
                revocation.done(commits);
            }
            SourceEvent::CommitFailed { error, .. } => panic!("{error}"),
            SourceEvent::Failed(error) => panic!("{error}"),
            _ => {}
        }
    }

    async fn leave(mut self, commit: i64) {
        let (mut events, mut closed) = (self.events, false);
        let (sender, own) = mpsc::channel(1);
        drop(sender);
        self.events = own;
        let closing = self.source.close();
        tokio::pin!(closing);
        while !closed {
            tokio::select! {
                result = &mut closing => {
                    result.unwrap();
                    closed = true;
                }
                Some(event) = events.recv() => {
                    let SourceEvent::Revoking(revocation) = event else { continue };
                    let commits = revocation.partitions.iter().map(|at| Commit {
                        at: at.clone(),
                        offset: commit,
                        metadata: String::new(),
                    });
                    let commits = commits.collect();
                    revocation.done(commits);
                }
            }
        }
    }
}

async fn hand_over() {
    let kafka = TestKafka::shared().await.unwrap();
    let (topic, group) = (unique("t"), unique("g"));
    kafka.create_topic(&topic, 4, &[]).await.unwrap();
    let records: Vec<NewRecord> =
        (0..2000).map(|n| NewRecord::text(&format!("k{n}"), "value")).collect();
    kafka.produce(&topic, &records).await.unwrap();

    let settings = KafkaSettings::new(kafka.bootstrap(), &group);
    let mut first = Member::join(&settings, &topic, &group);
    while first.read < 2000 {
        first.step(100).await;
    }
    let mut second = Member::join(&settings, &topic, &group);
    while second.assigned < 2 {
        tokio::select! {
            () = first.step(100) => {}
            () = second.step(100) => {}
        }
    }
    assert_eq!(first.assigned, 2);
    let committed = kafka.committed(&group, &topic).await.unwrap();
    assert_eq!(committed.len(), 2);
    assert!(committed.values().all(|at| *at == (100, "from a revocation".to_owned())));

    second.leave(200).await;
    while first.assigned < 4 {
        first.step(300).await;
    }
    first.leave(300).await;
    let committed = kafka.committed(&group, &topic).await.unwrap();
    assert!(committed.values().all(|(offset, _)| *offset == 300), "{committed:?}");
    assert_eq!(committed.len(), 4);
}

async fn compacted() {
    let kafka = TestKafka::shared().await.unwrap();
    let settings = KafkaSettings::new(kafka.bootstrap(), unique("g"));
    let admin = Admin::new(&settings).unwrap();
    let name = unique("table");
    let new = NewTopic {
        name: name.clone(),
        partitions: 2,
        replication: -1,
        configs: vec![
            ("cleanup.policy".to_owned(), "compact".to_owned()),
            ("max.message.bytes".to_owned(), "10485760".to_owned()),
        ],
    };
    assert!(admin.create(std::slice::from_ref(&new)).await.unwrap()[0].is_ok());
    let again = admin.create(&[new]).await.unwrap();
    assert!(matches!(&again[0], Err(AdminError::Exists(topic)) if *topic == name));

    let described = tokio::time::timeout(DEADLINE, async {
        loop {
            let found = admin.describe(&["nowhere", &name]).await.unwrap();
            assert_eq!(found[0], Seen::Absent);
            if let Some(found) = found[1].there().cloned() {
                return found;
            }
        }
    });
    let described = described.await.unwrap();
    assert_eq!((described.partitions, described.cleanup_policy.as_str()), (2, "compact"));
    assert_eq!(described.max_message_bytes, Some(10_485_760));

    let records: Vec<NewRecord> =
        (0..500).map(|n| NewRecord::text(&format!("k{n}"), "row")).collect();
    kafka.produce(&name, &records).await.unwrap();
    let (rows, mut read) = mpsc::unbounded_channel();
    let reader = TableReader::start(&settings, &name, move |record| {
        let _ = rows.send(record.key.map(<[u8]>::to_vec));
    });
    let reader = reader.unwrap();
    reader.read_to_current_end().await.unwrap();
    reader.stop().await;
    let mut count = 0;
    while read.recv().await.is_some() {
        count += 1;
    }
    assert_eq!(count, 500);
}

/// The last offset of each partition is a transaction's marker, and the first records have been
/// deleted.
async fn parts() {
    const TENURES: u64 = 10;
    let kafka = TestKafka::shared().await.unwrap();
    let topic = unique("table");
    kafka.create_topic(&topic, 3, &[]).await.unwrap();
    let bootstrap = kafka.bootstrap().to_owned();
    let (name, id) = (topic.clone(), unique("writer"));
    let write = tokio::task::spawn_blocking(move || {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", bootstrap).set("transactional.id", id);
        let producer: BaseProducer = config.create().unwrap();
        producer.init_transactions(DEADLINE).unwrap();
        producer.begin_transaction().unwrap();
        for n in 0..3_000 {
            let record = BaseRecord::to(&name).partition(n % 2).key("key").payload("fact");
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        producer.commit_transaction(DEADLINE).unwrap();
    });
    write.await.unwrap();
    kafka.delete_records(&topic, 1, 1_000).await.unwrap();

    let settings = KafkaSettings::new(kafka.bootstrap(), unique("g"));
    let (sender, mut told) = mpsc::unbounded_channel();
    let (read, mut offsets) = mpsc::unbounded_channel();
    let on_record = move |record: TableRecord<'_>| {
        let _ = read.send((record.partition, record.offset));
    };
    let reader = PartsReader::start(&settings, &topic, on_record, sender).unwrap();
    for tenure in 1..=TENURES {
        reader.read(vec![(0, tenure), (1, tenure), (2, tenure)]);
        let mut complete = Vec::new();
        while complete.len() < 3 {
            match told.recv().await.unwrap() {
                PartsEvent::Complete { partition, tenure: of, topic_partitions, .. } => {
                    assert_eq!((of, topic_partitions), (tenure, 3));
                    complete.push(partition);
                }
                PartsEvent::Failed(error) => panic!("{error}"),
            }
        }
        complete.sort_unstable();
        assert_eq!(complete, [0, 1, 2]);
        let mut found = [Vec::new(), Vec::new(), Vec::new()];
        while let Ok((partition, offset)) = offsets.try_recv() {
            found[usize::try_from(partition).unwrap()].push(offset);
        }
        assert_eq!(found[0], (0..1_500).collect::<Vec<_>>());
        assert_eq!(found[1], (1_000..1_500).collect::<Vec<_>>());
        assert!(found[2].is_empty());
        if tenure % 2 == 0 {
            reader.leave(vec![(0, tenure), (1, tenure)]);
        }
    }
    reader.stop().await;
}
