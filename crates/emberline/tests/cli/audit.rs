//! `emberline audit`: receipts, records and dead letters in an embedded Kafka.

mod gaps;

use emberline_model::{Category, ReportTime};
use emberline_wire::receipt::{Receipt, Received, ReportMark};
use serde_json::Value;

use crate::binary::{Emberline, Run};
use crate::kafka::{Kafka, NewRecord};

/// When the first call was accepted.
const START_MS: i64 = 1_700_000_000_000;

const RECEIPTS: &str = "emberline.receipts";

/// A Kafka, and the program that reads it.
struct World {
    kafka: Kafka,
    client: Emberline,
}

impl World {
    fn with_topics(topics: &[&str]) -> Self {
        let kafka = Kafka::with_topics(topics);
        let client = Emberline::with_config(&kafka.section());
        Self { kafka, client }
    }

    fn audit(&self, arguments: &[&str]) -> Run {
        self.client.run(&[&["audit"], arguments].concat())
    }

    /// The lines of `--json`.
    fn lines(&self, arguments: &[&str]) -> Vec<Value> {
        let run = self.audit(&[arguments, &["--json"]].concat());
        assert_eq!(run.code, 0, "{run:?}");
        run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The `RequestId` of each line, without what all have in front.
    fn calls(&self, arguments: &[&str]) -> Vec<String> {
        let lines = self.lines(arguments);
        let id = |line: &Value| line["request_id"].as_str().unwrap()["request-".len()..].to_owned();
        lines.iter().map(id).collect()
    }
}

/// A receipt of that second after the start, as it lies on the topic; written a little later.
fn receipt(second: i64, customer: &str, received: Received) -> NewRecord {
    let time_ms = START_MS + second * 1000;
    let receipt = Receipt {
        time_ms,
        request_id: format!("request-{second}"),
        customer_id: customer.to_owned(),
        received,
    };
    let key = receipt.key().to_owned();
    NewRecord::new(&key, &receipt.encode()).at(time_ms + 40)
}

fn data(device: &str, times: &[i64]) -> Received {
    let mark = |seconds: &i64| {
        let time = ReportTime::from_seconds(START_MS / 1000 + seconds).unwrap();
        ReportMark { time, mark: seconds.unsigned_abs() }
    };
    let reports = times.iter().map(mark).collect();
    Received::Data { device_id: device.to_owned(), category: Category::Power, reports }
}

fn state(device: &str) -> Received {
    Received::State { device_id: device.to_owned(), status: 0, time_ms: START_MS }
}

fn bindings(bound: &[&str], unbound: &[&str]) -> Received {
    let ids = |ids: &[&str]| ids.iter().map(ToString::to_string).collect();
    Received::Bindings { devices: 3, bound: ids(bound), unbound: ids(unbound) }
}

fn order(number: &str) -> Received {
    Received::Order {
        order_no: number.to_owned(),
        item: "D-FireInsurance2020".to_owned(),
        version: "FireMER20W".to_owned(),
        count: 1,
    }
}

/// Receipts of every kind, of two customers, in no order.
fn world() -> World {
    let world = World::with_topics(&[RECEIPTS]);
    let receipts = [
        receipt(5, "c_1", data("P/a", &[0, 2, 1])),
        receipt(0, "c_1", Received::Customer),
        receipt(4, "c_2", bindings(&["P/z"], &["P/a"])),
        receipt(2, "c_1", bindings(&["P/b", "P/a"], &[])),
        receipt(1, "c_1", order("o,\"7\"")),
        receipt(3, "", state("P/a")),
        receipt(6, "c_2", data("P/a", &[9])),
        receipt(7, "c_1", data("P/b", &[0])),
        receipt(8, "", state("P/b")),
        receipt(9, "c_2", order("o-8")),
    ];
    world.kafka.write_records(RECEIPTS, &receipts);
    world
}

#[test]
fn a_device_a_customer_or_an_order_has_its_calls_oldest_first() {
    let world = world();
    assert_eq!(world.calls(&["--device", "P/a"]), ["2", "3", "4", "5", "6"]);
    assert_eq!(world.calls(&["--customer", "c_1"]), ["0", "1", "2", "5", "7"]);
    assert_eq!(world.calls(&["--customer", "c_1", "--device", "P/a"]), ["2", "5"]);
    assert_eq!(world.calls(&["--order", "o,\"7\""]), ["1"]);
    assert_eq!(world.calls(&["--order", "o-9"]), [""; 0]);
}

#[test]
fn a_call_is_told_with_its_time_its_name_and_what_it_brought() {
    let world = world();
    let run = world.audit(&["--device", "P/a"]);
    assert_eq!(run.code, 0, "{run:?}");
    let lines: Vec<_> = run.stdout.lines().collect();
    assert!(lines[0].starts_with("time "), "{run:?}");
    for (line, parts) in lines[1..].iter().zip([
        ["2023-11-14T22:13:22Z", "ServiceBindDevice", "c_1", "request-2", "bound P/a, P/b"],
        ["2023-11-14T22:13:23Z", "ServiceReportDeviceState", "P/a", "request-3", "offline"],
        ["2023-11-14T22:13:24Z", "ServiceBindDevice", "c_2", "request-4", "unbound P/a"],
        ["2023-11-14T22:13:25Z", "ServiceReportDeviceData", "c_1", "request-5", "power, 3 reports"],
        ["2023-11-14T22:13:26Z", "ServiceReportDeviceData", "c_2", "request-6", "power, 1 report"],
    ]) {
        assert!(parts.iter().all(|part| line.contains(part)), "{line}\n{parts:?}");
    }
    assert!(run.stderr.contains("5 calls with 4 reports, of 10 records read"), "{run:?}");

    let line = &world.lines(&["--order", "o,\"7\""])[0];
    assert_eq!(line["action"], "ServiceCreateOrder");
    assert_eq!((&line["item_id"], &line["item_num"]), (&"D-FireInsurance2020".into(), &1.into()));
}

#[test]
fn each_report_may_have_a_line_of_its_own() {
    let lines = world().lines(&["--device", "P/a", "--customer", "c_1", "--reports"]);
    let times = lines[1..].iter().map(|line| line["first_report_time"].as_str().unwrap());
    assert_eq!(
        times.collect::<Vec<_>>(),
        ["2023-11-14T22:13:20Z", "2023-11-14T22:13:22Z", "2023-11-14T22:13:21Z"]
    );
    assert!(lines[1..].iter().all(|line| line["reports"] == 1));
}

#[test]
fn a_csv_reads_back_whatever_an_orders_number_is() {
    let run = world().audit(&["--customer", "c_1", "--csv"]);
    assert_eq!(run.code, 0, "{run:?}");
    let mut reader = csv::Reader::from_reader(run.stdout.as_bytes());
    let names = reader.headers().unwrap().clone();
    let place = |name| names.iter().position(|other| other == name).unwrap();
    let records: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(records.len(), 5);
    assert_eq!(&records[1][place("order_no")], "o,\"7\"");
    assert_eq!(&records[2][place("bound")], "P/b P/a");
    assert_eq!(&records[3][place("last_report_time")], "2023-11-14T22:13:22Z");
}

#[test]
fn a_range_is_of_times_of_acceptance_to_the_millisecond_or_of_offsets() {
    let world = world();
    let of = |bounds: &[&str]| world.calls(&[&["--device", "P/a"], bounds].concat());
    assert_eq!(of(&["--from", "2023-11-14T22:13:24Z"]), ["4", "5", "6"]);
    // Written after the bound, and accepted before it.
    assert_eq!(of(&["--from", "2023-11-14T22:13:25.001Z"]), ["6"]);
    assert_eq!(of(&["--to", "2023-11-14T22:13:23.001Z"]), ["2", "3"]);
    assert_eq!(of(&["--from", "2023-11-14T22:13:23Z", "--to", "2023-11-14T22:13:25Z"]), ["3", "4"]);
    assert_eq!(of(&["--from", "2h ago"]), [""; 0]);
    let both = [of(&["--from", "0:0"]), of(&["--from", "1:0"])].concat();
    assert_eq!(both.len(), 5, "{both:?}");
}

#[test]
fn a_receipt_that_can_not_be_read_is_told_and_exit_code_1() {
    let world = world();
    let broken = [NewRecord::new("P/a", b"\xff"), NewRecord::new("P/other", b"\xff")];
    world.kafka.write_records(RECEIPTS, &broken);
    let run = world.audit(&["--device", "P/a"]);
    assert_eq!((run.code, run.stdout.lines().count()), (1, 6), "{run:?}");
    assert!(run.stderr.contains("receipts that can't be read: 1"), "{run:?}");
    // It is not one of these.
    assert_eq!(world.audit(&["--device", "P/b"]).code, 0);
    assert_eq!(world.audit(&["--order", "o-8"]).code, 0);
}

#[test]
fn what_can_not_be_asked_is_exit_code_2_and_a_topic_that_is_not_there_is_1() {
    let world = world();
    for wrong in [
        &[][..],
        &["--from", "2h ago"],
        &["--device", "P"],
        &["--customer", "c 1"],
        &["--device", "P/a", "--order", "o"],
        &["--order", "o", "--gaps"],
        &["--device", "P/a", "--gaps", "--reports"],
        &["--device", "P/a", "--json", "--csv"],
        &["--device", "P/a", "--from", "yesterday"],
        &["--device", "P/a", "--from", "9:0"],
    ] {
        let run = world.audit(wrong);
        assert!(run.code == 2 && run.stdout.is_empty(), "{wrong:?}: {run:?}");
    }
    let elsewhere = format!("{}\n[topics]\nprefix = \"nowhere\"\n", world.kafka.section());
    let run = Emberline::with_config(&elsewhere).run(&["audit", "--device", "P/a"]);
    assert!(run.code == 1 && run.stderr.contains("nowhere.receipts"), "{run:?}");
}
