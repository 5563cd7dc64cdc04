//! For how long changes of bindings have been there without having reached the tables of the own
//! partitions: whose a report is, is as new as these are.
//!
//! Two ways are looked at: of customers' sets, until they are written on as facts, which another
//! worker does; and of the facts, until they are read here. Who writes them on may be gone, and
//! then tells nothing: so whoever joins by them does.
//!
//! Absent: a count of what is missing. Where bindings change all the time, it is never 0.
//!
//! Start at [`Behind::watch`].

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use emberline_broker::{Bounds, BrokerError, KafkaSettings, PartitionBounds};
use metrics::Gauge;
use tokio_util::sync::CancellationToken;

use crate::asked::ASK;
use crate::metrics::BINDINGS_BEHIND;
use crate::own_tables::OwnTables;
use crate::run::group_of;
use crate::settings::{PipelineSettings, WorkerKind};

const LOOK_EVERY: Duration = Duration::from_secs(3);

/// The two parts of the way, each with its gauge.
pub(crate) struct Behind {
    stages: [Stage; 2],
}

impl Behind {
    /// Nothing waits.
    pub(crate) fn new() -> Self {
        Self { stages: [Stage::new("projected"), Stage::new("read")] }
    }

    /// Keeps the gauges up to date.
    pub(crate) async fn watch(
        mut self,
        settings: PipelineSettings,
        tables: Arc<OwnTables>,
        stop: CancellationToken,
    ) {
        let group = group_of(WorkerKind::Repartition, &settings);
        let client = match Bounds::new(&KafkaSettings { group, ..settings.kafka.clone() }) {
            Ok(client) => Arc::new(client),
            Err(error) => {
                tracing::error!(%error, "how far the bindings are behind is not measured");
                return;
            }
        };
        let topics = (settings.topics.customer_devices(), settings.topics.device_customers());
        let mut every = tokio::time::interval(LOOK_EVERY);
        loop {
            tokio::select! {
                _ = every.tick() => {}
                () = stop.cancelled() => return,
            }
            let (client, (sets, facts), tables) =
                (Arc::clone(&client), topics.clone(), Arc::clone(&tables));
            let asked = tokio::task::spawn_blocking(move || {
                Ok::<_, BrokerError>([projected(&client, &sets)?, read(&client, &facts, &tables)?])
            });
            match asked.await {
                Ok(Ok(places)) => {
                    let now = Instant::now();
                    for (stage, places) in self.stages.iter_mut().zip(places) {
                        stage.look(places, now);
                    }
                }
                // What was waited for is waited for still.
                Ok(Err(error)) => tracing::debug!(%error, "how far the bindings are behind"),
                Err(_) => return,
            }
        }
    }
}

/// How far each partition of the sets is written on.
fn projected(client: &Bounds, sets: &str) -> Result<Vec<Place>, BrokerError> {
    // Asked before the ends are: what is committed meanwhile must not lie beyond them.
    let count = client.partition_count(sets, ASK)?.unwrap_or(0);
    let names: Vec<_> = (0..count).map(|partition| (sets.to_owned(), partition)).collect();
    let committed = client.committed(&names, ASK)?;
    let bounds = client.of_partitions(&names, ASK)?;
    Ok(bounds.iter().zip(committed).map(|(it, reached)| Place::of(it, reached)).collect())
}

/// How far each partition of the facts is read that has a table which is complete.
fn read(client: &Bounds, facts: &str, tables: &OwnTables) -> Result<Vec<Place>, BrokerError> {
    let reached = tables.positions();
    let names: Vec<_> =
        reached.iter().map(|(partition, _)| (facts.to_owned(), *partition)).collect();
    let bounds = client.of_partitions(&names, ASK)?;
    Ok(bounds.iter().zip(reached).map(|(it, (_, at))| Place::of(it, Some(at))).collect())
}

/// Where a partition ends, and how far it was reached before.
#[derive(Debug, Clone, Copy)]
struct Place {
    partition: i32,
    end: i64,
    reached: i64,
}

impl Place {
    fn of(bounds: &PartitionBounds, reached: Option<i64>) -> Self {
        let reached = reached.unwrap_or(bounds.low).max(bounds.low);
        Self { partition: bounds.partition, end: bounds.high, reached }
    }
}

/// One part of the way, with its gauge.
struct Stage {
    name: &'static str,
    gauge: Gauge,
    waits: Waits,
    was_beyond: bool,
}

impl Stage {
    fn new(name: &'static str) -> Self {
        let gauge = metrics::gauge!(BINDINGS_BEHIND, "stage" => name);
        gauge.set(0.0);
        Self { name, gauge, waits: Waits::default(), was_beyond: false }
    }

    fn look(&mut self, places: Vec<Place>, now: Instant) {
        let beyond = places.iter().find(|place| place.reached > place.end);
        if let Some(Place { partition, end, reached }) = beyond
            && !self.was_beyond
        {
            let stage = self.name;
            tracing::error!(
                stage,
                partition,
                end,
                reached,
                "a topic of bindings ends before where it was read: deleted and made again? Make device-customers anew as the guide says (bindings by partitions)"
            );
        }
        self.was_beyond = beyond.is_some();
        self.gauge.set(self.waits.look(places, now).as_secs_f64());
    }
}

/// Ends that were seen and are not reached yet, each since when, by partition.
#[derive(Debug, Default)]
struct Waits(HashMap<i32, (i64, Instant)>);

impl Waits {
    /// For how long the one that waits longest does. A partition that isn't among these waits no
    /// longer.
    fn look(&mut self, places: Vec<Place>, now: Instant) -> Duration {
        let mut before = std::mem::take(&mut self.0);
        for Place { partition, end, reached } in places {
            if reached == end {
                continue;
            }
            // Beyond its end it is of a topic that is gone, and waits until there is as much.
            let since = match before.remove(&partition) {
                Some((seen, since)) if reached < seen || reached > end => (seen, since),
                _ => (end, now),
            };
            self.0.insert(partition, since);
        }
        let longest = self.0.values().map(|(_, since)| now.saturating_duration_since(*since));
        longest.max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use emberline_broker::PartitionBounds;

    use super::{Place, Waits};

    fn at(partition: i32, end: i64, reached: i64) -> Place {
        Place { partition, end, reached }
    }

    #[test]
    fn an_end_waits_from_when_it_was_seen_until_it_is_reached() {
        let begin = Instant::now();
        let second = |n| begin + Duration::from_secs(n);
        let seconds = Duration::from_secs;
        let mut waits = Waits::default();
        assert_eq!(waits.look(vec![at(0, 10, 10), at(1, 5, 5)], begin), seconds(0));
        assert_eq!(waits.look(vec![at(0, 12, 10), at(1, 5, 5)], second(3)), seconds(0));
        assert_eq!(waits.look(vec![at(0, 15, 11), at(1, 6, 5)], second(6)), seconds(3));
        // What was seen is reached; what has come since is seen now.
        assert_eq!(waits.look(vec![at(0, 17, 12), at(1, 6, 5)], second(9)), seconds(3));
        assert_eq!(waits.look(vec![at(0, 17, 14), at(1, 6, 6)], second(12)), seconds(3));
        assert_eq!(waits.look(vec![at(0, 17, 14), at(1, 6, 6)], second(60)), seconds(51));
        assert_eq!(waits.look(vec![at(0, 17, 17), at(1, 6, 6)], second(61)), seconds(0));
    }

    #[test]
    fn steady_changes_that_are_kept_up_with_are_never_far_behind() {
        let begin = Instant::now();
        let mut waits = Waits::default();
        for n in 0..100_u64 {
            let offset = i64::try_from(n).unwrap() * 10;
            let behind =
                waits.look(vec![at(0, offset + 1, offset)], begin + 3 * Duration::from_secs(n));
            assert!(behind <= Duration::from_secs(3), "{behind:?} at {n}");
        }
    }

    #[test]
    fn a_partition_that_is_another_workers_now_waits_no_longer() {
        let begin = Instant::now();
        let mut waits = Waits::default();
        waits.look(vec![at(0, 10, 3), at(1, 10, 10)], begin);
        let later = begin + Duration::from_secs(9);
        assert_eq!(waits.look(vec![at(1, 10, 10)], later), Duration::ZERO);
        assert_eq!(waits.look(vec![at(0, 10, 3)], later), Duration::ZERO, "seen anew");
    }

    #[test]
    fn a_topic_that_ends_before_where_it_was_read_waits_until_there_is_as_much() {
        let begin = Instant::now();
        let second = |n| begin + Duration::from_secs(n);
        let mut waits = Waits::default();
        waits.look(vec![at(0, 10, 10)], begin);
        waits.look(vec![at(0, 0, 10)], second(3));
        assert_eq!(waits.look(vec![at(0, 2, 10)], second(60)), Duration::from_secs(57));
        assert_eq!(waits.look(vec![at(0, 5, 5)], second(63)), Duration::ZERO);
    }

    #[test]
    fn what_nobody_ever_committed_is_reached_up_to_where_the_log_begins() {
        let bounds = PartitionBounds {
            topic: "sets".to_owned(),
            partition: 1,
            low: 4,
            high: 9,
            topic_partitions: 2,
        };
        assert_eq!(Place::of(&bounds, None).reached, 4);
        assert_eq!(Place::of(&bounds, Some(2)).reached, 4, "deleted since");
        assert_eq!(Place::of(&bounds, Some(7)).reached, 7);
        let empty = PartitionBounds { high: 4, ..bounds };
        assert_eq!(Place::of(&empty, None).reached, empty.high);
    }
}
