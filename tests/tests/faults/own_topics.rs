//! Retry and dead-letter topics that can't be written to.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use emberline_fleet::FleetPlan;
use emberline_testkit::{Load, World};

use crate::replicas::Replicas;
use crate::scale::Scale;
use crate::watch::for_a_while;

const DEVICES: u32 = 60;
/// One device in so many is bound in the end only: its reports wait in the retry topic.
const UNBOUND: u32 = 20;
const REPLICAS: usize = 2;
/// The pipeline's own topics that are meddled with.
const TOPICS: [(&str, &str); 2] = [("dead-letters", "dead_letters"), ("retry.2s", "retry")];
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What is wrong with a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Missing,
    TooSmall,
    Forbidden,
}

pub(crate) async fn missing_or_too_small(world: &mut World, scale: Scale) -> Result<()> {
    // What is deleted with a topic is gone: nothing may be in it yet.
    held_up(world, scale, &[Trouble::Missing, Trouble::TooSmall]).await
}

pub(crate) async fn forbidden(world: &mut World, scale: Scale) -> Result<()> {
    held_up(world, scale, &[Trouble::Forbidden]).await
}

async fn held_up(world: &mut World, scale: Scale, troubles: &[Trouble]) -> Result<()> {
    let mut load = Load::new(FleetPlan {
        devices: DEVICES,
        unbound: 1.0 / f64::from(UNBOUND),
        bind_later_after: Duration::from_hours(1),
        undecodable: 0.05,
        ..FleetPlan::default()
    });
    world.introduce(&load).await?;
    world.set("retry.tiers", r#"["2s"]"#);
    world.set("join.wait", r#""200ms""#);
    // A client believes in a topic for 30 s after it was last told of it.
    let soon = r#"{ "session.timeout.ms" = "6000", "topic.metadata.propagation.max.ms" = "1000" }"#;
    world.set("kafka.properties", soon);
    make_topics(world).await?;
    let mut replicas = Replicas::start(world, REPLICAS).await?;
    replicas.own_partitions(world).await?;

    for trouble in troubles {
        let stay = scale.of(Duration::from_secs(3), Duration::from_mins(1));
        hold_up(world, &mut replicas, &mut load, (*trouble, stay)).await?;
    }
    world.tell(load.rest()).await?;
    world.accepted(load.expectation().counts().reports).await?;
    world.settled("devices", &world.devices()).await?;
    world.settled("retries", &world.own_topic("retry.2s")).await?;
    let (letters, expected) =
        (world.dead_letters().await?.len() as u64, load.expectation().counts().dead_letters());
    ensure!(letters == expected, "{letters} dead letters, not {expected}");
    replicas.stop_all().await?;
    let verdict = world.judge(&load);
    // What comes back from a retry topic comes after younger reports.
    verdict.is_at_least_once()?;
    ensure!(verdict.twice.is_empty(), "sent twice: {:?}", verdict.twice);
    Ok(())
}

/// While both topics can't be written to, what is to go there is not committed past, and all
/// else goes on. Once they are mended it goes on, too.
async fn hold_up(
    world: &World,
    replicas: &mut Replicas,
    load: &mut Load,
    (trouble, stay): (Trouble, Duration),
) -> Result<()> {
    let failed_before = failed(replicas).await?;
    for (topic, _) in TOPICS {
        strike(world, &world.own_topic(topic), trouble).await?;
    }
    world.tell(load.records(600)).await?;
    world
        .wait_for("writes to both topics fail", async || {
            let failed = failed(replicas).await?;
            let more = failed.iter().zip(&failed_before).all(|(now, before)| now > before);
            Ok((more && failing(replicas).await? > 0).then_some(()))
        })
        .await?;
    world.accepted(of_bound_devices(load)).await?;
    // What was set aside before, none of which is asked about.
    let before = if trouble == Trouble::Missing { BTreeSet::new() } else { aside(world).await? };
    for_a_while(LOOK_EVERY, stay, async || {
        ensure!(failing(replicas).await? > 0, "{trouble:?}: the alarm has gone by itself");
        Ok(())
    })
    .await?;
    let committed = world.committed("devices", &world.devices()).await?;

    for (topic, _) in TOPICS {
        mend(world, &world.own_topic(topic), trouble).await?;
    }
    world.settled("devices", &world.devices()).await?;
    world
        .wait_for("all is written", async || Ok((failing(replicas).await? == 0).then_some(())))
        .await?;
    let held_up: Vec<_> = aside(world).await?.difference(&before).copied().collect();
    ensure!(!held_up.is_empty(), "{trouble:?}: nothing was held up");
    for (partition, offset) in held_up {
        let passed = committed.get(&partition).is_some_and(|(frontier, _)| *frontier > offset);
        ensure!(!passed, "{trouble:?}: {committed:?} is past {offset} of {partition}");
    }
    Ok(())
}

async fn strike(world: &World, topic: &str, trouble: Trouble) -> Result<()> {
    match trouble {
        Trouble::Missing => world.kafka.delete_topic(topic).await,
        Trouble::TooSmall => world.kafka.configure_topic(topic, "max.message.bytes", "100").await,
        Trouble::Forbidden => world.kafka.forbid_writing(topic).await,
    }
}

async fn mend(world: &World, topic: &str, trouble: Trouble) -> Result<()> {
    match trouble {
        Trouble::Missing => make_topics(world).await,
        Trouble::TooSmall => {
            world.kafka.configure_topic(topic, "max.message.bytes", "10000000").await
        }
        Trouble::Forbidden => world.kafka.allow_writing(topic).await,
    }
}

/// As who runs it does.
async fn make_topics(world: &World) -> Result<()> {
    world.emberline(&["topics", "create"]).await?.succeeds(Duration::from_mins(1)).await
}

/// Writes that have failed and are tried again.
async fn failing(replicas: &mut Replicas) -> Result<u64> {
    let labels = [("worker", "devices"), ("state", "failing")];
    replicas.count("emberline_writes_pending", &labels).await
}

/// Writes of the devices' worker to each of the topics that have failed so far.
async fn failed(replicas: &mut Replicas) -> Result<[u64; TOPICS.len()]> {
    let mut failed = [0; TOPICS.len()];
    for ((_, destination), failed) in TOPICS.iter().zip(&mut failed) {
        let labels = [("worker", "devices"), ("destination", destination), ("result", "failed")];
        *failed = replicas.count("emberline_writes_total", &labels).await?;
    }
    Ok(failed)
}

/// Partition and offset of every record of which a part was set aside by who read it first.
async fn aside(world: &World) -> Result<BTreeSet<(i32, i64)>> {
    let mut places = BTreeSet::new();
    for letter in world.dead_letters().await? {
        let number = |name: &str| {
            let header = letter.header(&format!("emberline-dlq-{name}"));
            anyhow::Ok(header.context("no such header")?.parse::<i64>()?)
        };
        places.insert((i32::try_from(number("partition")?)?, number("offset")?));
    }
    for waiting in world.kafka.read_all(&world.own_topic("retry.2s")).await? {
        let header = waiting.header("emberline-retry").context("it does not say why it waits")?;
        let header: BTreeMap<String, serde_json::Value> = serde_json::from_str(header)?;
        let number = |name: &str| header.get(name).and_then(serde_json::Value::as_i64);
        if number("attempt") == Some(1) {
            let partition = number("partition").context("no partition")?;
            places.insert((i32::try_from(partition)?, number("offset").context("no offset")?));
        }
    }
    Ok(places)
}

/// Reports so far that have no binding to wait for.
fn of_bound_devices(load: &Load) -> u64 {
    let stories = load.expectation().stories().filter(|story| {
        let id = story.device.to_string();
        let number: u32 = id[id.len() - 6..].parse().unwrap_or_default();
        !(number + 1).is_multiple_of(UNBOUND)
    });
    stories.map(|story| story.reports.len() as u64).sum()
}
