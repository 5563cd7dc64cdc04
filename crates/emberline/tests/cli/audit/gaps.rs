//! `emberline audit --gaps`.

use emberline_model::{Category, DeviceId, EventTime, Measurement, Report, ReportTime};
use emberline_wire::customer_devices::{BoundDevice, CustomerDevices};
use emberline_wire::headers::{Categories, DeadLetter};
use emberline_wire::receipt::{Received, ReportMark};
use serde_json::{Value, json};

use super::{RECEIPTS, START_MS, World, bindings, receipt};
use crate::binary::{Emberline, Run};
use crate::kafka::NewRecord;

const DEAD: &str = "emberline.dead-letters";
const SETS: &str = "emberline.customer-devices";

fn world() -> World {
    World::with_topics(&["devices", RECEIPTS, DEAD, SETS])
}

fn time(second: i64) -> ReportTime {
    ReportTime::from_seconds(START_MS / 1000 + second).unwrap()
}

/// A record of a device of product `P`, which arrives in the second that it reports of.
fn record(name: &str, second: i64, params: &Value) -> NewRecord {
    let value = json!({
        "payload": { "method": "report", "timestamp": time(second).seconds(), "params": params },
        "productid": "P", "devicename": name,
    });
    // One partition for all, so that offsets are those of the test.
    NewRecord::new("k", value.to_string().as_bytes()).at(START_MS + second * 1000)
}

/// What is told of the reports of these seconds, in kilowatts each, that were accepted.
fn accepted(name: &str, category: Category, reports: &[(i64, f64)]) -> Received {
    let device = DeviceId::new("P", name).unwrap();
    let mark = |(second, value): &(i64, f64)| {
        let measurement = Measurement::new(category, &[*value]).unwrap();
        let report = Report { time: time(*second), measurement };
        ReportMark::of(report.time, report.identity(device.key()))
    };
    let reports = reports.iter().map(mark).collect();
    Received::Data { device_id: device.as_str().to_owned(), category, reports }
}

/// The dead letter of the record at that offset, in the partition that it is found in.
fn dead_letter(origin: (i32, i64), part: Option<&[Category]>) -> NewRecord {
    let letter = DeadLetter {
        topic: "devices".to_owned(),
        partition: origin.0,
        offset: origin.1,
        timestamp_ms: START_MS,
        reason: "refused".to_owned(),
        error_code: Some("InvalidParameterValue".to_owned()),
        error_message: String::new(),
        attempts: 1,
        first_failure_ms: START_MS,
        last_failure_ms: START_MS,
        request_id: None,
        part: part.map(|part| part.iter().copied().collect::<Categories>()),
    };
    NewRecord::new("k", b"the original").with(letter.to_headers())
}

fn gaps(world: &World, arguments: &[&str]) -> (Run, Value) {
    let run = world.audit(&[&["--gaps", "--json"], arguments].concat());
    let object = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"));
    (run, object)
}

/// Category, second and offset of each gap.
fn told(object: &Value) -> Vec<(&str, &str, i64)> {
    let gaps = object["gaps"].as_array().unwrap().iter();
    let told = gaps.map(|gap| {
        let time = gap["report_time"].as_str().unwrap();
        (gap["category"].as_str().unwrap(), &time[17..19], gap["offset"].as_i64().unwrap())
    });
    told.collect()
}

#[test]
fn what_has_a_receipt_is_no_gap_however_often_and_however_late() {
    let world = world();
    let power = json!({ "power": 1.5 });
    let records = [
        record("a", 0, &power),
        record("a", 0, &power),
        record("a", 1, &power),
        record("b", 9, &power),
    ];
    world.kafka.write_records("devices", &records);
    // The second a week after the record.
    let receipts = [
        receipt(1, "c_1", accepted("a", Category::Power, &[(0, 1.5)])),
        receipt(604_800, "c_1", accepted("a", Category::Power, &[(1, 1.5)])),
    ];
    world.kafka.write_records(RECEIPTS, &receipts);
    let range =
        ["--device", "P/a", "--from", "2023-11-14T22:13:20Z", "--to", "2023-11-14T22:14:00Z"];
    let (run, object) = gaps(&world, &range);
    assert_eq!((run.code, &object["ok"]), (0, &json!(true)), "{run:?}");
    assert_eq!((&object["reports"], &object["accepted"]), (&json!(2), &json!(2)));
    let run = world.audit(&["--device", "P/a", "--gaps"]);
    assert_eq!(run.stdout, "2 reports of 1 device: 2 accepted, 0 missing\n");
}

#[test]
fn a_category_of_a_record_or_another_value_of_its_time_may_be_missing_alone() {
    let world = world();
    let records = [
        record("a", 0, &json!({ "power": 1.5, "residual_current": 0.1, "smoke_state": 0 })),
        record("a", 1, &json!({ "power": 2.5 })),
        // Not the value that was accepted.
        record("a", 2, &json!({ "power": 3.5 })),
        // A duplicate of what is missing.
        record("a", 0, &json!({ "residual_current": 0.1 })),
    ];
    world.kafka.write_records("devices", &records);
    let receipts = [
        receipt(1, "c_1", accepted("a", Category::Power, &[(0, 1.5), (1, 2.5), (2, 9.0)])),
        receipt(2, "c_1", accepted("a", Category::Smoke, &[(0, 0.0)])),
        // Another device's, with the same times and values.
        receipt(3, "c_1", accepted("b", Category::ResidualCurrent, &[(0, 0.1)])),
    ];
    world.kafka.write_records(RECEIPTS, &receipts);
    let (run, object) = gaps(&world, &["--device", "P/a"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert_eq!(told(&object), [("residual_current", "20", 0), ("power", "22", 2)]);
    assert_eq!(
        (&object["reports"], &object["accepted"], &object["missing"]),
        (&json!(5), &json!(3), &json!(2))
    );
    // Only what arrived in the range.
    let (_, object) = gaps(&world, &["--device", "P/a", "--from", "2023-11-14T22:13:21Z"]);
    assert_eq!(told(&object), [("power", "22", 2)]);
}

#[test]
fn a_gap_that_is_a_dead_letter_is_told_with_its_reason_and_place() {
    let world = world();
    let records = [
        record("a", 0, &json!({ "power": 1.5, "residual_current": 0.1 })),
        record("a", 1, &json!({ "power": 1.5 })),
        record("a", 2, &json!({ "power": 1.5 })),
        record("a", 3, &json!({ "power": 9999.0 })),
        NewRecord::new("k", b"{").at(START_MS),
    ];
    world.kafka.write_records("devices", &records);
    let (_, object) = gaps(&world, &["--device", "P/a"]);
    let partition = i32::try_from(object["gaps"][0]["partition"].as_i64().unwrap()).unwrap();
    let letters = [
        dead_letter((partition, 0), Some(&[Category::Power])),
        dead_letter((partition, 1), None),
        dead_letter((partition + 1, 2), None),
        NewRecord::new("k", b"of no one"),
    ];
    world.kafka.write_records(DEAD, &letters);

    let run = world.audit(&["--device", "P/a", "--gaps"]);
    assert_eq!(run.code, 1, "{run:?}");
    let lines: Vec<_> = run.stdout.lines().skip(1).collect();
    let dead =
        |offset| format!("dead letter: refused, InvalidParameterValue, at {partition}:{offset}");
    let whys = [
        ("residual_current", "no receipt (waiting".to_owned()),
        ("power", dead(0)),
        ("power", dead(1)),
        ("power", "no receipt (waiting".to_owned()),
        ("power", "its value can't be sent".to_owned()),
    ];
    for (line, (category, why)) in lines.iter().zip(&whys) {
        assert!(line.contains(category) && line.contains(why.as_str()), "{line}\n{why}");
        assert!(line.contains(&format!("devices {partition}:")), "{line}");
    }
    assert_eq!(lines[5], "5 reports of 1 device: 0 accepted, 5 missing");
    assert!(run.stderr.contains("records of devices that can't be read: 1"), "{run:?}");
    assert!(run.stderr.contains("dead letters that can't be read: 1"), "{run:?}");

    let run = world.audit(&["--device", "P/a", "--gaps", "--csv"]);
    let mut reader = csv::Reader::from_reader(run.stdout.as_bytes());
    let records: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!((run.code, records.len(), &records[1][6]), (1, 5, dead(0).as_str()));
}

#[test]
fn a_customers_devices_are_those_of_its_set_and_those_of_its_receipts() {
    let world = world();
    let device = |name| DeviceId::new("P", name).unwrap();
    let bound = BoundDevice {
        device: device("set"),
        customer_device_no: String::new(),
        product_name: String::new(),
        time: EventTime::from_millis(START_MS),
    };
    let unbound = vec![(device("gone"), EventTime::from_millis(START_MS))];
    let set = CustomerDevices { devices: vec![bound], unbound };
    world.kafka.write_records(SETS, &[NewRecord::new("c_1", &set.encode())]);
    let names = ["set", "gone", "named", "listed", "other"];
    let records: Vec<_> = (0..)
        .zip(names)
        .map(|(second, name)| record(name, second, &json!({ "power": 1.5 })))
        .collect();
    world.kafka.write_records("devices", &records);
    let receipts = [
        receipt(1, "c_1", accepted("named", Category::Power, &[(50, 1.5)])),
        receipt(2, "c_1", bindings(&["P/listed"], &[])),
        // Accepted when it was another's: no gap.
        receipt(3, "c_2", accepted("gone", Category::Power, &[(1, 1.5)])),
    ];
    world.kafka.write_records(RECEIPTS, &receipts);
    let (run, object) = gaps(&world, &["--customer", "c_1"]);
    assert_eq!((run.code, &object["devices"]), (1, &json!(4)), "{run:?}");
    let gaps_of = object["gaps"].as_array().unwrap().iter().map(|gap| gap["device_id"].clone());
    assert_eq!(gaps_of.collect::<Vec<_>>(), ["P/listed", "P/named", "P/set"]);

    let (_, object) = gaps(&world, &["--customer", "c_1", "--device", "P/set"]);
    assert_eq!((&object["devices"], &object["missing"]), (&json!(1), &json!(1)));
    for of_no_one in [&["--customer", "c_9"][..], &["--customer", "c_1", "--device", "P/other"]] {
        let run = world.audit(&[&["--gaps"], of_no_one].concat());
        assert!(run.code == 1 && run.stderr.contains("known"), "{run:?}");
    }
}

#[test]
fn a_receipt_that_can_not_be_read_leaves_no_verdict_of_no_gap() {
    let world = world();
    world.kafka.write_records(RECEIPTS, &[NewRecord::new("P/a", b"\xff")]);
    let (run, object) = gaps(&world, &["--device", "P/a"]);
    assert_eq!((run.code, &object["missing"]), (1, &json!(0)), "{run:?}");
    assert_eq!((&object["ok"], &object["unreadable_receipts"]), (&json!(false), &json!(1)));
}

#[test]
fn an_offset_is_a_place_in_one_topic_of_devices() {
    let world = world();
    let records: Vec<_> = (0..3).map(|it| record("a", it, &json!({ "power": 1.5 }))).collect();
    world.kafka.write_records("devices", &records);
    let missing =
        |from: &str| gaps(&world, &["--device", "P/a", "--from", from]).1["missing"].clone();
    let of_both: i64 = ["0:1", "1:1"].map(missing).iter().filter_map(Value::as_i64).sum();
    assert_eq!(of_both, 2);
    let section = world.kafka.section();
    let two = format!("{section}\n[topics]\ndevices = [\"devices\", \"gateways\"]\n");
    let run =
        Emberline::with_config(&two).run(&["audit", "--device", "P/a", "--gaps", "--from", "0:1"]);
    assert!(run.code == 2 && run.stderr.contains("give times"), "{run:?}");
}
