//! Kafka's side. The embedded broker shows no configurations; what is made of those is
//! tested beside `topics check`.

use super::Checked;
use crate::binary::Emberline;
use crate::kafka::Kafka;

const ALL: [&str; 13] = [
    "devices",
    "bindings",
    "customers",
    "orders",
    "emberline.customer-devices",
    "emberline.retry.30s",
    "emberline.retry.5m",
    "emberline.retry.1h",
    "emberline.order-book",
    "emberline.dead-letters",
    "emberline.receipts",
    "emberline.replays",
    "emberline.portal-tokens",
];

fn check(kafka: &Kafka) -> Checked {
    let client = Emberline::with_config(&kafka.section());
    Checked::of(client.run(&["check", "--only", "kafka", "--json"]))
}

#[test]
fn topics_that_are_there_are_good_and_the_groups_lag_is_told() {
    let kafka = Kafka::with_topics(&ALL);
    kafka.write("devices", &[("k", "{}".to_owned()), ("k", "{}".to_owned())]);
    let checked = check(&kafka);
    assert_eq!(checked.run.code, 0, "{:?}", checked.run);
    assert!(checked.detail("devices").contains("2 partitions"));
    assert!(checked.detail("devices").ends_with("readable"), "{:?}", checked.run);
    assert!(checked.detail("orders").ends_with("empty"), "{:?}", checked.run);
    let devices = checked.detail("group emberline-devices");
    assert_eq!(devices, "has committed nothing yet; 2 records wait");
    assert_eq!(checked.state("group emberline-retries"), "ok");
}

#[test]
fn a_missing_topic_is_told_with_the_command_that_makes_it() {
    let kafka = Kafka::with_topics(&ALL[1..4]);
    let checked = check(&kafka);
    assert_eq!(checked.run.code, 1, "{:?}", checked.run);
    assert_eq!(checked.all("failed").len(), 10, "{:?}", checked.run);
    assert!(checked.advice("devices").contains("topics create --inputs"));
    assert!(checked.advice("emberline.dead-letters").contains("topics create"));
    assert_eq!(checked.state("bindings"), "ok");
    assert_eq!(checked.detail("group emberline-devices"), "because of its topics");
    assert_eq!(checked.state("group emberline-bindings"), "ok");
}

#[test]
fn brokers_out_of_reach_are_one_failure_and_the_rest_is_skipped() {
    let client = Emberline::with_config("[kafka]\nbrokers = \"127.0.0.1:1\"\n");
    let checked = Checked::of(client.run(&["check", "--only", "kafka", "--json"]));
    assert_eq!(checked.run.code, 1, "{:?}", checked.run);
    assert_eq!(checked.all("failed"), ["brokers"]);
    assert!(checked.advice("brokers").contains("kafka.brokers"), "{:?}", checked.run);
    assert_eq!(checked.all("skipped").len(), ALL.len() + 4);
    assert_eq!(checked.detail("devices"), "because of the brokers");
}
