//! How a topic differs from what it must be like, and what to do about it.

use emberline_broker::{Seen, TopicState};
use serde::Serialize;

use super::plan::{Kind, LOG_MAX_BYTES, Wanted};

/// What was found about one topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::commands) struct Verdict {
    pub(in crate::commands) topic: String,
    /// `ok`, `created`, `exists`, `missing`, `hidden`, `wrong`, `failed`.
    pub(in crate::commands) state: &'static str,
    pub(in crate::commands) problems: Vec<Problem>,
}

/// What is wrong, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::commands) struct Problem {
    pub(in crate::commands) text: String,
    pub(in crate::commands) advice: String,
}

impl Verdict {
    pub(super) fn good(topic: &str, state: &'static str) -> Self {
        Self { topic: topic.to_owned(), state, problems: Vec::new() }
    }

    pub(super) fn bad(topic: &str, text: String, advice: String) -> Self {
        let problems = vec![Problem { text, advice }];
        Self { topic: topic.to_owned(), state: "failed", problems }
    }

    pub(super) fn is_good(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Compares.
pub(in crate::commands) fn check(wanted: &Wanted, seen: &Seen) -> Verdict {
    let found = match seen {
        Seen::There(found) => found,
        Seen::Absent => return missing(wanted),
        Seen::Hidden => {
            let advice = format!("allow {} on it", wanted.rights);
            let text = "may not be seen".to_owned();
            return Verdict { state: "hidden", ..Verdict::bad(&wanted.name, text, advice) };
        }
    };

    let problems = match wanted.kind {
        Kind::Input { .. } => check_input(found),
        Kind::Table { max_bytes } => {
            let mut problems = check_compacted(found, "bindings get lost with age");
            problems.extend(check_size(found, max_bytes));
            problems
        }
        Kind::Book { holds } => {
            let mut problems = check_compacted(found, &format!("it is forgotten {holds}"));
            problems.extend(check_one_partition(found));
            problems
        }
        Kind::Register { keep_ms } => {
            let mut problems = check_kept(found, Some(keep_ms));
            problems.extend(check_one_partition(found));
            problems
        }
        Kind::Keyed { keep_ms } => check_copies(found, keep_ms),
        Kind::Facts => {
            let mut problems = check_compacted(found, "bindings get lost with age");
            problems.extend(check_as_many(found, wanted.as_many_as.as_ref()));
            problems
        }
        Kind::Log { keep_ms } => check_copies(found, Some(keep_ms)),
    };
    let state = if problems.is_empty() { "ok" } else { "wrong" };
    Verdict { topic: wanted.name.clone(), state, problems }
}

fn missing(wanted: &Wanted) -> Verdict {
    let advice = match wanted.kind {
        Kind::Input { key } => {
            format!("run emberline topics create --inputs, or take it out of topics.{key}")
        }
        Kind::Table { .. }
        | Kind::Book { .. }
        | Kind::Register { .. }
        | Kind::Keyed { .. }
        | Kind::Facts
        | Kind::Log { .. } => "run emberline topics create".to_owned(),
    };
    let text = "does not exist".to_owned();
    Verdict { state: "missing", ..Verdict::bad(&wanted.name, text, advice) }
}

/// A compacted input forgets all of a device's reports but the last.
fn check_input(found: &TopicState) -> Vec<Problem> {
    let mut problems = Vec::new();
    if found.cleanup_policy.contains("compact") {
        problems.push(Problem {
            text: "is compacted: records with the same key vanish before they are read".to_owned(),
            advice: set(found, "cleanup.policy=delete"),
        });
    }
    problems
}

fn check_compacted(found: &TopicState, otherwise: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    if !found.cleanup_policy.is_empty() && found.cleanup_policy != "compact" {
        problems.push(Problem {
            text: format!("cleanup.policy is {}: {otherwise}", found.cleanup_policy),
            advice: set(found, "cleanup.policy=compact"),
        });
    }
    problems
}

fn check_one_partition(found: &TopicState) -> Option<Problem> {
    (found.partitions != 1).then(|| Problem {
        text: format!("has {} partitions, and must have one", found.partitions),
        advice: "stop whoever uses it, delete it, and run emberline topics create".to_owned(),
    })
}

fn check_as_many(found: &TopicState, other: Option<&(String, i32)>) -> Option<Problem> {
    let (other, count) = other.filter(|(_, count)| *count != found.partitions)?;
    Some(Problem {
        text: format!(
            "has {} partitions and {other} has {count}: bindings lie elsewhere than their devices' records",
            found.partitions
        ),
        advice: "stop repartition and devices, delete it, run emberline topics create, and set \
                 the offsets of repartition's group of customer-devices to the beginning"
            .to_owned(),
    })
}

/// A log of other topics' records.
fn check_copies(found: &TopicState, keep_ms: Option<u64>) -> Vec<Problem> {
    let mut problems = check_kept(found, keep_ms);
    problems.extend(check_size(found, LOG_MAX_BYTES));
    problems
}

/// `keep_ms`: how long its records are needed; `None`: for ever.
fn check_kept(found: &TopicState, keep_ms: Option<u64>) -> Vec<Problem> {
    let mut problems = Vec::new();
    if found.cleanup_policy.contains("compact") {
        problems.push(Problem {
            text: "is compacted: of a device's records only the last stays".to_owned(),
            advice: set(found, "cleanup.policy=delete"),
        });
    }
    // -1: kept for ever.
    let too_short =
        |kept: i64| kept >= 0 && keep_ms.is_none_or(|keep_ms| kept.unsigned_abs() < keep_ms);
    if let Some(kept) = found.retention_ms.filter(|kept| too_short(*kept)) {
        let (needed, value) = match keep_ms {
            Some(keep_ms) => (format!("{keep_ms} ms are needed"), keep_ms.to_string()),
            None => ("they are needed for ever".to_owned(), "-1".to_owned()),
        };
        problems.push(Problem {
            text: format!("keeps records for {kept} ms, and {needed}"),
            advice: set(found, &format!("retention.ms={value}")),
        });
    }
    problems
}

fn check_size(found: &TopicState, needed: u64) -> Option<Problem> {
    let largest = found.max_message_bytes.and_then(|bytes| u64::try_from(bytes).ok())?;
    (largest < needed).then(|| Problem {
        text: format!("takes records up to {largest} bytes, and {needed} are needed"),
        advice: set(found, &format!("max.message.bytes={needed}")),
    })
}

/// The command of Kafka's own tools that mends it.
fn set(found: &TopicState, config: &str) -> String {
    format!("kafka-configs.sh --alter --topic {} --add-config {config}", found.name)
}

#[cfg(test)]
mod tests {
    use emberline_broker::{Seen, TopicState};

    use super::check;
    use crate::commands::topics::plan::{Kind, Wanted};

    fn found(cleanup_policy: &str, retention_ms: i64, max_message_bytes: i64) -> TopicState {
        TopicState {
            name: "t".to_owned(),
            partitions: 6,
            replication: 1,
            cleanup_policy: cleanup_policy.to_owned(),
            retention_ms: Some(retention_ms),
            max_message_bytes: Some(max_message_bytes),
            min_insync_replicas: Some(1),
        }
    }

    fn wanted(kind: Kind) -> Wanted {
        Wanted { name: "t".to_owned(), kind, as_many_as: None, rights: "READ and WRITE" }
    }

    fn problems(kind: Kind, found: &TopicState) -> Vec<String> {
        let verdict = check(&wanted(kind), &Seen::There(found.clone()));
        assert_eq!(verdict.state == "ok", verdict.is_good());
        verdict.problems.into_iter().map(|it| format!("{}: {}", it.text, it.advice)).collect()
    }

    #[test]
    fn a_table_that_forgets_with_age_is_wrong() {
        let kind = Kind::Table { max_bytes: 10_000_000 };
        assert_eq!(problems(kind, &found("compact", 0, 10_000_000)), [""; 0]);
        let wrong = problems(kind, &found("compact,delete", 0, 1_000_000));
        assert_eq!(wrong.len(), 2, "{wrong:?}");
        assert!(wrong[0].contains("cleanup.policy=compact"), "{wrong:?}");
        assert!(wrong[1].contains("max.message.bytes=10000000"), "{wrong:?}");
    }

    #[test]
    fn a_book_that_forgets_or_has_more_than_one_order_is_wrong() {
        let kind = Kind::Book { holds: "how far a replay is" };
        let one = |policy| TopicState { partitions: 1, ..found(policy, 0, 0) };
        assert_eq!(problems(kind, &one("compact")), [""; 0]);
        let wrong = problems(kind, &one("delete"));
        assert!(wrong[0].contains("it is forgotten how far a replay is"), "{wrong:?}");
        let wrong = problems(kind, &found("compact", 0, 0));
        assert!(wrong[0].contains("has 6 partitions, and must have one"), "{wrong:?}");
    }

    #[test]
    fn a_log_that_drops_records_too_early_is_wrong() {
        let kind = Kind::Log { keep_ms: 1000 };
        assert_eq!(problems(kind, &found("delete", 1000, 10_000_000)), [""; 0]);
        assert_eq!(problems(kind, &found("delete", -1, 10_000_000)), [""; 0]);
        let wrong = problems(kind, &found("delete", 999, 10_000_000));
        assert!(wrong[0].contains("retention.ms=1000"), "{wrong:?}");
        assert!(problems(kind, &found("compact", 1000, 10_000_000))[0].contains("compacted"));
    }

    #[test]
    fn what_is_needed_for_ever_is_kept_for_ever() {
        let kind = Kind::Keyed { keep_ms: None };
        assert_eq!(problems(kind, &found("delete", -1, 10_000_000)), [""; 0]);
        let wrong = problems(kind, &found("delete", i64::MAX, 10_000_000));
        assert!(wrong[0].contains("needed for ever"), "{wrong:?}");
        assert!(wrong[0].contains("retention.ms=-1"), "{wrong:?}");
    }

    #[test]
    fn facts_that_lie_in_other_partitions_than_the_records_of_their_devices_are_wrong() {
        let facts = |count| Wanted {
            as_many_as: Some(("emberline.devices".to_owned(), count)),
            ..wanted(Kind::Facts)
        };
        let seen = Seen::There(found("compact", -1, 1_000_000));
        assert!(check(&facts(6), &seen).is_good());
        assert!(check(&wanted(Kind::Facts), &seen).is_good(), "nothing to compare with");
        let wrong = check(&facts(24), &seen);
        let expected = "has 6 partitions and emberline.devices has 24";
        assert_eq!(wrong.state, "wrong");
        assert!(wrong.problems[0].text.contains(expected), "{wrong:?}");
        assert!(problems(Kind::Facts, &found("delete", 0, 0))[0].contains("compact"));
    }

    #[test]
    fn what_may_not_be_seen_is_not_held_against_a_topic() {
        let hidden = TopicState {
            cleanup_policy: String::new(),
            retention_ms: None,
            max_message_bytes: None,
            min_insync_replicas: None,
            ..found("", 0, 0)
        };
        assert_eq!(problems(Kind::Table { max_bytes: 1 }, &hidden), [""; 0]);
        assert_eq!(problems(Kind::Log { keep_ms: 1 }, &hidden), [""; 0]);
    }

    #[test]
    fn a_missing_topic_comes_with_the_command_that_makes_it() {
        let verdict = check(&wanted(Kind::Input { key: "devices" }), &Seen::Absent);
        assert_eq!(verdict.state, "missing");
        assert!(verdict.problems[0].advice.contains("--inputs"));
    }
    #[test]
    fn a_hidden_topic_comes_with_the_rights_that_it_needs() {
        let verdict = check(&wanted(Kind::Book { holds: "it" }), &Seen::Hidden);
        assert_eq!(verdict.state, "hidden");
        assert_eq!(verdict.problems[0].advice, "allow READ and WRITE on it");
    }
}
