//! Two versions in one group. A later one does not exist, so the story writes what it would
//! write, and this one has to get along with it.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use emberline_model::{Category, DeviceId, EventTime};
use emberline_testkit::kafka::{NewRecord, StoredRecord};
use emberline_testkit::{Emberline, Signal, World};
use emberline_wire::customer_devices::{BoundDevice, CustomerDevices};
use emberline_wire::headers::{Categories, RETRY_HEADER, RetryHeader};
use emberline_wire::receipt::{Receipt, Received};
use serde_json::Value;

use crate::events::{BEGINNING, bind, id, on_one_partition, power};
use crate::story::LIMIT;

/// A header that only a later version knows.
const LATER_HEADER: &str = "emberline-later";
/// A protobuf field that only a later version knows.
const LATER_FIELD: &[u8] = b"\xb2\x06\x04calm";
/// A bit for a category that only a later version knows.
const LATER_CATEGORY: u8 = 1 << 6;
/// Devices whose records come by the devices topic, and as many by a retry topic.
const DEVICES: i64 = 24;
/// Records that the later version has delivered before.
const DELIVERED_BEFORE: i64 = 5;

/// The same as the later version sets it aside.
fn set_aside(record: NewRecord, offset: i64, categories: u8) -> Result<NewRecord> {
    let header = RetryHeader {
        attempt: 1,
        first_seen_ms: now_ms()?,
        due_ms: 0,
        reason: "moon_phase".into(),
        class: "moon_phase".into(),
        code: None,
        topic: "devices".into(),
        partition: 0,
        offset,
        timestamp_ms: BEGINNING * 1000,
        categories: Some(Categories::from_bits(categories)),
    };
    let mut fields: Value = serde_json::from_str(&header.encode())?;
    fields["v"] = 2.into();
    fields["moon"] = serde_json::json!({ "phase": ["full"] });
    let headers = vec![
        (LATER_HEADER.to_owned(), b"kept".to_vec()),
        (RETRY_HEADER.to_owned(), fields.to_string().into_bytes()),
    ];
    Ok(NewRecord { headers, ..record })
}

fn now_ms() -> Result<i64> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    Ok(i64::try_from(since.as_millis())?)
}

fn name(kind: &str, number: i64) -> String {
    format!("{kind}{number}")
}

/// A customer's set as the later version writes it.
fn later_set(customer: &str, device: &str) -> Result<NewRecord> {
    let bound = BoundDevice {
        device: DeviceId::parse(&id(device))?,
        customer_device_no: "SN-0001".into(),
        product_name: "Smoke detector".into(),
        time: EventTime::from_millis(BEGINNING * 1000),
    };
    let set = CustomerDevices { devices: vec![bound], unbound: Vec::new() };
    let value = [LATER_FIELD, &set.encode()].concat();
    let key = Some(customer.as_bytes().to_vec());
    Ok(NewRecord { key, value: Some(value), ..NewRecord::default() })
}

pub(crate) async fn later_version_beside(world: &mut World) -> Result<()> {
    world.set("retry.tiers", r#"["1s", "2s"]"#);
    world.set("join.wait", r#""200ms""#);
    world.emberline(&["topics", "create"]).await?.succeeds(LIMIT).await?;
    for customer in ["c_1", "c_2"] {
        world.create_customer(customer)?;
    }
    let names = (0..DEVICES).flat_map(|number| [name("a", number), name("b", number)]);
    let names: Vec<_> = names.chain(["early".to_owned(), "later".to_owned()]).collect();
    let bindings = names.iter().map(|name| bind("c_1", name, BEGINNING));
    let bindings: Vec<_> = bindings.chain([bind("c_2", "theirs", BEGINNING)]).collect();
    world.kafka.produce(&world.bindings(), &bindings).await?;

    // Before it stopped, the later version delivered the first records of a partition, and
    // said in words of its own what else it had done.
    let early = (0..2 * DELIVERED_BEFORE).map(|number| power("early", BEGINNING + number, 1.5));
    let devices = world.devices();
    world.kafka.produce(&devices, &on_one_partition(early.collect())).await?;
    let group = world.group("devices");
    let text = "e2.SomethingElse";
    world.kafka.commit_with(&group, (&devices, 0), DELIVERED_BEFORE, text).await?;

    let mut first = world.emberline(&["run"]).await?;
    let mut second = world.emberline(&["run"]).await?;
    first.ready().await?;
    second.ready().await?;

    // What it set aside, what it knows of a customer, and what comes meanwhile.
    let power_alone = Categories::from_iter([Category::Power]).bits();
    let aside: Result<Vec<_>> = (0..DEVICES)
        .map(|number| set_aside(power(&name("b", number), BEGINNING, 2.5), number, power_alone))
        .collect();
    world.kafka.produce(&world.own_topic("retry.1s"), &aside?).await?;
    let later = set_aside(power("later", BEGINNING, 2.5), 99, power_alone | LATER_CATEGORY)?;
    world.kafka.produce(&world.own_topic("retry.1s"), &[later]).await?;
    let sets = world.own_topic("customer-devices");
    last_of(world, &sets, "c_2", |_| true).await?;
    world.kafka.produce(&sets, &[later_set("c_2", "theirs")?]).await?;
    let reports = (0..DEVICES).map(|number| power(&name("a", number), BEGINNING, 1.5));
    let reports: Vec<_> = reports.chain([power("theirs", BEGINNING, 3.5)]).collect();
    world.kafka.produce(&devices, &reports).await?;
    let expected = DELIVERED_BEFORE + 2 * DEVICES + 1;
    world.accepted(expected.unsigned_abs()).await?;

    // A device more for its customer: the set keeps what only the later version knows.
    world.kafka.produce(&world.bindings(), &[bind("c_2", "ours", BEGINNING)]).await?;
    let set = last_of(world, &sets, "c_2", |set| has(set, b"ours")).await?;
    let value = set.value.unwrap_or_default();
    ensure!(has(&value, LATER_FIELD) && CustomerDevices::decode(&value)?.devices.len() == 2);
    let written = world.kafka.read_all(&sets).await?;
    let written = written.iter().filter(|it| it.key.as_deref() == Some(b"c_2")).count();
    ensure!(written == 3, "{written} sets: the versions write over each other");
    ensure!(pushed_devices(world, "c_2").await? == 2, "the push takes a device away");

    // What only the later version can send goes round, as it was.
    let waits = world.own_topic("retry.2s");
    let waiting = last_of(world, &waits, &id("later"), |_| true).await?;
    let header = waiting.header(RETRY_HEADER).context("no header")?;
    let header = RetryHeader::decode(header.as_bytes())?;
    ensure!(header.categories.map(Categories::bits) == Some(power_alone | LATER_CATEGORY));
    ensure!((header.offset, waiting.header(LATER_HEADER)) == (99, Some("kept")));

    for run in [&mut first, &mut second] {
        ensure!(has_worked(run).await?, "one replica did all of it: the test proves less");
        run.signal(Signal::Terminate)?;
    }
    first.succeeds(LIMIT).await?;
    second.succeeds(LIMIT).await?;
    let ledger = world.sandbox.ledger();
    let totals = ledger.totals();
    ensure!((totals.sent_twice, totals.overlapping_calls) == (0, 0), "{totals:?}");
    ensure!(totals.reports_accepted == expected.unsigned_abs(), "{totals:?}");
    ensure!(ledger.accepted_of(&id("later")) == 0, "a part of it was settled");
    let early = ledger.reports_of(&id("early"));
    let early: Vec<_> = early.iter().map(|report| report.report_time - BEGINNING).collect();
    ensure!(early == (DELIVERED_BEFORE..2 * DELIVERED_BEFORE).collect::<Vec<_>>(), "{early:?}");
    ensure!(world.dead_letters().await?.is_empty());
    Ok(())
}

/// The last record of this key on a topic, once it is as it should be.
async fn last_of(
    world: &World,
    topic: &str,
    key: &str,
    is_meant: impl Fn(&[u8]) -> bool,
) -> Result<StoredRecord> {
    world
        .wait_for(&format!("a record of {key} on {topic}"), async || {
            let records = world.kafka.read_all(topic).await?;
            let of_key = records.into_iter().filter(|it| it.key.as_deref() == Some(key.as_bytes()));
            let last = of_key.max_by_key(|record| record.offset);
            Ok(last.filter(|it| is_meant(it.value.as_deref().unwrap_or_default())))
        })
        .await
}

fn has(value: &[u8], what: &[u8]) -> bool {
    value.windows(what.len()).any(|part| part == what)
}

/// How many devices the last push of a customer's set had, by its receipt.
async fn pushed_devices(world: &World, customer: &str) -> Result<u32> {
    let topic = world.own_topic("receipts");
    world
        .wait_for("a receipt of the push", async || {
            let records = world.kafka.read_all(&topic).await?;
            let values = records.iter().filter_map(|record| record.value.as_deref());
            let receipts: BTreeMap<i64, u32> = values
                .filter_map(|value| Receipt::decode(value).ok())
                .filter(|receipt| receipt.customer_id == customer)
                .filter_map(|receipt| match receipt.received {
                    Received::Bindings { devices, .. } => Some((receipt.time_ms, devices)),
                    _ => None,
                })
                .collect();
            Ok(receipts.into_values().next_back())
        })
        .await
}

async fn has_worked(run: &mut Emberline) -> Result<bool> {
    let page = run.metrics().await?;
    Ok(page.count("emberline_outcomes_total", &[("outcome", "delivered")]) > 0)
}
