//! The user's own events: bindings, customers and orders, each as one JSON object or
//! one protobuf message of the same fields (contract: input events).
//!
//! A topic of these carries one type, so its name need not be there; one that is there
//! must be right.

mod encode;
mod fields;

use emberline_model::{
    BindingChange, BindingEvent, CustomerEvent, CustomerId, DeviceId, OrderEvent,
};
use prost::Message;

pub use self::encode::{encode_binding_json, encode_customer_json, encode_order_json};
use self::fields::Fields;
use crate::{DecodeError, json::Scalar, proto};

/// Decodes a binding event. `value` is the record's; `type_name` its header
/// [`TYPE_HEADER`](crate::headers::TYPE_HEADER). `None` for a tombstone.
///
/// # Errors
/// [`DecodeError`] if it can't be read, or a part is not what the model allows.
pub fn decode_binding(
    value: Option<&[u8]>,
    type_name: Option<&str>,
) -> Result<Option<BindingEvent>, DecodeError> {
    const NAMES: [&str; 6] =
        ["type", "customer_id", "device_id", "customer_device_no", "product_name", "time"];
    let Some(fields) = read(value, type_name, "BindingEvent", &NAMES, |value| {
        let event = proto::BindingEvent::decode(value)?;
        let change = match event.r#type() {
            proto::BindingType::Bind => "bind",
            proto::BindingType::Unbind => "unbind",
            proto::BindingType::Unspecified => "",
        };
        Ok([
            text(change.to_owned()),
            text(event.customer_id),
            text(event.device_id),
            text(event.customer_device_no),
            text(event.product_name),
            number(event.time),
        ])
    })?
    else {
        return Ok(None);
    };
    let device = DeviceId::parse(fields.text(2)?).map_err(|problem| fields.invalid(2, &problem))?;
    let change = match fields.text(0)? {
        "bind" => BindingChange::Bind {
            customer_device_no: fields.text(3)?.to_owned(),
            product_name: fields.text(4)?.to_owned(),
        },
        "unbind" => BindingChange::Unbind,
        _ => return Err(fields.invalid(0, &"neither bind nor unbind")),
    };
    Ok(Some(BindingEvent {
        customer: customer(&fields, 1)?,
        device,
        time: fields.time(5)?,
        change,
    }))
}

/// Decodes a customer event; parameters and result as for [`decode_binding`].
///
/// # Errors
/// [`DecodeError`] if it can't be read, or a part is not what the model allows.
pub fn decode_customer(
    value: Option<&[u8]>,
    type_name: Option<&str>,
) -> Result<Option<CustomerEvent>, DecodeError> {
    const NAMES: [&str; 4] = ["customer_id", "country_code", "phone_number", "time"];
    let Some(fields) = read(value, type_name, "CustomerEvent", &NAMES, |value| {
        let event = proto::CustomerEvent::decode(value)?;
        Ok([
            text(event.customer_id),
            text(event.country_code),
            text(event.phone_number),
            number(event.time),
        ])
    })?
    else {
        return Ok(None);
    };
    Ok(Some(CustomerEvent {
        customer: customer(&fields, 0)?,
        country_code: fields.text(1)?.to_owned(),
        phone_number: fields.text(2)?.to_owned(),
        time: fields.time(3)?,
    }))
}

/// Decodes an order event; parameters and result as for [`decode_binding`].
///
/// # Errors
/// [`DecodeError`] if it can't be read, or a part is not what the model allows.
pub fn decode_order(
    value: Option<&[u8]>,
    type_name: Option<&str>,
) -> Result<Option<OrderEvent>, DecodeError> {
    const NAMES: [&str; 6] = ["customer_id", "order_no", "item_id", "item_vno", "item_num", "time"];
    let Some(fields) = read(value, type_name, "OrderEvent", &NAMES, |value| {
        let event = proto::OrderEvent::decode(value)?;
        Ok([
            text(event.customer_id),
            text(event.order_no),
            text(event.item_id),
            text(event.item_vno),
            number(event.item_num),
            number(event.time),
        ])
    })?
    else {
        return Ok(None);
    };
    let item = (fields.text(2)?, fields.text(3)?);
    let order = OrderEvent::new(
        customer(&fields, 0)?,
        fields.text(1)?,
        item,
        fields.integer(4)?,
        fields.time(5)?,
    );
    order.map(Some).map_err(|problem| DecodeError::invalid("the order", problem.to_string()))
}

/// Reads an event's fields, or `None` for a tombstone.
fn read<'a, const N: usize>(
    value: Option<&'a [u8]>,
    type_name: Option<&str>,
    message: &'static str,
    names: &'static [&'static str; N],
    protobuf: impl FnOnce(&'a [u8]) -> Result<[Scalar<'a>; N], prost::DecodeError>,
) -> Result<Option<Fields<'a, N>>, DecodeError> {
    if let Some(found) = type_name.filter(|found| *found != message) {
        return Err(DecodeError::wrong_type(found, message));
    }
    let fields = match value {
        None => return Ok(None),
        Some([]) => return Err(DecodeError::Empty),
        Some(value @ [b'{', ..]) => Fields::of_json(value, names)?,
        Some(value) => {
            let values =
                protobuf(value).map_err(|problem| DecodeError::protobuf(message, &problem))?;
            Fields::new(names, values)
        }
    };
    Ok(Some(fields))
}

fn customer<const N: usize>(
    fields: &Fields<'_, N>,
    place: usize,
) -> Result<CustomerId, DecodeError> {
    CustomerId::parse(fields.text(place)?).map_err(|problem| fields.invalid(place, &problem))
}

fn text<'a>(text: String) -> Scalar<'a> {
    Scalar::Text(text.into())
}

/// Zero is what proto3 shows of a number that is not there.
fn number<'a>(number: i64) -> Scalar<'a> {
    if number == 0 { Scalar::Absent } else { Scalar::Integer(number) }
}
