//! What a well-behaved caller gets, in every dialect.

use emberline_sandbox::{
    AcceptedReport, DataCategoryForm, DataInfoForm, Envelope, SandboxSettings,
};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::caller::{Call, furnished, post, report, send, settings};

/// What is sent, by `SubType`, and what is to arrive.
type Values<'a> = (&'a [(u32, &'a str)], &'a [f64]);

#[tokio::test]
async fn reports_of_every_category_arrive_with_their_values() {
    let sandbox = furnished(settings()).await;
    let reports: [(u16, Values<'_>); 6] = [
        (100, (&[(1000, "1"), (1001, "220.5")], &[1.0, 220.5])),
        (200, (&[(1000, "2"), (1002, "-16")], &[2.0, -16.0])),
        (300, (&[(1000, "3"), (1003, "12.5"), (1004, "655.35")], &[3.0, 12.5, 655.35])),
        (310, (&[(1005, "0.03")], &[0.03])),
        (400, (&[(1006, "-327.67")], &[-327.67])),
        (500, (&[(1007, "1")], &[1.0])),
    ];
    for (category, (values, _)) in reports {
        let call = Call::data("P/a", "c_1", category, &report(1_628_646_783, values));
        assert!(send(&sandbox, &call).await.succeeded(), "{category}");
    }
    let expected: Vec<AcceptedReport> = reports
        .into_iter()
        .map(|(category, (_, values))| AcceptedReport {
            category,
            report_time: 1_628_646_783,
            values: values.to_vec(),
            occurrence: 1,
        })
        .collect();
    assert_eq!(sandbox.ledger().reports_of("P/a"), expected);
    sandbox.stop().await;
}

#[tokio::test]
async fn one_call_carries_many_times_in_their_order() {
    let sandbox = furnished(settings()).await;
    let reports: Vec<String> = (1..=100).map(|time| report(time, &[(1006, "1.5")])).collect();
    let call = Call::data("P/a", "c_1", 400, &reports.join(","));
    assert!(send(&sandbox, &call).await.succeeded());
    let times: Vec<i64> =
        sandbox.ledger().reports_of("P/a").iter().map(|report| report.report_time).collect();
    assert_eq!(times, (1..=100).collect::<Vec<_>>());
    assert_eq!(sandbox.ledger().totals().order_inversions, 0);
}

#[tokio::test]
async fn the_other_forms_are_taken_when_they_are_the_chosen_ones() {
    let settings = SandboxSettings {
        data_info: DataInfoForm::Object,
        data_category: DataCategoryForm::String,
        ..settings()
    };
    let sandbox = furnished(settings).await;
    let call = Call::power(1, "1.5")
        .text("DataCategory", "400")
        .raw("DataInfo", report(1, &[(1006, "1.5")]));
    assert!(send(&sandbox, &call).await.succeeded());
    let (code, _) = send(&sandbox, &Call::power(2, "1.5")).await.error();
    assert_eq!(code, "InvalidParameterValue");
}

#[tokio::test]
async fn states_of_any_device_are_kept_in_order() {
    let sandbox = furnished(settings()).await;
    for online in [1, 0, 2, 1] {
        assert!(send(&sandbox, &Call::state("Q/unbound", online)).await.succeeded());
    }
    assert_eq!(sandbox.ledger().states_of("Q/unbound"), [1, 0, 2, 1]);
    assert_eq!(sandbox.ledger().totals().states_accepted, 4);
}

#[tokio::test]
async fn calls_are_taken_on_both_paths_with_the_request_id_given_back() {
    let sandbox = furnished(settings()).await;
    let call = Call::state("P/a", 1).text("RequestId", "mine \"1\"");
    let answer = post(&sandbox, "/", &call.body()).await.unwrap();
    assert!(answer.succeeded());
    assert_eq!(answer.response()["RequestId"], "mine \"1\"");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(post(&sandbox, "/elsewhere", "{}").await.unwrap().status, 404);
}

#[tokio::test]
async fn one_connection_carries_many_calls() {
    let sandbox = furnished(settings()).await;
    let mut stream = TcpStream::connect(sandbox.address()).await.unwrap();
    for online in [1, 0, 2] {
        stream.write_all(&Call::state("P/a", online).as_http()).await.unwrap();
        let mut received = String::new();
        while !received.ends_with("}}") {
            let mut part = [0; 512];
            let length = stream.read(&mut part).await.unwrap();
            assert!(length > 0, "closed after {received}");
            received.push_str(std::str::from_utf8(&part[..length]).unwrap());
        }
        assert!(received.contains("\"OK\""), "{received}");
    }
    assert_eq!(sandbox.ledger().states_of("P/a"), [1, 0, 2]);
}

#[tokio::test]
async fn the_second_envelope_carries_the_same_inside() {
    let settings = SandboxSettings { envelope: Envelope::Code, ..settings() };
    let sandbox = emberline_sandbox::Sandbox::start(settings).await.unwrap();
    let done = send(&sandbox, &Call::state("P/a", 1)).await.json();
    assert_eq!((&done["code"], &done["data"]["Status"]), (&0.into(), &"OK".into()));
    let refused = send(&sandbox, &Call::state("P/a", 3)).await.json();
    assert_eq!(refused["code"], 1);
    assert_eq!(refused["data"]["Error"]["Code"], "InvalidParameterValue");
    assert_eq!(refused["msg"], refused["data"]["Error"]["Message"]);
}

#[tokio::test]
async fn a_customer_with_twenty_thousand_devices_is_bound_in_one_call() {
    let sandbox = furnished(settings()).await;
    let devices: Vec<String> = (0..20_000)
        .map(|n| {
            format!(
                r#"{{"CustomerDeviceNo":"SN-{n}","DeviceId":"F4N0000AN/device-{n}","ProductName":"Smoke detector, ground floor and cellar"}}"#
            )
        })
        .collect();
    let call = Call::new("ServiceBindDevice")
        .text("CustomerId", "c_1")
        .raw("DeviceInfos", format!("[{}]", devices.join(",")));
    assert!(call.body().len() > 2 * 1024 * 1024);
    assert!(send(&sandbox, &call).await.succeeded());
    let bindings = sandbox.registry().bindings("c_1").unwrap();
    assert_eq!((bindings.last_push.len(), bindings.all.len()), (20_000, 20_001));
    assert_eq!(bindings.pushes, 2);
}

#[tokio::test]
async fn unknown_customers_are_made_on_the_way_where_that_is_set() {
    let settings =
        SandboxSettings { auto_create_customers: true, require_binding: false, ..settings() };
    let sandbox = emberline_sandbox::Sandbox::start(settings).await.unwrap();
    let call = Call::data("Q/b", "c_new", 400, &report(1, &[(1006, "1")]));
    assert!(send(&sandbox, &call).await.succeeded());
    assert_eq!(sandbox.registry().customers()[0].customer_id, "c_new");
}
