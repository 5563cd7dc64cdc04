//! What can be set: one typed tree, each key declared once with its type, default, range
//! and text. The example file, the JSON schema, the check for unknown keys and the reading
//! of the environment all come from that declaration ([`catalogue`]).
//!
//! Invariant: a [`Settings`] that [`load()`] hands out has passed every check that needs
//! nothing but itself. Files that it names are read where they are used.
//!
//! Start at [`Settings`]; how a file and the environment become one is [`load()`].

mod at_start;
pub mod catalogue;
mod delivery;
mod environment;
mod file;
mod kafka;
mod load;
pub mod portal;
mod problem;
mod process;
pub mod render;
mod secret;
mod service;
pub(crate) mod suggest;
mod text_form;
mod units;
mod validate;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use at_start::{credentials, kafka_properties, portal_keys, problems_at_start};
pub use delivery::{
    BatchSettings, BindingSettings, ClaimSettings, DedupeSettings, JoinSettings, JoinTable,
    LimitSettings, ReceiptSettings, RetrySettings,
};
pub use kafka::{KafkaSettings, MessageType, TopicSettings};
pub use load::{Loaded, Origin, load};
pub use portal::PortalSettings;
pub use problem::{Problem, Problems};
pub use process::{
    AdminSettings, HttpSettings, InvalidListen, Listen, LogFormat, LogSettings, ShutdownSettings,
};
pub use secret::{MASK, Property, SecretText};
pub use service::ServiceSettings;
pub use units::{ByteSize, HumanDuration, InvalidUnit, Percent, Rate};

/// Everything that can be set.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The Kafka cluster, and how to reach it.
    pub kafka: KafkaSettings,
    /// Which topics are read, and what the pipeline's own are called.
    pub topics: TopicSettings,
    /// The service API: its address, the credentials, the spelling that it expects.
    pub service: ServiceSettings,
    /// What counts as the same report come twice.
    pub dedupe: DedupeSettings,
    /// How reports are gathered into one call.
    pub batch: BatchSettings,
    /// How much is done at once.
    pub limits: LimitSettings,
    /// What happens to what failed in a passing way.
    pub retry: RetrySettings,
    /// How telemetry finds its customer.
    pub join: JoinSettings,
    /// How binding events become pushes of a customer's whole set.
    pub bindings: BindingSettings,
    /// What is kept as proof of what the service accepted.
    pub receipts: ReceiptSettings,
    /// What may be spent: a formal order uses up a purchased authorisation.
    pub claims: ClaimSettings,
    /// The pages that the vendor's app opens for its customer: plans, orders, claims.
    pub portal: PortalSettings,
    /// The endpoints that a monitoring system asks.
    pub http: HttpSettings,
    /// What a person beside the process asks it: `tap`, and the latest errors in `top`.
    pub admin: AdminSettings,
    /// What is logged, to stderr.
    pub log: LogSettings,
    /// How the process ends.
    pub shutdown: ShutdownSettings,
}

impl Settings {
    /// Whether the bindings are divided by the partitions of the topic that is keyed by device.
    pub fn divides_bindings(&self) -> bool {
        let TopicSettings { devices, repartition, .. } = &self.topics;
        match self.join.table {
            JoinTable::All => false,
            JoinTable::OwnPartitions => true,
            JoinTable::Auto => {
                !repartition.is_empty() && devices.iter().all(|topic| repartition.contains(topic))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{JoinTable, Settings};

    #[test]
    fn the_bindings_are_divided_where_all_telemetry_is_keyed_anew() {
        let divides = |devices: &[&str], repartition: &[&str], table: Option<JoinTable>| {
            let names = |topics: &[&str]| topics.iter().map(|topic| (*topic).to_owned()).collect();
            let mut settings = Settings::default();
            settings.topics.devices = names(devices);
            settings.topics.repartition = names(repartition);
            settings.join.table = table.unwrap_or(settings.join.table);
            settings.divides_bindings()
        };
        assert!(!Settings::default().divides_bindings());
        assert!(!divides(&["a"], &[], None));
        assert!(divides(&["a"], &["a"], None));
        assert!(!divides(&["a", "b"], &["a"], None));
        assert!(divides(&["a", "b"], &["b", "a"], None));
        assert!(!divides(&["a"], &["a"], Some(JoinTable::All)));
        assert!(divides(&["a"], &["a"], Some(JoinTable::OwnPartitions)));
    }
}
