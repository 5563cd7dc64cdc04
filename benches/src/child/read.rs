//! A topic read to its end by a process that does nothing else: the most that reading can
//! yield. In two ways, because either may be the cheaper one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use emberline_broker::{
    Bounds, KafkaSettings, RecordReader, RecordRef, Room, Source, SourceEvent, SourceSettings,
};
use emberline_testkit::kafka::unique;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tokio::sync::mpsc;

use super::{Did, ready};

/// Without a record for so long, something is wrong.
const STALLED: Duration = Duration::from_secs(20);

/// Reads by `BaseConsumer::poll`, assigned by hand, with librdkafka's own settings.
pub(super) fn by_poll(brokers: &str, topic: &str) -> anyhow::Result<Did> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", unique("raw"))
        .set("enable.auto.commit", "false")
        .create()?;
    let (partitions, wanted) = contents(brokers, topic)?;
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        list.add_partition_offset(topic, partition, Offset::Beginning)?;
    }
    consumer.assign(&list)?;
    ready("")?;
    let mut did = Did::default();
    let began = Instant::now();
    while did.records < wanted {
        let record = consumer.poll(STALLED).context("no record came")??;
        did.records += 1;
        did.bytes += record.payload_len() as u64;
    }
    did.seconds = began.elapsed().as_secs_f64();
    Ok(did)
}

/// Reads by the pipeline's own source, as a member of a group, with a reader that only
/// counts.
pub(super) fn in_batches(brokers: &str, topic: &str) -> anyhow::Result<Did> {
    let (_, wanted) = contents(brokers, topic)?;
    let kafka = KafkaSettings::new(brokers, unique("raw"));
    let settings = SourceSettings {
        gap_limit: u64::MAX,
        ..SourceSettings::new(vec![topic.to_owned()], unique("raw"))
    };
    let room = Arc::new(Room::new(usize::MAX, usize::MAX));
    let (events, mut received) = mpsc::channel(64);
    let bytes = Arc::new(AtomicU64::new(0));
    let count = Count { records: 0, bytes: Arc::clone(&bytes) };
    let source = Source::start(&kafka, settings, count, |committed| committed.low, room, events)?;
    ready("")?;
    let mut did = Did::default();
    let mut began = None;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        while did.records < wanted {
            let event = tokio::time::timeout(STALLED, received.recv()).await;
            match event.context("no record came")? {
                Some(SourceEvent::Records(records)) => {
                    began.get_or_insert_with(Instant::now);
                    did.records += records;
                }
                Some(SourceEvent::Failed(error)) => bail!("{error}"),
                Some(_) => {}
                None => bail!("the source ended"),
            }
        }
        did.seconds = began.map_or(0.0, |began| began.elapsed().as_secs_f64());
        let answer = async {
            while let Some(event) = received.recv().await {
                if let SourceEvent::Revoking(revocation) = event {
                    revocation.done(Vec::new());
                }
            }
        };
        tokio::join!(source.close(), answer).0.map_err(anyhow::Error::from)
    })?;
    did.bytes = bytes.load(Ordering::Relaxed);
    Ok(did)
}

/// The partitions of a topic, and how many records are in it.
fn contents(brokers: &str, topic: &str) -> anyhow::Result<(Vec<i32>, u64)> {
    let bounds = Bounds::new(&KafkaSettings::new(brokers, unique("raw")))?;
    let found = bounds.of_topics(&[topic.to_owned()], STALLED)?;
    let records = found.iter().map(|bounds| bounds.high.abs_diff(bounds.low)).sum();
    Ok((found.into_iter().map(|bounds| bounds.partition).collect(), records))
}

/// Looks at every value's first byte, so that its memory is touched, and counts.
struct Count {
    records: u64,
    bytes: Arc<AtomicU64>,
}

impl RecordReader for Count {
    type Batch = u64;

    fn read(&mut self, record: RecordRef<'_>) {
        self.records += 1;
        let value = record.value.unwrap_or_default();
        std::hint::black_box(value.first());
        self.bytes.fetch_add(value.len() as u64, Ordering::Relaxed);
    }

    fn finish(&mut self) -> Option<u64> {
        Some(std::mem::take(&mut self.records)).filter(|records| *records > 0)
    }
}
