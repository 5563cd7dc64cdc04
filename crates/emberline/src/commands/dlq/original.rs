//! What the record was that became a dead letter: decoded as the workers decode it, and whom
//! it is about.
//!
//! A record that can't be decoded often still tells its device or its customer: in fields
//! that can be read, or by its key.

use std::fmt::Write as _;

use emberline_model::{
    BindingChange, BindingEvent, CustomerEvent, CustomerId, DeviceId, EventTime, OrderEvent,
};
use emberline_pipeline::Topics;
use emberline_service_api::{clean, mask_numbers};
use emberline_wire::DecodeError;
use emberline_wire::device::{DeviceDecoder, DeviceInput, DeviceRecord};
use emberline_wire::events::{decode_binding, decode_customer, decode_order};
use emberline_wire::headers::DeadLetter;
use serde_json::{Map, Value};

use super::letter::{Letter, Record};
use super::payload::escaped;
use crate::span::shown;

/// What kind of records a topic has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Devices,
    Bindings,
    Customers,
    Orders,
}

/// Whom a record is about, as far as it tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct About {
    pub(super) device: Option<DeviceId>,
    pub(super) customer: Option<CustomerId>,
}

impl About {
    /// The product of its device.
    pub(super) fn product(&self) -> Option<&str> {
        self.device.as_ref().map(DeviceId::product_id)
    }

    fn is_nobody(&self) -> bool {
        self.device.is_none() && self.customer.is_none()
    }
}

/// A record, decoded.
#[derive(Debug)]
pub(super) enum Content {
    Device(DeviceRecord),
    Binding(BindingEvent),
    Customer(CustomerEvent),
    Order(OrderEvent),
    Tombstone,
}

/// Decodes what stands in dead letters.
pub(super) struct OriginalReader {
    decoder: DeviceDecoder,
    topics: Topics,
}

impl OriginalReader {
    pub(super) fn new(topics: Topics) -> Self {
        Self { decoder: DeviceDecoder::new(), topics }
    }

    /// What is known of a record.
    pub(super) fn letter(&mut self, record: &Record<'_>) -> Letter {
        let dead = record.dead_letter();
        let about = dead.as_ref().map(|dead| self.about(dead, record)).unwrap_or_default();
        Letter { place: record.place, time_ms: record.time_ms, dead, about }
    }

    /// What it says, to the decoder of this version.
    ///
    /// # Errors
    /// Why it can't be decoded.
    pub(super) fn content(
        &mut self,
        dead: &DeadLetter,
        record: &Record<'_>,
    ) -> Result<Content, DecodeError> {
        let value = record.value;
        let is_json = value.is_some_and(|value| value.first() == Some(&b'{'));
        // JSON names its own type, as for the workers.
        let type_name = record.type_name().filter(|_| !is_json);
        let content = match self.kind(&dead.topic, record.type_name()) {
            Kind::Devices => {
                let timestamp = EventTime::from_millis(dead.timestamp_ms.max(0));
                let input = DeviceInput { value, type_name, timestamp };
                return self.decoder.decode(input).map(Content::Device);
            }
            Kind::Bindings => decode_binding(value, type_name)?.map(Content::Binding),
            Kind::Customers => decode_customer(value, type_name)?.map(Content::Customer),
            Kind::Orders => decode_order(value, type_name)?.map(Content::Order),
        };
        Ok(content.unwrap_or(Content::Tombstone))
    }

    /// A topic that the settings no longer name is told by the type, where there is one.
    fn kind(&self, topic: &str, type_name: Option<&str>) -> Kind {
        let is_in = |names: &[String]| names.iter().any(|name| name == topic);
        let topics = &self.topics;
        if is_in(&topics.bindings) {
            Kind::Bindings
        } else if is_in(&topics.customers) {
            Kind::Customers
        } else if is_in(&topics.orders) {
            Kind::Orders
        } else if is_in(&topics.of_devices()) {
            Kind::Devices
        } else {
            match type_name {
                Some("BindingEvent") => Kind::Bindings,
                Some("CustomerEvent") => Kind::Customers,
                Some("OrderEvent") => Kind::Orders,
                _ => Kind::Devices,
            }
        }
    }

    fn about(&mut self, dead: &DeadLetter, record: &Record<'_>) -> About {
        let told = match self.content(dead, record) {
            Ok(content) => content.about(),
            Err(_) => About::default(),
        };
        if !told.is_nobody() {
            return told;
        }
        let fields = record.value.and_then(|value| serde_json::from_slice(value).ok());
        let told = fields.as_ref().map(told_by_fields).unwrap_or_default();
        if told.is_nobody() { self.told_by_key(dead, record) } else { told }
    }

    /// The key is the device's or the customer's, by what the topic is for. One that looks
    /// like a telephone number is not believed.
    fn told_by_key(&self, dead: &DeadLetter, record: &Record<'_>) -> About {
        let key = record.key.and_then(|key| std::str::from_utf8(key).ok());
        let Some(key) = key.filter(|key| mask_numbers(key) == *key) else {
            return About::default();
        };
        match self.kind(&dead.topic, record.type_name()) {
            Kind::Devices => About { device: DeviceId::parse(key).ok(), customer: None },
            Kind::Bindings | Kind::Customers | Kind::Orders => {
                About { device: None, customer: CustomerId::parse(key).ok() }
            }
        }
    }
}

impl Content {
    fn about(&self) -> About {
        match self {
            Self::Device(DeviceRecord::Telemetry(telemetry)) => {
                About { device: Some(telemetry.device.clone()), customer: None }
            }
            Self::Device(DeviceRecord::State(state)) => {
                About { device: Some(state.device.clone()), customer: None }
            }
            Self::Device(DeviceRecord::Skipped(_)) | Self::Tombstone => About::default(),
            Self::Binding(event) => {
                About { device: Some(event.device.clone()), customer: Some(event.customer.clone()) }
            }
            Self::Customer(event) => About { device: None, customer: Some(event.customer.clone()) },
            Self::Order(event) => About { device: None, customer: Some(event.customer.clone()) },
        }
    }

    /// What it says, in a line. No value of a customer's.
    pub(super) fn described(&self) -> String {
        match self {
            Self::Device(DeviceRecord::Telemetry(telemetry)) => {
                let time = shown(telemetry.time.seconds().saturating_mul(1000));
                let names: Vec<_> =
                    telemetry.reports.iter().map(|report| report.category().property()).collect();
                let mut text = format!("telemetry of {} at {time}", telemetry.device.as_str());
                if !names.is_empty() {
                    let _ = write!(text, "; can be sent: {}", names.join(", "));
                }
                for refusal in &telemetry.refused {
                    let property = refusal.category.property();
                    let reason = clean(&refusal.reason);
                    let _ = write!(text, "; can't be sent: {property} ({reason})");
                }
                text
            }
            Self::Device(DeviceRecord::State(state)) => format!(
                "online state of {} at {}: {:?}",
                state.device.as_str(),
                shown(state.time.millis()),
                state.status
            ),
            Self::Device(DeviceRecord::Skipped(reason)) => {
                format!("nothing to send ({})", reason.name())
            }
            Self::Binding(event) => {
                let what = match event.change {
                    BindingChange::Bind { .. } => "binding",
                    BindingChange::Unbind => "unbinding",
                };
                let time = shown(event.time.millis());
                format!("{what} of {} and {} at {time}", event.device.as_str(), event.customer)
            }
            Self::Customer(event) => {
                format!("customer {} at {}", event.customer, shown(event.time.millis()))
            }
            Self::Order(event) => {
                let kind = if event.item.test { "test" } else { "formal" };
                let time = shown(event.time.millis());
                let number = escaped(&event.order_no);
                format!("{kind} order {number} of {} at {time}", event.customer)
            }
            Self::Tombstone => "nothing to send (tombstone)".to_owned(),
        }
    }
}

/// The ids among the fields of a JSON record, whatever else is wrong with it.
fn told_by_fields(fields: &Map<String, Value>) -> About {
    let text = |names: [&str; 3]| names.iter().find_map(|name| fields.get(*name)?.as_str());
    let of_parts = || {
        let product_id = text(["ProductId", "productid", "product_id"])?;
        let device_name = text(["DeviceName", "devicename", "device_name"])?;
        DeviceId::new(product_id, device_name).ok()
    };
    let of_whole = || DeviceId::parse(fields.get("device_id")?.as_str()?).ok();
    let customer = fields.get("customer_id").and_then(Value::as_str);
    About {
        device: of_parts().or_else(of_whole),
        customer: customer.and_then(|customer| CustomerId::parse(customer).ok()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use emberline_pipeline::Topics;
    use emberline_wire::headers::DeadLetter;

    use super::{About, OriginalReader};
    use crate::commands::dlq::letter::tests::{Headers, refused};

    pub(crate) fn reader() -> OriginalReader {
        let names = |name: &str| vec![name.to_owned()];
        OriginalReader::new(Topics {
            devices: names("devices"),
            repartition: Vec::new(),
            bindings: names("bindings"),
            customers: names("customers"),
            orders: names("orders"),
            prefix: "emberline".into(),
            types: BTreeMap::new(),
        })
    }

    fn about(topic: &str, key: &[u8], value: Option<&[u8]>) -> (Option<String>, Option<String>) {
        let headers = Headers::of(&DeadLetter { topic: topic.into(), ..refused() }, &[]);
        let record = super::Record { key: Some(key), ..headers.record(value) };
        let About { device, customer } = reader().letter(&record).about;
        (device.map(|it| it.as_str().to_owned()), customer.map(|it| it.as_str().to_owned()))
    }

    fn device(id: &str) -> (Option<String>, Option<String>) {
        (Some(id.to_owned()), None)
    }

    fn customer(id: &str) -> (Option<String>, Option<String>) {
        (None, Some(id.to_owned()))
    }

    #[test]
    fn a_record_tells_whom_it_is_about() {
        let report = br#"{"payload":{"method":"report","timestamp":1,"params":{"power":1}},"productid":"P","devicename":"a"}"#;
        assert_eq!(about("devices", b"k", Some(report)), device("P/a"));
        let bind = br#"{"type":"unbind","customer_id":"c_1","device_id":"P/b","time":5}"#;
        let both = (Some("P/b".to_owned()), Some("c_1".to_owned()));
        assert_eq!(about("bindings", b"k", Some(bind)), both);
    }

    #[test]
    fn what_can_not_be_decoded_tells_it_by_its_fields_or_its_key() {
        // No method: undecodable.
        let broken = br#"{"payload":{},"productid":"P","devicename":"a"}"#;
        assert_eq!(about("devices", b"X/y", Some(broken)), device("P/a"));
        assert_eq!(about("devices", b"X/y", Some(b"{")), device("X/y"));
        assert_eq!(about("orders", b"c_7", Some(b"{")), customer("c_7"));
        assert_eq!(about("orders", b"c_7", Some(br#"{"customer_id":"c_8"}"#)), customer("c_8"));
        assert_eq!(about("devices", b"no device", Some(b"{")), (None, None));
        assert_eq!(about("devices", b"P/d", None), device("P/d"));
    }

    #[test]
    fn a_key_that_looks_like_a_telephone_number_names_nobody() {
        assert_eq!(about("customers", b"13987654321", Some(b"{")), (None, None));
    }

    #[test]
    fn a_topic_that_the_settings_no_longer_name_is_told_by_the_type() {
        let old = DeadLetter { topic: "old".into(), ..refused() };
        let headers = Headers::of(&old, &[("emberline-type", "OrderEvent")]);
        let record = super::Record { key: Some(b"c_1"), ..headers.record(Some(b"\x0a\x03c_1")) };
        let error = reader().content(&old, &record).unwrap_err().to_string();
        assert_eq!(error, "item_id is missing");
        assert_eq!(reader().letter(&record).about.customer.unwrap().as_str(), "c_1");
    }
}
