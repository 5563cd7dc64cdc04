//! The admin pages.

use emberline_sandbox::Fault;
use serde_json::json;

use crate::caller::{Call, furnished, get, post, send, settings};

#[tokio::test]
async fn the_ledger_is_shown() {
    let sandbox = furnished(settings()).await;
    assert!(send(&sandbox, &Call::power(5, "1.25")).await.succeeded());
    assert!(send(&sandbox, &Call::state("P/a", 1)).await.succeeded());
    let totals = get(&sandbox, "/admin/ledger").await.json();
    assert_eq!((&totals["calls"], &totals["reports_accepted"]), (&3.into(), &1.into()));
    assert_eq!((&totals["customers"], &totals["bound_devices"]), (&1.into(), &1.into()));
    let reports = get(&sandbox, "/admin/ledger/reports?device=P/a").await.json();
    let expected = json!([{"category": 400, "report_time": 5, "values": [1.25], "occurrence": 1}]);
    assert_eq!(reports, expected);
    assert_eq!(get(&sandbox, "/admin/state?device=P%2Fa").await.json(), json!([1]));
    assert_eq!(get(&sandbox, "/admin/ledger/reports").await.status, 400);
}

#[tokio::test]
async fn customers_and_bindings_are_shown_with_telephone_numbers_masked() {
    let sandbox = furnished(settings()).await;
    let answer = get(&sandbox, "/admin/customers").await;
    let expected =
        json!([{"customer_id": "c_1", "country_code": "86", "phone_number": "*******1234"}]);
    assert_eq!(answer.json(), expected);
    let bindings = get(&sandbox, "/admin/bindings?customer=c_1").await.json();
    assert_eq!(bindings["last_push"][0]["device_id"], "P/a");
    assert_eq!(get(&sandbox, "/admin/bindings?customer=c_9").await.status, 404);
}

#[tokio::test]
async fn customers_are_created_directly() {
    let sandbox = furnished(settings()).await;
    let good = r#"{"customer_id":"c_2","country_code":"86","phone_number":"13900000002"}"#;
    assert_eq!(post(&sandbox, "/admin/customers", good).await.unwrap().status, 204);
    let bad = r#"{"customer_id":"c_3","country_code":"86","phone_number":"12"}"#;
    let refused = post(&sandbox, "/admin/customers", bad).await.unwrap();
    assert_eq!(refused.status, 400);
    assert!(refused.body.starts_with("invalid Phone"), "{refused:?}");
    assert_eq!(sandbox.registry().customers().len(), 2);
}

#[tokio::test]
async fn faults_are_set_shown_and_ended() {
    let sandbox = furnished(settings()).await;
    let plan = r#"{"rules":[{"fault":{"kind":"answer","status":401},"times":2}]}"#;
    assert_eq!(post(&sandbox, "/admin/faults", plan).await.unwrap().status, 200);
    assert_eq!(send(&sandbox, &Call::power(1, "1")).await.status, 401);
    let shown = get(&sandbox, "/admin/faults").await.json();
    assert_eq!(shown["rules"][0]["times"], 1, "what is left of it");
    assert_eq!(sandbox.faults().plan().rules[0].fault, Fault::status(401));
    assert_eq!(post(&sandbox, "/admin/faults", "{}").await.unwrap().status, 200);
    assert!(send(&sandbox, &Call::power(1, "1")).await.succeeded());
    let misspelt = post(&sandbox, "/admin/faults", r#"{"rule":[]}"#).await.unwrap();
    assert_eq!(misspelt.status, 422);
}

#[tokio::test]
async fn the_service_is_published_once_and_for_all() {
    let sandbox = furnished(settings()).await;
    assert_eq!(get(&sandbox, "/admin/orders").await.json()["published"], false);
    for _ in 0..2 {
        assert_eq!(post(&sandbox, "/admin/publish", "").await.unwrap().status, 204);
        assert_eq!(get(&sandbox, "/admin/orders").await.json()["published"], true);
    }
}
