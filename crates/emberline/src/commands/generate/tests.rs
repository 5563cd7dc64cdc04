use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use clap::Parser;
use emberline_broker::{EmbeddedBroker, TableReader};
use serde_json::Value;

use super::{Args, run};
use crate::app::{Exit, UsageError};
use crate::settings::Settings;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

fn args(line: &str) -> Args {
    Line::try_parse_from(format!("generate {line}").split(' ')).unwrap().args
}

fn settings(broker: &EmbeddedBroker) -> Settings {
    let mut settings = Settings::default();
    settings.kafka.brokers = broker.bootstrap().to_owned();
    settings.topics.devices = vec!["devices-a".into(), "devices-b".into()];
    settings
}

fn broker() -> EmbeddedBroker {
    let topics = ["devices-a", "devices-b", "bindings", "customers", "orders"];
    EmbeddedBroker::start(&topics.map(|topic| (topic, 2))).unwrap()
}

/// The keys and values of a topic.
async fn read(broker: &EmbeddedBroker, topic: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let records = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&records);
    let reader = TableReader::start(&broker.settings("test"), topic, move |record| {
        let (key, value) = (record.key.unwrap_or_default(), record.value.unwrap_or_default());
        sink.lock().unwrap().push((key.to_vec(), value.to_vec()));
    });
    reader.unwrap().read_to_current_end().await.unwrap();
    std::mem::take(&mut *records.lock().unwrap())
}

#[tokio::test]
async fn what_is_generated_is_in_the_topics_when_the_command_ends() {
    let broker = broker();
    let line = "--json --count 300 --devices 30 --duplicates 0 --customers --orders";
    let exit = run(args(line), settings(&broker)).await.unwrap();
    assert_eq!(exit, Exit::Done);

    let (a, b) = (read(&broker, "devices-a").await, read(&broker, "devices-b").await);
    assert_eq!(a.len() + b.len(), 300);
    let keys = |records: &[(Vec<u8>, Vec<u8>)]| -> HashSet<_> {
        records.iter().map(|(key, _)| key.clone()).collect()
    };
    assert!(!a.is_empty() && !b.is_empty(), "the devices are spread over the topics");
    assert!(keys(&a).is_disjoint(&keys(&b)), "a device stays in one of them");
    assert_eq!(read(&broker, "bindings").await.len(), 30);
    assert_eq!(keys(&read(&broker, "customers").await).len(), 10);
    assert_eq!(keys(&read(&broker, "orders").await).len(), 10);
}

#[tokio::test]
async fn the_expected_reports_are_written_one_a_line() {
    let broker = broker();
    let file = tempfile::NamedTempFile::new().unwrap();
    let line = format!("--count 200 --devices 20 --expect {}", file.path().display());
    run(args(&line), settings(&broker)).await.unwrap();

    let text = std::fs::read_to_string(file.path()).unwrap();
    let reports: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(reports.len() > 200, "about two reports a message");
    let different: HashSet<_> = text.lines().collect();
    assert_eq!(different.len(), reports.len(), "each is expected once");
    for report in reports {
        assert!(report["device"].as_str().unwrap().contains("/dev0000"));
        assert!(report["category"].as_u64().unwrap() >= 100);
        assert!(report["time"].as_i64().unwrap() > 1_700_000_000);
        assert!(report["values"][0].as_str().unwrap().parse::<f64>().is_ok());
    }
}

#[tokio::test]
async fn without_bindings_none_is_written_not_even_a_late_one() {
    let broker = broker();
    let line = "--count 50 --devices 10 --no-bindings --unbound 0.5 --bind-later-after 0s";
    run(args(line), settings(&broker)).await.unwrap();
    assert_eq!(read(&broker, "bindings").await.len(), 0);
}

#[tokio::test]
async fn without_an_amount_it_asks_for_one_before_it_touches_kafka() {
    let mut settings = Settings::default();
    settings.kafka.brokers = "127.0.0.1:1".into();
    let error = run(args("--devices 10"), settings).await.unwrap_err();
    assert!(error.is::<UsageError>(), "{error}");
}

#[test]
fn what_is_no_share_is_refused() {
    for line in ["--duplicates 1.5", "--states -0.1", "--unbound x", "--devices 0"] {
        let refused = Line::try_parse_from(format!("generate {line}").split(' '));
        assert!(refused.is_err(), "{line}");
    }
}
