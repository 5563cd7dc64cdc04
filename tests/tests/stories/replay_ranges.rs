//! Where a replay begins and ends: at segments' borders, in empty partitions, where records
//! are gone.

use anyhow::{Context, Result, ensure};
use emberline_testkit::World;
use emberline_testkit::kafka::NewRecord;
use serde_json::Value;

use crate::events::{BEGINNING, bind, id, power};
use crate::replays::{count, replay, replay_ends};

/// Unix milliseconds of the first record.
const FIRST_MS: i64 = BEGINNING * 1_000 + 500;
/// From one record to the next: each begins a segment.
const APART_MS: i64 = 10_000;

/// A report of a device that stands at this place of a partition's times.
fn at(partition: i32, device: &str, place: i64) -> NewRecord {
    NewRecord {
        timestamp_ms: Some(FIRST_MS + place * APART_MS),
        partition: Some(partition),
        ..power(device, BEGINNING + place, 1.5)
    }
}

/// A topic of devices with a segment for each record, and its bound devices.
async fn topic(world: &mut World, configs: &[(&str, &str)]) -> Result<String> {
    let topic = format!("{}-in-segments", world.devices());
    // The records are of the past: nothing but the story is to delete them.
    let segments = [("segment.ms", "1000"), ("retention.ms", "-1")];
    world.kafka.create_topic(&topic, 4, &[&segments, configs].concat()).await?;
    world.set("topics.devices", &format!("[{topic:?}]"));
    world.create_customer("c_1")?;
    let bindings = ["a", "b", "c", "d"].map(|device| bind("c_1", device, BEGINNING));
    world.kafka.produce(&world.bindings(), &bindings).await?;
    world.run_to_end().await?;
    Ok(topic)
}

async fn planned(world: &World, topic: &str, flags: &[&str]) -> Result<Value> {
    replay(world, topic, &[flags, &["--dry-run"]].concat()).await
}

fn time(millis: i64) -> String {
    format!("{}", TimeText(millis))
}

/// A Unix time in milliseconds as RFC 3339: of the one day that is spoken of here.
struct TimeText(i64);

impl std::fmt::Display for TimeText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (seconds, millis) = (self.0 / 1_000 - BEGINNING, self.0 % 1_000);
        let (minutes, seconds) = (seconds / 60, seconds % 60);
        write!(f, "2026-01-01T00:{minutes:02}:{seconds:02}.{millis:03}+08:00")
    }
}

pub(crate) async fn to_the_millisecond(world: &mut World) -> Result<()> {
    const RECORDS: i64 = 20;
    let topic = topic(world, &[]).await?;
    // Two partitions are empty.
    let records: Vec<_> =
        (0..RECORDS).flat_map(|place| [at(0, "a", place), at(1, "b", place)]).collect();
    world.kafka.produce(&topic, &records).await?;
    let taken = |from: i64, to: i64| {
        let times = (0..RECORDS).map(|place| FIRST_MS + place * APART_MS);
        2 * times.filter(|time| (from..to).contains(time)).count() as u64
    };
    let (seventh, last) = (FIRST_MS + 7 * APART_MS, FIRST_MS + (RECORDS - 1) * APART_MS);
    let spans = [
        (seventh - 1, last),
        (seventh, last),
        (seventh + 1, last),
        (FIRST_MS - 1, seventh - 1),
        (FIRST_MS, seventh),
        (FIRST_MS + 1, seventh + 1),
        (seventh, seventh),
        (seventh, seventh + 1),
        (last, last + 1),
        (last + 1, last + 2),
    ];
    for (from, to) in spans {
        let plan = planned(world, &topic, &["--from", &time(from), "--to", &time(to)]).await?;
        let expected = taken(from, to);
        ensure!(count(&plan, "/plan/records")? == expected, "{from} {to} {expected}: {plan}");
    }
    let span = ["--from", &time(seventh), "--to", &time(last), "--yes"];
    let accepted = || world.sandbox.ledger().totals().reports_accepted;
    let before = accepted();
    let done = replay(world, &topic, &span).await?;
    ensure!(count(&done, "/report/delivered")? == taken(seventh, last), "{done}");
    ensure!(accepted() - before == taken(seventh, last));
    let reports = world.sandbox.ledger().reports_of(&id("b"));
    let times: Vec<_> = reports.iter().map(|report| report.report_time - BEGINNING).collect();
    ensure!(times.into_iter().eq(7..RECORDS - 1), "{reports:?}");
    Ok(())
}

pub(crate) async fn gone(world: &mut World) -> Result<()> {
    const RECORDS: i64 = 20;
    let topic = topic(world, &[]).await?;
    let records: Vec<_> =
        (0..RECORDS).flat_map(|place| [at(0, "a", place), at(1, "b", place)]).collect();
    world.kafka.produce(&topic, &records).await?;
    world.kafka.delete_records(&topic, 1, 12).await?;
    let told = |log: &str| {
        let gone: Vec<_> = log.lines().filter(|line| line.contains("(retention)")).collect();
        gone.join("\n")
    };

    let (code, printed, log) =
        replay_ends(world, &topic, &["--from", &time(FIRST_MS), "--dry-run"]).await?;
    let plan: Value = serde_json::from_str(&printed).context("no JSON")?;
    ensure!(code == 0 && count(&plan, "/plan/records")? == 20 + 8, "{printed}{log}");
    let note = told(&log);
    ensure!(note.contains("partition 1") && note.contains("offset 12"), "{log}");
    ensure!(!note.contains("partition 0"), "nothing of it is gone: {log}");

    // All of a range may be gone; and by offset it is known for certain.
    let to = time(FIRST_MS + 5 * APART_MS);
    for range in [&["--from", "1:3", "--to", "1:9"][..], &["--to", "1:9"]] {
        let (code, _, log) = replay_ends(world, &topic, &[range, &["--yes"]].concat()).await?;
        ensure!(code == 0 && log.contains("nothing to send"), "{log}");
        ensure!(told(&log).contains("partition 1"), "{range:?}: {log}");
    }
    let (_, _, log) =
        replay_ends(world, &topic, &["--from", &time(FIRST_MS), "--to", &to, "--dry-run"]).await?;
    ensure!(told(&log).contains("partition 1"), "{log}");

    // What begins where the log does lacks nothing.
    let later = time(FIRST_MS + 13 * APART_MS);
    for from in [["--from", &later], ["--from", "1:12"]] {
        let (_, _, log) = replay_ends(world, &topic, &[&from[..], &["--dry-run"]].concat()).await?;
        ensure!(told(&log).is_empty(), "{from:?}: {log}");
    }
    let done = replay(world, &topic, &["--from", &time(FIRST_MS), "--yes"]).await?;
    ensure!(count(&done, "/report/delivered")? == 20 + 8, "{done}");
    Ok(())
}

pub(crate) async fn compacted(world: &mut World) -> Result<()> {
    const RECORDS: i64 = 60;
    let configs = [
        ("cleanup.policy", "compact"),
        ("min.cleanable.dirty.ratio", "0.01"),
        ("max.compaction.lag.ms", "1000"),
    ];
    let topic = topic(world, &configs).await?;
    // Three devices take turns, and the fourth has the end: of the others' records the last
    // ones of the closed segments stay.
    let device = |place: i64| ["a", "b", "c"][usize::try_from(place % 3).unwrap_or(0)];
    let records: Vec<_> = (0..RECORDS).map(|place| at(0, device(place), place)).collect();
    world.kafka.produce(&topic, &records).await?;
    world.kafka.produce(&topic, &[at(0, "d", RECORDS), at(0, "d", RECORDS + 1)]).await?;
    world
        .wait_for("the log has holes", async || {
            let left = world.kafka.read_all(&topic).await?;
            Ok((left.len() <= 6).then_some(()))
        })
        .await?;
    let left = world.kafka.read_all(&topic).await?;
    let within = |from: i64, to: i64| {
        left.iter().filter(|it| (from..to).contains(&it.offset)).count() as u64
    };
    // The beginning and the end lie in holes, once with nothing between them.
    for (from, to) in [(5, 40), (5, 58), (20, 62)] {
        let (from_text, to_text) = (format!("0:{from}"), format!("0:{to}"));
        let span = ["--from", &from_text, "--to", &to_text];
        let plan = planned(world, &topic, &span).await?;
        ensure!(count(&plan, "/plan/records")? == within(from, to), "{plan} of {left:?}");
        let (code, printed, log) =
            replay_ends(world, &topic, &[&span[..], &["--yes"]].concat()).await?;
        ensure!(code == 0, "{code}: {printed}{log}");
        if within(from, to) > 0 {
            let done: Value = serde_json::from_str(&printed).context("no JSON")?;
            ensure!(count(&done, "/report/delivered")? == within(from, to), "{done}");
            ensure!(count(&done, "/report/read")? == within(from, to), "{done}");
        }
    }
    Ok(())
}
