//! What no single value's type can tell: bounds of durations and sizes, and how keys go
//! together.
//!
//! Nothing here opens a file or a connection.

mod portal;

use std::collections::BTreeMap;

use crate::observe::logs;

use super::{ByteSize, HumanDuration, JoinTable, Listen, Problem, Settings};

/// Everything wrong with settings whose values are each well formed. The places are not
/// known here.
pub(super) fn findings(settings: &Settings) -> Vec<Problem> {
    let mut found = Findings(Vec::new());
    kafka(settings, &mut found);
    topics(settings, &mut found);
    service(settings, &mut found);
    delivery(settings, &mut found);
    portal::portal(settings, &mut found);
    if let Listen::On(address) = settings.admin.listen
        && !address.ip().is_loopback()
    {
        found.add(
            "admin.listen",
            format!("{address} can be reached from elsewhere: give an address of loopback, as in \"127.0.0.1:9465\""),
        );
    }
    if let Err(error) = logs::filter(&settings.log.level) {
        found.add("log.level", error.to_string());
    }
    found.0
}

struct Findings(Vec<Problem>);

impl Findings {
    fn add(&mut self, key: &str, text: impl Into<String>) {
        self.0.push(Problem::of(key, text));
    }

    fn check_time(
        &mut self,
        key: &str,
        value: HumanDuration,
        min: HumanDuration,
        max: HumanDuration,
    ) {
        if value < min || value > max {
            self.add(key, format!("{value} is outside of {min} to {max}"));
        }
    }

    fn check_size(&mut self, key: &str, value: ByteSize, min: ByteSize, max: ByteSize) {
        if value < min || value > max {
            self.add(key, format!("{value} is outside of {min} to {max}"));
        }
    }
}

/// Properties that the engine itself decides: the values that may be given all the same
/// because they change nothing, and what to do instead. Its promises (what is committed is settled, a lost offset
/// is an alarm) hold only with these as it sets them.
const ENGINE_PROPERTIES: [(&str, &[&str], &str); 6] = [
    ("bootstrap.servers", &[], "set kafka.brokers instead"),
    ("metadata.broker.list", &[], "set kafka.brokers instead"),
    ("group.id", &[], "set kafka.group instead"),
    ("enable.auto.commit", &["false"], "offsets are committed once their records are settled"),
    (
        "enable.auto.offset.store",
        &["false"],
        "offsets are committed once their records are settled",
    ),
    (
        "auto.offset.reset",
        // Where nothing is committed yet, that is what happens.
        &["error", "earliest"],
        "a new group starts at the oldest record, and an offset that is lost is an alarm",
    ),
];

fn kafka(settings: &Settings, found: &mut Findings) {
    let kafka = &settings.kafka;
    let malformed = |broker: &str| broker.trim().is_empty() || broker.contains(char::is_whitespace);
    if kafka.brokers.split(',').map(str::trim).any(malformed) {
        found.add("kafka.brokers", "write host:port, several separated by commas");
    }
    if kafka.group.trim().is_empty() {
        found.add("kafka.group", "must not be empty");
    }
    let gigabytes_2 = ByteSize::megabytes(2000);
    found.check_size("kafka.memory", kafka.memory, ByteSize::megabytes(1), gigabytes_2);
    for (name, harmless, instead) in ENGINE_PROPERTIES {
        let given = kafka.properties.get(name);
        let repeated = given.is_some_and(|value| harmless.contains(&value.expose()));
        if (given.is_some() && !repeated) || kafka.properties_files.contains_key(name) {
            found.add("kafka.properties", format!("{name:?} is not yours to set: {instead}"));
        }
    }
    for name in kafka.properties_files.keys().filter(|name| kafka.properties.contains_key(*name)) {
        found.add(
            "kafka.properties_files",
            format!("{name:?} is also in kafka.properties: give one"),
        );
    }
}

fn topics(settings: &Settings, found: &mut Findings) {
    let topics = &settings.topics;
    if !is_topic_name(&topics.prefix) || topics.prefix.len() > 200 {
        found.add("topics.prefix", "is 1 to 200 letters, digits, \".\", \"_\" and \"-\"");
    }
    let own = format!("{}.", topics.prefix);
    let mut listed_by = BTreeMap::new();
    for (key, topic) in topics.inputs() {
        let dotted = format!("topics.{key}");
        if !is_topic_name(topic) {
            let rule = "a topic's name is 1 to 249 letters, digits, \".\", \"_\" and \"-\"";
            found.add(&dotted, format!("{topic:?} is no topic: {rule}"));
        } else if topic.starts_with(&own) {
            found.add(&dotted, format!("{topic:?} is among the pipeline's own topics ({own}*)"));
        } else if let Some(other) = listed_by.insert(topic, key) {
            found.add(&dotted, format!("{topic:?} is already listed in topics.{other}"));
        }
    }
    for (place, topic) in topics.repartition.iter().enumerate() {
        if !topics.devices.contains(topic) {
            let text = format!("{topic:?} is not listed in topics.devices: list it there, too");
            found.add("topics.repartition", text);
        } else if topics.repartition[..place].contains(topic) {
            found.add("topics.repartition", format!("{topic:?} is listed twice"));
        }
    }
    if settings.join.table == JoinTable::OwnPartitions {
        for topic in topics.devices.iter().filter(|topic| !topics.repartition.contains(topic)) {
            let text = format!(
                "own_partitions needs {topic:?} in topics.repartition: the bindings don't lie in its partitions"
            );
            found.add("join.table", text);
        }
    }
    for (topic, message) in &topics.types {
        let text = match listed_by.get(topic.as_str()) {
            Some(key) if *key == message.belongs_to() => continue,
            Some(key) => format!(
                "{topic:?} is listed in topics.{key}, and a {} belongs in topics.{}",
                message.as_str(),
                message.belongs_to()
            ),
            None => format!("{topic:?} is no input topic"),
        };
        found.add("topics.types", text);
    }
}

fn is_topic_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=249).contains(&name.len()) && name.bytes().all(allowed) && name != "." && name != ".."
}

fn service(settings: &Settings, found: &mut Findings) {
    let service = &settings.service;
    if let Some(text) = wrong_with_url(&service.url) {
        found.add("service.url", text);
    }
    if service.app_key.as_ref().is_some_and(|key| key.trim().is_empty()) {
        found.add("service.app_key", "must not be empty");
    }
    if service.app_secret.as_ref().is_some_and(|secret| secret.expose().trim().is_empty()) {
        found.add("service.app_secret", "must not be empty");
    }
    if service.app_secret.is_some() && service.app_secret_file.is_some() {
        found.add("service.app_secret_file", "service.app_secret is given too: give one of them");
    }
    let (least, most) = (HumanDuration::from_millis(1), HumanDuration::from_secs(600));
    found.check_time("service.timeout", service.timeout, least, most);
    found.check_time("service.connect_timeout", service.connect_timeout, least, most);
    found.check_time("service.read_timeout", service.read_timeout, least, most);
    let (second, hour) = (HumanDuration::from_secs(1), HumanDuration::from_secs(3600));
    found.check_time("service.probe_interval", service.probe_interval, second, hour);
    let (kilobyte, most) = (ByteSize(1000), ByteSize::megabytes(100));
    found.check_size("service.max_answer", service.max_answer, kilobyte, most);
}

fn wrong_with_url(url: &str) -> Option<&'static str> {
    let Ok(url) = url.parse::<axum::http::Uri>() else { return Some("is no address") };
    if !matches!(url.scheme_str(), Some("http" | "https")) {
        return Some("must begin with https:// or http://");
    }
    match url.authority() {
        Some(authority) if authority.as_str().contains('@') => {
            Some("must hold no user name or password: calls are signed with service.app_secret")
        }
        Some(authority) if !authority.host().is_empty() => None,
        _ => Some("has no host"),
    }
}

fn delivery(settings: &Settings, found: &mut Findings) {
    let zero = HumanDuration::from_secs(0);
    let (second, minute) = (HumanDuration::from_secs(1), HumanDuration::from_secs(60));
    let (hour, day) = (HumanDuration::from_secs(3600), HumanDuration::from_secs(86_400));
    let month = HumanDuration::from_secs(31 * 86_400);

    found.check_time("dedupe.window", settings.dedupe.window, zero, hour);
    found.check_time("batch.linger", settings.batch.linger, zero, minute);
    found.check_time("bindings.linger", settings.bindings.linger, zero, minute);
    found.check_time("join.wait", settings.join.wait, zero, minute);
    found.check_time("join.startup_wait", settings.join.startup_wait, second, day);
    found.check_time(
        "shutdown.drain",
        settings.shutdown.drain,
        second,
        HumanDuration::from_secs(240),
    );
    let (least, most) = (ByteSize(100_000), ByteSize::megabytes(100));
    found.check_size("bindings.max_set", settings.bindings.max_set, least, most);
    let (least, most) = (ByteSize::megabytes(1), ByteSize::megabytes(100_000));
    found.check_size("limits.bytes", settings.limits.bytes, least, most);

    let limits = &settings.limits;
    let parts = [
        limits.devices_part,
        limits.bindings_part,
        limits.retries_part,
        limits.claims_part,
        limits.replay_part,
    ];
    let together: u32 = parts.iter().map(|part| u32::from(part.0)).sum();
    if together > 100 {
        let text = format!("with the other parts is {together}%, above 100%");
        found.add("limits.devices_part", text);
    }

    found.check_time("claims.doubt", settings.claims.doubt, second, HumanDuration::from_secs(600));
    found.check_time("claims.recount", settings.claims.recount, second, day);

    let retry = &settings.retry;
    if retry.budget.0 > 1000 {
        found.add("retry.budget", format!("{} is above 1000%", retry.budget));
    }
    found.check_time("retry.max_age", retry.max_age, second, month);
    let decade = HumanDuration::from_secs(3_653 * 86_400);
    found.check_time("receipts.retention", settings.receipts.retention, hour, decade);
    found.check_time(
        "retry.backoff_base",
        retry.backoff_base,
        HumanDuration::from_millis(1),
        minute,
    );
    found.check_time("retry.backoff_cap", retry.backoff_cap, HumanDuration::from_millis(1), hour);
    if retry.backoff_base > retry.backoff_cap {
        found.add(
            "retry.backoff_base",
            format!("is above retry.backoff_cap, {}", retry.backoff_cap),
        );
    }
    if retry.tiers.is_empty() {
        found.add("retry.tiers", "must hold one delay at least");
    }
    if !retry.tiers.is_sorted_by(|shorter, longer| shorter < longer) {
        found.add("retry.tiers", "must grow from each delay to the next");
    }
    for tier in &retry.tiers {
        found.check_time("retry.tiers", *tier, second, day);
    }
    if retry.tiers.last().is_some_and(|last| *last > retry.max_age) {
        found.add(
            "retry.tiers",
            format!("the last is longer than retry.max_age, {}", retry.max_age),
        );
    }
}
