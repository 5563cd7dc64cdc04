//! A part of a topic, pushed again.

use std::ops::ControlFlow;
use std::sync::Arc;

use emberline_broker::{Bounds, OffsetRange};
use emberline_model::{Category, DeviceId};
use emberline_pipeline::replay::{Plan, Receipts, ReplayRun, Selection, plan};
use emberline_pipeline::{Exit, WorkerKind};
use emberline_wire::headers::Categories;
use serde_json::json;

use crate::world::{DEADLINE, Says, World, telemetry};

/// Twenty devices whose records are delivered.
async fn delivered() -> World {
    let mut world = World::new(&[WorkerKind::Bindings, WorkerKind::Devices]);
    world.tell_of_twenty_devices().await;
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
    let receipts = if selection.missing_only { Receipts::All } else { Receipts::Ignored };
    let run = ReplayRun {
        name: "again".into(),
        topic: "devices".into(),
        ranges,
        dead_letters_only: false,
        receipts,
        states_from: Vec::new(),
        selection: Arc::new(selection),
    };
    plan_of(world, run).await
}

async fn plan_of(world: &mut World, run: ReplayRun) -> Plan {
    let planned = plan(&world.settings, run, |_, _, _| ControlFlow::Continue(())).await.unwrap();
    assert_eq!(planned.unreadable_receipts, 0);
    world.settings.replay = Some(planned.run);
    planned.plan
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
    // Ten records that were never delivered, though the topic's group is past them.
    let lost: Vec<_> = (0..10)
        .map(|second| ("d7", telemetry("d7", 1_700_009_000 + second, &json!({"power": 2.5}))))
        .collect();
    world.produce("devices", &lost).await;
    let whole = ranges(&world, "devices").await;
    let selection = Selection { missing_only: true, ..Selection::default() };
    let plan = planned(&mut world, whole, selection).await;
    assert_eq!((plan.records, plan.reports, plan.dead), (610, 10, 0));
    assert_eq!(world.run().ended().await.unwrap(), Exit::AtEnd);
    let reports = world.service.reports();
    assert_eq!(reports.len(), 10);
    assert!(reports.keys().all(|(_, code, second)| *code == 400 && *second >= 1_700_009_000));
}

/// Plans a redrive of all dead letters, and sets the world to run it.
async fn redrive(world: &mut World, name: &str, most_redriven: u32) -> Plan {
    world.settings.workers = vec![WorkerKind::Redrive];
    let topic = world.settings.topics.dead_letters();
    let ranges = ranges(world, &topic).await;
    let selection = Arc::new(Selection { most_redriven, ..Selection::default() });
    let receipts = Receipts::All;
    let name = name.into();
    let states_from = Vec::new();
    let run = ReplayRun {
        name,
        topic,
        ranges,
        dead_letters_only: false,
        receipts,
        states_from,
        selection,
    };
    plan_of(world, run).await
}

async fn run_to_its_end(world: &World, kind: WorkerKind) -> impl Fn(&str) -> u64 + use<> {
    let run = world.run();
    let monitor = Arc::clone(&run.monitor);
    assert_eq!(run.ended().await.unwrap(), Exit::AtEnd);
    move |outcome| monitor.worker(kind).unwrap().totals.by_name(outcome)
}

#[tokio::test]
async fn a_dead_letter_that_fails_again_is_a_newer_one_and_is_given_up_in_the_end() {
    let mut world = World::new(&[WorkerKind::Bindings, WorkerKind::Devices]);
    world.bind(&["d0", "d1"]).await;
    let refuse = |name: &'static str| {
        move |call: &serde_json::Value| {
            let is_data = call.get("DataInfo").is_some();
            let is_its = name.is_empty() || call["DeviceId"] == name;
            if is_data && is_its { Says::Rejected("InvalidParameterValue") } else { Says::Accepted }
        }
    };
    world.service.answers(refuse(""));
    let mut records = Vec::new();
    for second in 0..10 {
        for device in ["d0", "d1"] {
            let params = json!({"power": 1.5, "smoke_state": 0});
            records.push((device, telemetry(device, 1_700_000_000 + second, &params)));
        }
    }
    world.produce("devices", &records).await;
    let dead = run_to_its_end(&world, WorkerKind::Devices).await;
    assert_eq!(dead("dead_lettered"), 40, "twenty records of two reports");

    // One device's are accepted now, the other's are not.
    world.service.answers(refuse("P/d1"));
    let plan = redrive(&mut world, "first", 3).await;
    assert_eq!((plan.reports, plan.not_selected), (40, 0));
    let first = run_to_its_end(&world, WorkerKind::Redrive).await;
    assert_eq!((first("delivered"), first("dead_lettered")), (20, 20));
    assert_eq!(world.service.reports().len(), 20);

    // Of the second redrive's letters those of the first device have receipts, and the other
    // device's old ones have newer ones.
    let plan = redrive(&mut world, "second", 3).await;
    assert_eq!(plan.reports, 20, "{plan:?}");
    let second = run_to_its_end(&world, WorkerKind::Redrive).await;
    assert_eq!((second("delivered"), second("dead_lettered")), (0, 20));

    // Twice redriven, they may not be a third time where two is the most.
    let plan = redrive(&mut world, "third", 2).await;
    assert_eq!((plan.reports, plan.redriven_too_often > 0), (0, true), "{plan:?}");
    world.service.answers(|_| Says::Accepted);
    let third = run_to_its_end(&world, WorkerKind::Redrive).await;
    assert_eq!(third("delivered") + third("dead_lettered"), 0);
    assert_eq!(world.service.reports().len(), 20, "nothing more was sent");

    // And with one more they are delivered, each once.
    redrive(&mut world, "fourth", 3).await;
    let fourth = run_to_its_end(&world, WorkerKind::Redrive).await;
    assert_eq!(fourth("delivered"), 20);
    let reports = world.service.reports();
    assert_eq!((reports.len(), reports.values().sum::<usize>()), (40, 40));
}

#[tokio::test]
async fn only_records_that_became_dead_letters_are_replayed_where_that_is_asked_for() {
    let mut world = delivered().await;
    world.settings.workers = vec![WorkerKind::Devices];
    let power = |call: &serde_json::Value| match call["DataCategory"].as_i64() {
        Some(400) => Says::Rejected("InvalidParameterValue"),
        _ => Says::Accepted,
    };
    world.service.answers(power);
    let late: Vec<_> = (0..10)
        .map(|second| {
            let params = json!({"power": 2.5, "smoke_state": 1});
            ("d7", telemetry("d7", 1_700_009_000 + second, &params))
        })
        .collect();
    world.produce("devices", &late).await;
    let devices = run_to_its_end(&world, WorkerKind::Devices).await;
    assert_eq!(devices("dead_lettered"), 10);
    world.service.forget();
    world.service.answers(|_| Says::Accepted);

    world.settings.workers = vec![WorkerKind::Replay];
    let run = ReplayRun {
        name: "dead".into(),
        topic: "devices".into(),
        ranges: ranges(&world, "devices").await,
        dead_letters_only: true,
        receipts: Receipts::Ignored,
        states_from: Vec::new(),
        selection: Arc::default(),
    };
    let plan = plan_of(&mut world, run).await;
    assert_eq!((plan.reports, plan.not_selected), (10, 600));
    let replay = run_to_its_end(&world, WorkerKind::Replay).await;
    assert_eq!(replay("delivered"), 10);
    assert!(world.service.reports().keys().all(|(_, code, _)| *code == 400));
}

/// A device went online or offline, so many seconds after noon.
fn status(device: &str, second: u32, online: bool) -> (&str, String) {
    let event = if online { "Online" } else { "Offline" };
    let time = format!("2026-01-01 12:00:{second:02}");
    let value = json!({
        "MsgType": "StatusChange", "Event": event, "ProductId": "P", "DeviceName": device,
        "Time": time,
    });
    (device, value.to_string())
}

#[tokio::test]
async fn a_state_that_was_overtaken_since_it_was_planned_is_not_sent() {
    let mut world = World::new(&[WorkerKind::Replay]);
    let states = [status("d0", 10, true), status("d1", 10, true), status("d1", 10, true)];
    world.produce("devices", &states).await;
    let whole = ranges(&world, "devices").await;
    let plan = planned(&mut world, whole, Selection::default()).await;
    assert_eq!((plan.states, plan.duplicates, plan.superseded), (2, 1, 0));
    // Somebody thinks about the plan, and live delivery goes on meanwhile.
    world.produce("devices", &[status("d0", 20, false)]).await;
    let replay = run_to_its_end(&world, WorkerKind::Replay).await;
    assert_eq!((replay("delivered"), replay("superseded"), replay("duplicate")), (1, 1, 1));
}

#[tokio::test]
async fn a_state_that_came_again_counts_once_though_a_newer_one_replaces_it() {
    let mut world = World::new(&[WorkerKind::Replay]);
    let states = [status("d0", 10, true), status("d0", 10, true), status("d0", 20, false)];
    world.produce("devices", &states).await;
    let whole = ranges(&world, "devices").await;
    let plan = planned(&mut world, whole, Selection::default()).await;
    let replay = run_to_its_end(&world, WorkerKind::Replay).await;
    let counts = (replay("delivered"), replay("superseded"), replay("duplicate"));
    assert_eq!(counts, (plan.states, plan.superseded, plan.duplicates));
    assert_eq!(counts, (1, 2, 0));
}

/// Noon of the day when its device's clock was a century ahead, Unix milliseconds.
const NOON: i64 = 1_767_268_800_000;
const DAY: i64 = 86_400_000;

/// A state at noon of this year's second of January.
fn status_at(device: &'static str, year: &str, online: bool) -> (&'static str, String) {
    let (device, value) = status(device, 0, online);
    (device, value.replace("2026-01-01", &format!("{year}-01-02")))
}

#[tokio::test]
async fn a_state_of_a_clock_far_ahead_is_not_the_newest_for_ever() {
    let mut world = World::new(&[WorkerKind::Replay]);
    let topic = "devices";
    world.produce_at(topic, Some(NOON), &[status_at("d0", "2126", true)]).await;
    world.produce_at(topic, Some(NOON + DAY), &[status_at("d0", "2026", false)]).await;
    let whole = ranges(&world, topic).await;
    let plan = planned(&mut world, whole, Selection::default()).await;
    assert_eq!((plan.states, plan.superseded), (1, 1));
    let offline = |call: &serde_json::Value| match call["OnlineStatus"].as_i64() {
        Some(0) => Says::Accepted,
        _ => Says::Rejected("InvalidParameterValue"),
    };
    world.service.answers(offline);
    let replay = run_to_its_end(&world, WorkerKind::Replay).await;
    assert_eq!((replay("delivered"), replay("superseded")), (1, 1), "the mended clock's is sent");
}
