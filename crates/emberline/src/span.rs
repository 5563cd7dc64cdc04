//! Which part of a topic a command is about: `--from` and `--to`, as times or as offsets.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use emberline_broker::{AtTime, Bounds, BrokerError, KafkaSettings, OffsetRange, PartitionBounds};
use jiff::{SpanRelativeTo, Timestamp};

/// Most partitions that are told one by one.
const MOST_TOLD: usize = 12;
/// Longest wait for an answer of the brokers.
const PATIENCE: Duration = Duration::from_secs(20);

/// One end of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// Unix milliseconds.
    Time(i64),
    /// A place in one partition.
    Offset {
        /// The partition.
        partition: i32,
        /// The offset in it.
        offset: i64,
    },
}

/// Why a text is no bound.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "neither a time nor an offset: write \"2026-11-26T08:00:00+08:00\", \"2h ago\", \"now\", or partition:offset as in \"3:1500\""
)]
pub struct InvalidBound;

impl FromStr for Bound {
    type Err = InvalidBound;

    fn from_str(text: &str) -> Result<Self, InvalidBound> {
        let text = text.trim();
        if let Some(bound) = partition_and_offset(text) {
            return Ok(bound);
        }
        let now = Timestamp::now();
        let time = if text == "now" {
            Some(now)
        } else if let Ok(time) = text.parse::<Timestamp>() {
            Some(time)
        } else {
            // "2h ago" is a negative span. One ahead is no time that records are of.
            let back = text.parse::<jiff::Span>().ok().filter(jiff::Span::is_negative);
            let back = back.map(|back| back.to_duration(SpanRelativeTo::days_are_24_hours()));
            back.and_then(|back| now.checked_add(back.ok()?).ok())
        };
        time.map(|time| Self::Time(time.as_millisecond())).ok_or(InvalidBound)
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(millis) => f.write_str(&shown(*millis)),
            Self::Offset { partition, offset } => write!(f, "{partition}:{offset}"),
        }
    }
}

fn partition_and_offset(text: &str) -> Option<Bound> {
    let (partition, offset) = text.split_once(':')?;
    let (partition, offset) = (partition.parse().ok()?, offset.parse().ok()?);
    (partition >= 0 && offset >= 0).then_some(Bound::Offset { partition, offset })
}

/// A time as it is printed: RFC 3339 in UTC, down to the millisecond where it has any.
pub fn shown(unix_ms: i64) -> String {
    Timestamp::from_millisecond(unix_ms)
        .map_or_else(|_| format!("{unix_ms} ms"), |time| time.to_string())
}

/// A bound, and how it was written: "2h ago" is another time whenever it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// As it was written.
    pub text: String,
    /// What it means.
    pub bound: Bound,
}

impl FromStr for Written {
    type Err = InvalidBound;

    fn from_str(text: &str) -> Result<Self, InvalidBound> {
        Ok(Self { text: text.to_owned(), bound: text.parse()? })
    }
}

impl From<Bound> for Written {
    fn from(bound: Bound) -> Self {
        Self { text: bound.to_string(), bound }
    }
}

/// The arguments of a command that reads a part of a topic.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Span {
    /// From when on, or from which offset of a partition on (repeat it for more partitions).
    #[arg(long, value_name = "WHEN")]
    pub from: Vec<Written>,
    /// Up to before when, or before which offset of a partition.
    #[arg(long, value_name = "WHEN")]
    pub to: Vec<Written>,
}

/// Why a span is none of a topic.
#[derive(Debug, thiserror::Error)]
pub enum SpanError {
    /// Its bounds contradict one another, or name what the topic has not.
    #[error("{0}")]
    Wrong(String),
    /// The brokers gave no answer.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

/// The part of a topic that a span means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// One for each partition that it touches, empty ones too; in the order of the partitions.
    pub ranges: Vec<OffsetRange>,
    /// Only records of these Unix milliseconds are meant, from the first to before the second:
    /// set where the brokers can't look up by time, and the ranges are wider than the span.
    pub only: Option<(i64, i64)>,
    /// Partitions whose log may have begun before, within the span, with their first offset now.
    /// Of a span that begins with a time nobody knows what is gone of it, if anything.
    pub cut: Vec<(i32, i64)>,
}

impl Part {
    /// How many offsets the ranges have together.
    pub fn len(&self) -> u64 {
        self.ranges.iter().map(OffsetRange::len).sum()
    }

    /// Whether no offset is in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a record of this time is meant.
    pub fn takes(&self, timestamp_ms: i64) -> bool {
        self.only.is_none_or(|(from, to)| (from..to).contains(&timestamp_ms))
    }

    /// What is to be said about it beforehand.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.only.is_some() {
            notes.push(
                "these brokers can't look up by time: all partitions are read from the beginning \
                 and records of other times are left out"
                    .to_owned(),
            );
        }
        if !self.cut.is_empty() {
            let begins = |(partition, low): &(i32, i64)| format!("{partition} at offset {low}");
            let told: Vec<_> = self.cut.iter().take(MOST_TOLD).map(begins).collect();
            let more = match self.cut.len().saturating_sub(MOST_TOLD) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            notes.push(format!(
                "the log begins within this range or after it, in partition {}{more}: what was \
                 before that is gone (retention)",
                told.join(", ")
            ));
        }
        notes
    }
}

impl Span {
    /// Whether it has a bound at all.
    pub fn is_bounded(&self) -> bool {
        !(self.from.is_empty() && self.to.is_empty())
    }

    /// Looks up which offsets of the topic it means. Blocks.
    ///
    /// # Errors
    /// [`SpanError`]
    pub fn look_up(&self, kafka: &KafkaSettings, topic: &str) -> Result<Part, SpanError> {
        let from = Side::of("--from", &self.from)?;
        let to = Side::of("--to", &self.to)?;
        if from.is_after(&to) {
            let text = "--from lies after --to: there is nothing between them";
            return Err(SpanError::Wrong(text.to_owned()));
        }
        let bounds = Bounds::new(kafka)?;
        let partitions = bounds.of_topics(&[topic.to_owned()], PATIENCE)?;
        let chosen = chosen(&partitions, topic, [&from, &to])?;
        let starts = from.look_up(&bounds, &chosen)?;
        let ends = to.look_up(&bounds, &chosen)?;
        let only = match (&starts, &ends) {
            (Some(_), Some(_)) => None,
            _ => Some((from.time().unwrap_or(i64::MIN), to.time().unwrap_or(i64::MAX))),
        };
        let mut part = Part { ranges: Vec::new(), only, cut: Vec::new() };
        for (place, it) in chosen.iter().enumerate() {
            let wanted = starts.as_ref().and_then(|starts| starts[place]);
            let end = ends.as_ref().and_then(|ends| ends[place]).unwrap_or(it.high);
            let start = wanted.unwrap_or(it.low).clamp(it.low, it.high);
            let before_log = match from {
                Side::None => matches!(to, Side::Offsets(_)) && end < it.low,
                // The first record may be of that very time, and nothing be gone.
                Side::Time(_) => start == it.low,
                Side::Offsets(_) => wanted.is_some_and(|wanted| wanted < it.low),
            };
            if before_log && it.low > 0 && starts.is_some() {
                part.cut.push((it.partition, it.low));
            }
            let to = end.clamp(start, it.high);
            part.ranges.push(OffsetRange { partition: it.partition, from: start, to });
        }
        Ok(part)
    }
}

/// One side's bounds: a time for all partitions, or offsets for some.
#[derive(Debug, PartialEq, Eq)]
enum Side {
    None,
    Time(i64),
    Offsets(BTreeMap<i32, i64>),
}

impl Side {
    fn of(flag: &str, bounds: &[Written]) -> Result<Self, SpanError> {
        let mut offsets = BTreeMap::new();
        for Written { bound, .. } in bounds {
            match *bound {
                Bound::Time(time) if bounds.len() == 1 => return Ok(Self::Time(time)),
                Bound::Time(_) => {
                    let text = format!("{flag}: one time, or one offset for each partition");
                    return Err(SpanError::Wrong(text));
                }
                Bound::Offset { partition, offset } => {
                    if offsets.insert(partition, offset).is_some() {
                        let text = format!("{flag}: partition {partition} is given twice");
                        return Err(SpanError::Wrong(text));
                    }
                }
            }
        }
        Ok(if offsets.is_empty() { Self::None } else { Self::Offsets(offsets) })
    }

    /// Whether a span from here ends before it begins.
    fn is_after(&self, to: &Self) -> bool {
        match (self, to) {
            (Self::Time(from), Self::Time(to)) => from > to,
            (Self::Offsets(from), Self::Offsets(to)) => {
                from.iter().any(|(partition, from)| to.get(partition).is_some_and(|to| from > to))
            }
            _ => false,
        }
    }

    fn time(&self) -> Option<i64> {
        match self {
            Self::Time(time) => Some(*time),
            Self::None | Self::Offsets(_) => None,
        }
    }

    /// An offset for each partition, where this side has one; `None` where the brokers can't
    /// look a time up.
    fn look_up(
        &self,
        bounds: &Bounds,
        partitions: &[PartitionBounds],
    ) -> Result<Option<Vec<Option<i64>>>, BrokerError> {
        let offsets = match self {
            Self::None => vec![None; partitions.len()],
            Self::Offsets(offsets) => {
                partitions.iter().map(|it| offsets.get(&it.partition).copied()).collect()
            }
            Self::Time(time) => match bounds.at_time(partitions, *time, PATIENCE)? {
                AtTime::Offsets(offsets) => offsets.into_iter().map(Some).collect(),
                AtTime::Unknown => return Ok(None),
            },
        };
        Ok(Some(offsets))
    }
}

/// The partitions that are meant: those that an offset is given for, or all.
fn chosen(
    partitions: &[PartitionBounds],
    topic: &str,
    sides: [&Side; 2],
) -> Result<Vec<PartitionBounds>, SpanError> {
    let named = sides.iter().filter_map(|side| match side {
        Side::Offsets(offsets) => Some(offsets.keys().copied()),
        Side::None | Side::Time(_) => None,
    });
    let named: Vec<i32> = named.flatten().collect();
    if named.is_empty() {
        return Ok(partitions.to_vec());
    }
    let there = |name: &i32| partitions.iter().any(|it| it.partition == *name);
    if let Some(missing) = named.iter().find(|name| !there(name)) {
        let count = partitions.len();
        let text = format!("{topic} has {count} partitions, from 0 on: there is no {missing}");
        return Err(SpanError::Wrong(text));
    }
    Ok(partitions.iter().filter(|it| named.contains(&it.partition)).cloned().collect())
}

#[cfg(test)]
mod tests {
    use emberline_broker::{AwaitedProducer, EmbeddedBroker, OffsetRange, Record};
    use jiff::Timestamp;

    use super::{Bound, PATIENCE, Part, Span, SpanError, Written};

    fn bounds(texts: &[&str]) -> Vec<Written> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn look_up(broker: &EmbeddedBroker, from: &[&str], to: &[&str]) -> Result<Part, SpanError> {
        let span = Span { from: bounds(from), to: bounds(to) };
        span.look_up(&broker.settings("g"), "t")
    }

    #[test]
    fn a_bound_is_a_time_a_while_ago_or_an_offset() {
        let time = |text: &str| match text.parse() {
            Ok(Bound::Time(millis)) => millis,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(time("2021-08-11T01:53:03Z"), 1_628_646_783_000);
        assert_eq!(time("2021-08-11T09:53:03.5+08:00"), 1_628_646_783_500);
        let now = Timestamp::now().as_millisecond();
        assert!((now..now + 5_000).contains(&time("now")));
        assert!((now..now + 5_000).contains(&(time("2h ago") + 7_200_000)));
        assert!((now..now + 5_000).contains(&(time("1 day 30m ago") + 88_200_000)));
        assert_eq!("3:1500".parse(), Ok(Bound::Offset { partition: 3, offset: 1500 }));
        for wrong in ["", "2h", "yesterday", "2021-08-11T01:53:03", "-1:5", "1:-5", "1:2:3"] {
            let error = wrong.parse::<Bound>().unwrap_err().to_string();
            assert!(error.contains("\"2h ago\""), "{wrong}: {error}");
        }
    }

    #[test]
    fn a_bound_prints_as_it_reads() {
        for text in ["2021-08-11T01:53:03Z", "2021-08-11T01:53:03.5Z", "0:7"] {
            assert_eq!(text.parse::<Bound>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn offsets_choose_their_partitions_and_are_kept_within_the_log() {
        let broker = EmbeddedBroker::start(&[("t", 3)]).unwrap();
        let part = look_up(&broker, &["1:5"], &["1:9"]).unwrap();
        assert_eq!(part.ranges, [OffsetRange { partition: 1, from: 0, to: 0 }]);
        assert_eq!((part.len(), part.only), (0, None));
        assert_eq!(look_up(&broker, &[], &[]).unwrap().ranges.len(), 3);
    }

    #[test]
    fn what_contradicts_itself_or_the_topic_is_told() {
        let broker = EmbeddedBroker::start(&[("t", 3)]).unwrap();
        let wrong = |from: &[&str]| look_up(&broker, from, &[]).unwrap_err().to_string();
        assert!(wrong(&["0:1", "0:2"]).contains("partition 0 is given twice"));
        assert!(wrong(&["0:1", "now"]).contains("one time, or one offset"));
        assert!(wrong(&["7:1"]).contains("t has 3 partitions, from 0 on: there is no 7"));
        for (from, to) in [("now", "2h ago"), ("1:9", "1:5")] {
            let error = look_up(&broker, &[from], &[to]).unwrap_err().to_string();
            assert!(error.contains("--from lies after --to"), "{error}");
        }
    }

    #[test]
    fn brokers_that_know_no_times_are_read_whole_and_that_is_said() {
        let broker = EmbeddedBroker::start(&[("t", 2)]).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let producer = AwaitedProducer::new(broker.settings("g"), PATIENCE).unwrap();
            let (key, value) = (Some(&b"k"[..]), Some(&b"v"[..]));
            let record = Record {
                topic: "t",
                partition: None,
                key,
                value,
                headers: &[],
                timestamp_ms: None,
            };
            producer.write(record).await.unwrap();
        });
        let part = look_up(&broker, &["2021-08-11T01:53:03Z"], &[]).unwrap();
        assert_eq!((part.len(), part.only), (1, Some((1_628_646_783_000, i64::MAX))));
        assert!(part.takes(1_628_646_783_000) && !part.takes(1_628_646_782_999));
        assert!(part.notes()[0].contains("can't look up by time"));
    }
}
