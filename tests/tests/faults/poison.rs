//! Records that nobody can deliver, among others that everybody wants.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result, ensure};
use emberline_fleet::{FleetPlan, FleetRecord, Topic};
use emberline_sandbox::{Action, Fault, FaultRule};
use emberline_testkit::kafka::{NewRecord, StoredRecord};
use emberline_testkit::{Load, World};
use serde_json::json;

use crate::replicas::Replicas;
use crate::scale::Scale;

const REPLICAS: usize = 2;
/// A product that measures power, and how many devices there are to one of it.
const PRODUCT: &str = "DEP0000AS4";
const PRODUCTS: usize = 3;
const DEVICES: usize = 120;
/// The time of every report that the service refuses, in Unix seconds. No other has it.
const REFUSED_AT: i64 = 1_767_196_800;
/// One in so many records is poison.
const ONE_IN: usize = 100;
/// Names the kind of a poisoned record, in a header of its own.
const KIND: &str = "kind-of-poison";

/// The kinds, and the reason that the dead letter gives.
const KINDS: [(&str, &str); 7] = [
    ("not JSON", "undecodable"),
    ("truncated JSON", "undecodable"),
    ("bad Base64", "undecodable"),
    ("wrong type", "impossible_value"),
    ("out of range", "impossible_value"),
    ("unknown type header", "undecodable"),
    ("refused by the service", "refused"),
];

pub(crate) async fn seven_kinds(world: &mut World, scale: Scale) -> Result<()> {
    let mut load = Load::new(FleetPlan {
        devices: u32::try_from(DEVICES)?,
        unbound: 0.0,
        undecodable: 0.0,
        most_properties: 1,
        ..FleetPlan::default()
    });
    world.introduce(&load).await?;
    let records = load.records(scale.of(20_000, 100_000));
    let mut told = Vec::with_capacity(records.len() + records.len() / ONE_IN);
    for (place, record) in records.into_iter().enumerate() {
        if place % ONE_IN == ONE_IN / 2 {
            told.push(poison(place / ONE_IN, record.timestamp_ms));
        }
        told.push(record);
    }
    told.extend(load.rest());
    let poisoned = told.iter().filter(|record| kind_of(&record.headers).is_some()).count();
    world.tell(told).await?;
    let refusal = Fault::error("InvalidParameterValue", "DataInfo is invalid");
    let refused = FaultRule { report_time: Some(REFUSED_AT), ..FaultRule::always(refusal) };
    world.sandbox.faults().add(refused);

    let replicas = Replicas::start(world, REPLICAS).await?;
    world.accepted(load.expectation().counts().reports).await?;
    world.settled("devices", &world.devices()).await?;
    let letters = world.dead_letters().await?;
    ensure!(letters.len() == poisoned, "{} dead letters, not {poisoned}", letters.len());
    tell_all(world, &letters).await?;
    // Batches were refused as a whole before the guilty stood alone.
    let refused = poisoned / KINDS.len();
    let struck = world.sandbox.ledger().totals().faulted_calls;
    ensure!(struck >= refused as u64, "{struck} calls refused for {refused} reports");
    replicas.stop_all().await?;
    world.judge(&load).is_exactly_once_in_order()
}

fn kind_of<V>(headers: &[(&'static str, V)]) -> Option<usize> {
    headers.iter().position(|(name, _)| *name == KIND)
}

/// A record of the kind whose turn it is, from one of the fleet's devices.
fn poison(number: usize, timestamp_ms: i64) -> FleetRecord {
    let (kind, _) = KINDS[number % KINDS.len()];
    // Each device of the product in its turn.
    let device = format!("dev{:06}", number % (DEVICES / PRODUCTS) * PRODUCTS + 1);
    let seconds = timestamp_ms / 1000;
    let forwarded = |power: serde_json::Value, time: i64| {
        json!({
            "payload": { "clientToken": "t", "method": "report", "params": { "power": power } },
            "seq": number, "timestamp": time, "devicename": device, "productid": PRODUCT,
            "topic": format!("$thing/up/property/{PRODUCT}/{device}"),
        })
        .to_string()
    };
    let mut headers = vec![(KIND, kind.as_bytes().to_vec())];
    let value = match kind {
        "not JSON" => format!("power is {number} today"),
        "truncated JSON" => forwarded(json!(1.5), seconds)[..100].to_owned(),
        "bad Base64" => json!({
            "MsgType": "Publish", "Event": "", "Seq": number, "PayloadLen": 9,
            "Topic": format!("$thing/up/property/{PRODUCT}/{device}"),
            "ProductId": PRODUCT, "DeviceName": device, "Payload": "????x",
            "Time": "2026-01-01 00:00:00", "Reason": "",
        })
        .to_string(),
        "wrong type" => forwarded(json!([1.5]), seconds),
        "out of range" => forwarded(json!(1.5e9), seconds),
        "unknown type header" => {
            headers.push(("emberline-type", b"DeviceDreams".to_vec()));
            format!("\n\u{a}{PRODUCT}\u{12}\u{9}{device}")
        }
        // Each is a report of its own.
        _ => {
            let steps = u32::try_from(number).unwrap_or_default();
            forwarded(json!(f64::from(steps) / 100.0), REFUSED_AT)
        }
    };
    FleetRecord {
        topic: Topic::Devices,
        key: format!("{PRODUCT}/{device}").into_bytes(),
        value: value.into_bytes(),
        headers,
        timestamp_ms,
    }
}

/// Each dead letter has the original's key, bytes and headers, and says all of why it is there.
async fn tell_all(world: &World, letters: &[StoredRecord]) -> Result<()> {
    let originals = world.kafka.read_all(&world.devices()).await?;
    let originals: HashMap<(i32, i64), &StoredRecord> =
        originals.iter().map(|record| ((record.partition, record.offset), record)).collect();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for letter in letters {
        let fact = |name: &str| letter.header(&format!("emberline-dlq-{name}"));
        let told = |name: &str| {
            fact(name).with_context(|| format!("no {name} in a dead letter: {:?}", letter.headers))
        };
        let number = |name: &str| anyhow::Ok(told(name)?.parse::<i64>()?);
        let kind = letter.header(KIND).context("a dead letter of a good record")?;
        *seen.entry(kind).or_default() += 1;
        let (_, reason) = KINDS.iter().find(|(name, _)| *name == kind).context("a new kind")?;
        ensure!(told("reason")? == *reason, "{kind}: {:?}", fact("reason"));

        let place = (told("partition")?.parse()?, number("offset")?);
        let original = originals.get(&place).context("a dead letter of no record")?;
        ensure!(told("topic")? == world.devices());
        ensure!(letter.key == original.key && letter.value == original.value, "other bytes");
        ensure!(original.headers.iter().all(|header| letter.headers.contains(header)));
        ensure!(number("timestamp")? == original.timestamp_ms);
        ensure!(number("version")? >= 1);
        ensure!(!told("error-code")?.is_empty() && !told("error-message")?.is_empty(), "{kind}");
        let (first, last) = (number("first-failure")?, number("last-failure")?);
        ensure!(0 < first && first <= last && last <= letter.timestamp_ms, "{first}, {last}");
        let was_called_for = *reason == "refused";
        ensure!(number("attempts")? == i64::from(was_called_for), "{kind}: {:?}", fact("attempts"));
        ensure!(fact("request-id").is_some() == was_called_for, "{kind}: {:?}", fact("request-id"));
        ensure!(fact("part").is_some() == (*reason != "undecodable"), "{kind}: {:?}", fact("part"));
        if was_called_for {
            ensure!(told("error-code")? == "InvalidParameterValue");
        }
    }
    ensure!(seen.len() == KINDS.len(), "not every kind was there: {seen:?}");
    Ok(())
}

/// Reports of a batch, and how many calls find the guilty one among them: the batch, and two
/// for each time that it is halved.
const BATCH: i64 = 50;
const MOST_CALLS: u64 = 13;

pub(crate) async fn one_in_a_batch(world: &mut World, scale: Scale) -> Result<()> {
    world.create_customer("c_1")?;
    world.set("batch.max_reports", &BATCH.to_string());
    // A batch goes out as soon as it is full.
    world.set("batch.linger", r#""10s""#);
    let replicas = Replicas::start(world, 1).await?;
    let places = scale.of(vec![0, 1, 24, 25, 37, 48, 49], (0..BATCH).collect());
    for (number, guilty) in places.iter().enumerate() {
        let device = format!("batch{number}");
        let binding = json!({
            "type": "bind", "customer_id": "c_1", "device_id": format!("{PRODUCT}/{device}"),
            "customer_device_no": "SN-0001", "product_name": "Breaker", "time": REFUSED_AT,
        });
        let binding = NewRecord::text("c_1", &binding.to_string());
        world.kafka.produce(&world.bindings(), &[binding]).await?;
        world.settled("bindings", &world.bindings()).await?;
        guilty_one(world, &device, REFUSED_AT + *guilty).await?;
        let letters = world.dead_letters().await?.len();
        ensure!(letters == number + 1, "{letters} dead letters after {} batches", number + 1);
    }
    replicas.stop_all().await
}

/// Tells a device's batch with a report that the service refuses, and sees the others delivered.
async fn guilty_one(world: &World, device: &str, guilty: i64) -> Result<()> {
    let calls = || {
        let totals = world.sandbox.ledger().totals();
        let data = totals.by_action.get(Action::ReportDeviceData.name()).copied();
        data.map(|calls| (calls.accepted + calls.faulted, calls.faulted)).unwrap_or_default()
    };
    let (before, struck_before) = calls();
    let refusal = Fault::error("InvalidParameterValue", "DataInfo is invalid");
    world.sandbox.faults().clear();
    let rule = FaultRule { report_time: Some(guilty), ..FaultRule::always(refusal) };
    world.sandbox.faults().add(rule);
    let times = REFUSED_AT..REFUSED_AT + BATCH;
    let records: Vec<_> = times.clone().map(|time| power(device, time)).collect();
    world.kafka.produce(&world.devices(), &records).await?;
    world.settled("devices", &world.devices()).await?;

    let accepted = world.sandbox.ledger().reports_of(&format!("{PRODUCT}/{device}"));
    let accepted: Vec<i64> = accepted.iter().map(|report| report.report_time).collect();
    let innocent: Vec<i64> = times.filter(|time| *time != guilty).collect();
    ensure!(accepted == innocent, "{device}: {accepted:?} without {guilty}");
    let (after, struck) = calls();
    let (made, struck) = (after - before, struck - struck_before);
    ensure!(made <= MOST_CALLS, "{made} calls to find {guilty} of {device}");
    // The batch as a whole, at least five halves, and the guilty alone; of these, the first and
    // the last are refused whichever it is.
    ensure!(made >= 7 && struck >= 2, "{made} calls, {struck} refused: it was not one batch");
    Ok(())
}

fn power(device: &str, time: i64) -> NewRecord {
    let value = json!({
        "payload": { "clientToken": "t", "method": "report", "params": { "power": 1.5 } },
        "seq": 1, "timestamp": time, "devicename": device, "productid": PRODUCT,
        "topic": format!("$thing/up/property/{PRODUCT}/{device}"),
    });
    NewRecord::text(&format!("{PRODUCT}/{device}"), &value.to_string())
}
