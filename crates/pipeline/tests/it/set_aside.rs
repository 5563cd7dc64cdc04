//! What is written to the pipeline's own topics.

use emberline_pipeline::{Exit, WorkerKind};
use serde_json::json;

use crate::world::{Says, World, telemetry};

const WORKERS: [WorkerKind; 2] = [WorkerKind::Bindings, WorkerKind::Devices];

#[tokio::test]
async fn what_is_left_of_a_record_is_one_retry_record_with_its_categories() {
    let world = World::new(&WORKERS);
    world.bind(&["a"]).await;
    world.service.answers(|call| match call["DataCategory"].as_i64() {
        Some(400 | 500) => Says::Rejected("invalid CustomerId or invalid ServiceAppKey"),
        _ => Says::Accepted,
    });
    let params = json!({"power": 1, "smoke_state": 1, "residual_current": 0.1, "voltage_info": {"voltage": 1}});
    let value = telemetry("a", 1_700_000_000, &params);
    world.produce("devices", &[("a", value.clone())]).await;
    let run = world.run();
    run.until("the parts", |run| {
        run.count(WorkerKind::Devices, "parked") == 2
            && run.count(WorkerKind::Devices, "dead_lettered") == 1
    })
    .await;
    assert_eq!(run.ended().await.unwrap(), Exit::AtEnd);

    let parked = world.written("own.retry.1s", 1).await;
    assert_eq!(parked[0].value, value);
    let header: serde_json::Value =
        serde_json::from_str(&parked[0].headers["emberline-retry"]).unwrap();
    assert_eq!(header["reason"], "unknown_customer");
    assert_eq!(header["categories"].as_u64().unwrap().count_ones(), 2);
    let letters = world.written("own.dead-letters", 1).await;
    assert_eq!(letters[0].value, value);
    assert_eq!(letters[0].headers["emberline-dlq-part"], "voltage_info");
    assert_eq!(world.committed(WorkerKind::Devices, "devices").await, 1);
}

#[tokio::test]
async fn one_refused_report_among_fifty_is_found_and_the_others_delivered() {
    let world = World::new(&WORKERS);
    world.bind(&["a"]).await;
    let bad = 1_700_000_033;
    world.service.answers(move |call| {
        let reports = call["DataInfo"].as_array().cloned().unwrap_or_default();
        let guilty = reports.iter().any(|report| report["ReportTime"] == bad);
        if guilty { Says::Rejected("InvalidParameterValue") } else { Says::Accepted }
    });
    let record = |second: i64| ("a", telemetry("a", 1_700_000_000 + second, &json!({"power": 1})));
    world.produce("devices", &(0..50).map(record).collect::<Vec<_>>()).await;
    let run = world.run();
    run.until("the refusal", |run| run.count(WorkerKind::Devices, "dead_lettered") == 1).await;
    assert_eq!(run.ended().await.unwrap(), Exit::AtEnd);
    let reports = world.service.reports();
    assert_eq!(reports.len(), 49);
    assert!(reports.values().all(|times| *times == 1));
    assert_eq!(world.written("own.dead-letters", 1).await.len(), 1);
}
