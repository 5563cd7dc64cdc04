//! Each topic that the pipeline reads or writes: there, as it must be, readable.

use std::sync::Arc;
use std::time::Duration;

use emberline_broker::{Admin, Bounds, BrokerError, Extent, KafkaSettings, Seen, TopicState, scan};

use super::keys::{Keys, SAMPLE};
use super::{PATIENCE, blocking};
use crate::commands::check::fault::Fault;
use crate::commands::check::report::{Group, Report};
use crate::commands::topics::check::{Verdict, check as compare};
use crate::commands::topics::plan::{Kind, Wanted, fit, input_topics, own_topics};
use crate::settings::{HumanDuration, Settings};

/// All topics of the settings, the inputs first.
pub(super) fn wanted(settings: &Settings) -> Vec<Wanted> {
    let mut wanted: Vec<_> = input_topics(settings).collect();
    wanted.extend(own_topics(settings));
    wanted
}

/// Looks at each; the names of those that are there.
///
/// # Errors
/// Settings that can't be used.
pub(super) async fn check(
    kafka: &KafkaSettings,
    settings: &Settings,
    wanted: &[Wanted],
    report: &mut Report,
) -> anyhow::Result<Vec<String>> {
    let states = match states(kafka, wanted).await {
        Ok(states) => states,
        Err(fault) => {
            for topic in wanted {
                report.failed(Group::Kafka, &topic.name, fault.clone());
            }
            return Ok(Vec::new());
        }
    };
    let mut wanted = wanted.to_vec();
    let found = states.iter().filter_map(Seen::there);
    fit(&mut wanted, found, settings);
    let mut there = Vec::new();
    for (topic, state) in wanted.iter().zip(&states) {
        let verdict = compare(topic, state);
        let outcome = match state {
            Seen::There(state) if verdict.problems.is_empty() => {
                if is_keyed_by_device(topic, settings) {
                    read_keys(kafka, settings, state).await
                } else {
                    read_one(kafka, state).await
                }
            }
            _ => Err(problems(&verdict)),
        };
        report.settle(Group::Kafka, &topic.name, outcome);
        there.extend(state.there().map(|_| topic.name.clone()));
    }
    Ok(there)
}

fn problems(verdict: &Verdict) -> Fault {
    let problems = &verdict.problems;
    let texts: Vec<_> = problems.iter().map(|it| it.text.as_str()).collect();
    let advice: Vec<_> = problems.iter().map(|it| it.advice.as_str()).collect();
    Fault::new(texts.join("; "), advice.join("; "))
}

/// What each is like; where configurations may not be seen, whether it is there.
async fn states(kafka: &KafkaSettings, wanted: &[Wanted]) -> Result<Vec<Seen>, Fault> {
    let names: Vec<_> = wanted.iter().map(|topic| topic.name.as_str()).collect();
    let admin = Admin::new(kafka)?;
    let error = match admin.describe(&names).await {
        Ok(states) => return Ok(states),
        Err(error) => error,
    };
    tracing::debug!(%error, "configurations of topics are not known");
    let bounds = Arc::new(Bounds::new(kafka)?);
    let mut states = Vec::with_capacity(names.len());
    for name in names {
        let (bounds, asked) = (Arc::clone(&bounds), name.to_owned());
        let partitions = match blocking(move || bounds.partition_count(&asked, PATIENCE)).await {
            Err(BrokerError::Hidden(_)) => {
                states.push(Seen::Hidden);
                continue;
            }
            partitions => partitions?,
        };
        let state = partitions.map(|partitions| TopicState {
            name: name.to_owned(),
            partitions,
            replication: 0,
            cleanup_policy: String::new(),
            retention_ms: None,
            max_message_bytes: None,
            min_insync_replicas: None,
        });
        states.push(state.map_or(Seen::Absent, Seen::There));
    }
    Ok(states)
}

/// Reads a record, if there is one: the right to read shows only then.
async fn read_one(kafka: &KafkaSettings, state: &TopicState) -> Result<String, Fault> {
    let (kafka, name) = (kafka.clone(), state.name.clone());
    let scanned =
        blocking(move || scan(&kafka, &name, Extent::Newest(1), PATIENCE, |_| {})).await?;
    let readable = if scanned.records > 0 { "readable" } else { "empty" };
    Ok(format!("{}, {readable}", described(state)))
}

/// Whether the devices workers read it.
fn is_keyed_by_device(topic: &Wanted, settings: &Settings) -> bool {
    match topic.kind {
        Kind::Input { key: "devices" } => !settings.topics.repartition.contains(&topic.name),
        Kind::Keyed { .. } => true,
        _ => false,
    }
}

/// Reads the newest records, and looks in which partitions their devices are.
async fn read_keys(
    kafka: &KafkaSettings,
    settings: &Settings,
    state: &TopicState,
) -> Result<String, Fault> {
    let (kafka, name) = (kafka.clone(), state.name.clone());
    let mut keys = Keys::new(settings.topics.types.get(&name).map(ToString::to_string));
    let looked = blocking(move || {
        let extent = Extent::Newest(SAMPLE);
        let scanned = scan(&kafka, &name, extent, PATIENCE, |record| keys.take(record))?;
        Ok((scanned, keys))
    });
    let (scanned, keys) = looked.await?;
    let found = match keys.devices()? {
        _ if scanned.records == 0 => "empty".to_owned(),
        0 => "readable".to_owned(),
        devices => format!("readable, each of {devices} devices in one partition"),
    };
    Ok(format!("{}, {found}", described(state)))
}

fn described(state: &TopicState) -> String {
    let mut parts = vec![format!("{} partitions", state.partitions)];
    if state.replication > 0 {
        parts.push(format!("{} replicas", state.replication));
    }
    if state.cleanup_policy.is_empty() {
        parts.push("configuration not to be seen".to_owned());
    } else {
        parts.push(state.cleanup_policy.clone());
    }
    let kept = state.retention_ms.filter(|_| state.cleanup_policy.contains("delete"));
    match kept.map(u64::try_from) {
        Some(Ok(millis)) => {
            parts.push(format!("kept {}", HumanDuration(Duration::from_millis(millis))));
        }
        Some(Err(_)) => parts.push("kept for ever".to_owned()),
        None => {}
    }
    parts.join(", ")
}
