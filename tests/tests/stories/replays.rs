//! `emberline replay`: what it sends again, and that its plan says so beforehand.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use emberline_fleet::FleetPlan;
use emberline_sandbox::{Fault, FaultPlan, FaultRule};
use emberline_testkit::{Load, Signal, World};
use serde_json::Value;

use crate::events::{BEGINNING, bind, id, power};
use crate::story::LIMIT;

/// Before all records, and after all that a fleet sends ahead of the present.
const ALWAYS: [&str; 4] = ["--from", "2020-01-01T00:00:00Z", "--to", "2100-01-01T00:00:00Z"];

/// Starts a replay of the devices' topic and waits for its end: what it printed as JSON.
pub(crate) async fn replay(world: &World, topic: &str, flags: &[&str]) -> Result<Value> {
    let (code, printed, log) = replay_ends(world, topic, flags).await?;
    ensure!(code == 0, "ended with {code}: {printed}{log}");
    serde_json::from_str(&printed).with_context(|| format!("no JSON: {printed:?}\n{log}"))
}

/// The same, with how it ended and what it wrote beside it.
pub(crate) async fn replay_ends(
    world: &World,
    topic: &str,
    flags: &[&str],
) -> Result<(i32, String, String)> {
    let begins = ["replay", "--json", "--topic", topic];
    let arguments: Vec<&str> = begins.iter().chain(flags).copied().collect();
    let mut run = world.emberline(&arguments).await?;
    let code = run.ended(LIMIT).await?;
    Ok((code, run.output(), run.log()))
}

/// A number that was printed.
pub(crate) fn count(printed: &Value, path: &str) -> Result<u64> {
    let value = printed.pointer(path).with_context(|| format!("no {path}: {printed}"))?;
    value.as_u64().with_context(|| format!("{path} is no number: {printed}"))
}

pub(crate) async fn dry_run(world: &mut World) -> Result<()> {
    let mut load = Load::new(FleetPlan {
        devices: 60,
        duplicates: 0.2,
        undecodable: 0.02,
        impossible: 0.02,
        unknown_properties: 0.02,
        not_telemetry: 0.02,
        states: 0.15,
        unbound: 0.1,
        // They never are.
        bind_later_after: Duration::from_hours(1),
        ..FleetPlan::default()
    });
    world.introduce(&load).await?;
    world.tell(load.records(3_000)).await?;
    let mut bindings = world.emberline(&["run", "--exit-at-end", "--workers", "bindings"]).await?;
    bindings.succeeds(LIMIT).await?;

    let stories: Vec<_> = load.expectation().stories().collect();
    let (first, last) = (stories.first().context("none")?, stories.last().context("none")?);
    let (one, other) = (first.device.to_string(), last.device.to_string());
    let (product, customer) = (first.device.product_id(), first.customer.to_string());
    let filters: [&[&str]; 7] = [
        &[],
        &["--device", &one, "--device", &other],
        &["--product", product],
        &["--category", "power", "--category", "500"],
        &["--customer", &customer],
        &["--state"],
        &["--product", product, "--state"],
    ];
    for filter in filters {
        let flags = [&ALWAYS, filter].concat();
        let planned =
            replay(world, &world.devices(), &[&flags[..], &["--dry-run"]].concat()).await?;
        let before = world.sandbox.ledger().totals();
        let done = replay(world, &world.devices(), &[&flags[..], &["--yes"]].concat()).await?;
        let after = world.sandbox.ledger().totals();
        let reports = after.reports_accepted - before.reports_accepted;
        is_as_planned(&planned, &done, reports)
            .with_context(|| format!("{filter:?}\nplanned {planned}\ndone {done}"))?;
    }
    Ok(())
}

/// Whether a replay has done what was counted before: every number of it.
fn is_as_planned(planned: &Value, done: &Value, reports_accepted: u64) -> Result<()> {
    let plan = |name: &str| count(planned, &format!("/plan/{name}"));
    let report = |name: &str| count(done, &format!("/report/{name}"));
    ensure!(plan("matched")? > 0, "it matches nothing: the test proves nothing");
    for name in ["records", "matched", "duplicates"] {
        ensure!(plan(name)? == report(name)?, "{name}");
    }
    ensure!(report("read")? == report("records")?, "read");
    let sent = plan("reports")? - plan("unbound")?;
    ensure!(sent == reports_accepted, "{reports_accepted} reports accepted");
    ensure!(sent + plan("states")? + plan("events")? == report("delivered")?, "delivered");
    let failed: BTreeMap<String, u64> = serde_json::from_value(done["report"]["failed"].clone())?;
    let dead = failed.iter().filter(|(name, _)| name.starts_with("dead letter: "));
    ensure!(dead.map(|(_, count)| count).sum::<u64>() == plan("dead")?, "dead letters");
    let parked = failed.get("parked: unbound").copied().unwrap_or(0);
    ensure!(parked == plan("unbound")?, "unbound");
    ensure!(failed.values().sum::<u64>() == plan("dead")? + parked, "nothing else failed");
    Ok(())
}

pub(crate) async fn missing_only(world: &mut World) -> Result<()> {
    let mut load = Load::new(FleetPlan { devices: 80, unbound: 0.0, ..FleetPlan::default() });
    world.introduce(&load).await?;
    world.tell(load.records(1_500)).await?;
    world.run_to_end().await?;
    world.judge(&load).is_exactly_once_in_order()?;
    let before = world.sandbox.ledger().totals().distinct_reports;

    // These nobody ever delivers: the group is past them.
    world.tell(load.records(600)).await?;
    world.tell(load.rest()).await?;
    let ends = world.kafka.ends(&world.devices()).await?;
    world.kafka.commit(&world.group("devices"), &world.devices(), &ends).await?;
    world.run_to_end().await?;
    ensure!(world.sandbox.ledger().totals().distinct_reports == before, "nothing was lost");
    let missing = world.judge(&load).missing;
    let device = missing.first().and_then(|it| it.split(' ').next()).context("none missing")?;
    let gaps = gaps(world, device, 1).await?;
    let of_device = missing.iter().filter(|it| it.starts_with(&format!("{device} "))).count();
    ensure!(gaps == of_device as u64, "{gaps} gaps of {device}, not {of_device}");

    let flags = [&ALWAYS[..], &["--missing-only"]].concat();
    let planned = replay(world, &world.devices(), &[&flags[..], &["--dry-run"]].concat()).await?;
    ensure!(count(&planned, "/plan/reports")? == missing.len() as u64, "{planned}");
    let done = replay(world, &world.devices(), &[&flags[..], &["--yes"]].concat()).await?;
    ensure!(count(&done, "/report/delivered")? >= missing.len() as u64, "{done}");
    world.judge(&load).is_exactly_once_in_order()?;
    ensure!(self::gaps(world, device, 0).await? == 0);

    let again = replay_ends(world, &world.devices(), &[&flags[..], &["--yes"]].concat()).await?;
    ensure!(again.0 == 0 && again.2.contains("nothing to send"), "{again:?}");
    world.judge(&load).is_exactly_once_in_order()
}

pub(crate) async fn before_receipts(world: &mut World) -> Result<()> {
    let plan = FleetPlan { devices: 20, unbound: 0.0, states: 0.0, ..FleetPlan::default() };
    let mut load = Load::new(plan);
    world.introduce(&load).await?;
    let delivered = async |world: &mut World, records: Vec<_>| {
        world.tell(records).await?;
        world.run_to_end().await?;
        anyhow::Ok(world.sandbox.ledger().totals().distinct_reports)
    };
    world.set("receipts.enabled", "false");
    let without = delivered(world, load.records(200)).await?;
    ensure!(without > 0, "something was delivered");
    world.set("receipts.enabled", "true");
    let plan = [&ALWAYS[..], &["--missing-only", "--dry-run"]].concat();
    let planned = replay(world, &world.devices(), &plan).await?;
    ensure!(count(&planned, "/plan/before_receipts")? == without, "none has one: {planned}");
    ensure!(planned["plan"]["receipts_since"].is_null(), "{planned}");
    let shown = for_people(world, &plan).await?;
    ensure!(shown.contains("WARNING: there are no receipts; "), "{shown}");

    let mut records = load.records(100);
    records.extend(load.rest());
    let all = delivered(world, records).await?;
    ensure!(all > without, "more was delivered");
    let planned = replay(world, &world.devices(), &plan).await?;
    ensure!(count(&planned, "/plan/reports")? == without, "{planned}");
    ensure!(count(&planned, "/plan/before_receipts")? == without, "{planned}");
    let since = planned["plan"]["receipts_since"].as_str().context("no time")?.to_owned();
    let shown = for_people(world, &plan).await?;
    ensure!(shown.contains(&format!("WARNING: receipts reach back to {since}; ")), "{shown}");
    let topic = world.devices();
    let flags = [&ALWAYS[..], &["--missing-only", "--yes"]].concat();
    let told = replay_ends(world, &topic, &flags);
    let (code, _, log) = told.await?;
    ensure!(code == 0 && log.contains("WARNING: receipts reach back to "), "{code}: {log}");
    Ok(())
}

/// A plan as it is shown to people.
async fn for_people(world: &World, flags: &[&str]) -> Result<String> {
    let topic = world.devices();
    let arguments = [&["replay", "--topic", &topic], flags].concat();
    let mut run = world.emberline(&arguments).await?;
    let code = run.ended(LIMIT).await?;
    ensure!(code == 0, "ended with {code}: {}", run.log());
    Ok(run.output())
}

/// How many gaps an audit finds of a device; it must end with this code.
async fn gaps(world: &World, device: &str, code: i32) -> Result<u64> {
    let mut audit = world.emberline(&["audit", "--device", device, "--gaps", "--json"]).await?;
    let ended = audit.ended(LIMIT).await?;
    ensure!(ended == code, "ended with {ended}: {}{}", audit.output(), audit.log());
    let printed: Value = serde_json::from_str(&audit.output()).context("no JSON")?;
    let gaps = printed["gaps"].as_array().with_context(|| format!("no gaps: {printed}"))?;
    Ok(gaps.len() as u64)
}

pub(crate) async fn stopped(world: &mut World) -> Result<()> {
    let mut load = Load::new(FleetPlan { devices: 150, unbound: 0.0, ..FleetPlan::default() });
    world.introduce(&load).await?;
    world.tell(load.records(2_000)).await?;
    world.tell(load.rest()).await?;
    let mut bindings = world.emberline(&["run", "--exit-at-end", "--workers", "bindings"]).await?;
    bindings.succeeds(LIMIT).await?;
    world.set("batch.max_reports", "5");
    world.set("limits.in_flight", "16");
    let slowly = FaultPlan { latency: Duration::from_millis(15), ..FaultPlan::default() };
    world.sandbox.faults().set(slowly);
    let flags = [&ALWAYS[..], &["--yes", "--name", "mend"]].concat();
    let planned = replay(world, &world.devices(), &[&ALWAYS[..], &["--dry-run"]].concat()).await?;

    let reports = load.expectation().counts().reports;
    let topic = world.devices();
    let begins = ["replay", "--json", "--topic", &topic];
    let arguments: Vec<&str> = begins.iter().chain(&flags).copied().collect();
    let mut run = world.emberline(&arguments).await?;
    world.accepted(reports / 3).await?;
    run.signal(Signal::Terminate)?;
    ensure!(run.ended(LIMIT).await? == 1, "{}", run.log());
    ensure!(run.log().contains("begun again with --name mend"), "{}", run.log());
    let stopped: Value = serde_json::from_str(&run.output()).context("no JSON")?;
    ensure!(stopped["state"] == "stopped", "{stopped}");
    let (read, records) = (count(&stopped, "/report/read")?, count(&stopped, "/report/records")?);
    ensure!(0 < read && read < records, "it was not in the middle: {stopped}");

    world.sandbox.faults().clear();
    let done = replay(world, &topic, &flags).await?;
    world.judge(&load).is_exactly_once_in_order()?;
    // A device's newest state may go out for an older one, and is a duplicate then.
    for name in ["records", "matched"] {
        let (plan, report) = (format!("/plan/{name}"), format!("/report/{name}"));
        ensure!(count(&planned, &plan)? == count(&done, &report)?, "{name}: {planned} {done}");
    }
    let accepted = world.sandbox.ledger().totals().reports_accepted;
    ensure!(count(&planned, "/plan/reports")? == accepted, "{planned}: {accepted}");

    let again = replay_ends(world, &topic, &flags).await?;
    ensure!(again.0 == 0 && again.2.contains("is done since"), "{again:?}");
    world.judge(&load).is_exactly_once_in_order()
}

pub(crate) async fn dead_letters(world: &mut World) -> Result<()> {
    const REPORTS: i64 = 40;
    let guilty = [BEGINNING + 3, BEGINNING + 17, BEGINNING + 31];
    world.create_customer("c_1")?;
    world.kafka.produce(&world.bindings(), &[bind("c_1", "dev", BEGINNING)]).await?;
    let records: Vec<_> =
        (0..REPORTS).map(|number| power("dev", BEGINNING + number, 1.5)).collect();
    world.kafka.produce(&world.devices(), &records).await?;
    for time in guilty {
        let refusal = Fault::error("InvalidParameterValue", "DataInfo is invalid");
        let rule = FaultRule { report_time: Some(time), ..FaultRule::always(refusal) };
        world.sandbox.faults().add(rule);
    }
    world.run_to_end().await?;
    ensure!(world.dead_letters().await?.len() == guilty.len());
    world.sandbox.faults().clear();

    let flags = [&ALWAYS[..], &["--dead-letters"]].concat();
    let planned = replay(world, &world.devices(), &[&flags[..], &["--dry-run"]].concat()).await?;
    ensure!(count(&planned, "/plan/reports")? == guilty.len() as u64, "{planned}");
    replay(world, &world.devices(), &[&flags[..], &["--yes"]].concat()).await?;
    let reports = world.sandbox.ledger().reports_of(&id("dev"));
    let mut times: Vec<i64> = reports.iter().map(|report| report.report_time).collect();
    ensure!(times[times.len() - guilty.len()..] == guilty, "{times:?}");
    times.sort_unstable();
    ensure!(times.into_iter().eq(BEGINNING..BEGINNING + REPORTS), "each once: {reports:?}");
    Ok(())
}
