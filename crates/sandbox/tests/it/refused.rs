//! Every row of the contract's error table, and the binding rules.

use emberline_sandbox::{Sandbox, SandboxSettings};

use crate::caller::{Call, PATH, furnished, now, post, report, request, send, settings};

async fn code(sandbox: &Sandbox, call: Call) -> String {
    send(sandbox, &call).await.error().0
}

#[tokio::test]
async fn what_is_not_json_has_its_own_code() {
    let sandbox = furnished(settings()).await;
    for body in ["", "{", "[]", "\"text\"", "{\"Action\":}"] {
        let (code, _) = post(&sandbox, PATH, body).await.unwrap().error();
        assert_eq!(code, "InvalidParameterValue.InvalidJSON", "{body}");
    }
    let body = Call::state("P/a", 1).body();
    let answer = request(&sandbox, "POST", PATH, "text/plain", &body).await.unwrap();
    assert_eq!(answer.error().0, "InvalidParameterValue.InvalidJSON");
    assert_eq!(sandbox.ledger().totals().by_action["unknown"].rejected, 6);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let sandbox = furnished(SandboxSettings { max_body: 1_000, ..settings() }).await;
    let call = Call::state("P/a", 1).text("RequestId", &"x".repeat(1_000));
    assert_eq!(code(&sandbox, call).await, "InvalidParameterValue.InvalidJSON");
}

#[tokio::test]
async fn every_common_parameter_is_required_and_typed() {
    let sandbox = furnished(settings()).await;
    for name in ["Action", "RequestId", "AppKey", "Timestamp", "Nonce"] {
        let missing = code(&sandbox, Call::state("P/a", 1).without(name)).await;
        assert_eq!(missing, "ErrorRequiredParamNotFound", "{name}");
        let null = code(&sandbox, Call::state("P/a", 1).raw(name, "null")).await;
        assert_eq!(null, "ErrorRequiredParamNotFound", "{name}");
    }
    let unsigned = Call::state("P/a", 1).body().replacen("\"Signature\"", "\"Signatur\"", 1);
    let answer = post(&sandbox, PATH, &unsigned).await.unwrap();
    assert_eq!(answer.error().0, "ErrorRequiredParamNotFound");
    let wrong = [
        ("Action", "5"),
        ("RequestId", "5"),
        ("RequestId", "\"\""),
        ("AppKey", "5"),
        ("Timestamp", "\"1628646783\""),
        ("Timestamp", "1.5"),
        ("Nonce", "\"5\""),
        ("Nonce", "0"),
        ("Nonce", "-5"),
    ];
    for (name, value) in wrong {
        let refused = code(&sandbox, Call::state("P/a", 1).raw(name, value)).await;
        assert_eq!(refused, "InvalidParameterValue", "{name}: {value}");
    }
}

#[tokio::test]
async fn an_unknown_action_has_its_own_code() {
    let sandbox = furnished(settings()).await;
    assert_eq!(code(&sandbox, Call::new("ServiceDeleteCustomer")).await, "InvalidAction");
    assert_eq!(code(&sandbox, Call::new("")).await, "InvalidAction");
}

#[tokio::test]
async fn every_parameter_of_every_action_is_required() {
    let sandbox = furnished(settings()).await;
    let calls: [(Call, &[&str]); 6] = [
        (Call::customer("c_2", "13900000000"), &["CustomerId", "CountryCode", "PhoneNumber"]),
        (
            Call::order("1", "D-FireInsurance2020", "FireBusiness"),
            &["CustomerId", "OrderNo", "ItemId", "ItemVNO", "ItemNum"],
        ),
        (
            Call::new("ServiceGetInsurancePageURL")
                .text("CustomerId", "c_1")
                .text("ItemId", "D-FireInsurance2020")
                .text("ItemVNO", "FireBusiness"),
            &["CustomerId", "ItemId", "ItemVNO"],
        ),
        (
            Call::new("ServiceBindDevice").text("CustomerId", "c_1").raw("DeviceInfos", "[]"),
            &["CustomerId", "DeviceInfos"],
        ),
        (Call::power(1, "1"), &["CustomerId", "DeviceId", "DataCategory", "DataInfo"]),
        (Call::state("P/a", 1), &["DeviceId", "OnlineStatus"]),
    ];
    for (call, names) in calls {
        for name in names {
            let missing = code(&sandbox, call.renewed().without(name)).await;
            assert_eq!(missing, "ErrorRequiredParamNotFound", "{name}");
        }
    }
    let inside = [
        r#"[{"DeviceId":"P/a","ProductName":"x"}]"#,
        r#"[{"CustomerDeviceNo":"1","ProductName":"x"}]"#,
        r#"[{"CustomerDeviceNo":"1","DeviceId":"P/a"}]"#,
    ];
    for devices in inside {
        let call = Call::new("ServiceBindDevice").text("CustomerId", "c_1");
        let missing = code(&sandbox, call.raw("DeviceInfos", devices)).await;
        assert_eq!(missing, "ErrorRequiredParamNotFound", "{devices}");
    }
    for info in [r#"{"ReportTime":1}"#, r#"{"ReportInfos":[]}"#, &report(1, &[])] {
        let missing = code(&sandbox, Call::data("P/a", "c_1", 400, info)).await;
        assert_eq!(missing, "ErrorRequiredParamNotFound", "{info}");
    }
}

#[tokio::test]
async fn malformed_values_are_refused_with_the_contracts_codes() {
    let sandbox = furnished(settings()).await;
    let device = r#"{"CustomerDeviceNo":"1","DeviceId":"P/a","ProductName":"x"}"#;
    let bind = |devices: &str| {
        Call::new("ServiceBindDevice").text("CustomerId", "c_1").raw("DeviceInfos", devices)
    };
    let cases = [
        (Call::customer("c-2", "13900000000"), "invalid CustomerId"),
        (Call::customer(&"c".repeat(33), "13900000000"), "invalid CustomerId"),
        (Call::customer("c_2", "1390000000x"), "invalid Phone"),
        (Call::customer("c_2", "13900000000").text("CountryCode", "+86"), "invalid Phone"),
        (Call::order("1", "FireInsurance", "FireBusiness"), "InvalidParameterValue"),
        (Call::order("1", "D-FireInsurance2020", "AutoBase"), "InvalidParameterValue"),
        (Call::order("1", "D-CarInsurance2021", "FirePRO20W"), "InvalidParameterValue"),
        (Call::order("", "D-CarInsurance2021", "AutoVIP"), "InvalidParameterValue"),
        (
            Call::order("1", "D-CarInsurance2021", "AutoVIP").raw("ItemNum", 0),
            "InvalidParameterValue",
        ),
        (bind("[]"), "InvalidParameterValue"),
        (bind(device), "InvalidParameterValue"),
        (bind(&format!("[{device},{device}]")), "InvalidParameterValue"),
        (bind(&format!("[{}]", device.replace("P/a", "dev1"))), "InvalidParameterValue"),
        (bind(&format!("[{}]", device.replace('}', ",\"X\":1}"))), "InvalidParameterValue"),
        (Call::state("P/a", 3), "InvalidParameterValue"),
        (Call::state("dev1", 1), "InvalidParameterValue"),
        (Call::state("P/a", 1).text("OnlineStatus", "1"), "InvalidParameterValue"),
        (Call::state("P/a", 1).text("Extra", "1"), "InvalidParameterValue"),
        (Call::power(1, "327.68"), "InvalidParameterValue"),
        (Call::power(1, "1.234"), "InvalidParameterValue"),
        (Call::power(1_628_646_783_000, "1"), "InvalidParameterValue"),
        (Call::data("P/a", "c_1", 600, &report(1, &[(1006, "1")])), "InvalidParameterValue"),
        (Call::power(1, "1").text("CustomerId", "c-1"), "invalid CustomerId"),
    ];
    for (call, expected) in cases {
        let body = call.body();
        assert_eq!(code(&sandbox, call).await, expected, "{body}");
    }
    assert_eq!(sandbox.ledger().totals().reports_accepted, 0);
}

#[tokio::test]
async fn a_customer_never_created_is_unknown_everywhere() {
    let sandbox = furnished(settings()).await;
    let calls = [
        Call::power(1, "1").text("CustomerId", "c_9"),
        Call::order("1", "D-FireInsurance2020", "FireBusiness").text("CustomerId", "c_9"),
        Call::new("ServiceBindDevice")
            .text("CustomerId", "c_9")
            .raw("DeviceInfos", r#"[{"CustomerDeviceNo":"1","DeviceId":"P/a","ProductName":"x"}]"#),
        Call::new("ServiceGetInsurancePageURL")
            .text("CustomerId", "c_9")
            .text("ItemId", "D-FireInsurance2020")
            .text("ItemVNO", "FireBusiness"),
    ];
    for call in calls {
        let (code, message) = send(&sandbox, &call).await.error();
        assert_eq!(code, "invalid CustomerId or invalid ServiceAppKey");
        assert!(message.contains("CustomerId"), "{message}");
    }
}

#[tokio::test]
async fn an_unknown_app_key_is_told_from_an_unknown_customer() {
    let sandbox = furnished(settings()).await;
    let (code, message) = send(&sandbox, &Call::state("P/a", 1).text("AppKey", "x")).await.error();
    assert_eq!(code, "invalid CustomerId or invalid ServiceAppKey");
    assert!(message.contains("AppKey") && !message.contains("CustomerId"), "{message}");
}

#[tokio::test]
async fn data_of_a_device_not_bound_to_the_customer_is_refused() {
    let sandbox = furnished(settings()).await;
    sandbox.create_customer("c_2", "86", "13900000002").unwrap();
    for (device, customer) in [("P/b", "c_1"), ("P/a", "c_2")] {
        let call = Call::data(device, customer, 400, &report(1, &[(1006, "1")]));
        let (code, message) = send(&sandbox, &call).await.error();
        assert_eq!(code, "InvalidParameterValue");
        assert_eq!(message, "device is not bound to the customer");
    }
    assert!(sandbox.ledger().reports_of("P/b").is_empty());
}

#[tokio::test]
async fn a_clock_more_than_five_minutes_off_is_refused() {
    let sandbox = furnished(settings()).await;
    for timestamp in [now() - 330, now() + 330, 0, i64::MIN, i64::MAX] {
        let call = Call::state("P/a", 1).raw("Timestamp", timestamp);
        let (code, message) = send(&sandbox, &call).await.error();
        assert_eq!(code, "InvalidParameterValue");
        assert!(message.contains("Timestamp"), "{message}");
    }
    for timestamp in [now() - 270, now() + 270] {
        let call = Call::state("P/a", 1).raw("Timestamp", timestamp);
        assert!(send(&sandbox, &call).await.succeeded());
    }
}

#[tokio::test]
async fn a_call_sent_again_as_it_was_is_refused() {
    let sandbox = furnished(settings()).await;
    let call = Call::state("P/a", 1);
    assert!(send(&sandbox, &call).await.succeeded());
    let (code, message) = send(&sandbox, &call).await.error();
    assert_eq!(code, "InvalidParameterValue");
    assert!(message.contains("Nonce"), "{message}");
    let other_second = call.raw("Timestamp", now() - 60);
    assert!(send(&sandbox, &other_second).await.succeeded(), "another Timestamp, another call");
}
