//! The settings of each kind of client, made in one place, and what all clients do
//! with librdkafka's log lines.
//!
//! The numbers were measured against a broker of the same machine; what each is for
//! stands beside it. A property of the user's wins over all of them.

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use rdkafka::producer::NoCustomPartitioner;

use crate::producer::ProducerSettings;
use crate::refusal::Door;
use crate::settings::KafkaSettings;

/// Keys that the group protocol of KIP-848 refuses: the broker decides these.
const CLASSIC_ONLY: [&str; 4] = [
    "session.timeout.ms",
    "heartbeat.interval.ms",
    "partition.assignment.strategy",
    "group.protocol.type",
];

/// A member of `group` that reads and commits.
pub(crate) fn source_config(kafka: &KafkaSettings, group: &str) -> ClientConfig {
    let mut config = consumer_config(kafka, kafka.memory_budget_bytes);
    config
        .set("group.id", group)
        // A crash heals in 11 s, a joining member waits about 1 s a round.
        .set("session.timeout.ms", "10000")
        .set("heartbeat.interval.ms", "1000")
        .set("partition.assignment.strategy", "cooperative-sticky");
    finish(config, kafka)
}

/// A consumer that is never assigned: it answers questions about bounds, so that
/// they don't wait behind the long poll of a fetch.
pub(crate) fn bounds_config(kafka: &KafkaSettings) -> ClientConfig {
    let mut config = consumer_config(kafka, 1024 * 1024);
    config.set("group.id", &kafka.group);
    finish(config, kafka)
}

/// A consumer that is assigned by hand and commits nothing.
pub(crate) fn table_config(kafka: &KafkaSettings) -> ClientConfig {
    finish(by_hand_config(kafka), kafka)
}

/// As [`table_config`], for partitions that come and go: whoever has one waits for it.
pub(crate) fn parts_config(kafka: &KafkaSettings) -> ClientConfig {
    let mut config = by_hand_config(kafka);
    // A broker that has nothing new answers after so long, and only then is asked for a
    // partition that has come meanwhile. With the default of 500 ms one of 100,000 records took
    // 250 to 650 ms, with this 120 to 260.
    config.set("fetch.wait.max.ms", "100");
    finish(config, kafka)
}

fn by_hand_config(kafka: &KafkaSettings) -> ClientConfig {
    let mut config = consumer_config(kafka, 8 * 1024 * 1024);
    config
        .set("group.id", &kafka.group)
        // Where the log's beginning has moved on, all of it is read again: to put the same
        // rows into a table twice is no harm.
        .set("auto.offset.reset", "earliest");
    config
}

/// As [`table_config`], and told where a partition ends.
pub(crate) fn scan_config(kafka: &KafkaSettings) -> ClientConfig {
    let mut config = table_config(kafka);
    // After the user's own: reading ends by it.
    config.set("enable.partition.eof", "true");
    config
}

/// An idempotent producer that waits for all replicas in sync.
pub(crate) fn producer_config(kafka: &KafkaSettings, settings: &ProducerSettings) -> ClientConfig {
    let mut config = base_config(kafka);
    config
        .set("enable.idempotence", "true")
        .set("acks", "all")
        // Receipts are small and many, and hardly get smaller: what zstd needs to begin a batch
        // is more than what it does for it.
        .set("compression.type", "lz4")
        .set("message.max.bytes", settings.message_max_bytes.to_string())
        .set("message.timeout.ms", settings.delivery_timeout.as_millis().to_string())
        .set("linger.ms", settings.linger.as_millis().to_string())
        .set("queue.buffering.max.kbytes", "65536")
        // The partitioner of the Java clients, so that all writers of a topic agree
        // on where a key lives.
        .set("partitioner", "murmur2_random");
    finish(config, kafka)
}

/// A client for the admin interface.
pub(crate) fn admin_config(kafka: &KafkaSettings) -> ClientConfig {
    finish(base_config(kafka), kafka)
}

fn base_config(kafka: &KafkaSettings) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &kafka.brokers)
        .set("client.id", "emberline")
        // Who misspells a topic is told so. Producers would create it.
        .set("allow.auto.create.topics", "false")
        // The system's own trust: the OpenSSL that is linked in has none of its own.
        .set("ssl.ca.location", "probe")
        // The default of 10 s keeps a client away for 10 s after its broker is back.
        .set("reconnect.backoff.max.ms", "1000")
        .set_log_level(RDKafkaLogLevel::Info);
    config
}

fn consumer_config(kafka: &KafkaSettings, budget: u64) -> ClientConfig {
    // librdkafka holds about twice its limit at the peak.
    let queued_kbytes = (budget / 2 / 1024).clamp(512, 2_097_151);
    // librdkafka refuses a fetch limit below `message.max.bytes`, a producer's setting
    // that the user may have raised for both.
    let floor = kafka.properties.get("message.max.bytes").and_then(|v| v.parse().ok());
    let fetch_max = (budget / 4).clamp(1024 * 1024, 50 * 1024 * 1024).max(floor.unwrap_or(0));
    let mut config = base_config(kafka);
    config
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        // An offset out of range is an alarm and a decision, never a silent jump.
        .set("auto.offset.reset", "error")
        .set("queued.max.messages.kbytes", queued_kbytes.to_string())
        .set("fetch.max.bytes", fetch_max.to_string())
        .set("fetch.message.max.bytes", "131072")
        // With small queues the default of 1 s stalls the fetcher for a second.
        .set("fetch.queue.backoff.ms", "10");
    config
}

/// What the source's promises rest on: other values given for these are not taken over.
const OURS: [&str; 3] = ["auto.offset.reset", "enable.auto.commit", "enable.auto.offset.store"];

fn finish(mut config: ClientConfig, kafka: &KafkaSettings) -> ClientConfig {
    if kafka.properties.get("group.protocol").is_some_and(|protocol| protocol == "consumer") {
        for key in CLASSIC_ONLY {
            config.remove(key);
        }
    }
    for (key, value) in &kafka.properties {
        if !OURS.contains(&key.as_str()) {
            config.set(key, value);
        }
    }
    config
}

/// Passes a line of librdkafka's log on to ours.
pub(crate) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    // A consumer says so of each producer property that it was given, and vice versa.
    if facility == "CONFWARN" {
        tracing::debug!(target: "librdkafka", facility, message);
        return;
    }
    match level {
        RDKafkaLogLevel::Emerg
        | RDKafkaLogLevel::Alert
        | RDKafkaLogLevel::Critical
        | RDKafkaLogLevel::Error
        | RDKafkaLogLevel::Warning => tracing::warn!(target: "librdkafka", facility, message),
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
            tracing::info!(target: "librdkafka", facility, message);
        }
        RDKafkaLogLevel::Debug => tracing::debug!(target: "librdkafka", facility, message),
    }
}

/// The context of clients that only need their log lines passed on.
#[derive(Default)]
pub(crate) struct LogOnly {
    /// What the brokers said instead of letting this client in.
    pub(crate) door: Door,
}

impl ClientContext for LogOnly {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        if facility == "FAIL" {
            self.door.hear(message);
        }
        log(level, facility, message);
    }

    fn stats_raw(&self, _: &[u8]) {}

    fn error(&self, error: KafkaError, reason: &str) {
        self.door.hear(reason);
        tracing::debug!(%error, reason, "kafka client error");
    }
}

impl ConsumerContext for LogOnly {}

/// Producers of this crate bring no partitioner of their own.
pub(crate) type Partitioner = NoCustomPartitioner;

#[cfg(test)]
mod tests {
    use super::{KafkaSettings, source_config};

    #[test]
    fn the_consumer_protocol_gets_none_of_the_keys_that_it_refuses() {
        let kafka = KafkaSettings::new("b:1", "g").with("group.protocol", "consumer");
        let config = source_config(&kafka, "g");
        assert_eq!(config.get("session.timeout.ms"), None);
        assert_eq!(config.get("partition.assignment.strategy"), None);
        assert_eq!(config.get("group.id"), Some("g"));
    }

    #[test]
    fn a_property_of_the_users_wins() {
        let kafka = KafkaSettings::new("b:1", "g").with("session.timeout.ms", "30000");
        assert_eq!(source_config(&kafka, "g").get("session.timeout.ms"), Some("30000"));
    }

    #[test]
    fn what_the_promises_rest_on_is_not_the_users() {
        let kafka = KafkaSettings::new("b:1", "g").with("auto.offset.reset", "earliest");
        assert_eq!(source_config(&kafka, "g").get("auto.offset.reset"), Some("error"));
    }

    #[test]
    fn the_prefetch_limit_follows_the_memory_budget() {
        let mut kafka = KafkaSettings::new("b:1", "g");
        kafka.memory_budget_bytes = 32 * 1024 * 1024;
        let config = source_config(&kafka, "g");
        assert_eq!(config.get("queued.max.messages.kbytes"), Some("16384"));
        assert_eq!(config.get("fetch.max.bytes"), Some("8388608"));
    }

    #[test]
    fn a_raised_message_limit_does_not_make_the_fetch_limit_too_small() {
        let kafka = KafkaSettings::new("b:1", "g").with("message.max.bytes", "20000000");
        assert_eq!(source_config(&kafka, "g").get("fetch.max.bytes"), Some("20000000"));
    }
}
