//! One value of each format with something in every field.

use std::collections::BTreeMap;

use emberline_model::{Category, DeviceId, EventTime, ReportTime};
use emberline_wire::customer_devices::{BoundDevice, CustomerDevices};
use emberline_wire::device_customers::DeviceCustomer;
use emberline_wire::headers::{Categories, DeadLetter, RetryHeader};
use emberline_wire::order_book::OrderBookEntry;
use emberline_wire::receipt::{Receipt, Received, ReportMark};
use emberline_wire::replay::{
    ReplayKind, ReplayProgress, ReplayRange, ReplayRecord, ReplayState, ReplayStatus,
};

pub(crate) const HOLDER: u128 = 0x0123_4567_89ab_cdef_0011_2233_4455_6677;
const REQUEST_ID: &str = "476c990a-f5b7-1575-987c-4ef70e474932";

pub(crate) fn retry_header() -> RetryHeader {
    RetryHeader {
        attempt: 2,
        first_seen_ms: 1_628_646_783_000,
        due_ms: 1_628_646_813_000,
        reason: "transient".into(),
        class: "transient".into(),
        code: Some("InternalError".into()),
        topic: "devices".into(),
        partition: 3,
        offset: 42,
        timestamp_ms: 1_628_646_782_999,
        categories: Some(Categories::from_iter([Category::Power, Category::Voltage])),
    }
}

pub(crate) fn dead_letter() -> DeadLetter {
    DeadLetter {
        topic: "devices".into(),
        partition: 3,
        offset: 42,
        timestamp_ms: 1_628_646_783_000,
        reason: "refused".into(),
        error_code: Some("InvalidParameterValue".into()),
        error_message: "value out of range".into(),
        attempts: 4,
        first_failure_ms: 1_628_646_784_000,
        last_failure_ms: 1_628_646_790_000,
        request_id: Some(REQUEST_ID.into()),
        part: Some(Categories::from_iter([Category::Smoke, Category::Current])),
    }
}

pub(crate) fn device(name: &str) -> DeviceId {
    DeviceId::new("F4N0000AN", name).expect("an id")
}

pub(crate) fn customer_devices() -> CustomerDevices {
    let bound = |name: &str, millis| BoundDevice {
        device: device(name),
        customer_device_no: format!("SN-{name}"),
        product_name: "Smoke detector".into(),
        time: EventTime::from_millis(millis),
    };
    CustomerDevices {
        devices: vec![bound("dev1", 1_628_646_783_000), bound("dev2", 1_628_646_784_000)],
        unbound: vec![(device("dev3"), EventTime::from_millis(1_628_646_785_000))],
    }
}

/// The two kinds, by their names.
pub(crate) fn device_customers() -> [(&'static str, DeviceCustomer); 2] {
    let fact = |bound| DeviceCustomer { time: EventTime::from_millis(1_628_646_783_000), bound };
    [("bound", fact(true)), ("unbound", fact(false))]
}

pub(crate) fn order_book_entry() -> OrderBookEntry {
    OrderBookEntry {
        customer_id: "c_1".into(),
        formal: true,
        placed: true,
        time_ms: 1_628_646_783_000,
    }
}

fn receipt(received: Received) -> Receipt {
    Receipt {
        time_ms: 1_628_646_783_123,
        request_id: REQUEST_ID.into(),
        customer_id: "c_1".into(),
        received,
    }
}

/// One of each kind, by its name.
pub(crate) fn receipts() -> [(&'static str, Receipt); 5] {
    let mark = |seconds, mark| ReportMark {
        time: ReportTime::from_seconds(seconds).expect("a time"),
        mark,
    };
    let device_id = || device("dev1").to_string();
    [
        (
            "data",
            receipt(Received::Data {
                device_id: device_id(),
                category: Category::Power,
                reports: vec![mark(1_628_646_783, 7), mark(1_628_646_723, u64::MAX)],
            }),
        ),
        (
            "state",
            receipt(Received::State {
                device_id: device_id(),
                status: 2,
                time_ms: 1_628_646_783_000,
            }),
        ),
        (
            "bindings",
            receipt(Received::Bindings {
                devices: 2,
                bound: vec![device_id()],
                unbound: vec![device("dev3").to_string()],
            }),
        ),
        ("customer", receipt(Received::Customer)),
        (
            "order",
            receipt(Received::Order {
                order_no: "20210811/1".into(),
                item: "D-FireInsurance2020".into(),
                version: "FireBusiness".into(),
                count: 1,
            }),
        ),
    ]
}

fn replay_status() -> ReplayStatus {
    ReplayStatus {
        kind: ReplayKind::Redrive,
        state: ReplayState::Running,
        reason: "asked to".into(),
        topic: "emberline.dead-letters".into(),
        from: vec!["2h ago".into()],
        to: vec!["0:7".into(), "1:9".into()],
        ranges: vec![ReplayRange { partition: 1, from: 3, to: 9 }],
        only: Some((1_628_646_783_000, i64::MAX)),
        asked: BTreeMap::from([("--device".into(), "F4N0000AN/dev1".into())]),
        planned: BTreeMap::from([("calls".into(), 3)]),
        rate: Some(0.5),
        host: "node-1".into(),
        started_ms: 1_628_646_783_000,
        ended_ms: Some(1_628_646_784_000),
        progress: ReplayProgress {
            records: 6,
            read: 5,
            matched: 4,
            delivered: 3,
            duplicates: 2,
            failed: BTreeMap::from([("unbound".into(), 1)]),
            position_ms: Some(1_600_000_000_000),
        },
        unsure_since_ms: Some(1_628_646_700_000),
    }
}

/// One of each kind, by its name.
pub(crate) fn replay_records() -> [(&'static str, ReplayRecord); 3] {
    let host = || "node-1".to_owned();
    [
        ("claim", ReplayRecord::Claim { by: HOLDER, follows: Some(11), host: host() }),
        ("word", ReplayRecord::word(HOLDER, 12, replay_status())),
        (
            "cancel",
            ReplayRecord::Cancel { of: HOLDER, term: 12, host: host(), time_ms: 1_628_646_783_000 },
        ),
    ]
}
