//! How a run ends, and what a second one finds.

use std::time::Duration;

use emberline_pipeline::{Exit, WorkerKind};
use serde_json::json;

use crate::world::{DEADLINE, Says, World, telemetry};

#[tokio::test]
async fn empty_topics_are_at_their_end_at_once() {
    let world = World::new(&WorkerKind::ALL);
    assert_eq!(world.run().ended().await.unwrap(), Exit::AtEnd);
}

#[tokio::test]
async fn who_joins_nothing_and_makes_no_sets_reads_no_bindings() {
    let mut world = World::new(&[WorkerKind::Bindings]);
    world.bind(&["a", "b"]).await;
    assert_eq!(world.run().ended().await.unwrap(), Exit::AtEnd);
    for (kind, devices) in [(WorkerKind::Devices, 2), (WorkerKind::Claims, 0)] {
        world.settings.workers = vec![kind];
        let run = world.run();
        let monitor = run.monitor.clone();
        assert_eq!(run.ended().await.unwrap(), Exit::AtEnd);
        assert_eq!(monitor.restoring().devices, devices, "{kind:?}");
    }
}

#[tokio::test]
async fn a_run_stopped_in_the_middle_and_a_second_one_send_each_report_once() {
    let mut world = World::new(&[WorkerKind::Bindings, WorkerKind::Devices]);
    world.tell_of_twenty_devices().await;
    // Every third call hangs until after the stop.
    world.settings.exit_at_end = false;
    // However slow it is: what finds no binding would be parked.
    world.settings.delivery.startup_wait = DEADLINE;
    world.service.answers(|call| match call["DataInfo"][0]["ReportTime"].as_i64() {
        Some(second) if second % 3 == 0 => Says::Nothing,
        _ => Says::Accepted,
    });
    let first = world.run();
    world.service.wait_for_calls(20).await;
    first.stop.cancel();
    world.service.answers(|_| Says::Accepted);
    assert_eq!(first.ended().await.unwrap(), Exit::Stopped);

    world.settings.exit_at_end = true;
    assert_eq!(world.run().ended().await.unwrap(), Exit::AtEnd);
    let reports = world.service.reports();
    assert_eq!(reports.len(), 20 * 30 * 2, "all of them");
    assert!(reports.values().all(|times| *times == 1), "each once");
    assert_eq!(world.committed(WorkerKind::Devices, "devices").await, 600);
}

#[tokio::test]
async fn telemetry_does_not_wait_for_ever_for_bindings_that_the_service_refuses_to_hear() {
    let mut world = World::new(&WorkerKind::ALL);
    world.settings.exit_at_end = false;
    world.service.answers(|_| Says::Status(503));
    world.bind(&["a"]).await;
    world.produce("devices", &[("a", telemetry("a", 1_700_000_000, &json!({"power": 1})))]).await;
    let run = world.run();
    run.until("parked telemetry", |run| run.count(WorkerKind::Devices, "parked") == 1).await;
    world.service.answers(|_| Says::Accepted);
    run.until("delivery", |run| run.count(WorkerKind::Retries, "delivered") >= 1).await;
    run.stop.cancel();
    assert_eq!(run.ended().await.unwrap(), Exit::Stopped);
    assert!(world.service.reports().values().all(|times| *times == 1));
}

#[tokio::test]
async fn a_second_replica_starts_its_workers_without_waiting_for_what_the_first_has_done() {
    let mut world = World::new(&[WorkerKind::Bindings, WorkerKind::Devices]);
    world.settings.exit_at_end = false;
    world.settings.delivery.startup_wait = Duration::from_mins(10);
    // Both partitions of the bindings.
    world.bind(&["a", "b"]).await;
    let other = json!({"type": "bind", "customer_id": "c_7", "device_id": "P/c",
        "customer_device_no": "c", "product_name": "Smoke detector", "time": 1_628_646_783});
    for key in 0..8 {
        world.produce("bindings", &[(&format!("k{key}"), other.to_string())]).await;
    }
    let first = world.run();
    first.until("the first", |run| run.monitor.ready().is_ok()).await;
    let second = world.run();
    second.until("the second", |run| run.monitor.ready().is_ok()).await;
    first.stop.cancel();
    second.stop.cancel();
    assert_eq!(first.ended().await.unwrap(), Exit::Stopped);
    assert_eq!(second.ended().await.unwrap(), Exit::Stopped);
}
