//! Events written by hand, where a story needs to say exactly what happens.

use emberline_testkit::kafka::NewRecord;
use serde_json::json;

/// The product of all devices here.
pub(crate) const PRODUCT: &str = "F4N0000AN";

/// A time at which all stories here begin, in Unix seconds: 2026-01-01 in China.
pub(crate) const BEGINNING: i64 = 1_767_196_800;

/// The id of a device of this name.
pub(crate) fn id(device: &str) -> String {
    format!("{PRODUCT}/{device}")
}

/// A report of a device's power, in the platform's second spelling.
pub(crate) fn power(device: &str, seconds: i64, kilowatt: f64) -> NewRecord {
    let value = json!({
        "payload": { "clientToken": "t", "method": "report", "params": { "power": kilowatt } },
        "seq": 1, "timestamp": seconds, "topic": format!("$thing/up/property/{PRODUCT}/{device}"),
        "devicename": device, "productid": PRODUCT,
    });
    NewRecord::text(&id(device), &value.to_string())
}

/// A device went online or offline, so many seconds (below an hour) after the beginning.
pub(crate) fn status(device: &str, after: u32, online: bool) -> NewRecord {
    let value = json!({
        "MsgType": "StatusChange", "Event": if online { "Online" } else { "Offline" },
        "Topic": "", "Seq": 1, "PayloadLen": 0, "ProductId": PRODUCT, "DeviceName": device,
        "Payload": null, "Time": format!("2026-01-01 00:{:02}:{:02}", after / 60, after % 60),
        "Reason": "",
    });
    NewRecord::text(&id(device), &value.to_string())
}

/// A device was bound to a customer.
pub(crate) fn bind(customer: &str, device: &str, seconds: i64) -> NewRecord {
    let value = json!({
        "type": "bind", "customer_id": customer, "device_id": id(device),
        "customer_device_no": "SN-0001", "product_name": "Smoke detector", "time": seconds,
    });
    NewRecord::text(customer, &value.to_string())
}

/// A device was unbound from a customer.
pub(crate) fn unbind(customer: &str, device: &str, seconds: i64) -> NewRecord {
    let value = json!({
        "type": "unbind", "customer_id": customer, "device_id": id(device), "time": seconds,
    });
    NewRecord::text(customer, &value.to_string())
}

/// The same records, all on the first partition.
pub(crate) fn on_one_partition(records: Vec<NewRecord>) -> Vec<NewRecord> {
    let first = |record| NewRecord { partition: Some(0), ..record };
    records.into_iter().map(first).collect()
}
