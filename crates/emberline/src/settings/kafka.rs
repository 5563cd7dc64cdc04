//! `[kafka]` and `[topics]`: where records come from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use emberline_broker::KafkaSettings as KafkaClient;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::secret::mask_properties;
use super::{ByteSize, Property};

/// The Kafka cluster, and how to reach it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KafkaSettings {
    /// Addresses to start from, `host:port`, separated by commas. Default `127.0.0.1:9092`.
    pub brokers: String,
    /// The consumer group; the workers' own groups are named after it. Default `emberline`.
    pub group: String,
    /// Handed to librdkafka as they are, for example `security.protocol`. Passwords are
    /// better kept in `properties_files`. Default none.
    #[schemars(example = example_properties())]
    #[serde(serialize_with = "mask_properties")]
    pub properties: BTreeMap<String, Property>,
    /// Properties whose value stands in a file, such as a mounted secret: name = path. A line
    /// break at the file's end is not part of the value. Default none.
    #[schemars(example = example_files())]
    pub properties_files: BTreeMap<String, PathBuf>,
    /// Memory that the devices worker, and the repartition worker if there is one, may each
    /// hold in records fetched ahead, 1MB to 2GB; the others take a quarter of it. Default `8MiB`.
    pub memory: ByteSize,
}

fn example_properties() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([("security.protocol", "SASL_SSL"), ("sasl.mechanisms", "PLAIN")])
}

fn example_files() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([("sasl.password", "/run/secrets/kafka-password")])
}

impl Default for KafkaSettings {
    fn default() -> Self {
        Self {
            brokers: "127.0.0.1:9092".into(),
            group: "emberline".into(),
            properties: BTreeMap::new(),
            properties_files: BTreeMap::new(),
            memory: ByteSize(KafkaClient::DEFAULT_MEMORY_BUDGET),
        }
    }
}

/// Which topics are read, and what the pipeline's own are called.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TopicSettings {
    /// Telemetry and online/offline events, mixed or not. Default `["devices"]`.
    pub devices: Vec<String>,
    /// Those of `devices` whose records are not keyed by device, so that one device's lie in
    /// several partitions: the `repartition` workers write them to `<prefix>.devices`, keyed by
    /// device, and the `devices` workers read them there. Default `[]`.
    pub repartition: Vec<String>,
    /// Binding events. Default `["bindings"]`.
    pub bindings: Vec<String>,
    /// Customer events. Default `["customers"]`.
    pub customers: Vec<String>,
    /// Order events. Default `["orders"]`.
    pub orders: Vec<String>,
    /// What the names of the pipeline's own topics begin with. Default `emberline`.
    pub prefix: String,
    /// The message of protobuf records that have no `emberline-type` header: topic = message.
    /// Default none.
    #[schemars(example = example_types())]
    pub types: BTreeMap<String, MessageType>,
}

fn example_types() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([("devices", "DeviceTelemetry")])
}

impl Default for TopicSettings {
    fn default() -> Self {
        Self {
            devices: vec!["devices".into()],
            repartition: Vec::new(),
            bindings: vec!["bindings".into()],
            customers: vec!["customers".into()],
            orders: vec!["orders".into()],
            prefix: "emberline".into(),
            types: BTreeMap::new(),
        }
    }
}

impl TopicSettings {
    /// Every input topic with the key that lists it.
    pub fn inputs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let lists = [
            ("devices", &self.devices),
            ("bindings", &self.bindings),
            ("customers", &self.customers),
            ("orders", &self.orders),
        ];
        lists
            .into_iter()
            .flat_map(|(key, topics)| topics.iter().map(move |topic| (key, topic.as_str())))
    }
}

/// A message of the project's protobuf schemas (`proto/`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum MessageType {
    /// Telemetry of one device.
    DeviceTelemetry,
    /// Online or offline.
    DeviceState,
    /// A device was bound or unbound.
    BindingEvent,
    /// A customer.
    CustomerEvent,
    /// A customer's order.
    OrderEvent,
}

impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl MessageType {
    /// As the header `emberline-type` names it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DeviceTelemetry => "DeviceTelemetry",
            Self::DeviceState => "DeviceState",
            Self::BindingEvent => "BindingEvent",
            Self::CustomerEvent => "CustomerEvent",
            Self::OrderEvent => "OrderEvent",
        }
    }

    /// The key of `[topics]` whose topics may carry it.
    pub(super) const fn belongs_to(self) -> &'static str {
        match self {
            Self::DeviceTelemetry | Self::DeviceState => "devices",
            Self::BindingEvent => "bindings",
            Self::CustomerEvent => "customers",
            Self::OrderEvent => "orders",
        }
    }
}
