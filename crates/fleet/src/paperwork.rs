//! What the user's own application tells: customers, their devices, their orders.

use emberline_model::{CustomerEvent, CustomerId, EventTime};
use emberline_wire::proto;
use prost::Message as _;

use crate::catalogue::Product;
use crate::plan::{FleetPlan, Format};
use crate::record::{FleetRecord, Topic};
use crate::text::{TYPE_HEADER, device_id};

/// Number of customers; the last one may have fewer devices.
pub(crate) fn customers(plan: &FleetPlan) -> u32 {
    plan.devices.div_ceil(plan.devices_per_customer.max(1))
}

/// Whose a device is.
pub(crate) fn customer_of(plan: &FleetPlan, device: u32) -> CustomerId {
    customer_id(device / plan.devices_per_customer.max(1))
}

fn customer_id(customer: u32) -> CustomerId {
    CustomerId::parse(&format!("c_{customer:06}")).expect("a generated customer id is valid")
}

/// A customer's first device decides in which form the application tells of the
/// customer: with a gateway of their own comes protobuf.
fn tells_protobuf(plan: &FleetPlan, customer: u32) -> bool {
    let device = customer.saturating_mul(plan.devices_per_customer.max(1));
    plan.format_of(device) == Format::Protobuf
}

/// A customer, and the record that tells of it. The telephone number is made up.
pub(crate) fn customer(
    plan: &FleetPlan,
    customer: u32,
    time_ms: i64,
) -> (CustomerEvent, FleetRecord) {
    let event = CustomerEvent {
        customer: customer_id(customer),
        country_code: "86".to_owned(),
        phone_number: format!("139{:08}", customer % 100_000_000),
        time: EventTime::from_millis(time_ms),
    };
    let CustomerEvent { customer: id, country_code, phone_number, .. } = &event;
    let (value, headers) = if tells_protobuf(plan, customer) {
        let message = proto::CustomerEvent {
            customer_id: id.as_str().to_owned(),
            country_code: country_code.clone(),
            phone_number: phone_number.clone(),
            time: time_ms,
        };
        (message.encode_to_vec(), type_header("CustomerEvent"))
    } else {
        let text = format!(
            r#"{{"customer_id":"{id}","country_code":"{country_code}","phone_number":"{phone_number}","time":{time_ms}}}"#
        );
        (text.into_bytes(), Vec::new())
    };
    let record = record(Topic::Customers, id, (value, headers), time_ms);
    (event, record)
}

/// The binding of a device to its customer.
pub(crate) fn binding(plan: &FleetPlan, device: u32, time_ms: i64) -> FleetRecord {
    let (customer, id) = (customer_of(plan, device), device_id(device));
    let number = format!("SN-{device:08}");
    let product_name = Product::of(device).name;
    let form = if plan.format_of(device) == Format::Protobuf {
        let message = proto::BindingEvent {
            r#type: proto::BindingType::Bind.into(),
            customer_id: customer.as_str().to_owned(),
            device_id: id.as_str().to_owned(),
            customer_device_no: number,
            product_name: product_name.to_owned(),
            time: time_ms,
        };
        (message.encode_to_vec(), type_header("BindingEvent"))
    } else {
        let text = format!(
            r#"{{"type":"bind","customer_id":"{customer}","device_id":"{id}","customer_device_no":"{number}","product_name":"{product_name}","time":{time_ms}}}"#
        );
        (text.into_bytes(), Vec::new())
    };
    record(Topic::Bindings, &customer, form, time_ms)
}

/// A customer's test order: it consumes no authorisation.
pub(crate) fn order(plan: &FleetPlan, customer: u32, time_ms: i64) -> FleetRecord {
    let id = customer_id(customer);
    let order_no = format!("{:08}-{customer:06}", plan.seed % 100_000_000);
    let (item_id, item_vno) = ("D-FireInsurance2020", "FireBusiness");
    let form = if tells_protobuf(plan, customer) {
        let message = proto::OrderEvent {
            customer_id: id.as_str().to_owned(),
            order_no,
            item_id: item_id.to_owned(),
            item_vno: item_vno.to_owned(),
            item_num: 1,
            time: time_ms,
        };
        (message.encode_to_vec(), type_header("OrderEvent"))
    } else {
        let text = format!(
            r#"{{"customer_id":"{id}","order_no":"{order_no}","item_id":"{item_id}","item_vno":"{item_vno}","item_num":1,"time":{time_ms}}}"#
        );
        (text.into_bytes(), Vec::new())
    };
    record(Topic::Orders, &id, form, time_ms)
}

type Headers = Vec<(&'static str, Vec<u8>)>;

fn type_header(name: &str) -> Headers {
    vec![(TYPE_HEADER, name.as_bytes().to_vec())]
}

fn record(
    topic: Topic,
    customer: &CustomerId,
    (value, headers): (Vec<u8>, Headers),
    timestamp_ms: i64,
) -> FleetRecord {
    FleetRecord { topic, key: customer.as_str().as_bytes().to_vec(), value, headers, timestamp_ms }
}
