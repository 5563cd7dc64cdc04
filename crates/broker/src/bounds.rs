//! Questions about topics: how many partitions, where they begin and end, what a group
//! has committed.
//!
//! They go through a consumer that is never assigned anything: a source's own
//! connection is busy with a long poll and would answer after half a second.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::{Offset, TopicPartitionList};

use crate::client::{LogOnly, bounds_config};
use crate::error::{BrokerError, is_of_group};
use crate::refusal::Door;
use crate::settings::KafkaSettings;

/// How long what brokers said is looked for after a question that got no answer. It waits in
/// a queue then, if anything was said.
const SAID_WITHIN: Duration = Duration::from_millis(500);
const LOOK: Duration = Duration::from_millis(20);

/// Asks about bounds. Calls block for a round trip to the broker (about 1 ms) or until
/// their timeout: in async code to be made where blocking is allowed.
pub struct Bounds {
    consumer: BaseConsumer<LogOnly>,
    group: String,
    /// The right to the group was missing when librdkafka asked for its coordinator. What is
    /// asked of the group has no answer then, until its time is over.
    group_refused: AtomicBool,
}

/// Where a partition begins and ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionBounds {
    /// The topic.
    pub topic: String,
    /// The partition's number.
    pub partition: i32,
    /// First offset of the log.
    pub low: i64,
    /// One past the last offset of the log; transactions not yet closed are left out.
    pub high: i64,
    /// How many partitions the topic has.
    pub topic_partitions: i32,
}

impl PartitionBounds {
    /// Topic and number: what a partition is asked about by.
    pub fn name(&self) -> (String, i32) {
        (self.topic.clone(), self.partition)
    }
}

/// Where the records from some time on begin, by partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AtTime {
    /// In the order of the partitions asked about: the first offset whose record is of that
    /// time or later; the log's end where there is none.
    Offsets(Vec<i64>),
    /// These brokers can't say: the embedded one can't.
    Unknown,
}

impl Bounds {
    /// A client of its own for the questions.
    ///
    /// # Errors
    /// Settings that librdkafka refuses.
    pub fn new(kafka: &KafkaSettings) -> Result<Self, BrokerError> {
        let consumer = bounds_config(kafka)
            .create_with_context(LogOnly::default())
            .map_err(|error| BrokerError::creation(&error))?;
        let group_refused = AtomicBool::new(false);
        Ok(Self { consumer, group: kafka.group.clone(), group_refused })
    }

    /// How many partitions a topic has; `None` where it doesn't exist.
    ///
    /// # Errors
    /// [`BrokerError::Hidden`], no answer in time, or the brokers let nobody in.
    pub fn partition_count(
        &self,
        topic: &str,
        timeout: Duration,
    ) -> Result<Option<i32>, BrokerError> {
        self.serve_logs();
        let metadata = self.consumer.fetch_metadata(Some(topic), timeout).map_err(|error| {
            self.explained(BrokerError::asked(format!("read the metadata of {topic}"), &error))
        })?;
        self.door().opened();
        let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else {
            return Ok(None);
        };
        match found.error().map(Code::from) {
            Some(Code::TopicAuthorizationFailed) => Err(BrokerError::Hidden(topic.to_owned())),
            Some(_) => Ok(None),
            None => {
                let count = i32::try_from(found.partitions().len()).unwrap_or(i32::MAX);
                Ok(Some(count).filter(|count| *count > 0))
            }
        }
    }

    /// Replicas of a topic's first partition, `None` as above.
    pub(crate) fn replication(&self, topic: &str, timeout: Duration) -> Option<i32> {
        let metadata = self.consumer.fetch_metadata(Some(topic), timeout).ok()?;
        let found = metadata.topics().iter().find(|found| found.name() == topic)?;
        i32::try_from(found.partitions().first()?.replicas().len()).ok()
    }

    /// The bounds of all partitions of these topics, asked for by who reads them.
    ///
    /// # Errors
    /// [`BrokerError::NoTopic`] for one that doesn't exist, [`BrokerError::Unreadable`] for one
    /// that may not be seen; no answer in time.
    pub fn of_topics(
        &self,
        topics: &[String],
        timeout: Duration,
    ) -> Result<Vec<PartitionBounds>, BrokerError> {
        let mut names = Vec::new();
        for topic in topics {
            let count = self.count_to_read(topic, timeout)?;
            names.extend((0..count).map(|partition| (topic.clone(), partition)));
        }
        self.of_partitions(&names, timeout)
    }

    /// The bounds of these partitions, in their order.
    ///
    /// # Errors
    /// As [`Bounds::of_topics`].
    pub fn of_partitions(
        &self,
        names: &[(String, i32)],
        timeout: Duration,
    ) -> Result<Vec<PartitionBounds>, BrokerError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut counts: HashMap<&str, i32> = HashMap::new();
        for (topic, _) in names {
            if !counts.contains_key(topic.as_str()) {
                counts.insert(topic, self.count_to_read(topic, timeout)?);
            }
        }
        let lows = self.offsets_at(names, Offset::Beginning, timeout)?;
        let highs = self.offsets_at(names, Offset::End, timeout)?;
        names
            .iter()
            .map(|(topic, partition)| {
                let name = (topic.clone(), *partition);
                let (low, high) = (lows.get(&name), highs.get(&name));
                let (Some(&low), Some(&high)) = (low, high) else {
                    return Err(BrokerError::NoTopic(format!("{topic}/{partition}")));
                };
                let topic_partitions = counts.get(topic.as_str()).copied().unwrap_or(0);
                Ok(PartitionBounds {
                    topic: name.0,
                    partition: name.1,
                    low,
                    high,
                    topic_partitions,
                })
            })
            .collect()
    }

    /// Where the records of a time, in Unix milliseconds, begin in these partitions. Of
    /// records whose producers set the time themselves, earlier ones may follow.
    ///
    /// # Errors
    /// No answer in time.
    pub fn at_time(
        &self,
        partitions: &[PartitionBounds],
        unix_ms: i64,
        timeout: Duration,
    ) -> Result<AtTime, BrokerError> {
        let names: Vec<_> = partitions.iter().map(PartitionBounds::name).collect();
        // Every log that holds something holds it from its beginning of time on.
        let first = self.offsets_at(&names, Offset::Offset(0), timeout)?;
        let knows = |it: &PartitionBounds| it.low >= it.high || first.contains_key(&it.name());
        if !partitions.iter().all(knows) {
            return Ok(AtTime::Unknown);
        }
        let found = self.offsets_at(&names, Offset::Offset(unix_ms.max(0)), timeout)?;
        let at = partitions.iter().zip(&names).map(|(it, name)| {
            found.get(name).map_or(it.high, |offset| (*offset).clamp(it.low, it.high))
        });
        Ok(AtTime::Offsets(at.collect()))
    }

    /// How many partitions a topic has that is to be read: to see it is not enough then.
    fn count_to_read(&self, topic: &str, timeout: Duration) -> Result<i32, BrokerError> {
        match self.partition_count(topic, timeout) {
            Err(BrokerError::Hidden(topic)) => Err(BrokerError::Unreadable(topic)),
            count => count?.ok_or_else(|| BrokerError::NoTopic(topic.to_owned())),
        }
    }

    /// What the group of the settings has committed for these partitions, in their order;
    /// `None`: nothing yet.
    ///
    /// # Errors
    /// No answer in time, or no right to the group.
    pub fn committed(
        &self,
        names: &[(String, i32)],
        timeout: Duration,
    ) -> Result<Vec<Option<i64>>, BrokerError> {
        let list = partition_list(names);
        let list = self.consumer.committed_offsets(list, timeout).map_err(|error| {
            match error.rdkafka_error_code() {
                Some(Code::GroupAuthorizationFailed) => {
                    BrokerError::GroupForbidden(self.group.clone())
                }
                Some(Code::OperationTimedOut) if self.is_group_refused() => {
                    BrokerError::GroupForbidden(self.group.clone())
                }
                _ => BrokerError::asked("read the committed offsets", &error),
            }
        })?;
        self.group_refused.store(false, Ordering::Relaxed);
        let found = list.to_topic_map();
        let committed = names.iter().map(|name| match found.get(name) {
            Some(Offset::Offset(offset)) => Some(*offset),
            _ => None,
        });
        Ok(committed.collect())
    }

    /// All partitions' offsets at the beginning, the end, or (as an offset) at a time in Unix
    /// milliseconds, in one request a broker. Left out are those that have none.
    fn offsets_at(
        &self,
        names: &[(String, i32)],
        place: Offset,
        timeout: Duration,
    ) -> Result<HashMap<(String, i32), i64>, BrokerError> {
        let asked = || "read the bounds of partitions".to_owned();
        let mut list = partition_list(names);
        list.set_all_offsets(place).map_err(|error| BrokerError::asked(asked(), &error))?;
        // A look-up by time takes the beginning and the end for times of their own.
        let list = self
            .consumer
            .offsets_for_times(list, timeout)
            .map_err(|error| BrokerError::asked(asked(), &error))?;
        let mut found = HashMap::with_capacity(names.len());
        for element in list.elements() {
            element.error().map_err(|error| BrokerError::asked(asked(), &error))?;
            if let Offset::Offset(offset) = element.offset() {
                found.insert((element.topic().to_owned(), element.partition()), offset);
            }
        }
        Ok(found)
    }

    /// A failure of this client or of another with the same settings, with what brokers said
    /// at the door, where they let none in. That waits in the client's queue.
    pub(crate) fn explained(&self, error: BrokerError) -> BrokerError {
        self.listen_until(|| self.door().last().is_some());
        error.because_of(self.door())
    }

    fn is_group_refused(&self) -> bool {
        let refused = || self.group_refused.load(Ordering::Relaxed);
        self.listen_until(refused);
        refused()
    }

    /// Hears what brokers said until it is enough, or nothing more is to be expected.
    fn listen_until(&self, is_enough: impl Fn() -> bool) {
        let until = Instant::now() + SAID_WITHIN;
        while !is_enough() && Instant::now() < until {
            self.listen(LOOK);
        }
    }

    fn door(&self) -> &Door {
        &self.consumer.context().door
    }

    /// Log lines wait in the client's queue until it is polled.
    fn serve_logs(&self) {
        while self.listen(Duration::ZERO) {}
    }

    /// Whether something was said within this time.
    fn listen(&self, wait: Duration) -> bool {
        let Some(Err(error)) = self.consumer.poll(wait) else { return false };
        if is_of_group(&error) {
            self.group_refused.store(true, Ordering::Relaxed);
        }
        tracing::debug!(%error, "kafka bounds client");
        true
    }
}

fn partition_list(names: &[(String, i32)]) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(names.len());
    for (topic, partition) in names {
        list.add_partition(topic, *partition);
    }
    list
}
