//! Topics that are not keyed by device.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use emberline_fleet::FleetPlan;
use emberline_testkit::kafka::StoredRecord;
use emberline_testkit::{Emberline, Load, Signal, World};

use crate::checks::{check, detail, step};
use crate::story::LIMIT;
use crate::sum::{Sum, at_rest};

const SEVERAL: &str = "emberline_devices_in_several_partitions_total";

/// The world's topic of devices is one that is not keyed by device.
fn repartition(world: &mut World) {
    let topic = format!("[{:?}]", world.devices());
    world.set("topics.repartition", &topic);
}

pub(crate) async fn spread_over_partitions(world: &mut World) -> Result<()> {
    let mut load = Load::new(FleetPlan {
        devices: 100,
        duplicates: 0.1,
        not_telemetry: 0.02,
        undecodable: 0.005,
        ..FleetPlan::default()
    });
    repartition(world);
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
    repartition(world);
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
    ensure!(written().await? >= count, "not all is there");
    world.judge(&load).is_exactly_once_in_order()
}

pub(crate) async fn seen(world: &mut World) -> Result<()> {
    let (keyed, raw) = (world.devices(), format!("{}-raw", world.devices()));
    world.kafka.create_topic(&raw, 3, &[]).await?;
    let both = format!("[{keyed:?}, {raw:?}]");
    world.set("topics.devices", &both);
    world.emberline(&["topics", "create"]).await?.succeeds(LIMIT).await?;
    let mut load = Load::new(FleetPlan { devices: 20, ..FleetPlan::default() });
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

/// Each process of the devices worker joins by the bindings of its own partitions, also those
/// that come to it when another one stops.
pub(crate) async fn bindings_by_partitions(world: &mut World) -> Result<()> {
    const DEVICES: u32 = 80;
    let plan =
        FleetPlan { devices: DEVICES, duplicates: 0.1, unbound: 0.0, ..FleetPlan::default() };
    let mut load = Load::new(plan);
    repartition(world);
    world.set("join.table", r#""own_partitions""#);
    world.emberline(&["topics", "create"]).await?.succeeds(LIMIT).await?;
    let mut running = vec![world.emberline(&["run", "--workers", "bindings,retries"]).await?];
    world.introduce(&load).await?;
    world.settled("bindings", &world.bindings()).await?;
    // Telemetry is not joined before all customers' sets are there as facts.
    let mut early = world.emberline(&["run", "--workers", "devices"]).await?;
    let asks = "does a worker repartition run?";
    world
        .wait_for("it is asked for the worker that is missing", async || {
            let (status, why) = early.get("/readyz").await?;
            Ok((status == 503 && why.contains(asks)).then_some(()))
        })
        .await?;
    running.push(world.emberline(&["run", "--workers", "repartition"]).await?);
    early.ready().await?;
    running.push(early);
    running.push(world.emberline(&["run", "--workers", "devices"]).await?);
    let devices = &mut running[2..];
    know(world, devices, DEVICES).await?;
    // Each device in one partition: live, the order of several is the order of reading.
    world.tell(load.records(1_500)).await?;
    let enough = load.expectation().counts().reports / 3;
    world.accepted(enough).await?;

    let mut gone = running.remove(2);
    gone.signal(Signal::Terminate)?;
    gone.succeeds(LIMIT).await?;
    know(world, &mut running[2..], DEVICES).await?;
    let mut rest = load.records(500);
    rest.extend(load.rest());
    world.tell(rest).await?;
    world.settled("repartition", &world.devices()).await?;
    world.settled("devices", &world.own_topic("devices")).await?;
    let parked = Sum::of(&running[2].metrics().await?, "devices").outcome("parked");
    ensure!(parked == 0, "{parked} parked, and every device was bound");
    for process in &mut running {
        process.signal(Signal::Terminate)?;
        process.succeeds(LIMIT).await?;
    }
    world.judge(&load).is_exactly_once_in_order()
}

/// Waits until these processes know whose so many devices are: each those of its partitions.
async fn know(world: &World, processes: &mut [Emberline], devices: u32) -> Result<()> {
    let what = format!("{} processes have the bindings between them", processes.len());
    world
        .wait_for(&what, async || {
            let mut known = Vec::new();
            for process in processes.iter_mut() {
                known.push(process.metrics().await?.count("emberline_bindings_devices", &[]));
            }
            let all = known.iter().sum::<u64>() == u64::from(devices);
            Ok((all && !known.contains(&0)).then_some(()))
        })
        .await
}
