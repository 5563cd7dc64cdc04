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

use std::collections::{HashMap, VecDeque};
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
/// Ends of a partition that are remembered: of more than three minutes.
const MOST_MARKS: usize = 64;

/// The two parts of the way, each with its gauge.
pub(crate) struct Behind {
    stages: [Stage; 2],
}

impl Behind {
    /// Nothing waits.
    pub(crate) fn new() -> Self {
        Self { stages: [Stage::new("projected"), Stage::new("read")] }
    }

    /// Keeps the gauges up to date, also at 0 where there are no such tables: what is not set for
    /// a minute is shown no more.
    pub(crate) async fn watch(
        mut self,
        settings: PipelineSettings,
        tables: Option<Arc<OwnTables>>,
        stop: CancellationToken,
    ) {
        let client =
            match tables.map(|tables| client(&settings).map(|client| (client, tables))).transpose()
            {
                Ok(client) => client,
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
            let Some((client, tables)) = client.clone() else {
                self.stages.iter().for_each(|stage| stage.show(Instant::now()));
                continue;
            };
            let (sets, facts) = topics.clone();
            let asked = tokio::task::spawn_blocking(move || {
                [projected(&client, &sets), read(&client, &facts, &tables)]
            });
            let Ok(asked) = asked.await else {
                tracing::error!("how far the bindings are behind is measured no more");
                return;
            };
            let now = Instant::now();
            for (stage, places) in self.stages.iter_mut().zip(asked) {
                match places {
                    Ok(places) => stage.look(&places, now),
                    Err(error) => stage.cannot_look(&error, now),
                }
            }
        }
    }
}

/// Who asks what worker `repartition` has committed.
fn client(settings: &PipelineSettings) -> Result<Arc<Bounds>, BrokerError> {
    let group = group_of(WorkerKind::Repartition, settings);
    Ok(Arc::new(Bounds::new(&KafkaSettings { group, ..settings.kafka.clone() })?))
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
    failed: bool,
}

impl Stage {
    fn new(name: &'static str) -> Self {
        let gauge = metrics::gauge!(BINDINGS_BEHIND, "stage" => name);
        gauge.set(0.0);
        Self { name, gauge, waits: Waits::default(), was_beyond: false, failed: false }
    }

    fn look(&mut self, places: &[Place], now: Instant) {
        self.failed = false;
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
        self.waits.look(places, now);
        self.show(now);
    }

    /// What was waited for is waited for still.
    fn cannot_look(&mut self, error: &BrokerError, now: Instant) {
        if !std::mem::replace(&mut self.failed, true) {
            tracing::warn!(%error, stage = self.name, "how far the bindings are behind is not known");
        }
        self.show(now);
    }

    fn show(&self, now: Instant) {
        self.gauge.set(self.waits.longest(now).as_secs_f64());
    }
}

/// Ends that were seen and are not reached yet, each since when, by partition.
#[derive(Debug, Default)]
struct Waits(HashMap<i32, VecDeque<(i64, Instant)>>);

impl Waits {
    /// A partition that isn't among these waits no longer.
    fn look(&mut self, places: &[Place], now: Instant) {
        let mut before = std::mem::take(&mut self.0);
        for &Place { partition, end, reached } in places {
            if reached == end {
                continue;
            }
            let mut marks = before.remove(&partition).unwrap_or_default();
            // Beyond its end it is of a topic that is gone, and waits until there is as much.
            if reached < end {
                while marks.front().is_some_and(|(seen, _)| *seen <= reached) {
                    marks.pop_front();
                }
            }
            let is_new = marks.back().is_none_or(|(seen, _)| *seen < end);
            if is_new && marks.len() < MOST_MARKS {
                marks.push_back((end, now));
            }
            self.0.insert(partition, marks);
        }
    }

    /// For how long the one that waits longest does.
    fn longest(&self, now: Instant) -> Duration {
        let first = self.0.values().filter_map(|marks| marks.front());
        let waited = first.map(|(_, since)| now.saturating_duration_since(*since));
        waited.max().unwrap_or_default()
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

    /// A look so many seconds after the beginning, and what is told then.
    fn look(waits: &mut Waits, places: &[Place], (begin, seconds): (Instant, u64)) -> u64 {
        let now = begin + Duration::from_secs(seconds);
        waits.look(places, now);
        waits.longest(now).as_secs()
    }

    #[test]
    fn an_end_waits_from_when_it_was_seen_until_it_is_reached() {
        let begin = Instant::now();
        let mut waits = Waits::default();
        let mut told = |places: &[Place], seconds| look(&mut waits, places, (begin, seconds));
        assert_eq!(told(&[at(0, 10, 10), at(1, 5, 5)], 0), 0);
        assert_eq!(told(&[at(0, 12, 10), at(1, 5, 5)], 3), 0);
        assert_eq!(told(&[at(0, 15, 11), at(1, 6, 5)], 6), 3);
        // The first end is reached; the second was seen when there still was the first.
        assert_eq!(told(&[at(0, 17, 12), at(1, 6, 5)], 9), 3);
        assert_eq!(told(&[at(0, 17, 14), at(1, 6, 6)], 12), 6);
        assert_eq!(told(&[at(0, 17, 14), at(1, 6, 6)], 60), 54);
        assert_eq!(told(&[at(0, 17, 16), at(1, 6, 6)], 61), 52);
        assert_eq!(told(&[at(0, 17, 17), at(1, 6, 6)], 62), 0);
    }

    #[test]
    fn what_is_always_as_far_behind_is_told_as_far() {
        let begin = Instant::now();
        for looks_behind in [0, 1, 20] {
            let mut waits = Waits::default();
            for n in 0..100_u64 {
                let end = i64::try_from(n).unwrap();
                let places = [at(0, end + 1, (end + 1 - looks_behind - 1).max(0))];
                let told = look(&mut waits, &places, (begin, 3 * n));
                let expected = 3 * n.min(looks_behind.unsigned_abs());
                assert_eq!(told, expected, "{looks_behind} looks behind, at the {n}th");
            }
        }
    }

    #[test]
    fn who_is_very_far_behind_takes_no_more_memory_and_is_told_as_late() {
        let begin = Instant::now();
        let mut waits = Waits::default();
        for n in 0..2_000_u64 {
            let end = i64::try_from(n).unwrap();
            let told = look(&mut waits, &[at(0, end + 1, (end - 200).max(0))], (begin, 3 * n));
            assert!(waits.0[&0].len() <= super::MOST_MARKS);
            assert!(n < 250 || told > 60, "{told} s at the {n}th look");
        }
    }

    #[test]
    fn a_partition_that_is_another_workers_now_waits_no_longer() {
        let begin = Instant::now();
        let mut waits = Waits::default();
        look(&mut waits, &[at(0, 10, 3), at(1, 10, 10)], (begin, 0));
        assert_eq!(look(&mut waits, &[at(1, 10, 10)], (begin, 9)), 0);
        assert_eq!(look(&mut waits, &[at(0, 10, 3)], (begin, 9)), 0, "seen anew");
    }

    #[test]
    fn a_topic_that_ends_before_where_it_was_read_waits_until_there_is_as_much() {
        let begin = Instant::now();
        let mut waits = Waits::default();
        look(&mut waits, &[at(0, 10, 10)], (begin, 0));
        look(&mut waits, &[at(0, 0, 10)], (begin, 3));
        assert_eq!(look(&mut waits, &[at(0, 2, 10)], (begin, 60)), 57);
        assert_eq!(look(&mut waits, &[at(0, 5, 5)], (begin, 63)), 0);
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
