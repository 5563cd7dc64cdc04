//! A part of a topic, pushed again.

use std::sync::Arc;

use emberline_broker::{Bounds, OffsetRange};
use emberline_model::{Category, DeviceId};
use emberline_pipeline::replay::{Marks, Plan, ReplayRun, Selection, plan};
use emberline_pipeline::{Exit, WorkerKind};
use emberline_wire::headers::Categories;
use serde_json::json;

use crate::world::{DEADLINE, Says, World, telemetry};

/// Twenty devices that are bound, with thirty records each of two properties.
async fn delivered() -> World {
    let mut world = World::new(&[WorkerKind::Bindings, WorkerKind::Devices]);
    let devices: Vec<String> = (0..20).map(|number| format!("d{number}")).collect();
    world.bind(&devices.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut records = Vec::new();
    for second in 0..30 {
        for device in &devices {
            let params = json!({"power": 1.5, "smoke_state": second % 2, "humidity": 3});
            records.push((device.as_str(), telemetry(device, 1_700_000_000 + second, &params)));
        }
    }
    world.produce("devices", &records).await;
    assert_eq!(world.run().ended().await.unwrap(), Exit::AtEnd);
    world.service.forget();
    world.settings.workers = vec![WorkerKind::Replay];
    world
}

async fn ranges(world: &World, topic: &str) -> Vec<OffsetRange> {
    let (kafka, topic) = (world.settings.kafka.clone(), topic.to_owned());
    let asked = tokio::task::spawn_blocking(move || {
        Bounds::new(&kafka).unwrap().of_topics(&[topic], DEADLINE).unwrap()
    });
    let range = |it: emberline_broker::PartitionBounds| OffsetRange {
        partition: it.partition,
        from: it.low,
        to: it.high,
    };
    asked.await.unwrap().into_iter().map(range).collect()
}

/// Plans a replay, and sets the world to run it.
async fn planned(world: &mut World, ranges: Vec<OffsetRange>, selection: Selection) -> Plan {
    let selection = Arc::new(selection);
    let run = ReplayRun { name: "again".into(), topic: "devices".into(), ranges, selection };
    let (plan, run) = plan(&world.settings, run, |_| {}).await.unwrap();
    world.settings.replay = Some(run);
    plan
}

#[tokio::test]
async fn a_range_is_pushed_again_and_nothing_outside_of_it() {
    let mut world = delivered().await;
    let mut part = ranges(&world, "devices").await;
    for range in &mut part {
        (range.from, range.to) = (range.to / 4, range.to / 2);
    }
    let offsets: u64 = part.iter().map(OffsetRange::len).sum();
    let plan = planned(&mut world, part, Selection::default()).await;
    assert_eq!((plan.records, plan.reports, plan.duplicates), (offsets, offsets * 2, 0));
    assert_eq!((plan.unbound, plan.selected()), (0, offsets));
    let run = world.run();
    let monitor = Arc::clone(&run.monitor);
    assert_eq!(run.ended().await.unwrap(), Exit::AtEnd);
    let totals = &monitor.worker(WorkerKind::Replay).unwrap().totals;
    assert_eq!(totals.by_name("delivered"), plan.reports);
    let reports = world.service.reports();
    assert_eq!(reports.values().sum::<usize>() as u64, plan.reports, "as planned");
}

#[tokio::test]
async fn what_is_not_meant_is_left_out_and_the_plan_says_so_beforehand() {
    let mut world = delivered().await;
    let whole = ranges(&world, "devices").await;
    let selection = Selection {
        devices: vec![DeviceId::parse("P/d3").unwrap(), DeviceId::parse("P/d4").unwrap()],
        categories: Some(Categories::from_iter([Category::Smoke])),
        ..Selection::default()
    };
    let plan = planned(&mut world, whole, selection).await;
    assert_eq!((plan.records, plan.not_selected, plan.reports), (600, 540, 60));
    assert_eq!((plan.devices, plan.calls), (2, 2), "a batch takes a hundred");
    assert_eq!(world.run().ended().await.unwrap(), Exit::AtEnd);
    let reports = world.service.reports();
    assert_eq!(reports.len(), 60);
    assert!(reports.keys().all(|(device, code, _)| *code == 500 && device.starts_with("P/d")));
}

#[tokio::test]
async fn a_replay_that_was_stopped_goes_on_where_it_was() {
    let mut world = delivered().await;
    let whole = ranges(&world, "devices").await;
    planned(&mut world, whole, Selection::default()).await;
    world.service.answers(|call| match call["DataInfo"][0]["ReportTime"].as_i64() {
        Some(second) if second % 3 == 0 => Says::Nothing,
        _ => Says::Accepted,
    });
    let first = world.run();
    world.service.wait_for_calls(20).await;
    first.stop.cancel();
    world.service.answers(|_| Says::Accepted);
    assert_eq!(first.ended().await.unwrap(), Exit::Stopped);
    assert_eq!(world.run().ended().await.unwrap(), Exit::AtEnd);
    let reports = world.service.reports();
    assert_eq!(reports.len(), 20 * 30 * 2, "all of them");
    assert!(reports.values().all(|times| *times == 1), "each once");
    // Run again under its name, there is nothing left.
    assert_eq!(world.run().ended().await.unwrap(), Exit::AtEnd);
    assert_eq!(world.service.reports().values().sum::<usize>(), 20 * 30 * 2);
}

#[tokio::test]
async fn only_what_has_no_receipt_is_pushed_where_that_is_asked_for() {
    let mut world = delivered().await;
    let receipts = ranges(&world, "own.receipts").await;
    let read = |world: &World| {
        let (kafka, receipts) = (world.settings.kafka.clone(), receipts.clone());
        tokio::task::spawn_blocking(move || {
            Marks::read(&kafka, "own.receipts", &receipts, &[]).unwrap().unwrap()
        })
    };
    let (accepted, unreadable) = read(&world).await.unwrap();
    assert_eq!((accepted.len(), unreadable), (20 * 30 * 2, 0), "a receipt of each report");

    // Ten records that were never delivered, though the topic's group is past them.
    let lost: Vec<_> = (0..10)
        .map(|second| ("d7", telemetry("d7", 1_700_009_000 + second, &json!({"power": 2.5}))))
        .collect();
    world.produce("devices", &lost).await;
    let whole = ranges(&world, "devices").await;
    let selection = Selection { missing_only: true, accepted, ..Selection::default() };
    let plan = planned(&mut world, whole, selection).await;
    assert_eq!((plan.records, plan.reports, plan.dead), (610, 10, 0));
    assert_eq!(world.run().ended().await.unwrap(), Exit::AtEnd);
    let reports = world.service.reports();
    assert_eq!(reports.len(), 10);
    assert!(reports.keys().all(|(_, code, second)| *code == 400 && *second >= 1_700_009_000));
}
