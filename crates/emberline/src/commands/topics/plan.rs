//! Which topics there must be, and what each must be like.

use emberline_broker::{NewTopic, TopicState};

use crate::settings::{HumanDuration, Settings};

/// A topic that must be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::commands) struct Wanted {
    pub(in crate::commands) name: String,
    pub(in crate::commands) kind: Kind,
    /// Another topic that it has as many partitions as, and how many those are: a device lies in
    /// the partition of the same number in both.
    pub(in crate::commands) as_many_as: Option<(String, i32)>,
    /// What `run` must be allowed on it.
    pub(in crate::commands) rights: &'static str,
}

/// What a topic is for decides what it must be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum Kind {
    /// The user's own; looked at, configured only when made here.
    Input {
        /// The key of `[topics]` that lists it.
        key: &'static str,
    },
    /// The bindings table: only the newest record of a customer counts, and it never expires.
    Table {
        /// Largest record, in bytes.
        max_bytes: u64,
    },
    /// A table with one partition, so that all agree on its order.
    Book {
        /// What is forgotten where it is not compacted.
        holds: &'static str,
    },
    /// Who writes a key first has it: a log with one partition.
    Register {
        /// Shortest time that records must be kept, in milliseconds.
        keep_ms: u64,
    },
    /// The device records of other topics, under their own timestamps and keyed by device.
    Keyed {
        /// Shortest time that records must be kept, in milliseconds; `None`: for ever.
        keep_ms: Option<u64>,
    },
    /// The facts of the bindings table, each in the partition of its device.
    Facts,
    /// Records that are read for so long, and dropped after it.
    Log {
        /// Shortest time that records must be kept, in milliseconds.
        keep_ms: u64,
    },
}

/// How large new topics are made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) partitions: i32,
    /// `None`: the brokers' default.
    pub(super) replication: Option<i32>,
}

impl Sizes {
    /// Where nobody has said anything: partitions enough for a few replicas of a worker.
    pub(super) const DEFAULT: Self = Self { partitions: 6, replication: None };
}

const DAY_MS: u64 = 86_400_000;
/// Dead letters are asked for weeks later.
const DEAD_LETTERS_MS: u64 = 30 * DAY_MS;
/// A retry topic must not drop what is not quite too old yet: one day of margin.
const RETRY_MARGIN_MS: u64 = DAY_MS;
/// Where nothing else is known, what is keyed anew was kept for seven days, the brokers' default.
const UNKEYED_MS: u64 = 7 * DAY_MS;
/// What is keyed anew is to be there until it is read, however old it was: one day of margin.
const KEYED_MARGIN_MS: u64 = DAY_MS;
/// Who waits for another reads on over what was written meanwhile: far longer than any lease.
const BOOK_LAG_MS: u64 = DAY_MS / 24;
/// Where a fact was written late and lies behind a newer one, a reader needs both: so long it finds
/// them.
const FACTS_LAG_MS: u64 = DAY_MS / 24;
/// What is being written is not compacted before its segment ends: by itself that would take
/// a week.
const FACTS_SEGMENT_MS: u64 = DAY_MS;
/// Largest record of a topic of copies: the original, which its own topic took
/// (1 MB unless raised there), with our headers.
pub(super) const LOG_MAX_BYTES: u64 = 10_000_000;

/// The topics that the pipeline writes.
pub(in crate::commands) fn own_topics(settings: &Settings) -> Vec<Wanted> {
    let name = |suffix: &str| format!("{}.{suffix}", settings.topics.prefix);
    let millis = |time: HumanDuration| u64::try_from(time.0.as_millis()).unwrap_or(u64::MAX);
    let table = Kind::Table { max_bytes: settings.bindings.max_set.0 };
    let retry =
        Kind::Log { keep_ms: millis(settings.retry.max_age).saturating_add(RETRY_MARGIN_MS) };
    let dead_letters = Kind::Log { keep_ms: DEAD_LETTERS_MS };
    let receipts = Kind::Log { keep_ms: millis(settings.receipts.retention) };
    let keyed = Kind::Keyed { keep_ms: Some(UNKEYED_MS + KEYED_MARGIN_MS) };

    let order_book = Kind::Book { holds: "which orders were placed" };
    let replays = Kind::Book { holds: "how far a replay is" };
    let tokens = Kind::Register { keep_ms: DAY_MS };
    let wanted =
        |suffix: &str, kind, rights| Wanted { name: name(suffix), kind, as_many_as: None, rights };
    let mut topics = vec![wanted("customer-devices", table, "READ and WRITE")];
    let tiers = settings.retry.tiers.iter();
    topics.extend(tiers.map(|tier| wanted(&format!("retry.{tier}"), retry, "READ and WRITE")));
    if !settings.topics.repartition.is_empty() {
        topics.push(wanted("devices", keyed, "READ and WRITE"));
    }
    if settings.divides_bindings() {
        topics.push(wanted("device-customers", Kind::Facts, "READ and WRITE"));
    }
    topics.push(wanted("order-book", order_book, "READ and WRITE"));
    topics.push(wanted("dead-letters", dead_letters, "WRITE"));
    topics.push(wanted("receipts", receipts, "WRITE"));
    topics.push(wanted("replays", replays, "DESCRIBE"));
    topics.push(wanted("portal-tokens", tokens, "DESCRIBE"));
    topics
}

/// Makes of the own topics what they must be beside those that there are.
pub(in crate::commands) fn fit<'a>(
    wanted: &mut [Wanted],
    found: impl Iterator<Item = &'a TopicState> + Clone,
    settings: &Settings,
) {
    let repartitioned = |found: &&TopicState| settings.topics.repartition.contains(&found.name);
    keep_keyed(wanted, found.clone().filter(repartitioned));
    match_partitions(wanted, found);
}

/// Keeps the topic keyed by device for as long as those that it is written from: a record is as
/// old in it as it was there, and would be gone at once.
fn keep_keyed<'a>(wanted: &mut [Wanted], written_from: impl IntoIterator<Item = &'a TopicState>) {
    let kept = written_from.into_iter().map(|topic| topic.retention_ms);
    let longest = kept
        .map(|kept| match kept {
            // -1: for ever.
            Some(kept) => u64::try_from(kept).ok(),
            None => Some(UNKEYED_MS),
        })
        .reduce(|one, other| one.zip(other).map(|(one, other)| one.max(other)));
    for topic in wanted {
        if let (Kind::Keyed { keep_ms }, Some(longest)) = (&mut topic.kind, longest) {
            *keep_ms = longest.map(|longest| longest.saturating_add(KEYED_MARGIN_MS));
        }
    }
}

/// Gives the topic of facts as many partitions as the one keyed by device has, or, where only
/// the former is there, the latter as many.
fn match_partitions<'a>(wanted: &mut [Wanted], found: impl IntoIterator<Item = &'a TopicState>) {
    let place = |is: fn(&Kind) -> bool| wanted.iter().position(|topic| is(&topic.kind));
    let keyed = place(|kind| matches!(kind, Kind::Keyed { .. }));
    let (Some(keyed), Some(facts)) = (keyed, place(|kind| *kind == Kind::Facts)) else { return };
    let mut counts = [(keyed, None), (facts, None)];
    for topic in found {
        for (place, count) in &mut counts {
            if wanted[*place].name == topic.name {
                *count = Some((topic.name.clone(), topic.partitions));
            }
        }
    }
    let [(_, of_keyed), (_, of_facts)] = counts;
    wanted[keyed].as_many_as = of_facts.filter(|_| of_keyed.is_none());
    wanted[facts].as_many_as = of_keyed;
}

/// The topics that the pipeline reads.
pub(in crate::commands) fn input_topics(settings: &Settings) -> impl Iterator<Item = Wanted> {
    let inputs = settings.topics.inputs();
    inputs.map(|(key, topic)| Wanted {
        name: topic.to_owned(),
        kind: Kind::Input { key },
        as_many_as: None,
        rights: "READ",
    })
}

impl Wanted {
    /// How many partitions it has, where topics have so many.
    pub(in crate::commands) fn partitions_of(&self, partitions: i32) -> i32 {
        match self.kind {
            Kind::Book { .. } | Kind::Register { .. } => 1,
            Kind::Keyed { .. } | Kind::Facts => {
                self.as_many_as.as_ref().map_or(partitions, |(_, count)| *count)
            }
            Kind::Input { .. } | Kind::Table { .. } | Kind::Log { .. } => partitions,
        }
    }

    /// As it is made where it is missing.
    pub(super) fn as_new(&self, sizes: Sizes) -> NewTopic {
        let mut configs: Vec<(&str, String)> = match self.kind {
            Kind::Input { .. } => Vec::new(),
            Kind::Table { max_bytes } => vec![
                ("cleanup.policy", "compact".to_owned()),
                ("max.message.bytes", max_bytes.to_string()),
            ],
            Kind::Book { .. } => vec![
                ("cleanup.policy", "compact".to_owned()),
                ("min.compaction.lag.ms", BOOK_LAG_MS.to_string()),
            ],
            Kind::Facts => vec![
                ("cleanup.policy", "compact".to_owned()),
                ("min.compaction.lag.ms", FACTS_LAG_MS.to_string()),
                ("segment.ms", FACTS_SEGMENT_MS.to_string()),
            ],
            Kind::Register { keep_ms } => vec![
                ("cleanup.policy", "delete".to_owned()),
                ("retention.ms", keep_ms.to_string()),
                ("message.timestamp.type", "LogAppendTime".to_owned()),
            ],
            Kind::Keyed { keep_ms } => vec![
                ("cleanup.policy", "delete".to_owned()),
                ("retention.ms", keep_ms.map_or("-1".to_owned(), |keep_ms| keep_ms.to_string())),
                // When a report was made, and what is the same one, is told by the original's time.
                ("message.timestamp.type", "CreateTime".to_owned()),
                ("max.message.bytes", LOG_MAX_BYTES.to_string()),
            ],
            Kind::Log { keep_ms } => vec![
                ("cleanup.policy", "delete".to_owned()),
                ("retention.ms", keep_ms.to_string()),
                // Kept from when they were written here, however old the original is.
                ("message.timestamp.type", "LogAppendTime".to_owned()),
                ("max.message.bytes", LOG_MAX_BYTES.to_string()),
            ],
        };
        // With three replicas one may be away; with fewer every one is needed.
        if sizes.replication.is_some_and(|replicas| replicas >= 3) {
            configs.push(("min.insync.replicas", "2".to_owned()));
        }
        NewTopic {
            name: self.name.clone(),
            partitions: self.partitions_of(sizes.partitions),
            replication: sizes.replication.unwrap_or(-1),
            configs: configs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use emberline_broker::{NewTopic, TopicState};

    use super::{
        DAY_MS, Kind, Sizes, Wanted, input_topics, keep_keyed, match_partitions, own_topics,
    };
    use crate::settings::{JoinTable, Settings};

    #[test]
    fn each_retry_delay_has_a_topic_named_after_it() {
        let names: Vec<_> =
            own_topics(&Settings::default()).into_iter().map(|it| it.name).collect();
        let expected = [
            "emberline.customer-devices",
            "emberline.retry.30s",
            "emberline.retry.5m",
            "emberline.retry.1h",
            "emberline.order-book",
            "emberline.dead-letters",
            "emberline.receipts",
            "emberline.replays",
            "emberline.portal-tokens",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn a_retry_topic_keeps_records_longer_than_they_are_tried() {
        let settings = Settings::default();
        let retry = &own_topics(&settings)[1];
        let Kind::Log { keep_ms } = retry.kind else { panic!("{retry:?}") };
        assert!(u128::from(keep_ms) > settings.retry.max_age.0.as_millis());
    }

    #[test]
    fn what_is_keyed_by_device_keeps_its_time_and_is_there_where_a_topic_is_not() {
        let mut settings = Settings::default();
        settings.topics.repartition = settings.topics.devices.clone();
        let topics = own_topics(&settings);
        let keyed = topics.iter().find(|topic| topic.name == "emberline.devices").unwrap();
        let new = keyed.as_new(Sizes { partitions: 12, replication: None });
        assert_eq!(new.partitions, 12);
        for (key, value) in [
            ("cleanup.policy", "delete"),
            ("message.timestamp.type", "CreateTime"),
            ("retention.ms", "691200000"),
        ] {
            assert!(new.configs.contains(&(key.to_owned(), value.to_owned())), "{key}");
        }
    }

    #[test]
    fn what_is_keyed_by_device_is_kept_longer_than_where_it_comes_from() {
        let mut settings = Settings::default();
        settings.topics.repartition = settings.topics.devices.clone();
        let retention = |kept: &[Option<i64>]| {
            let mut wanted = own_topics(&settings);
            let found: Vec<_> = kept.iter().map(|kept| topic_kept(*kept)).collect();
            keep_keyed(&mut wanted, &found);
            let is_keyed = |topic: &&Wanted| matches!(topic.kind, Kind::Keyed { .. });
            let new = wanted.iter().find(is_keyed).unwrap().as_new(Sizes::DEFAULT);
            new.configs.into_iter().find(|(key, _)| key == "retention.ms").unwrap().1
        };
        let day = i64::try_from(DAY_MS).unwrap();
        assert_eq!(retention(&[Some(2 * day), Some(30 * day)]), (31 * day).to_string());
        assert_eq!(retention(&[Some(30 * day), Some(-1)]), "-1");
        assert_eq!(retention(&[Some(-1), Some(30 * day)]), "-1");
        // The brokers' default, where it may not be seen.
        assert_eq!(retention(&[None]), (8 * day).to_string());
        assert_eq!(retention(&[Some(day), None]), (8 * day).to_string());
        assert_eq!(retention(&[Some(30 * day), None]), (31 * day).to_string());
    }

    fn topic_kept(retention_ms: Option<i64>) -> TopicState {
        TopicState {
            name: "devices".to_owned(),
            partitions: 6,
            replication: 1,
            cleanup_policy: "delete".to_owned(),
            retention_ms,
            max_message_bytes: None,
            min_insync_replicas: None,
        }
    }

    /// Settings by which the bindings are divided by partitions.
    fn dividing() -> Settings {
        let mut settings = Settings::default();
        settings.topics.repartition = settings.topics.devices.clone();
        settings
    }

    #[test]
    fn facts_have_a_topic_where_all_telemetry_is_keyed_anew_and_it_is_asked_for() {
        let has_facts = |settings: &Settings| {
            let topics = own_topics(settings);
            topics.iter().any(|topic| topic.name == "emberline.device-customers")
        };
        let mut settings = dividing();
        assert!(has_facts(&settings));
        settings.topics.devices.push("keyed by device".to_owned());
        assert!(!has_facts(&settings), "of these devices no fact would lie in their partition");
        settings = dividing();
        settings.join.table = JoinTable::All;
        assert!(!has_facts(&settings));
        settings = dividing();
        settings.topics.repartition.clear();
        settings.topics.devices.clear();
        assert!(!has_facts(&settings), "there is no topic that is keyed by device");
    }

    #[test]
    fn a_device_and_its_facts_lie_in_the_partition_of_the_same_number_whichever_was_first() {
        let of = |found: &[(&str, i32)]| {
            let mut wanted = own_topics(&dividing());
            let found: Vec<_> = found
                .iter()
                .map(|(name, partitions)| {
                    let name = (*name).to_owned();
                    TopicState { name, partitions: *partitions, ..topic_kept(None) }
                })
                .collect();
            match_partitions(&mut wanted, &found);
            let new = wanted.iter().map(|topic| topic.as_new(Sizes::DEFAULT));
            let partitions =
                |name: &str| new.clone().find(|it| it.name == name).unwrap().partitions;
            ["devices", "device-customers", "receipts"]
                .map(|suffix| partitions(&format!("emberline.{suffix}")))
        };
        let (keyed, facts) = ("emberline.devices", "emberline.device-customers");
        assert_eq!(of(&[]), [6, 6, 6]);
        assert_eq!(of(&[(keyed, 24), ("devices", 3)])[1..], [24, 6]);
        assert_eq!(of(&[(facts, 24)])[0], 24);
        assert_eq!(of(&[(facts, 12), (keyed, 24)])[1], 24, "its records are what counts");
    }

    #[test]
    fn facts_are_compacted_by_the_day_and_not_at_once() {
        let topics = own_topics(&dividing());
        let facts = topics.iter().find(|topic| topic.kind == Kind::Facts).unwrap();
        let new = facts.as_new(Sizes { partitions: 6, replication: Some(3) });
        let expected = [
            ("cleanup.policy", "compact"),
            ("min.compaction.lag.ms", "3600000"),
            ("segment.ms", "86400000"),
            ("min.insync.replicas", "2"),
        ];
        let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(new.configs, expected);
    }

    #[test]
    fn the_table_is_compacted_and_takes_a_large_set() {
        let topics = own_topics(&Settings::default());
        let new = topics[0].as_new(Sizes { partitions: 3, replication: Some(3) });
        let config =
            |key: &str| new.configs.iter().find(|(name, _)| name == key).map(|it| it.1.as_str());
        assert_eq!(config("cleanup.policy"), Some("compact"));
        assert_eq!(config("max.message.bytes"), Some("10000000"));
        assert_eq!(config("min.insync.replicas"), Some("2"));
    }

    #[test]
    fn what_all_must_agree_on_has_one_partition_and_is_not_compacted_at_once() {
        let topics = own_topics(&Settings::default());
        for name in ["emberline.order-book", "emberline.replays"] {
            let book = topics.iter().find(|topic| topic.name == name).unwrap();
            let new = book.as_new(Sizes { partitions: 6, replication: None });
            assert_eq!(new.partitions, 1, "{name}");
            let lag = ("min.compaction.lag.ms".to_owned(), "3600000".to_owned());
            assert!(new.configs.contains(&lag), "{name}");
        }
    }

    /// What `config` of a topic the operations guide promises, as it says it.
    fn told(new: &NewTopic) -> (String, String) {
        let config = |key: &str| new.configs.iter().find(|(name, _)| name == key).map(|it| &*it.1);
        let kept = match config("retention.ms").map(|ms| ms.parse::<u64>().unwrap()) {
            Some(ms) => format!("{} day{}", ms / DAY_MS, if ms == DAY_MS { "" } else { "s" }),
            None if config("min.compaction.lag.ms") == Some("3600000") => "1 hour".to_owned(),
            None => "the last of each".to_owned(),
        };
        (config("cleanup.policy").unwrap().to_owned(), kept)
    }

    #[test]
    fn the_operations_guide_tells_how_each_topic_is_made() {
        let guide = include_str!("../../../../../deploy/README.md");
        let guide =
            guide.split("\n## ").find(|section| section.starts_with("Topics: what is kept"));
        let guide = guide.expect("a section about what is kept");
        for topic in own_topics(&dividing()) {
            let new = topic.as_new(Sizes::DEFAULT);
            let suffix = topic.name.trim_start_matches("emberline.");
            let named = suffix.split_once('.').map_or(suffix, |(tiers, _)| tiers);
            let row =
                ["` | ", "`, with ", ".*` | "].map(|rest| format!("| `<prefix>.{named}{rest}"));
            let row = guide.lines().find(|line| row.iter().any(|row| line.starts_with(row)));
            let row = row.unwrap_or_else(|| panic!("the guide does not tell of {suffix}"));
            let (policy, kept) = told(&new);
            let cells: Vec<_> = row.split('|').map(str::trim).collect();
            assert_eq!(cells[2], policy, "{row}");
            assert!(cells[3].contains(&kept), "{kept}: {row}");
        }
    }

    #[test]
    fn receipts_are_kept_for_as_long_as_is_set() {
        let mut settings = Settings::default();
        settings.receipts.retention = "7d".parse().unwrap();
        let receipts = own_topics(&settings).into_iter().find(|it| it.name.ends_with(".receipts"));
        assert_eq!(receipts.unwrap().kind, Kind::Log { keep_ms: 7 * DAY_MS });
    }

    #[test]
    fn inputs_are_made_as_the_brokers_see_fit() {
        let input = input_topics(&Settings::default()).next().unwrap();
        let new = input.as_new(Sizes { partitions: 6, replication: None });
        assert_eq!((new.name.as_str(), new.replication, new.configs.len()), ("devices", -1, 0));
    }
}
