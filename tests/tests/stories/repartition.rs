//! Topics that are not keyed by device.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use emberline_fleet::FleetPlan;
use emberline_testkit::kafka::StoredRecord;
use emberline_testkit::{Load, Signal, World};

use crate::checks::{check, detail, step};
use crate::story::LIMIT;
use crate::sum::at_rest;

const SEVERAL: &str = "emberline_devices_in_several_partitions_total";

pub(crate) async fn spread_over_partitions(world: &mut World) -> Result<()> {
    let mut load = Load::new(FleetPlan {
        devices: 100,
        duplicates: 0.1,
        not_telemetry: 0.02,
        undecodable: 0.005,
        ..FleetPlan::default()
    });
    world.repartition();
    world.introduce(&load).await?;
    let mut records = load.records(3_000);
    records.extend(load.rest());
    world.tell_in_turn(&world.devices(), records).await?;
    world.run_to_end().await?;
    world.judge(&load).is_exactly_once_in_order()?;

    let counts = *load.expectation().counts();
    let raw = world.kafka.read_all(&world.devices()).await?;
    let keyed = world.kafka.read_all(&world.own_topic("devices")).await?;
    let expected = counts.records - counts.skipped - counts.undecodable;
    ensure!(keyed.len() as u64 == expected, "{} written, not {expected}", keyed.len());
    let mut partitions: BTreeMap<&[u8], BTreeSet<i32>> = BTreeMap::new();
    for record in &keyed {
        let key = record.key.as_deref().context("a record without a key")?;
        partitions.entry(key).or_default().insert(record.partition);
    }
    ensure!(partitions.values().all(|of_device| of_device.len() == 1), "{partitions:?}");
    // All of a record but its key and place is as it was.
    let before: BTreeSet<_> = raw.iter().map(told).collect();
    let changed = keyed.iter().find(|record| !before.contains(&told(record)));
    ensure!(changed.is_none(), "{changed:?}");

    ensure!(counts.undecodable > 0, "nothing undecodable: it proves nothing");
    let letters = world.dead_letters().await?;
    ensure!(letters.len() as u64 == counts.dead_letters(), "{} dead letters", letters.len());
    let undecodable = |letter: &&StoredRecord| {
        letter.header("emberline-dlq-reason") == Some("undecodable")
            && letter.header("emberline-dlq-topic") == Some(&world.devices())
    };
    let count = letters.iter().filter(undecodable).count() as u64;
    ensure!(count == counts.undecodable, "{count} undecodable, not {}", counts.undecodable);
    world.settled("repartition", &world.devices()).await
}

/// A record's timestamp, value and headers.
type Told<'a> = (i64, Option<&'a [u8]>, &'a [(String, Vec<u8>)]);

/// What of a record stays as it is.
fn told(record: &StoredRecord) -> Told<'_> {
    (record.timestamp_ms, record.value.as_deref(), &record.headers)
}

pub(crate) async fn killed(world: &mut World) -> Result<()> {
    // Few devices, so that it takes a while: of each one record is written at a time.
    let mut load = Load::new(FleetPlan { devices: 12, ..FleetPlan::default() });
    world.repartition();
    world.introduce(&load).await?;
    let mut records = load.records(4_000);
    records.extend(load.rest());
    world.tell_in_turn(&world.devices(), records).await?;
    let count: i64 = world.kafka.ends(&world.devices()).await?.values().sum();
    world.emberline(&["topics", "create"]).await?.succeeds(LIMIT).await?;

    let mut others = world.emberline(&["run", "--workers", "bindings,devices,retries"]).await?;
    others.ready().await?;
    // Who calls nobody needs no credentials.
    world.unset("service.app_key");
    world.unset("service.app_secret");
    let mut repartition = world.emberline(&["run", "--workers", "repartition"]).await?;
    let keyed = world.own_topic("devices");
    let written = async || Ok::<i64, anyhow::Error>(world.kafka.ends(&keyed).await?.values().sum());
    world
        .wait_for("a third is written", async || Ok((written().await? >= count / 3).then_some(())))
        .await?;
    repartition.signal(Signal::Kill)?;
    ensure!(repartition.ended(LIMIT).await? == Signal::KILLED);
    let then = written().await?;
    ensure!(then < count, "it was not in the middle");

    let mut again = world.emberline(&["run", "--workers", "repartition", "--exit-at-end"]).await?;
    again.succeeds(LIMIT).await?;
    world.settled("repartition", &world.devices()).await?;
    world.settled("devices", &keyed).await?;
    others.signal(Signal::Terminate)?;
    others.succeeds(LIMIT).await?;
    // What is no telemetry is not written, and a dead letter is not written there.
    let counts = *load.expectation().counts();
    let least = i64::try_from(counts.records - counts.skipped - counts.undecodable)?;
    let written = written().await?;
    ensure!(written >= least, "{written} of at least {least} are written");
    world.judge(&load).is_exactly_once_in_order()
}

pub(crate) async fn seen(world: &mut World) -> Result<()> {
    let (keyed, raw) = (world.devices(), format!("{}-raw", world.devices()));
    world.kafka.create_topic(&raw, 3, &[]).await?;
    let both = format!("[{keyed:?}, {raw:?}]");
    world.set("topics.devices", &both);
    world.emberline(&["topics", "create"]).await?.succeeds(LIMIT).await?;
    // A repeat may come over another partition than what it repeats: it is found there only where
    // both are read equally far, which nobody promises.
    let mut load = Load::new(FleetPlan { devices: 20, duplicates: 0.0, ..FleetPlan::default() });
    world.introduce(&load).await?;
    let (first, second) = (load.records(300), load.records(300));
    world.tell(first).await?;
    world.tell_in_turn(&raw, second).await?;

    let mut run = world.emberline(&["run"]).await?;
    let records = load.expectation().counts().records;
    let page = at_rest(world, &mut run, ("devices", records)).await?;
    let count = |topic: &str| page.count(SEVERAL, &[("topic", topic)]);
    ensure!(count(&keyed) == 0, "{} of {keyed}", count(&keyed));
    ensure!((1..=20).contains(&count(&raw)), "{} of {raw}", count(&raw));
    let told = |line: &&str| line.contains("is not keyed by device") && line.contains(&raw);
    let lines = run.log().lines().filter(told).count();
    ensure!(lines == 1, "told {lines} times");
    run.signal(Signal::Terminate)?;
    run.succeeds(LIMIT).await?;

    let checked = check(world, 1).await?;
    let wrong = step(&checked, &raw)?;
    let advice = wrong["advice"].as_str().unwrap_or_default();
    ensure!(wrong["state"] == "failed" && advice.contains("topics.repartition"), "{wrong}");
    let good = detail(&checked, &keyed)?;
    ensure!(good.ends_with(" devices in one partition"), "{good}");

    // As it is advised. What was delivered out of the topic itself is not delivered again.
    let only = format!("[{raw:?}]");
    world.set("topics.repartition", &only);
    world.tell_in_turn(&raw, load.records(100)).await?;
    world.run_to_end().await?;
    world.judge(&load).is_at_least_once()?;
    let twice = world.sandbox.ledger().totals().sent_twice;
    ensure!(twice == 0, "{twice} sent twice");
    let checked = check(world, 0).await?;
    let repartitioned = detail(&checked, &world.own_topic("devices"))?;
    ensure!(repartitioned.ends_with(" devices in one partition"), "{repartitioned}");
    let group = format!("group {}", world.group("repartition"));
    ensure!(detail(&checked, &group)?.starts_with("lag 0 over 3 partitions"), "{checked}");
    Ok(())
}
