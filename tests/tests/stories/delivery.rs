//! The main job, with everything out of the ordinary that devices send.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use emberline_fleet::FleetPlan;
use emberline_testkit::kafka::StoredRecord;
use emberline_testkit::{Load, Signal, World};

use crate::story::LIMIT;
use crate::sum::{Sum, at_rest};

/// Every header of a dead letter that was never sent.
const HEADERS: [&str; 11] = [
    "version",
    "topic",
    "partition",
    "offset",
    "timestamp",
    "reason",
    "error-code",
    "error-message",
    "attempts",
    "first-failure",
    "last-failure",
];

pub(crate) async fn every_report(world: &mut World) -> Result<()> {
    let mut load = Load::new(FleetPlan {
        devices: 300,
        duplicates: 0.1,
        not_telemetry: 0.02,
        undecodable: 0.005,
        impossible: 0.01,
        unknown_properties: 0.01,
        ..FleetPlan::default()
    });
    world.introduce(&load).await?;
    let mut records = load.records(6_000);
    records.extend(load.rest());
    world.tell(records).await?;

    let mut run = world.emberline(&["run"]).await?;
    let counts = *load.expectation().counts();
    world.accepted(counts.reports).await?;
    let page = at_rest(world, &mut run, ("devices", counts.records)).await?;
    world.judge(&load).is_exactly_once_in_order()?;

    let sum = Sum::of(&page, "devices");
    let read = (sum.count("emberline_records_read_total"), sum.count("emberline_items_read_total"));
    ensure!(read == (counts.records, counts.items()), "read {read:?}, sent {counts:?}");
    let sent = sum.outcome("delivered") + sum.outcome("superseded");
    ensure!(sent == counts.reports + counts.states, "{sent} sent of {counts:?}");
    let ended = [
        (sum.outcome("duplicate"), counts.duplicates()),
        (sum.outcome("skipped"), counts.skipped + counts.unknown_properties),
        (sum.reason("skipped", "unknown_property"), counts.unknown_properties),
        (sum.reason("dead_lettered", "undecodable"), counts.undecodable),
        (sum.reason("dead_lettered", "impossible_value"), counts.refused),
        (sum.outcome("dead_lettered"), counts.dead_letters()),
        (sum.outcome("parked"), 0),
    ];
    for (place, (counted, expected)) in ended.into_iter().enumerate() {
        ensure!(counted == expected, "outcome {place}: {counted}, not {expected}");
        ensure!(expected > 0 || place == 6, "outcome {place} has no case: it proves nothing");
    }
    Sum::of(&page, "bindings").closes()?;
    dead_letters_tell_all(world, counts.dead_letters()).await?;

    run.signal(Signal::Terminate)?;
    run.succeeds(LIMIT).await?;
    world.settled("devices", &world.devices()).await
}

/// A dead letter has the original's key, bytes and headers, and says where it was, why it is
/// there, and which part of the record is concerned.
async fn dead_letters_tell_all(world: &World, expected: u64) -> Result<()> {
    let originals = world.kafka.read_all(&world.devices()).await?;
    let originals: HashMap<(i32, i64), &StoredRecord> =
        originals.iter().map(|record| ((record.partition, record.offset), record)).collect();
    let letters = world.dead_letters().await?;
    ensure!(letters.len() as u64 == expected, "{} dead letters, not {expected}", letters.len());
    for letter in &letters {
        let header = |name: &str| {
            letter
                .header(&format!("emberline-dlq-{name}"))
                .with_context(|| format!("a dead letter without {name}: {:?}", letter.headers))
        };
        for name in HEADERS {
            header(name)?;
        }
        let place = (header("partition")?.parse()?, header("offset")?.parse()?);
        let original = originals.get(&place).context("a dead letter of no record")?;
        ensure!(header("topic")? == world.devices());
        ensure!(letter.key == original.key && letter.value == original.value, "other bytes");
        ensure!(header("timestamp")? == original.timestamp_ms.to_string());
        ensure!(letter.header("emberline-type") == original.header("emberline-type"));
        ensure!(header("attempts")? == "0");
        ensure!(!header("error-message")?.is_empty());
        match header("reason")? {
            "undecodable" => ensure!(header("part").is_err(), "the whole of it is undecodable"),
            "impossible_value" => {
                let property = header("part")?;
                let message = header("error-message")?;
                ensure!(!property.is_empty() && !property.contains(','), "{property}: {message}");
            }
            other => anyhow::bail!("a dead letter for {other}"),
        }
    }
    Ok(())
}
