//! Topics that are not keyed by device.

use std::collections::{BTreeMap, BTreeSet};

use emberline_pipeline::{Exit, Monitor, PipelineError, WorkerKind};
use serde_json::json;

use crate::world::{ODD, World, Written, telemetry};

const WORKERS: [WorkerKind; 2] = [WorkerKind::Bindings, WorkerKind::Devices];
const DEVICES: [&str; 5] = ["a", "b", "c", "d", "e"];
const RECORDS: usize = 12;
/// The first one's Kafka timestamp, Unix milliseconds. The others' are a second later each.
const CAME_AT: i64 = 1_700_000_100_000;

/// Tells of the devices in turn, with keys that spread each device's records over partitions.
async fn tell(world: &World) {
    world.bind(&DEVICES).await;
    for second in 0..i64::try_from(RECORDS).unwrap() {
        let record = |(number, device): (usize, &&str)| {
            let key = format!("{second} {number}");
            (key, telemetry(device, 1_700_000_000 + second, &json!({"power": 1, "smoke_state": 1})))
        };
        let records: Vec<_> = DEVICES.iter().enumerate().map(record).collect();
        let records: Vec<_> = records.iter().map(|(key, it)| (key.as_str(), it.clone())).collect();
        world.produce_at("raw", Some(CAME_AT + second * 1_000), &records).await;
    }
}

/// The offsets of each device's records in each partition, as they came.
fn places(records: &[Written]) -> BTreeMap<(String, i32), Vec<i64>> {
    let mut places: BTreeMap<_, Vec<i64>> = BTreeMap::new();
    for record in records {
        let value: serde_json::Value = serde_json::from_str(&record.value).unwrap();
        let device = format!("P/{}", value["devicename"].as_str().unwrap());
        places.entry((device, record.partition)).or_default().push(record.offset);
    }
    places
}

#[tokio::test]
async fn records_are_keyed_by_device_as_they_were_and_each_report_arrives_once() {
    let mut world = World::new(&WORKERS).repartitioning();
    // The topic alone knows what its records are where they do not say it.
    world.settings.topics.types.insert("raw".into(), "DeviceTelemetry".into());
    tell(&world).await;
    let run = world.run();
    let monitor = run.monitor.clone();
    assert_eq!(run.ended().await.unwrap(), Exit::AtEnd);

    let count = DEVICES.len() * RECORDS;
    let reports = world.service.reports();
    assert_eq!(reports.len(), count * 2, "all of them");
    assert!(reports.values().all(|times| *times == 1), "each once");
    let totals = &monitor.worker(WorkerKind::Repartition).unwrap().totals;
    assert_eq!(totals.by_name("repartitioned"), count as u64);
    assert_eq!(
        world.committed(WorkerKind::Repartition, "raw").await,
        i64::try_from(count).unwrap()
    );
    assert_eq!(
        world.committed(WorkerKind::Devices, "own.devices").await,
        i64::try_from(count).unwrap()
    );

    let before = world.written("raw", count).await;
    let keyed = world.written("own.devices", count).await;
    assert!(places(&before).len() > DEVICES.len(), "a device was in several partitions");
    assert_eq!(places(&keyed).len(), DEVICES.len(), "and is in one");
    let told = |records: &[Written]| {
        let mut told: Vec<_> = records
            .iter()
            .map(|it| (it.timestamp_ms, it.value.clone(), it.headers["trace"].clone()))
            .collect();
        told.sort();
        told
    };
    assert_eq!(told(&before), told(&keyed));
    for record in &keyed {
        assert!(record.value.contains(&format!("P/{}", &record.key[2..])), "{record:?}");
        assert_eq!(record.headers["emberline-type"], "DeviceTelemetry");
    }
    // They were in all partitions; now each device's are in the order in which they came.
    let mut last: BTreeMap<&str, i64> = BTreeMap::new();
    let mut by_offset: Vec<_> = keyed.iter().collect();
    by_offset.sort_by_key(|it| it.offset);
    for record in by_offset {
        let before = last.insert(&record.key, record.timestamp_ms);
        assert!(before.is_none_or(|before| before < record.timestamp_ms), "{record:?}");
    }
}

#[tokio::test]
async fn a_record_without_a_device_is_a_dead_letter_of_its_own_topic() {
    let world = World::new(&WORKERS).repartitioning();
    world.bind(&["a"]).await;
    let good = telemetry("a", 1_700_000_000, &json!({"power": 1}));
    world.produce("raw", &[("x", "{".to_owned()), ("y", good)]).await;
    let run = world.run();
    let monitor = run.monitor.clone();
    assert_eq!(run.ended().await.unwrap(), Exit::AtEnd);
    let letters = world.written("own.dead-letters", 1).await;
    let letter = &letters[0];
    assert_eq!((letter.key.as_str(), letter.value.as_str()), ("x", "{"));
    assert_eq!(letter.headers["emberline-dlq-reason"], "undecodable");
    assert_eq!(letter.headers["emberline-dlq-topic"], "raw");
    let count = |outcome| monitor.worker(WorkerKind::Repartition).unwrap().totals.by_name(outcome);
    assert_eq!((count("dead_lettered"), count("repartitioned")), (1, 1));
    assert_eq!(world.service.reports().len(), 1);
}

#[tokio::test]
async fn what_is_written_to_the_keyed_topic_twice_is_a_duplicate_there() {
    let world = World::new(&WORKERS).repartitioning();
    tell(&world).await;
    tell(&world).await;
    let run = world.run();
    let monitor = run.monitor.clone();
    assert_eq!(run.ended().await.unwrap(), Exit::AtEnd);
    let reports = world.service.reports();
    assert_eq!(reports.len(), DEVICES.len() * RECORDS * 2);
    assert!(reports.values().all(|times| *times == 1), "each once");
    let duplicates = monitor.worker(WorkerKind::Devices).unwrap().totals.by_name("duplicate");
    assert_eq!(duplicates, reports.len() as u64);
}

#[tokio::test]
async fn who_only_repartitions_needs_no_bindings_and_no_service() {
    let world = World::new(&[]).repartitioning();
    tell(&world).await;
    let run = world.run();
    let monitor = run.monitor.clone();
    assert_eq!(run.ended().await.unwrap(), Exit::AtEnd);
    assert!(monitor.ready().is_ok() && world.service.reports().is_empty());
    let count = DEVICES.len() * RECORDS;
    assert_eq!(world.written("own.devices", count).await.len(), count);
}

/// In which partition each device is, of records that name it in the part of the key before a
/// space.
fn partitions(records: &[Written]) -> BTreeMap<String, BTreeSet<i32>> {
    let mut partitions: BTreeMap<_, BTreeSet<i32>> = BTreeMap::new();
    for record in records {
        let device = record.key.split(' ').next().unwrap();
        partitions.entry(device.to_owned()).or_default().insert(record.partition);
    }
    partitions
}

#[tokio::test]
async fn whose_a_device_is_lies_in_the_partition_of_its_records() {
    let mut world = World::new(&WORKERS).repartitioning().dividing_bindings();
    tell(&world).await;
    assert_eq!(world.run().ended().await.unwrap(), Exit::AtEnd);
    let facts = world.written("own.device-customers", DEVICES.len()).await;
    let keys: BTreeSet<_> = facts.iter().map(|fact| fact.key.clone()).collect();
    assert_eq!(keys, DEVICES.map(|device| format!("P/{device} c_1")).into());
    let keyed = world.written("own.devices", DEVICES.len() * RECORDS).await;
    assert_eq!(partitions(&facts), partitions(&keyed));
    let used: BTreeSet<_> = facts.iter().map(|fact| fact.partition).collect();
    assert_eq!(used.len(), 2, "else all would lie where anything lies");

    let sets = "own.customer-devices";
    let before = world.committed(WorkerKind::Repartition, sets).await;
    assert!(before > 0);
    // The set of two more devices is written on, and nothing that was before it.
    world.bind(&["x", "y"]).await;
    let run = world.run();
    let monitor = run.monitor.clone();
    assert_eq!(run.ended().await.unwrap(), Exit::AtEnd);
    let written = |monitor: &Monitor| {
        let totals = &monitor.worker(WorkerKind::Repartition).unwrap().totals;
        i64::try_from(totals.by_name("repartitioned")).unwrap()
    };
    let all = world.committed(WorkerKind::Repartition, sets).await;
    assert_eq!(written(&monitor), all - before);

    // A group of which nothing is known writes all of it.
    world.settings.kafka.group = "again".into();
    world.settings.workers = vec![WorkerKind::Repartition];
    let run = world.run();
    let monitor = run.monitor.clone();
    assert_eq!(run.ended().await.unwrap(), Exit::AtEnd);
    let records = i64::try_from(DEVICES.len() * RECORDS).unwrap();
    assert_eq!(written(&monitor), all + records);
}

#[tokio::test]
async fn bindings_that_would_lie_elsewhere_than_their_devices_records_are_refused() {
    let mut world = World::new(&[]).repartitioning().dividing_bindings();
    world.settings.topics.prefix = ODD.into();
    let error = world.run().ended().await.unwrap_err();
    assert!(matches!(&error, PipelineError::TableParts { has: 3, keyed_has: 2, .. }), "{error}");
}

#[tokio::test]
async fn what_devices_workers_have_read_so_far_is_not_keyed_anew() {
    let mut world = World::new(&WORKERS).repartitioning();
    let later = world.settings.clone();
    world.settings.topics.repartition.clear();
    world.settings.workers = WORKERS.to_vec();
    tell(&world).await;
    assert_eq!(world.run().ended().await.unwrap(), Exit::AtEnd);
    let delivered = world.service.reports().len();
    assert_eq!(delivered, DEVICES.len() * RECORDS * 2);

    world.settings = later;
    let more = telemetry("a", 1_700_001_000, &json!({"power": 1}));
    world.produce("raw", &[("x", more)]).await;
    let run = world.run();
    let monitor = run.monitor.clone();
    assert_eq!(run.ended().await.unwrap(), Exit::AtEnd);
    let totals = &monitor.worker(WorkerKind::Repartition).unwrap().totals;
    assert_eq!(totals.by_name("repartitioned"), 1, "only what came later");
    // Also where nothing came: else it would be asked again, and may be forgotten by then.
    let all = i64::try_from(DEVICES.len() * RECORDS + 1).unwrap();
    assert_eq!(world.committed(WorkerKind::Repartition, "raw").await, all);
    let reports = world.service.reports();
    assert_eq!(reports.len(), delivered + 1);
    assert!(reports.values().all(|times| *times == 1), "each once");
}
