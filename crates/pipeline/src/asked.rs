//! What a start asks Kafka for, and how patiently.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use emberline_broker::{Bounds, BrokerError, ErrorClass, KafkaSettings, PartitionBounds};

use crate::error::PipelineError;
use crate::run::{all_topics, group_of};
use crate::settings::{PipelineSettings, Topics, WorkerKind};
use crate::worker::Ends;

/// Where a group has left off, by topic and partition.
pub(crate) type LeftOff = HashMap<(String, i32), i64>;

/// How long a question about topics may take.
pub(crate) const ASK: Duration = Duration::from_secs(20);
/// How long a start goes on asking what has no answer yet.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
const ASK_AGAIN: Duration = Duration::from_millis(250);

/// How many partitions a topic of our own has.
pub(crate) async fn partitions_of(
    kafka: &KafkaSettings,
    topics: &Topics,
    topic: String,
) -> Result<i32, BrokerError> {
    ask(kafka, topics, move |bounds| {
        bounds.partition_count(&topic, ASK)?.ok_or_else(|| BrokerError::NoTopic(topic.clone()))
    })
    .await
}

/// How many partitions the table of bindings has that a worker joins by those of its own: as
/// many as the topic that it reads.
pub(crate) async fn partitions_of_table(settings: &PipelineSettings) -> Result<i32, PipelineError> {
    let PipelineSettings { kafka, topics, .. } = settings;
    let table = partitions_of(kafka, topics, topics.device_customers()).await?;
    let keyed = partitions_of(kafka, topics, topics.keyed_devices()).await?;
    agree(topics, table, keyed)
}

/// The partitions of the table of bindings and of the topic keyed by device, if they are as
/// many.
pub(crate) fn agree(topics: &Topics, table: i32, keyed: i32) -> Result<i32, PipelineError> {
    if table == keyed {
        return Ok(table);
    }
    let (name, of_devices) = (topics.device_customers(), topics.keyed_devices());
    Err(PipelineError::TableParts { table: name, has: table, keyed: of_devices, keyed_has: keyed })
}

/// Where the devices workers have left off the topics that are repartitioned from now on: what
/// they have delivered is not to be delivered again.
pub(crate) async fn left_off_by_devices(
    settings: &PipelineSettings,
) -> Result<LeftOff, BrokerError> {
    let group = group_of(WorkerKind::Devices, settings);
    let kafka = KafkaSettings { group, ..settings.kafka.clone() };
    let topics = settings.topics.repartition.clone();
    ask(&kafka, &settings.topics, move |client| {
        let bounds = client.of_topics(&topics, ASK)?;
        let names: Vec<_> = bounds.iter().map(PartitionBounds::name).collect();
        let committed = client.committed(&names, ASK)?;
        let left_off = names.into_iter().zip(committed);
        Ok(left_off.filter_map(|(name, offset)| Some((name, offset?))).collect())
    })
    .await
}

/// The end that every input has now.
pub(crate) async fn ends_now(settings: &PipelineSettings) -> Result<Ends, BrokerError> {
    if let Some(replay) = &settings.replay {
        return Ok(replay.to_be_reached());
    }
    let topics = all_topics(settings);
    let found =
        ask(&settings.kafka, &settings.topics, move |bounds| bounds.of_topics(&topics, ASK));
    Ok(Ends::of(found.await?))
}

/// Asks a client of its own, where blocking is allowed, again while the answer may pass.
async fn ask<A: Send + 'static>(
    kafka: &KafkaSettings,
    topics: &Topics,
    question: impl Fn(&Bounds) -> Result<A, BrokerError> + Send + Sync + 'static,
) -> Result<A, BrokerError> {
    ask_client(&Arc::new(Bounds::new(kafka)?), topics, question).await
}

/// The same of a client that is asked more often.
pub(crate) async fn ask_client<A: Send + 'static>(
    client: &Arc<Bounds>,
    topics: &Topics,
    question: impl Fn(&Bounds) -> Result<A, BrokerError> + Send + Sync + 'static,
) -> Result<A, BrokerError> {
    let question = Arc::new(question);
    patiently(topics, async || {
        let (client, question) = (Arc::clone(client), Arc::clone(&question));
        let answer = tokio::task::spawn_blocking(move || question(&client));
        answer.await.map_err(|_| BrokerError::ThreadEnded("kafka bounds"))?
    })
    .await
}

/// Whether it is an answer of a start that may pass: see [`patiently`].
pub(crate) fn may_pass(error: &BrokerError, topics: &Topics) -> bool {
    match error {
        BrokerError::NoTopic(name) => topics.is_own(name),
        error => error.class() == ErrorClass::Transient,
    }
}

/// Asks again while the answer is one that may pass: a topic made a moment ago has no
/// leader yet, a broker is being restarted. One of our own topics was made by us or by
/// another replica: not every node knows it at once.
pub(crate) async fn patiently<A>(
    topics: &Topics,
    ask: impl AsyncFn() -> Result<A, BrokerError>,
) -> Result<A, BrokerError> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        match ask().await {
            Err(error) if may_pass(&error, topics) && tokio::time::Instant::now() < deadline => {
                tracing::debug!(%error, "asked again");
                tokio::time::sleep(ASK_AGAIN).await;
            }
            answer => return answer,
        }
    }
}
