//! The workers' groups: what they have committed, and how far that is from the logs' ends.
//! A lag is no failure: it is for who reads the table to judge.

use emberline_broker::{Bounds, BrokerError, KafkaSettings, PartitionBounds};
use emberline_pipeline::WorkerKind;

use super::{PATIENCE, blocking};
use crate::commands::check::fault::Fault;
use crate::commands::check::report::{Group, Report};
use crate::settings::Settings;
use crate::wiring;

/// A worker's group.
pub(super) fn name(kafka: &KafkaSettings, kind: WorkerKind) -> String {
    format!("group {}-{}", kafka.group, kind.name())
}

/// The kinds of workers that there are with these settings.
pub(super) fn kinds(settings: &Settings) -> impl Iterator<Item = WorkerKind> {
    let repartitions = !settings.topics.repartition.is_empty();
    let all = WorkerKind::ALL.into_iter();
    all.filter(move |kind| repartitions || *kind != WorkerKind::Repartition)
}

/// Looks at each of them. `there` are the topics that there are.
pub(super) async fn check(
    kafka: &KafkaSettings,
    settings: &Settings,
    there: &[String],
    report: &mut Report,
) {
    for kind in kinds(settings) {
        let mut topics = topics_of(settings, kind);
        topics.retain(|topic| there.contains(topic));
        let step = name(kafka, kind);
        if topics.is_empty() {
            report.skipped(Group::Kafka, &step, "its topics");
            continue;
        }
        let group = kind.group(&kafka.group);
        let kafka = KafkaSettings { group, ..kafka.clone() };
        let lag = blocking(move || Lag::ask(&kafka, &topics)).await;
        report.settle(Group::Kafka, &step, lag.map(|lag| lag.text()).map_err(Fault::from));
    }
}

fn topics_of(settings: &Settings, kind: WorkerKind) -> Vec<String> {
    let topics = wiring::topics(settings);
    match kind {
        WorkerKind::Devices => topics.read_by_devices(),
        WorkerKind::Repartition => {
            let sets = settings.divides_bindings().then(|| topics.customer_devices());
            topics.repartition.into_iter().chain(sets).collect()
        }
        WorkerKind::Bindings => topics.bindings,
        WorkerKind::Claims => [topics.customers, topics.orders].concat(),
        WorkerKind::Retries => {
            settings.retry.tiers.iter().map(|tier| topics.retry(tier.0)).collect()
        }
        // They follow no topic.
        WorkerKind::Replay | WorkerKind::Redrive => Vec::new(),
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Lag {
    partitions: usize,
    /// Those of which nothing was committed yet.
    untouched: usize,
    records: i64,
}

impl Lag {
    fn ask(kafka: &KafkaSettings, topics: &[String]) -> Result<Self, BrokerError> {
        let bounds = Bounds::new(kafka)?;
        let found = bounds.of_topics(topics, PATIENCE)?;
        let names: Vec<_> = found.iter().map(PartitionBounds::name).collect();
        Ok(Self::of(&found, &bounds.committed(&names, PATIENCE)?))
    }

    fn of(bounds: &[PartitionBounds], committed: &[Option<i64>]) -> Self {
        let records = bounds.iter().zip(committed).map(|(bounds, committed)| {
            (bounds.high - committed.unwrap_or(bounds.low).max(bounds.low)).max(0)
        });
        Self {
            partitions: bounds.len(),
            untouched: committed.iter().filter(|offset| offset.is_none()).count(),
            records: records.sum(),
        }
    }

    fn text(&self) -> String {
        let Self { partitions, untouched, records } = self;
        if untouched == partitions {
            return format!("has committed nothing yet; {records} records wait");
        }
        let rest = match untouched {
            0 => String::new(),
            count => format!(", nothing committed of {count}"),
        };
        format!("lag {records} over {partitions} partitions{rest}")
    }
}

#[cfg(test)]
mod tests {
    use emberline_broker::PartitionBounds;

    use super::Lag;

    fn bounds(low: i64, high: i64) -> PartitionBounds {
        PartitionBounds { topic: "t".to_owned(), partition: 0, low, high, topic_partitions: 1 }
    }

    #[test]
    fn a_lag_is_what_is_left_to_read() {
        let logs = [bounds(0, 10), bounds(5, 10), bounds(5, 10)];
        let lag = Lag::of(&logs, &[Some(8), None, Some(2)]);
        assert_eq!(lag, Lag { partitions: 3, untouched: 1, records: 2 + 5 + 5 });
        assert_eq!(lag.text(), "lag 12 over 3 partitions, nothing committed of 1");
        assert_eq!(Lag::of(&logs[..1], &[Some(12)]).text(), "lag 0 over 1 partitions");
        let fresh = Lag::of(&logs, &[None, None, None]);
        assert_eq!(fresh.text(), "has committed nothing yet; 20 records wait");
    }
}
