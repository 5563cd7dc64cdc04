//! How to reach Kafka. What each client makes of it is `client`'s business.

use std::collections::BTreeMap;
use std::fmt;

/// Where Kafka is and how to talk to it; the same for every client of a process.
#[derive(Clone, PartialEq, Eq)]
pub struct KafkaSettings {
    /// `host:port`, comma separated.
    pub brokers: String,
    /// The group of clients that never join one (bounds, tables): it needs the right
    /// to describe it. A [`crate::Source`] names its own.
    pub group: String,
    /// Handed to librdkafka as they are; they win over the settings made here.
    pub properties: BTreeMap<String, String>,
    /// Memory that one source may hold in records fetched ahead, in bytes. About this
    /// much is used at the peak; a half of it is librdkafka's own limit, which is
    /// tested before a fetch and so overshot by the fetches under way.
    pub memory_budget_bytes: u64,
}

impl KafkaSettings {
    /// Prefetch of one source unless set otherwise: 8 MiB.
    pub const DEFAULT_MEMORY_BUDGET: u64 = 8 * 1024 * 1024;

    /// Settings with no properties and the default memory budget.
    pub fn new(brokers: impl Into<String>, group: impl Into<String>) -> Self {
        Self {
            brokers: brokers.into(),
            group: group.into(),
            properties: BTreeMap::new(),
            memory_budget_bytes: Self::DEFAULT_MEMORY_BUDGET,
        }
    }

    /// The same with one property more.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.properties.insert(key.into(), value.into());
        self
    }

    /// Whether the value of this property must not be shown: passwords, keys, tokens
    /// and JAAS lines. `ssl.key.location` is a path, and hidden all the same.
    pub fn is_secret(property: &str) -> bool {
        const MARKS: [&str; 6] = ["password", "secret", "key", "jaas", "oauth", "token"];
        let property = property.to_ascii_lowercase();
        MARKS.iter().any(|mark| property.contains(mark))
            || property == "sasl.username"
            || property == "ssl.certificate.pem"
    }
}

impl fmt::Debug for KafkaSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: BTreeMap<&str, &str> = self
            .properties
            .iter()
            .map(|(key, value)| (key.as_str(), if Self::is_secret(key) { "***" } else { value }))
            .collect();
        f.debug_struct("KafkaSettings")
            .field("brokers", &self.brokers)
            .field("group", &self.group)
            .field("properties", &shown)
            .field("memory_budget_bytes", &self.memory_budget_bytes)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::KafkaSettings;

    #[test]
    fn secrets_do_not_show_in_debug_output() {
        let settings = KafkaSettings::new("kafka:9092", "g")
            .with("sasl.password", "pa55")
            .with("ssl.key.pem", "KEYBYTES")
            .with("sasl.oauthbearer.client.secret", "0auth")
            .with("sasl.jaas.config", "jaasline")
            .with("security.protocol", "SASL_SSL");
        let text = format!("{settings:?}");
        for secret in ["pa55", "KEYBYTES", "0auth", "jaasline"] {
            assert!(!text.contains(secret), "{text}");
        }
        assert!(text.contains("SASL_SSL") && text.contains("kafka:9092"), "{text}");
    }
}
