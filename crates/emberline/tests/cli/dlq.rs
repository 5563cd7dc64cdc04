//! `emberline dlq`: dead letters in an embedded Kafka, looked at.

use std::collections::BTreeSet;
use std::process::Stdio;

use emberline_model::Category;
use emberline_wire::headers::{Categories, DeadLetter};
use serde_json::{Value, json};

use crate::binary::{Emberline, Run};
use crate::kafka::{Kafka, NewRecord};

const TOPIC: &str = "emberline.dead-letters";

/// 2026-11-01T00:00:00Z.
const BEGINNING_MS: i64 = 1_793_491_200_000;

/// A letter of a device's report that the service refused.
fn refused() -> DeadLetter {
    DeadLetter {
        topic: "devices".into(),
        partition: 3,
        offset: 42,
        timestamp_ms: BEGINNING_MS - 60_000,
        reason: "refused".into(),
        error_code: Some("InvalidParameterValue".into()),
        error_message: "value out of range".into(),
        attempts: 1,
        first_failure_ms: BEGINNING_MS - 50_000,
        last_failure_ms: BEGINNING_MS,
        request_id: Some("476c990a-f5b7-1575-987c-4ef70e474932".into()),
        part: None,
    }
}

fn record(letter: &DeadLetter, key: &str, value: &str, after_ms: i64) -> NewRecord {
    let headers = letter.to_headers().into_iter();
    NewRecord {
        key: Some(key.into()),
        value: Some(value.into()),
        headers: headers.map(|(name, text)| (name.to_owned(), text.into())).collect(),
        timestamp_ms: Some(BEGINNING_MS + after_ms),
    }
}

fn report(product: &str, device: &str) -> String {
    json!({
        "payload": { "method": "report", "timestamp": 1_579_055_948, "params": { "power": 1.5 } },
        "productid": product, "devicename": device,
    })
    .to_string()
}

/// A topic with letters, and the program that looks at them.
struct World {
    client: Emberline,
    /// Ends with the world.
    _kafka: Kafka,
}

impl World {
    fn with(partitions: i32, records: &[NewRecord]) -> Self {
        let kafka = Kafka::with_topic(TOPIC, partitions);
        kafka.write_records(TOPIC, records);
        Self { client: Emberline::with_config(&kafka.section()), _kafka: kafka }
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let run = self.client.run(&[&["dlq"], arguments].concat());
        assert_eq!(run.code, 0, "{run:?}");
        run
    }

    /// What is printed as JSON, one object a line, and what is told beside it.
    fn objects(&self, arguments: &[&str]) -> (Vec<Value>, String) {
        let run = self.run(arguments);
        let object = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        (run.stdout.lines().map(object).collect(), run.stderr)
    }
}

/// The number that the letters of [`many`] are told apart by.
fn numbers(objects: &[Value]) -> Vec<i64> {
    objects.iter().map(|object| object["origin"]["offset"].as_i64().unwrap()).collect()
}

/// So many letters, a second apart: every tenth is undecodable and of the product Q, the
/// others are of P.
fn many(count: i64) -> Vec<NewRecord> {
    let letter = |number: i64| {
        let device = format!("d{}", number % 40);
        let letter = DeadLetter { offset: number, ..refused() };
        if number % 10 == 0 {
            let letter = DeadLetter { reason: "undecodable".into(), error_code: None, ..letter };
            return record(&letter, &format!("Q/{device}"), "{", number * 1000);
        }
        let part = Some(Categories::from_iter([Category::Power]));
        let value = report("P", &device);
        record(&DeadLetter { part, ..letter }, &format!("P/{device}"), &value, number * 1000)
    };
    (0..count).map(letter).collect()
}

#[test]
fn of_many_letters_a_list_reads_the_newest_and_the_others_all() {
    const COUNT: i64 = 20_000;
    let world = World::with(3, &many(COUNT));

    let (newest, told) = world.objects(&["list", "--json"]);
    assert_eq!(numbers(&newest), (COUNT - 50..COUNT).rev().collect::<Vec<_>>());
    let looked_at = told.split_once(" of ").unwrap().1.split_once(" looked at").unwrap().0;
    let looked_at: i64 = looked_at.parse().unwrap();
    assert!((50..1000).contains(&looked_at), "{told}");
    let unread = COUNT - looked_at;
    assert!(told.contains(&format!("; {unread} older ones were not looked at")), "{told}");

    let (all, told) = world.objects(&["list", "--json", "--limit", "0"]);
    assert_eq!(numbers(&all), (0..COUNT).rev().collect::<Vec<_>>());
    assert!(!told.contains("more") && !told.contains("older"), "{told}");
    let places: BTreeSet<&str> = all.iter().map(|it| it["place"].as_str().unwrap()).collect();
    assert_eq!(places.len(), all.len());
    let partitions: BTreeSet<_> = all.iter().map(|it| it["partition"].as_i64()).collect();
    assert_eq!(partitions.len(), 3, "the keys lie in all partitions");

    // What a filter takes, newest first, and no further than the limit.
    let undecodable = ["--reason", "undecodable"];
    let (some, _) =
        world.objects(&[&["list", "--json", "--limit", "7"], &undecodable[..]].concat());
    assert_eq!(
        numbers(&some),
        (COUNT - 70..COUNT).rev().filter(|n| n % 10 == 0).collect::<Vec<_>>()
    );
    let (some, _) = world.objects(&["list", "--json", "--device", "P/d7", "--limit", "0"]);
    assert_eq!(numbers(&some), (0..COUNT).rev().filter(|n| n % 40 == 7).collect::<Vec<_>>());
    // The embedded Kafka knows no times: that is said, and the answer is right all the same.
    let times = ["--from", "2026-11-01T00:01:00Z", "--to", "2026-11-01T00:01:10Z"];
    let (some, told) = world.objects(&[&["list", "--json"], &times[..]].concat());
    assert_eq!(numbers(&some), (60..70).rev().collect::<Vec<_>>());
    assert!(told.contains("can't look up by time"), "{told}");

    let (stats, _) = world.objects(&["stats", "--json"]);
    let counts = |kind: &str| stats[0][kind]["counts"].clone();
    assert_eq!(stats[0]["letters"], COUNT);
    assert_eq!(
        counts("reasons"),
        json!([{ "name": "refused", "count": 18_000 }, { "name": "undecodable", "count": 2_000 }])
    );
    assert_eq!(
        counts("products"),
        json!([{ "name": "P", "count": 18_000 }, { "name": "Q", "count": 2_000 }])
    );
    let hours = counts("hours");
    assert_eq!(hours[0], json!({ "hour": "2026-11-01T00:00:00Z", "count": 3600 }));
    assert_eq!(hours.as_array().unwrap().len(), 6);

    let file = tempfile::tempdir().unwrap();
    let file = file.path().join("letters.ndjson").display().to_string();
    let run = world.run(&[&["export", "--output", &file], &undecodable[..]].concat());
    assert!(
        run.stdout.is_empty() && run.stderr.starts_with("2000 records written of 20000"),
        "{run:?}"
    );
    let exported = std::fs::read_to_string(&file).unwrap();
    assert_eq!(exported.lines().count(), 2000);
    assert!(exported.lines().all(|line| line.contains(r#""value":"{""#)));
}

#[test]
fn a_table_tells_where_why_and_whom_and_show_takes_its_place() {
    let world = World::with(2, &many(3));
    let table = world.run(&["list"]).stdout;
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("PLACE  WRITTEN") && lines.len() == 4, "{table}");
    let cells: Vec<&str> = lines[1].split_whitespace().collect();
    assert_eq!(
        cells[1..],
        [
            "2026-11-01T00:00:02Z",
            "refused",
            "InvalidParameterValue",
            "P/d2",
            "power",
            "devices",
            "3:2"
        ]
    );
    let shown = world.run(&["show", cells[0]]).stdout;
    for said in ["the service refused it for good", "what to do", "power alone", "\"power\": 1.5"] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    let object: Value =
        serde_json::from_str(&world.run(&["show", cells[0], "--json"]).stdout).unwrap();
    assert_eq!(object["dead_letter"]["origin"]["offset"], 2);
    assert_eq!(object["payload"]["value"]["devicename"], "d2");
    assert!(world.run(&["stats"]).stdout.contains("2026-11-01 00:00Z  3  ██"));
}

#[test]
fn a_place_that_is_not_there_is_exit_code_1_and_none_at_all_2() {
    let world = World::with(2, &many(3));
    for (place, said) in [("7:0", "has 2 partitions"), ("0:99999", "ends before")] {
        let run = world.client.run(&["dlq", "show", place]);
        assert!(run.code == 1 && run.stderr.contains(said), "{place}: {run:?}");
        assert!(run.stdout.is_empty(), "{run:?}");
    }
    for wrong in [&["show", "7"][..], &["show"], &["list", "--from", "0:1", "--from", "0:2"]] {
        let run = world.client.run(&[&["dlq"], wrong].concat());
        assert_eq!(run.code, 2, "{wrong:?}: {run:?}");
    }
}

#[test]
fn what_is_no_dead_letter_is_listed_and_told() {
    let mut records = many(2);
    let stray = NewRecord { value: Some(b"stray".to_vec()), ..NewRecord::default() };
    records.push(NewRecord { timestamp_ms: Some(BEGINNING_MS + 9_000), ..stray });
    let world = World::with(1, &records);
    let (all, told) = world.objects(&["list", "--json"]);
    assert_eq!((all.len(), all[0]["place"].as_str()), (3, Some("0:2")));
    assert!(all[0]["problem"].as_str().unwrap().contains("is missing"), "{}", all[0]);
    assert!(told.contains("1 record of the topic without the headers"), "{told}");
    let (some, told) = world.objects(&["list", "--json", "--reason", "refused"]);
    assert!(some.len() == 1 && told.contains("leave the filters away"), "{told}");
    assert!(world.run(&["show", "0:2"]).stdout.contains("stray"));
    let (stats, _) = world.objects(&["stats", "--json"]);
    assert_eq!((&stats[0]["letters"], &stats[0]["no_dead_letters"]), (&json!(2), &json!(1)));
    assert_eq!(world.objects(&["export"]).0.len(), 3);
}

#[test]
fn telephone_numbers_are_shown_to_nobody_who_does_not_ask_for_them() {
    const PHONE: &str = "13987654321";
    let event = |phone: &str| {
        format!(r#"{{"customer_id":"c_1","country_code":"86","phone_number":"{phone}","time":1}}"#)
    };
    let letter = DeadLetter {
        topic: "customers".into(),
        error_message: format!("invalid phone {PHONE}"),
        ..refused()
    };
    let mut records = vec![
        record(&letter, "c_1", &event(PHONE), 0),
        record(&letter, PHONE, &event(PHONE)[..70], 1),
        record(&letter, "c_1", &format!("\n\u{3}c_1\u{12}\u{2}86\u{1a}\u{b}{PHONE}"), 2),
    ];
    records[2].headers.push(("emberline-type".into(), b"CustomerEvent".to_vec()));
    records[2].value.as_mut().unwrap().extend(b"\x07\xff");
    let world = World::with(1, &records);
    let mut commands = vec![vec!["list"], vec!["list", "--json"], vec!["stats"], vec!["export"]];
    let places = ["0:0", "0:1", "0:2"];
    commands.extend(places.iter().flat_map(|it| [vec!["show", it], vec!["show", it, "--json"]]));
    for command in commands {
        let run = world.run(&[&["--log-level", "trace"], &command[..]].concat());
        assert!(!run.stdout.contains(PHONE) && !run.stderr.contains(PHONE), "{command:?}: {run:?}");
        assert!(!run.stdout.contains("31 33 39 38"), "{command:?}: {run:?}");
    }
    let (masked, _) = world.objects(&["export"]);
    assert_eq!(masked[0]["masked"], json!(["dead_letter.error_message", "value"]));

    let (whole, told) = world.objects(&["export", "--unmasked"]);
    assert!(told.contains("personal data"), "{told}");
    assert_eq!(whole[0]["value"].as_str().unwrap(), event(PHONE));
    assert_eq!(whole[1]["key"].as_str().unwrap(), PHONE);
    assert!(whole[2]["value_base64"].is_string());
}

#[test]
fn a_misspelt_reason_is_told_and_finds_nothing() {
    let world = World::with(1, &many(3));
    let run = world.run(&["list", "--reason", "refussed"]);
    assert!(run.stdout.is_empty() && run.stderr.contains("did you mean refused?"), "{run:?}");
}

#[test]
fn a_reader_that_goes_away_ends_an_export_without_a_failure() {
    let world = World::with(3, &many(5_000));
    for arguments in [&["dlq", "export"][..], &["dlq", "list", "--limit", "0", "--json"]] {
        let mut command = world.client.command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    }
}

#[test]
fn a_topic_without_letters_is_nothing_to_show() {
    let world = World::with(2, &[]);
    let run = world.run(&["list"]);
    assert!(run.stdout.is_empty() && run.stderr.starts_with("0 letters listed of 0"), "{run:?}");
    assert_eq!(world.run(&["stats"]).stdout, "0 dead letters\n");
    assert!(world.run(&["export"]).stdout.is_empty());
}
