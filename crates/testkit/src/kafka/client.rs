//! What tests ask of a Kafka, by plain clients that share nothing with the code under
//! test.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Headers as _, Message, OwnedHeaders};
use rdkafka::metadata::MetadataTopic;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

const TIMEOUT: Duration = Duration::from_secs(5);
const READ_LIMIT: Duration = Duration::from_secs(30);

/// A record for a test to write.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewRecord {
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Its headers.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Unix milliseconds; `None`: now.
    pub timestamp_ms: Option<i64>,
    /// `None`: by its key.
    pub partition: Option<i32>,
}

impl NewRecord {
    /// A record of text.
    pub fn text(key: &str, value: &str) -> Self {
        Self {
            key: Some(key.as_bytes().to_vec()),
            value: Some(value.as_bytes().to_vec()),
            ..Self::default()
        }
    }
}

/// A record as a topic keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Unix milliseconds.
    pub timestamp_ms: i64,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Its headers.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl StoredRecord {
    /// The value of a header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(key, _)| key == name)?;
        std::str::from_utf8(value).ok()
    }
}

pub(super) fn config(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap)
        .set("allow.auto.create.topics", "false")
        .set("reconnect.backoff.max.ms", "500");
    config
}

fn consumer(bootstrap: &str, group: &str) -> Result<BaseConsumer> {
    Ok(config(bootstrap).set("group.id", group).set("enable.auto.commit", "false").create()?)
}

/// Waits until all nodes are there and the admin interface answers: the port opens earlier.
/// `check` ends the wait when it is of no use.
pub(super) async fn wait_until_up(
    bootstrap: &str,
    nodes: usize,
    limit: Duration,
    check: impl Fn() -> Result<()>,
) -> Result<()> {
    let until = Instant::now() + limit;
    let admin: AdminClient<DefaultClientContext> = config(bootstrap).create()?;
    let options = AdminOptions::new().request_timeout(Some(Duration::from_secs(2)));
    loop {
        check()?;
        let brokers = admin
            .inner()
            .fetch_metadata(Some(""), Duration::from_millis(500))
            .map_or(0, |metadata| metadata.brokers().len());
        if brokers >= nodes {
            let asked = admin.describe_configs(&[ResourceSpecifier::Broker(1)], &options).await;
            if asked.is_ok_and(|results| results.iter().all(Result::is_ok)) {
                return Ok(());
            }
        }
        if Instant::now() > until {
            bail!("kafka at {bootstrap} did not answer within {limit:?}");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

pub(super) async fn create_topic(
    bootstrap: &str,
    name: &str,
    partitions: i32,
    configs: &[(&str, &str)],
) -> Result<()> {
    let admin: AdminClient<DefaultClientContext> = config(bootstrap).create()?;
    let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(-1));
    let topic = configs.iter().fold(topic, |topic, (key, value)| topic.set(key, value));
    let options = AdminOptions::new()
        .request_timeout(Some(Duration::from_secs(10)))
        .operation_timeout(Some(Duration::from_secs(10)));
    for result in admin.create_topics([&topic], &options).await? {
        result.map_err(|(_, code)| anyhow!("{code}"))?;
    }
    // The answer comes before every broker knows of it.
    let until = Instant::now() + READ_LIMIT;
    while Instant::now() < until {
        let metadata = admin.inner().fetch_metadata(Some(name), TIMEOUT)?;
        let led = metadata.topics().iter().filter(|topic| topic.name() == name).all(|topic| {
            topic.error().is_none()
                && i32::try_from(topic.partitions().len()) == Ok(partitions)
                && topic.partitions().iter().all(|partition| partition.leader() >= 0)
        });
        if led {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bail!("it got no leaders within {READ_LIMIT:?}")
}

pub(super) async fn produce(bootstrap: &str, topic: &str, records: &[NewRecord]) -> Result<()> {
    let producer: FutureProducer = config(bootstrap)
        .set("enable.idempotence", "true")
        .set("partitioner", "murmur2_random")
        .set("linger.ms", "5")
        .set("message.max.bytes", "10000000")
        .create()?;
    let mut written = Vec::with_capacity(records.len());
    for new in records {
        let mut record = FutureRecord::<[u8], [u8]>::to(topic);
        record.key = new.key.as_deref();
        record.payload = new.value.as_deref();
        record.timestamp = new.timestamp_ms;
        record.partition = new.partition;
        if !new.headers.is_empty() {
            let headers = new.headers.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
                headers.insert(Header { key, value: Some(value) })
            });
            record.headers = Some(headers);
        }
        loop {
            match producer.send_result(record) {
                Ok(delivery) => {
                    written.push(delivery);
                    break;
                }
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    record = back;
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                Err((error, _)) => return Err(error.into()),
            }
        }
    }
    for delivery in written {
        delivery.await?.map_err(|(error, _)| error)?;
    }
    producer.flush(TIMEOUT)?;
    Ok(())
}

pub(super) fn read_all(bootstrap: &str, topic: &str) -> Result<Vec<StoredRecord>> {
    let consumer = consumer(bootstrap, "emberline-testkit")?;
    let mut ends = BTreeMap::new();
    let mut list = TopicPartitionList::new();
    for partition in partitions(&consumer, topic)? {
        let (low, high) = consumer.fetch_watermarks(topic, partition, TIMEOUT)?;
        if low < high {
            ends.insert(partition, high);
            list.add_partition_offset(topic, partition, Offset::Beginning)?;
        }
    }
    consumer.assign(&list)?;
    let mut records = Vec::new();
    let until = Instant::now() + READ_LIMIT;
    while !ends.is_empty() {
        if Instant::now() > until {
            bail!("could not read {topic} to its end within {READ_LIMIT:?}: {ends:?} are left");
        }
        match consumer.poll(Duration::from_millis(20)) {
            // What came later than the question is left out.
            Some(Ok(record)) => {
                if ends.get(&record.partition()).is_some_and(|end| record.offset() < *end) {
                    records.push(stored(&record));
                }
            }
            // A node may be away; the client finds the others.
            Some(Err(KafkaError::MessageConsumption(
                RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::AllBrokersDown,
            )))
            | None => {}
            Some(Err(error)) => return Err(error.into()),
        }
        // Positions pass what is no record: transaction markers, holes of compaction.
        for element in consumer.position()?.elements() {
            if let Offset::Offset(position) = element.offset()
                && ends.get(&element.partition()).is_some_and(|end| position >= *end)
            {
                ends.remove(&element.partition());
            }
        }
    }
    records.sort_by_key(|record| (record.partition, record.offset));
    Ok(records)
}

fn stored(record: &impl Message) -> StoredRecord {
    let headers = record.headers().map(|headers| {
        headers
            .iter()
            .map(|header| (header.key.to_owned(), header.value.unwrap_or_default().to_vec()))
            .collect()
    });
    StoredRecord {
        partition: record.partition(),
        offset: record.offset(),
        timestamp_ms: record.timestamp().to_millis().unwrap_or(-1),
        key: record.key().map(<[u8]>::to_vec),
        value: record.payload().map(<[u8]>::to_vec),
        headers: headers.unwrap_or_default(),
    }
}

pub(super) fn committed(
    bootstrap: &str,
    group: &str,
    topic: &str,
) -> Result<BTreeMap<i32, (i64, String)>> {
    let consumer = consumer(bootstrap, group)?;
    let mut list = TopicPartitionList::new();
    for partition in partitions(&consumer, topic)? {
        list.add_partition(topic, partition);
    }
    let list = committed_of(&consumer, &list)?;
    let elements = list.elements();
    let committed = elements.iter().filter_map(|element| match element.offset() {
        Offset::Offset(offset) => {
            Some((element.partition(), (offset, element.metadata().to_owned())))
        }
        _ => None,
    });
    Ok(committed.collect())
}

/// Commits these offsets of a topic's partitions, each with its text, for a group that has no
/// members.
pub(super) fn commit(
    bootstrap: &str,
    group: &str,
    topic: &str,
    offsets: &BTreeMap<i32, (i64, String)>,
) -> Result<()> {
    let consumer = consumer(bootstrap, group)?;
    let mut list = TopicPartitionList::new();
    for (partition, (offset, text)) in offsets {
        let mut element = list.add_partition(topic, *partition);
        element.set_offset(Offset::Offset(*offset))?;
        element.set_metadata(text);
    }
    let end = Instant::now() + READ_LIMIT;
    loop {
        match consumer.commit(&list, CommitMode::Sync) {
            Err(error) if coordinator_moves(&error) && Instant::now() < end => {
                std::thread::sleep(Duration::from_millis(100));
            }
            answer => return Ok(answer?),
        }
    }
}

/// Asks again while the group's coordinator moves or its topic is being made.
fn committed_of(consumer: &BaseConsumer, list: &TopicPartitionList) -> Result<TopicPartitionList> {
    let end = Instant::now() + READ_LIMIT;
    loop {
        match consumer.committed_offsets(list.clone(), TIMEOUT) {
            Err(error) if coordinator_moves(&error) && Instant::now() < end => {
                std::thread::sleep(Duration::from_millis(100));
            }
            answer => return Ok(answer?),
        }
    }
}

fn coordinator_moves(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::NotCoordinator | Code::CoordinatorNotAvailable | Code::CoordinatorLoadInProgress
        )
    )
}

/// One past the last offset of each partition of a topic.
pub(super) fn ends(bootstrap: &str, topic: &str) -> Result<BTreeMap<i32, i64>> {
    let consumer = consumer(bootstrap, "emberline-testkit")?;
    let ends = partitions(&consumer, topic)?.map(|partition| {
        let (_, end) = consumer.fetch_watermarks(topic, partition, TIMEOUT)?;
        Ok((partition, end))
    });
    ends.collect()
}

/// The leader of each partition of a topic, -1 where there is none.
pub(super) fn leaders(bootstrap: &str, topic: &str) -> Result<Vec<i32>> {
    let consumer = consumer(bootstrap, "emberline-testkit")?;
    let metadata = consumer.fetch_metadata(Some(topic), TIMEOUT)?;
    let found = metadata.topics().iter().find(|found| found.name() == topic);
    let found = found.filter(|found| found.error().is_none());
    let partitions = found.with_context(|| format!("there is no topic {topic}"))?.partitions();
    let mut leaders: Vec<_> =
        partitions.iter().map(|partition| (partition.id(), partition.leader())).collect();
    leaders.sort_unstable();
    Ok(leaders.into_iter().map(|(_, leader)| leader).collect())
}

/// Whether every partition has all its replicas in sync.
pub(super) fn is_in_sync(bootstrap: &str) -> Result<bool> {
    let consumer = consumer(bootstrap, "emberline-testkit")?;
    let metadata = consumer.fetch_metadata(None, TIMEOUT)?;
    let mut partitions = metadata.topics().iter().flat_map(MetadataTopic::partitions);
    Ok(partitions.all(|it| it.leader() >= 0 && it.isr().len() == it.replicas().len()))
}

fn partitions(consumer: &BaseConsumer, topic: &str) -> Result<std::ops::Range<i32>> {
    let metadata = consumer.fetch_metadata(Some(topic), TIMEOUT)?;
    let found = metadata.topics().iter().find(|found| found.name() == topic);
    let found = found.filter(|found| found.error().is_none());
    let count = found.with_context(|| format!("there is no topic {topic}"))?.partitions().len();
    Ok(0..i32::try_from(count)?)
}
