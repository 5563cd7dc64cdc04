//! The user's own events as JSON, as this project writes them.
//!
//! Times stand in milliseconds, which are read back as such from March 1973 on.

use emberline_model::{BindingChange, BindingEvent, CustomerEvent, OrderEvent};
use serde::Serialize;

/// Writes a binding event as JSON.
pub fn encode_binding_json(event: &BindingEvent) -> Vec<u8> {
    #[derive(Serialize)]
    struct Json<'a> {
        r#type: &'static str,
        customer_id: &'a str,
        device_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        customer_device_no: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        product_name: Option<&'a str>,
        time: i64,
    }
    let (r#type, customer_device_no, product_name) = match &event.change {
        BindingChange::Bind { customer_device_no, product_name } => {
            ("bind", Some(customer_device_no.as_str()), Some(product_name.as_str()))
        }
        BindingChange::Unbind => ("unbind", None, None),
    };
    let json = Json {
        r#type,
        customer_id: event.customer.as_str(),
        device_id: event.device.as_str(),
        customer_device_no,
        product_name,
        time: event.time.millis(),
    };
    written(&json)
}

/// Writes a customer event as JSON.
pub fn encode_customer_json(event: &CustomerEvent) -> Vec<u8> {
    #[derive(Serialize)]
    struct Json<'a> {
        customer_id: &'a str,
        country_code: &'a str,
        phone_number: &'a str,
        time: i64,
    }
    written(&Json {
        customer_id: event.customer.as_str(),
        country_code: &event.country_code,
        phone_number: &event.phone_number,
        time: event.time.millis(),
    })
}

/// Writes an order event as JSON.
pub fn encode_order_json(event: &OrderEvent) -> Vec<u8> {
    #[derive(Serialize)]
    struct Json<'a> {
        customer_id: &'a str,
        order_no: &'a str,
        item_id: &'a str,
        item_vno: &'a str,
        item_num: u32,
        time: i64,
    }
    written(&Json {
        customer_id: event.customer.as_str(),
        order_no: &event.order_no,
        item_id: event.item.id(),
        item_vno: event.version.as_str(),
        item_num: event.count,
        time: event.time.millis(),
    })
}

fn written(json: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(json).expect("texts and numbers are always JSON")
}
