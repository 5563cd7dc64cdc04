//! `emberline thing-model`: the standard, a product's file, and real records.

use serde_json::{Value, json};

use crate::binary::{Emberline, Run};
use crate::kafka::Kafka;

fn json_of(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"))
}

/// Checks a template's text.
fn check(text: &str, flags: &[&str]) -> Run {
    let emberline = Emberline::plain();
    let file = emberline.config_path();
    std::fs::write(&file, text).unwrap();
    emberline.run(&[&["thing-model", "check", file.as_str()], flags].concat())
}

#[test]
fn what_is_exported_conforms_and_is_the_same_each_time() {
    let export = Emberline::plain().run(&["thing-model", "export"]);
    assert_eq!(export.code, 0, "{export:?}");
    assert_eq!(export.stdout, Emberline::plain().run(&["thing-model", "export"]).stdout);
    let run = check(&export.stdout, &["--json"]);
    assert_eq!(run.code, 0, "{run:?}");
    let object = json_of(&run);
    assert_eq!((&object["ok"], &object["telemetry"]), (&json!(true), &Value::Null));
    assert_eq!(object["template"]["standard"].as_array().unwrap().len(), 6);
}

#[test]
fn a_template_that_does_not_conform_is_exit_code_1_with_each_problem_in_a_line() {
    let run = check(
        r#"{"properties":[{"id":"residual _current","mode":"r","define":
            {"type":"float","min":"0","max":"65.5","step":"0.001","unit":"mA"}}]}"#,
        &[],
    );
    assert_eq!(run.code, 1, "{run:?}");
    let problems: Vec<_> = run.stdout.lines().filter(|line| line.contains("problem")).collect();
    assert_eq!(problems.len(), 3, "{run:?}");
    assert!(problems[0].contains("write residual_current"), "{problems:?}");
    assert!(problems[1].contains("max is 65.5"), "{problems:?}");
    assert!(problems[2].contains("unit is mA; write A"), "{problems:?}");
}

#[test]
fn a_file_of_no_use_is_exit_code_2() {
    for text in ["", "{", "[]", "{\"properties\": 7}"] {
        let run = check(text, &[]);
        assert!(run.code == 2 && run.stdout.is_empty(), "{text}: {run:?}");
    }
    let emberline = Emberline::plain();
    for flags in [&["/nowhere/file.json"][..], &[], &["--count", "3"]] {
        let run = emberline.run(&[&["thing-model", "check"], flags].concat());
        assert_eq!(run.code, 2, "{flags:?}: {run:?}");
    }
}

fn report(params: &Value) -> String {
    json!({
        "payload": { "method": "report", "timestamp": 1_579_055_948, "params": params },
        "productid": "P", "devicename": "canary-device",
    })
    .to_string()
}

#[test]
fn real_records_are_judged_without_a_trace_in_kafka_or_of_a_device() {
    let kafka = Kafka::with_topics(&["devices"]);
    let mut records: Vec<_> =
        (0..40).map(|_| ("k", report(&json!({ "power": 1.555, "hue": 3 })))).collect();
    let client = Emberline::with_config(&kafka.section());
    let sample = ["thing-model", "check", "--topic", "devices", "--json"];

    kafka.write("devices", &records);
    let run = client.run(&sample);
    assert_eq!(run.code, 0, "{run:?}");
    let telemetry = json_of(&run)["telemetry"].clone();
    assert_eq!((&telemetry["records"], &telemetry["partitions"]), (&json!(40), &json!(2)));
    assert_eq!(telemetry["properties"]["power"], json!({ "reported": 40, "sent": 40 }));
    // Neither keeps it from being sent.
    let notes: Vec<_> =
        telemetry["notes"].as_array().unwrap().iter().map(|it| &it["place"]).collect();
    assert_eq!(notes, ["hue", "power"]);

    records = vec![("k", report(&json!({ "power": 999 }))), ("k", "{".to_owned())];
    kafka.write("devices", &records);
    let run = client.run(&sample);
    assert_eq!(run.code, 1, "{run:?}");
    let problems = json_of(&run)["telemetry"]["problems"].clone();
    assert_eq!(problems.as_array().unwrap().len(), 2, "{problems}");
    assert!(problems[1]["example"].as_str().unwrap().contains(':'), "{problems}");
    assert!(!run.stdout.contains("canary-device"), "{run:?}");

    // Only the newest, and the file beside them.
    let run = client.run(&["thing-model", "check", "--topic", "devices", "--count", "2"]);
    assert!(run.code == 1 && run.stdout.contains("newest 2 records"), "{run:?}");
}

#[test]
fn a_topic_that_is_not_there_is_a_failure() {
    let kafka = Kafka::with_topics(&["devices"]);
    let run = Emberline::with_config(&kafka.section()).run(&[
        "thing-model",
        "check",
        "--topic",
        "nowhere",
    ]);
    assert!(run.code == 1 && run.stderr.contains("nowhere"), "{run:?}");
}
