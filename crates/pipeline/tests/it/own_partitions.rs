//! Devices workers that hold the bindings of their own partitions.

use emberline_flow::placing::partition_of;
use emberline_model::{CustomerId, DeviceId, EventTime};
use emberline_pipeline::{Exit, PipelineError, WorkerKind};
use emberline_wire::device_customers::{DeviceCustomer, encode_key};
use serde_json::json;

use crate::world::{ODD, Running, World, telemetry};

const PARTITIONS: i32 = 2;
const DEVICES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

/// A world in which all telemetry lies in the topic keyed by device.
fn world() -> World {
    let mut world = World::new(&[WorkerKind::Devices]);
    world.settings.topics.devices = vec!["raw".into()];
    world.settings.topics.repartition = vec!["raw".into()];
    world.settings.own_partitions = true;
    world
}

/// As a repartition worker would: these devices belong to the customer.
async fn bind(world: &World, devices: &[&str]) {
    let fact = DeviceCustomer { time: EventTime::from_millis(1_628_646_783_000), bound: true };
    let (customer, value) = (CustomerId::parse("c_1").unwrap(), fact.encode());
    let devices = devices.iter().map(|device| DeviceId::new("P", device).unwrap());
    let records = devices.map(|device| {
        let partition = partition_of(device.as_str().as_bytes(), PARTITIONS);
        (encode_key(&device, &customer), partition)
    });
    let records: Vec<_> = records.collect();
    let records: Vec<_> = records
        .iter()
        .map(|(key, partition)| (key.as_slice(), value.as_slice(), Some(*partition)))
        .collect();
    world.produce_in("own.device-customers", None, &records).await;
}

/// Each device reports in these seconds.
async fn report(world: &World, devices: &[&str], seconds: std::ops::Range<i64>) {
    let keys: Vec<String> = devices.iter().map(|device| format!("P/{device}")).collect();
    for second in seconds {
        let records: Vec<_> = devices
            .iter()
            .zip(&keys)
            .map(|(device, key)| {
                let value = telemetry(device, 1_700_000_000 + second, &json!({"power": 1}));
                (key.as_str(), value)
            })
            .collect();
        world.produce("own.devices", &records).await;
    }
}

#[tokio::test]
async fn what_is_bound_is_delivered_and_what_is_not_waits_in_a_retry_topic() {
    let world = world();
    let (bound, unbound) = DEVICES.split_at(6);
    bind(&world, bound).await;
    report(&world, &DEVICES, 0..10).await;
    let run = world.run();
    let monitor = run.monitor.clone();
    assert_eq!(run.ended().await.unwrap(), Exit::AtEnd);
    let reports = world.service.reports();
    assert_eq!(reports.len(), bound.len() * 10);
    assert!(reports.values().all(|times| *times == 1), "each once");
    let of = |device: &str| reports.keys().filter(|(id, ..)| *id == format!("P/{device}")).count();
    assert!(bound.iter().all(|device| of(device) == 10));
    let totals = &monitor.worker(WorkerKind::Devices).unwrap().totals;
    assert_eq!(totals.by_name("parked"), unbound.len() as u64 * 10);
}

#[tokio::test]
async fn partitions_move_between_processes_and_each_report_arrives_once() {
    let mut world = world();
    world.settings.exit_at_end = false;
    bind(&world, &DEVICES).await;
    report(&world, &DEVICES, 0..5).await;
    let first = world.run();
    first.until("the first reports", |_| world.service.reports().len() == 40).await;
    let second = world.run();
    second.until("a share", |it| it.monitor.ready().is_ok()).await;
    report(&world, &DEVICES, 5..10).await;
    first.until("reports of both", |_| world.service.reports().len() == 80).await;
    first.until("the second's part", |_| second.count(WorkerKind::Devices, "delivered") > 0).await;

    // One that is bound while both run is known to whoever owns its partition.
    report(&world, &["late"], 0..1).await;
    bind(&world, &["late"]).await;
    report(&world, &["late"], 1..2).await;
    let late = || world.service.reports().keys().filter(|(id, ..)| id == "P/late").count();
    first.until("the late one's report", |_| late() > 0).await;

    first.stop.cancel();
    assert_eq!(first.ended().await.unwrap(), Exit::Stopped);
    report(&world, &DEVICES, 10..15).await;
    let of_devices = || world.service.reports().len() - late();
    second.until("the rest", |_| of_devices() == 120).await;
    assert!(world.service.reports().values().all(|times| *times == 1), "each once");
    second.stop.cancel();
    assert_eq!(second.ended().await.unwrap(), Exit::Stopped);
}

/// Waits until the process says that this is why it is not ready.
async fn until_it_waits(run: &Running, why: &str) {
    run.until(why, |run| run.monitor.ready().is_err_and(|said| said.contains(why))).await;
}

#[tokio::test]
async fn telemetry_waits_until_what_was_bound_before_is_divided_by_partitions() {
    let mut world = world();
    world.settings.workers = vec![WorkerKind::Bindings];
    world.bind(&DEVICES).await;
    assert_eq!(world.run().ended().await.unwrap(), Exit::AtEnd);

    world.settings.workers = vec![WorkerKind::Devices];
    report(&world, &DEVICES, 0..5).await;
    let devices = world.run();
    until_it_waits(&devices, "own.device-customers yet: does a worker repartition run?").await;
    assert_eq!(world.service.reports().len(), 0);

    world.settings.workers = vec![WorkerKind::Repartition];
    assert_eq!(world.run().ended().await.unwrap(), Exit::AtEnd);
    let monitor = devices.monitor.clone();
    assert_eq!(devices.ended().await.unwrap(), Exit::AtEnd);
    assert_eq!(world.service.reports().len(), DEVICES.len() * 5);
    let totals = &monitor.worker(WorkerKind::Devices).unwrap().totals;
    assert_eq!(totals.by_name("parked"), 0);
}

#[tokio::test]
async fn a_table_that_was_filled_and_is_empty_is_told_and_not_joined_by() {
    let mut world = world();
    world.settings.workers = vec![WorkerKind::Repartition];
    // Nothing comes of it: as if the topic had been made anew since.
    world.produce("own.customer-devices", &[("no customer", "no set".to_owned())]).await;
    assert_eq!(world.run().ended().await.unwrap(), Exit::AtEnd);

    world.settings.workers = vec![WorkerKind::Devices];
    report(&world, &DEVICES, 0..1).await;
    let devices = world.run();
    until_it_waits(&devices, "own.device-customers is empty, and was filled").await;
    devices.stop.cancel();
    let monitor = devices.monitor.clone();
    assert_eq!(devices.ended().await.unwrap(), Exit::Stopped);
    assert_eq!(monitor.worker(WorkerKind::Devices).unwrap().totals.by_name("parked"), 0);
}

#[tokio::test]
async fn a_table_of_another_number_of_partitions_is_refused() {
    let mut world = world();
    world.settings.topics.prefix = ODD.into();
    world.settings.delivery.receipts = false;
    let error = world.run().ended().await.unwrap_err();
    assert!(matches!(&error, PipelineError::TableParts { has: 3, keyed_has: 2, .. }), "{error}");
}
