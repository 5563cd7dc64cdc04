//! The gate of a partition while members come and go: whether librdkafka, told to pause a
//! partition right after its first fetch, goes on where it should.
#![expect(clippy::unwrap_used, reason = "a test; its functions are run by a harness of their own")]

use std::collections::HashMap;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use emberline_broker::{
    Commit, Frontier, KafkaSettings, PartitionRef, RecordReader, RecordRef, Room, Source,
    SourceEvent, SourceSettings, where_it_left_off,
};
use emberline_testkit::harness::{self, trial};
use emberline_testkit::kafka::{NewRecord, TestKafka, availability, unique};
use libtest_mimic::Arguments;
use tokio::sync::mpsc;

const PARTITIONS: i32 = 96;
/// Records of each partition.
const RECORDS: i64 = 200;
/// How often a second member joins and leaves.
const ROUNDS: u64 = 4;

/// Longest that one wait of a round may take.
const DEADLINE: Duration = Duration::from_mins(1);
/// Longest that a test may take.
const LIMIT: Duration = Duration::from_mins(3);

fn main() -> ExitCode {
    let trials = vec![
        trial("a_closed_partition_is_read_from_its_start_once_opened", LIMIT, || {
            members_come_and_go("classic")
        }),
        trial("the_same_with_the_groups_newer_protocol", LIMIT, || members_come_and_go("consumer")),
    ];
    harness::run(&Arguments::from_args(), availability().err().as_ref(), trials)
}

/// Each partition's commit lies in the middle of its log, elsewhere for each tenure.
async fn members_come_and_go(protocol: &str) {
    let kafka = TestKafka::shared().await.unwrap();
    let (topic, group) = (unique("t"), unique("g"));
    kafka.create_topic(&topic, PARTITIONS, &[]).await.unwrap();
    let records: Vec<NewRecord> = (0..RECORDS)
        .flat_map(|_| 0..PARTITIONS)
        .map(|partition| NewRecord {
            partition: Some(partition),
            ..NewRecord::text("key", "a value that is not all too short")
        })
        .collect();
    kafka.produce(&topic, &records).await.unwrap();
    let settings = KafkaSettings::new(kafka.bootstrap(), &group).with("group.protocol", protocol);

    let mut members = Group::default();
    let mut first = Member::join(&settings, &topic, &group);
    first.until(&mut members, |it| it.owns(PARTITIONS) && it.has_read_what_is_open()).await;
    for _ in 0..ROUNDS {
        let mut second = Member::join(&settings, &topic, &group);
        let half = PARTITIONS / 2;
        let shared = |it: &Member| it.owns(half) && it.has_read_what_is_open();
        let limit = Instant::now() + DEADLINE;
        while !(shared(&first) && shared(&second)) {
            assert!(Instant::now() < limit, "{first:?} {second:?}");
            first.step(&mut members).await;
            second.step(&mut members).await;
        }
        second.leave(&mut members).await;
        first.until(&mut members, |it| it.owns(PARTITIONS) && it.has_read_what_is_open()).await;
    }
    first.open_all();
    first.until(&mut members, Member::has_read_all).await;
    first.leave(&mut members).await;
    // What a run of more rounds is judged by.
    let counts = members.counts;
    let _ = writeln!(std::io::stderr(), "{protocol}: {counts:?}");
    assert!(counts.opened > 0 && counts.revoked_closed > 0 && counts.opened_late > 0, "{counts:?}");
}

/// What has happened, over all members.
#[derive(Debug, Default)]
struct Counts {
    tenures: u64,
    /// Opened some time after their assignment.
    opened: u64,
    revoked_closed: u64,
    /// Opened while it was revoked.
    opened_late: u64,
    records: u64,
}

/// What the members of a group have in common.
#[derive(Default)]
struct Group {
    counts: Counts,
    /// Where each partition was committed last.
    committed: HashMap<i32, i64>,
}

/// Tells the epoch and the offset of each record.
#[derive(Default)]
struct Places(Vec<(u64, i64)>);

impl RecordReader for Places {
    type Batch = Vec<(u64, i64)>;

    fn read(&mut self, record: RecordRef<'_>) {
        self.0.push((record.epoch, record.offset));
    }

    fn finish(&mut self) -> Option<Self::Batch> {
        Some(std::mem::take(&mut self.0))
    }
}

struct Tenure {
    at: PartitionRef,
    gate: Frontier,
    /// When its gate is to be opened; `None`: not while members come and go.
    opens: Option<Instant>,
    next: i64,
}

struct Member {
    source: Source,
    events: mpsc::Receiver<SourceEvent<Vec<(u64, i64)>>>,
    tenures: HashMap<u64, Tenure>,
}

impl std::fmt::Debug for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let unread = self.tenures.values().filter(|it| it.gate.is_open() && it.next < RECORDS);
        let unread: Vec<_> = unread.map(|it| (it.at.partition, it.next)).collect();
        write!(f, "owns {}, open and not read: {unread:?}", self.tenures.len())
    }
}

impl Member {
    fn join(kafka: &KafkaSettings, topic: &str, group: &str) -> Self {
        let settings =
            SourceSettings { gated: true, ..SourceSettings::new(vec![topic.to_owned()], group) };
        let (sender, events) = mpsc::channel(16);
        let room = Arc::new(Room::new(1_000_000, 1 << 30));
        let source =
            Source::start(kafka, settings, Places::default(), where_it_left_off, room, sender);
        Self { source: source.unwrap(), events, tenures: HashMap::new() }
    }

    fn owns(&self, partitions: i32) -> bool {
        i32::try_from(self.tenures.len()) == Ok(partitions)
    }

    fn has_read_what_is_open(&self) -> bool {
        self.tenures
            .values()
            .all(|it| it.opens.is_none() || (it.gate.is_open() && it.next == RECORDS))
    }

    fn has_read_all(&self) -> bool {
        self.tenures.values().all(|it| it.next == RECORDS)
    }

    fn open_all(&self) {
        self.tenures.values().for_each(|it| it.gate.open());
    }

    async fn until(&mut self, group: &mut Group, done: impl Fn(&Self) -> bool) {
        let limit = Instant::now() + DEADLINE;
        while !done(self) {
            assert!(Instant::now() < limit, "{self:?}");
            self.step(group).await;
        }
    }

    /// Takes an event, if one comes soon, and opens what is to be opened by now.
    async fn step(&mut self, group: &mut Group) {
        if let Ok(event) = tokio::time::timeout(Duration::from_millis(5), self.events.recv()).await
        {
            take(&mut self.tenures, event.unwrap(), group);
        }
        let now = Instant::now();
        for tenure in self.tenures.values() {
            if !tenure.gate.is_open() && tenure.opens.is_some_and(|opens| opens <= now) {
                group.counts.opened += 1;
                tenure.gate.open();
            }
        }
    }

    /// Leaves the group; what is revoked on the way is answered as ever.
    async fn leave(mut self, group: &mut Group) {
        let closing = tokio::spawn(self.source.close());
        while let Some(event) = self.events.recv().await {
            take(&mut self.tenures, event, group);
        }
        closing.await.unwrap().unwrap();
        assert!(self.tenures.is_empty(), "all were revoked");
    }
}

/// Checks an event against what must hold, and answers it.
fn take(
    tenures: &mut HashMap<u64, Tenure>,
    event: SourceEvent<Vec<(u64, i64)>>,
    group: &mut Group,
) {
    match event {
        SourceEvent::Assigned(new) => {
            for new in new {
                group.counts.tenures += 1;
                let partition = new.at.partition;
                let committed = group.committed.get(&partition).copied();
                assert_eq!(new.committed, committed, "partition {partition}");
                assert_eq!(new.start, committed.unwrap_or(0), "partition {partition}");
                assert!(!new.frontier.is_open());
                // At once, about when the first fetch is answered, long after it, never.
                let wait = match new.at.epoch % 8 {
                    0 => Some(0),
                    1..4 => Some(fastrand::u64(0..60)),
                    4..6 => Some(fastrand::u64(300..900)),
                    _ => None,
                };
                let opens = wait.map(|wait| Instant::now() + Duration::from_millis(wait));
                if wait == Some(0) {
                    new.frontier.open();
                }
                let tenure = Tenure { at: new.at, gate: new.frontier, opens, next: new.start };
                tenures.insert(tenure.at.epoch, tenure);
            }
        }
        SourceEvent::Records(records) => {
            for (epoch, offset) in records {
                let tenure = tenures.get_mut(&epoch).expect("a tenure that goes on");
                assert!(tenure.gate.is_open(), "{:?} is closed", tenure.at);
                assert_eq!(offset, tenure.next, "{:?}", tenure.at);
                tenure.next += 1;
                group.counts.records += 1;
            }
        }
        SourceEvent::Revoking(revocation) => {
            assert!(!revocation.lost);
            let mut commits = Vec::new();
            for at in &revocation.partitions {
                let tenure = tenures.remove(&at.epoch).expect("a tenure that ends");
                if !tenure.gate.is_open() {
                    group.counts.revoked_closed += 1;
                    if at.partition % 2 == 0 {
                        group.counts.opened_late += 1;
                        tenure.gate.open();
                    }
                }
                let offset = fastrand::i64(1..RECORDS - 1);
                group.committed.insert(at.partition, offset);
                commits.push(Commit { at: at.clone(), offset, metadata: String::new() });
            }
            revocation.done(commits);
        }
        SourceEvent::CommitFailed { error, .. } => panic!("{error}"),
        SourceEvent::Failed(error) => panic!("{error}"),
        SourceEvent::OffsetOutOfRange { at, wanted, .. } => panic!("{at:?} at {wanted}"),
        SourceEvent::Positions(_) | SourceEvent::Committed(_) => {}
    }
}
