//! Whether what customers' sets say is written on as facts, before telemetry is joined by these.
//! Who joined by a topic that is being filled would park what the sets have long bound.
//!
//! Absent: any wait for sets that are written after the start. They are joined by as they come.
//!
//! Start at [`projection_first`].

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use emberline_broker::{Bounds, BrokerError, KafkaSettings, PartitionBounds};

use crate::asked::{ASK, ask_client};
use crate::run::group_of;
use crate::settings::{PipelineSettings, WorkerKind};
use crate::status::Monitor;

const LOOK_AGAIN: Duration = Duration::from_millis(250);
const SAY_AGAIN: Duration = Duration::from_secs(5);

/// Waits until all sets that there are now are written on as facts, and says how far that is.
/// Where it has begun and does not go on, it is not waited for longer than the bindings are at
/// a start; but for as long as it takes where the run has an end to come to.
pub(crate) async fn projection_first(
    settings: &PipelineSettings,
    monitor: &Monitor,
) -> Result<(), BrokerError> {
    let (topics, group) = (&settings.topics, group_of(WorkerKind::Repartition, settings));
    let (sets, facts) = (topics.customer_devices(), topics.device_customers());
    let client = Bounds::new(&KafkaSettings { group: group.clone(), ..settings.kafka.clone() })?;
    let client = Arc::new(client);
    let bounds = async |topic: &str| {
        let asked = [topic.to_owned()];
        ask_client(&client, topics, move |client| client.of_topics(&asked, ASK)).await
    };
    let patience =
        if settings.exit_at_end { Duration::MAX } else { settings.delivery.startup_wait };
    let mut progress = Progress::new(bounds(&sets).await?, patience, Instant::now());
    let mut said: Option<Instant> = None;
    loop {
        let names = progress.names();
        let committed =
            ask_client(&client, topics, move |client| client.committed(&names, ASK)).await?;
        let mut stage = progress.look(&committed, Instant::now());
        if stage == Stage::Reached && progress.all > 0 && is_empty(&bounds(&facts).await?) {
            stage = Stage::Gone;
        }
        let waits = Waits { stage, sets: &sets, facts: &facts, group: &group };
        match stage {
            Stage::Reached => break,
            Stage::Stands { .. } => {
                tracing::warn!("{waits}; it does not go on, telemetry without a binding waits");
                break;
            }
            Stage::NotBegun | Stage::UnderWay { .. } | Stage::Gone => {}
        }
        monitor.starts_after(Some(waits.to_string()));
        if said.is_none_or(|said| said.elapsed() >= SAY_AGAIN) {
            said = Some(Instant::now());
            tracing::info!("{waits}");
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    monitor.starts_after(None);
    Ok(())
}

fn is_empty(bounds: &[PartitionBounds]) -> bool {
    bounds.iter().all(|it| it.low >= it.high)
}

/// How far the sets are written on that there were at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// To the end.
    Reached,
    /// Nothing yet: nobody ever has, or it is to be done anew.
    NotBegun,
    UnderWay {
        percent: u64,
    },
    /// As above, and it does not go on.
    Stands {
        percent: u64,
    },
    /// To the end, and nothing is left of it.
    Gone,
}

/// What is still to be written on.
struct Progress {
    sets: Vec<PartitionBounds>,
    /// Offsets of the sets.
    all: u64,
    /// Those that were written on when it was last looked, and since when it is no more.
    passed: u64,
    moved: Instant,
    patience: Duration,
}

impl Progress {
    fn new(mut sets: Vec<PartitionBounds>, patience: Duration, now: Instant) -> Self {
        sets.retain(|it| it.low < it.high);
        let all = sets.iter().map(|it| it.high.abs_diff(it.low)).sum();
        Self { sets, all, passed: 0, moved: now, patience }
    }

    /// The partitions of which the group's committed offsets are to be told.
    fn names(&self) -> Vec<(String, i32)> {
        self.sets.iter().map(PartitionBounds::name).collect()
    }

    /// The group has committed this, in the order of [`names`](Self::names).
    fn look(&mut self, committed: &[Option<i64>], now: Instant) -> Stage {
        let of = |(it, committed): (&PartitionBounds, &Option<i64>)| {
            committed.map_or(0, |offset| offset.clamp(it.low, it.high).abs_diff(it.low))
        };
        let passed = self.sets.iter().zip(committed).map(of).sum();
        // Less than before is a start anew, as it is asked for where nothing is left.
        if passed != self.passed {
            (self.passed, self.moved) = (passed, now);
        }
        let stands = now.saturating_duration_since(self.moved) >= self.patience;
        let percent = passed.saturating_mul(100).checked_div(self.all).unwrap_or(100);
        match () {
            () if passed == self.all => Stage::Reached,
            () if passed == 0 => Stage::NotBegun,
            () if stands => Stage::Stands { percent },
            () => Stage::UnderWay { percent },
        }
    }
}

/// What is waited for, in words.
struct Waits<'a> {
    stage: Stage,
    sets: &'a str,
    facts: &'a str,
    group: &'a str,
}

impl fmt::Display for Waits<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stage, sets, facts, group } = self;
        match stage {
            Stage::Reached => write!(f, "all of {sets} is in {facts}"),
            Stage::NotBegun => write!(
                f,
                "the bindings are to be divided by partitions, and nothing of {sets} is in {facts} yet: does a worker repartition run?"
            ),
            Stage::UnderWay { percent } | Stage::Stands { percent } => write!(
                f,
                "the bindings are being divided by partitions: {percent} % of {sets} is in {facts}; a worker repartition does it"
            ),
            Stage::Gone => write!(
                f,
                "{facts} is empty, and was filled: stop repartition, then kafka-consumer-groups.sh --group {group} --topic {sets} --reset-offsets --to-earliest --execute, and start it"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use emberline_broker::PartitionBounds;

    use super::{Progress, Stage, Waits};

    const PATIENCE: Duration = Duration::from_mins(5);

    fn sets(bounds: &[(i64, i64)]) -> Vec<PartitionBounds> {
        let partition = |(number, (low, high)): (usize, &(i64, i64))| PartitionBounds {
            topic: "sets".to_owned(),
            partition: i32::try_from(number).unwrap(),
            low: *low,
            high: *high,
            topic_partitions: 3,
        };
        bounds.iter().enumerate().map(partition).collect()
    }

    #[test]
    fn all_sets_there_were_are_waited_for_and_none_that_came_later() {
        let now = Instant::now();
        let mut progress = Progress::new(sets(&[(0, 60), (7, 7), (10, 50)]), PATIENCE, now);
        assert_eq!(progress.names(), [("sets".to_owned(), 0), ("sets".to_owned(), 2)]);
        assert_eq!(progress.look(&[None, None], now), Stage::NotBegun);
        assert_eq!(progress.look(&[Some(0), None], now), Stage::NotBegun);
        assert_eq!(progress.look(&[Some(30), Some(5)], now), Stage::UnderWay { percent: 30 });
        assert_eq!(progress.look(&[Some(90), Some(49)], now), Stage::UnderWay { percent: 99 });
        assert_eq!(progress.look(&[Some(60), Some(50)], now), Stage::Reached);
        assert_eq!(Progress::new(sets(&[(7, 7)]), PATIENCE, now).look(&[], now), Stage::Reached);
    }

    #[test]
    fn what_has_begun_is_waited_for_as_long_as_it_goes_on_and_what_has_not_for_ever() {
        let begin = Instant::now();
        let mut progress = Progress::new(sets(&[(0, 100)]), PATIENCE, begin);
        let later = begin + 10 * PATIENCE;
        assert_eq!(progress.look(&[None], later), Stage::NotBegun);
        assert_eq!(progress.look(&[Some(1)], later), Stage::UnderWay { percent: 1 });
        let just_in_time = later + PATIENCE.mul_f32(0.9);
        assert_eq!(progress.look(&[Some(2)], just_in_time), Stage::UnderWay { percent: 2 });
        let too_late = just_in_time + PATIENCE;
        assert_eq!(progress.look(&[Some(2)], too_late), Stage::Stands { percent: 2 });
        let mut patient = Progress::new(sets(&[(0, 100)]), Duration::MAX, begin);
        assert_eq!(patient.look(&[Some(1)], later), Stage::UnderWay { percent: 1 });
        assert_eq!(patient.look(&[Some(1)], too_late), Stage::UnderWay { percent: 1 });
    }

    #[test]
    fn what_is_done_anew_is_waited_for_as_if_it_had_never_been_done() {
        let begin = Instant::now();
        let mut progress = Progress::new(sets(&[(0, 100)]), PATIENCE, begin);
        assert_eq!(progress.look(&[Some(100)], begin), Stage::Reached);
        // Nothing is left of it, and it takes a while until somebody sets the offsets back.
        let back = begin + 2 * PATIENCE;
        assert_eq!(progress.look(&[Some(0)], back), Stage::NotBegun);
        assert_eq!(progress.look(&[Some(0)], back + 2 * PATIENCE), Stage::NotBegun);
        let again = back + 3 * PATIENCE;
        assert_eq!(progress.look(&[Some(10)], again), Stage::UnderWay { percent: 10 });
        let goes_on = again + PATIENCE.mul_f32(0.9);
        assert_eq!(progress.look(&[Some(20)], goes_on), Stage::UnderWay { percent: 20 });
        assert_eq!(progress.look(&[Some(100)], goes_on + PATIENCE), Stage::Reached);
    }

    #[test]
    fn who_waits_says_for_what_and_what_to_do() {
        let say =
            |stage| Waits { stage, sets: "own.sets", facts: "own.facts", group: "g" }.to_string();
        let under_way = say(Stage::UnderWay { percent: 41 });
        assert!(under_way.contains("41 % of own.sets is in own.facts"), "{under_way}");
        assert!(say(Stage::NotBegun).ends_with("does a worker repartition run?"));
        assert!(say(Stage::Gone).contains("--group g --topic own.sets --reset-offsets"));
    }
}
