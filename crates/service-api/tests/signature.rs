//! Every body that is written, read again and signed again from scratch: the JSON by
//! `serde_json`, the message by sorting a list of strings, the HMAC out of two SHA-1s.

#![expect(clippy::unwrap_used, reason = "helpers of tests, too, fail by panicking")]

use std::collections::BTreeMap;

use emberline_model::{Category, Item, ItemVersion, Measurement, OnlineStatus, Report, ReportTime};
use emberline_service_api::{
    Action, BoundDevice, Credentials, DataCategoryForm, DataInfoForm, Dialect, NestedSignature,
    RequestId, Secret, ServiceBindDevice, ServiceCreateCustomer, ServiceCreateOrder,
    ServiceGetCustomerList, ServiceGetInsurancePageURL, ServiceGetOrderList,
    ServiceReportDeviceData, ServiceReportDeviceState, Signer, Stamp,
};
use proptest::prelude::*;
use serde_json::Value;
use serde_json::value::RawValue;
use sha1::{Digest, Sha1};

const SECRET: &str = "ServiceAppSecret";
const NESTED: [NestedSignature; 3] =
    [NestedSignature::Json, NestedSignature::Flatten, NestedSignature::Omit];

fn hmac_sha1_base64(key: &str, message: &str) -> String {
    let mut block = [0_u8; 64];
    if key.len() > block.len() {
        block[..20].copy_from_slice(&Sha1::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key.as_bytes());
    }
    let inner = Sha1::new().chain_update(block.map(|b| b ^ 0x36)).chain_update(message).finalize();
    let outer = Sha1::new().chain_update(block.map(|b| b ^ 0x5c)).chain_update(inner).finalize();
    base64_simd::STANDARD.encode_to_string(outer)
}

fn flatten(name: &str, value: &Value, into: &mut Vec<(String, String)>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                flatten(&format!("{name}.{index}"), item, into);
            }
        }
        Value::Object(fields) => {
            for (field, item) in fields {
                flatten(&format!("{name}.{field}"), item, into);
            }
        }
        Value::String(text) => into.push((name.to_owned(), text.clone())),
        other => into.push((name.to_owned(), other.to_string())),
    }
}

/// The message as the contract describes it, from nothing but the body.
fn message_of(body: &str, reading: NestedSignature) -> String {
    let parameters: BTreeMap<String, &RawValue> = serde_json::from_str(body).unwrap();
    let mut pairs = Vec::new();
    for (name, raw) in parameters {
        let value: Value = serde_json::from_str(raw.get()).unwrap();
        match (&value, reading) {
            _ if name == "Signature" => {}
            (Value::Array(_) | Value::Object(_), NestedSignature::Omit) => {}
            (Value::Array(_) | Value::Object(_), NestedSignature::Json) => {
                pairs.push((name, raw.get().to_owned()));
            }
            _ => flatten(&name, &value, &mut pairs),
        }
    }
    pairs.sort();
    let joined: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    joined.join("&")
}

fn stamp() -> Stamp {
    let request_id = RequestId::from_bytes([7; 16]);
    Stamp { request_id, timestamp: 1_628_646_783, nonce: 71_087_795 }
}

/// Writes a call in a dialect, checks its signature, and returns the body.
fn signed<A: Action>(action: &A, dialect: Dialect) -> Value {
    let credentials =
        Credentials { app_key: "key \"with\" quotes".into(), app_secret: Secret::new(SECRET) };
    let mut bytes = b"what a call before left".to_vec();
    Signer::new(&credentials, dialect).write(action, &stamp(), &mut bytes);
    let text = String::from_utf8(bytes).unwrap();
    let body: Value = serde_json::from_str(&text).unwrap();
    let message = message_of(&text, dialect.nested_signature);
    assert_eq!(body["Signature"], hmac_sha1_base64(SECRET, &message), "{message}");
    assert_eq!(body["Action"], A::NAME);
    assert_eq!(body["AppKey"], "key \"with\" quotes");
    assert_eq!(body["Timestamp"], 1_628_646_783);
    assert_eq!(body["Nonce"], 71_087_795);
    assert_eq!(body["RequestId"], "07070707-0707-0707-0707-070707070707");
    body
}

/// The same in all three readings of nested values; the bodies differ in nothing but the
/// signature.
fn signed_in_every_reading<A: Action>(action: &A, dialect: Dialect) -> Value {
    let bodies = NESTED.map(|nested_signature| {
        let mut body = signed(action, Dialect { nested_signature, ..dialect });
        body.as_object_mut().unwrap().remove("Signature");
        body
    });
    assert_eq!(bodies[0], bodies[1]);
    assert_eq!(bodies[0], bodies[2]);
    bodies[0].clone()
}

fn own_parameters(mut body: Value) -> Value {
    for common in ["Action", "AppKey", "Nonce", "RequestId", "Timestamp"] {
        body.as_object_mut().unwrap().remove(common);
    }
    body
}

fn report(category: Category, seconds: i64, values: &[f64]) -> Report {
    let time = ReportTime::from_seconds(seconds).unwrap();
    Report { time, measurement: Measurement::new(category, values).unwrap() }
}

#[test]
fn every_action_writes_the_contracts_parameters() {
    let check = |body: Value, expected: Value| assert_eq!(own_parameters(body), expected);
    let dialect = Dialect::default();
    let customer = "c_1001";
    check(
        signed_in_every_reading(
            &ServiceCreateCustomer { customer, country_code: "86", phone_number: "13900000000" },
            dialect,
        ),
        serde_json::json!({"CustomerId": "c_1001", "CountryCode": "86", "PhoneNumber": "13900000000"}),
    );
    check(
        signed_in_every_reading(
            &ServiceGetCustomerList {
                customer: Some(customer),
                country_code: Some("86"),
                phone_number: Some("13900000000"),
                offset: Some(0),
                limit: Some(20),
            },
            dialect,
        ),
        serde_json::json!({"CustomerId": "c_1001", "CountryCode": "86",
            "PhoneNumber": "13900000000", "Offset": 0, "Limit": 20}),
    );
    let item = Item::parse("D-FireInsurance2020").unwrap();
    let version = ItemVersion::parse("FireBusiness").unwrap();
    check(
        signed_in_every_reading(
            &ServiceCreateOrder { customer, order_no: "20210811-0001", item, version, count: 1 },
            dialect,
        ),
        serde_json::json!({"CustomerId": "c_1001", "OrderNo": "20210811-0001",
            "ItemId": "D-FireInsurance2020", "ItemVNO": "FireBusiness", "ItemNum": 1}),
    );
    check(
        signed_in_every_reading(
            &ServiceGetOrderList {
                customer: Some(customer),
                order_no: Some("1"),
                offset: Some(2),
                limit: Some(3),
            },
            dialect,
        ),
        serde_json::json!({"CustomerId": "c_1001", "OrderNo": "1", "Offset": 2, "Limit": 3}),
    );
    check(
        signed_in_every_reading(
            &ServiceGetInsurancePageURL { customer, item, version: Some(version) },
            dialect,
        ),
        serde_json::json!({"CustomerId": "c_1001", "ItemId": "D-FireInsurance2020",
            "ItemVNO": "FireBusiness"}),
    );
    check(
        signed_in_every_reading(
            &ServiceReportDeviceState { device: "P/dev1", status: OnlineStatus::Unknown },
            dialect,
        ),
        serde_json::json!({"DeviceId": "P/dev1", "OnlineStatus": 2}),
    );
    let devices =
        [BoundDevice {
            customer_device_no: "SN-1", device: "P/dev1", product_name: "烟感 \"1\""
        }];
    check(
        signed_in_every_reading(&ServiceBindDevice { customer, devices: &devices }, dialect),
        serde_json::json!({"CustomerId": "c_1001", "DeviceInfos": [
            {"CustomerDeviceNo": "SN-1", "DeviceId": "P/dev1", "ProductName": "烟感 \"1\""}]}),
    );
}

#[test]
fn an_optional_parameter_is_absent_and_not_null() {
    let dialect = Dialect::default();
    let empty = serde_json::json!({});
    let customers = signed_in_every_reading(&ServiceGetCustomerList::default(), dialect);
    assert_eq!(own_parameters(customers), empty);
    let orders = signed_in_every_reading(&ServiceGetOrderList::default(), dialect);
    assert_eq!(own_parameters(orders), empty);
    let item = Item::parse("CarInsurance2021").unwrap();
    let page = ServiceGetInsurancePageURL { customer: "c", item, version: None };
    let expected = serde_json::json!({"CustomerId": "c", "ItemId": "CarInsurance2021"});
    assert_eq!(own_parameters(signed_in_every_reading(&page, dialect)), expected);
}

#[test]
fn a_report_is_written_in_the_form_that_the_service_wants() {
    let reports = [report(Category::Current, 1_628_646_783, &[1.0, 12.5, 63.0])];
    let data = ServiceReportDeviceData {
        device: "P/dev1",
        customer: "c_1",
        category: Category::Current,
        reports: &reports,
    };
    let object = serde_json::json!({"ReportTime": 1_628_646_783, "ReportInfos": [
        {"SubType": 1000, "Value": 1}, {"SubType": 1003, "Value": 12.5},
        {"SubType": 1004, "Value": 63}]});
    let array = signed_in_every_reading(&data, Dialect::default());
    assert_eq!(array["DataCategory"], 300);
    assert_eq!(array["DataInfo"], serde_json::json!([object]));
    let dialect = Dialect {
        data_info: DataInfoForm::Object,
        data_category: DataCategoryForm::String,
        ..Dialect::default()
    };
    let single = signed_in_every_reading(&data, dialect);
    assert_eq!(single["DataCategory"], "300");
    assert_eq!(single["DataInfo"], object);
}

#[test]
fn the_body_of_one_report_is_this_text() {
    let reports = [report(Category::ResidualCurrent, 1_628_646_783, &[0.03])];
    let data = ServiceReportDeviceData {
        device: "P/dev1",
        customer: "c_1",
        category: Category::ResidualCurrent,
        reports: &reports,
    };
    let credentials = Credentials { app_key: "k".into(), app_secret: Secret::new(SECRET) };
    let mut body = Vec::new();
    Signer::new(&credentials, Dialect::default()).write(&data, &stamp(), &mut body);
    let expected = r#"{"Action":"ServiceReportDeviceData","AppKey":"k","CustomerId":"c_1","DataCategory":310,"DataInfo":[{"ReportInfos":[{"SubType":1005,"Value":0.03}],"ReportTime":1628646783}],"DeviceId":"P/dev1","Nonce":71087795,"RequestId":"07070707-0707-0707-0707-070707070707","Timestamp":1628646783,"Signature":""#;
    assert!(String::from_utf8(body).unwrap().starts_with(expected));
}

#[test]
fn twenty_thousand_devices_go_in_one_call() {
    let names: Vec<_> = (0..20_000).map(|n| format!("F4N0000AN/device-{n}")).collect();
    let devices: Vec<_> = names
        .iter()
        .map(|device| BoundDevice { customer_device_no: "SN", device, product_name: "Smoke" })
        .collect();
    let bind = ServiceBindDevice { customer: "c_1", devices: &devices };
    let body = signed_in_every_reading(&bind, Dialect::default());
    assert_eq!(body["DeviceInfos"].as_array().unwrap().len(), 20_000);
}

fn any_report(category: Category) -> impl Strategy<Value = Report> {
    let steps = category.fields().iter().map(|field| field.quantity.min..=field.quantity.max);
    let values = steps.collect::<Vec<_>>();
    (0_i64..4_000_000_000, values).prop_map(move |(seconds, steps)| {
        let scaled = steps.iter().zip(category.fields()).map(|(steps, field)| {
            f64::from(*steps) / f64::from(10_u32.pow(u32::from(field.quantity.decimals)))
        });
        report(category, seconds, &scaled.collect::<Vec<_>>())
    })
}

fn any_reports() -> impl Strategy<Value = (Category, Vec<Report>)> {
    prop::sample::select(Category::ALL.to_vec()).prop_flat_map(|category| {
        (Just(category), prop::collection::vec(any_report(category), 0..25))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever a data push holds, all readings sign what stands in its body.
    #[test]
    fn a_data_push_is_signed_as_it_stands(
        (category, reports) in any_reports(),
        device in any::<String>(),
        customer in any::<String>(),
        object in any::<bool>(),
        as_text in any::<bool>(),
    ) {
        let dialect = Dialect {
            data_info: if object { DataInfoForm::Object } else { DataInfoForm::Array },
            data_category: if as_text { DataCategoryForm::String } else { DataCategoryForm::Number },
            ..Dialect::default()
        };
        let reports: Vec<&Report> = reports.iter().collect();
        let data = ServiceReportDeviceData {
            device: &device,
            customer: &customer,
            category,
            reports: &reports,
        };
        let body = signed_in_every_reading(&data, dialect);
        prop_assert_eq!(&body["DeviceId"], &device);
        let sent = if object && reports.len() == 1 {
            std::slice::from_ref(&body["DataInfo"])
        } else {
            body["DataInfo"].as_array().unwrap()
        };
        prop_assert_eq!(sent.len(), reports.len());
        for (sent, report) in sent.iter().zip(reports) {
            prop_assert_eq!(&sent["ReportTime"], report.time.seconds());
            for (sent, reading) in sent["ReportInfos"].as_array().unwrap().iter().zip(report.measurement.readings()) {
                prop_assert_eq!(&sent["SubType"], reading.sub_type.code());
                prop_assert_eq!(sent["Value"].to_string(), reading.value.to_string());
            }
        }
    }

    /// Whatever names a customer's devices have, all readings sign what stands in the body.
    #[test]
    fn a_bind_push_is_signed_as_it_stands(
        customer in any::<String>(),
        texts in prop::collection::vec(any::<[String; 3]>(), 0..25),
    ) {
        let devices: Vec<_> = texts
            .iter()
            .map(|[number, device, product]| BoundDevice {
                customer_device_no: number,
                device,
                product_name: product,
            })
            .collect();
        let bind = ServiceBindDevice { customer: &customer, devices: &devices };
        let body = signed_in_every_reading(&bind, Dialect::default());
        let sent = body["DeviceInfos"].as_array().unwrap();
        prop_assert_eq!(sent.len(), devices.len());
        for (sent, device) in sent.iter().zip(devices) {
            prop_assert_eq!(&sent["DeviceId"], device.device);
            prop_assert_eq!(&sent["CustomerDeviceNo"], device.customer_device_no);
            prop_assert_eq!(&sent["ProductName"], device.product_name);
        }
    }
}
