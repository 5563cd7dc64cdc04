//! Dead letters sent once more.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use emberline_fleet::FleetPlan;
use emberline_sandbox::{Action, Fault, FaultPlan, FaultRule};
use emberline_testkit::{Load, Signal, World};
use serde_json::Value;

use crate::story::LIMIT;

/// How often a letter was redriven before it became one.
const REDRIVEN: &str = "emberline-redriven";

/// The service refuses for good what these calls carry.
fn refusal() -> FaultRule {
    let fault = Fault::error("InvalidParameterValue", "DataInfo is invalid");
    FaultRule::always(fault).of(Action::ReportDeviceData)
}

fn refusal_of(devices: &BTreeSet<String>) -> FaultPlan {
    let rule = |device: &String| FaultRule { device: Some(device.clone()), ..refusal() };
    FaultPlan { rules: devices.iter().map(rule).collect(), ..FaultPlan::default() }
}

fn slowly(millis: u64) -> FaultPlan {
    FaultPlan { latency: Duration::from_millis(millis), ..FaultPlan::default() }
}

/// A fleet whose reports, so many and one a record, have all become dead letters.
async fn refused(world: &mut World, devices: u32, reports: usize) -> Result<Load> {
    let plan = FleetPlan { most_properties: 1, ..FleetPlan::all_called_for(devices) };
    let mut load = Load::new(plan);
    world.set_patience(LIMIT);
    world.introduce(&load).await?;
    world.sandbox.faults().set(FaultPlan::from(refusal()));
    tell_and_refuse(world, &mut load, reports).await?;
    ensure!(world.sandbox.ledger().totals().reports_accepted == 0);
    Ok(load)
}

/// So many more.
async fn tell_and_refuse(world: &mut World, load: &mut Load, reports: usize) -> Result<()> {
    let before = if load.expectation().counts().records == 0 { 0 } else { letters(world).await? };
    world.tell(load.records(reports)).await?;
    // A batch would be halved again and again.
    world.set("batch.max_reports", "1");
    world.run_to_end().await?;
    world.unset("batch.max_reports");
    let made = letters(world).await? - before;
    ensure!(made == reports as u64, "{made} letters of {reports} reports");
    Ok(())
}

async fn letters(world: &World) -> Result<u64> {
    Ok(world.dead_letters().await?.len() as u64)
}

/// Letters that were redriven so often.
async fn redriven(world: &World, times: &str) -> Result<u64> {
    let letters = world.dead_letters().await?;
    Ok(letters.iter().filter(|letter| letter.header(REDRIVEN) == Some(times)).count() as u64)
}

/// What a command prints as JSON, which must succeed.
async fn told(world: &World, command: &[&str]) -> Result<Value> {
    let mut run = world.emberline(&[command, &["--json"]].concat()).await?;
    run.succeeds(LIMIT).await?;
    serde_json::from_str(&run.output()).with_context(|| format!("not JSON: {:?}", run.output()))
}

async fn redrive(world: &World, flags: &[&str]) -> Result<Value> {
    told(world, &[&["dlq", "redrive"], flags].concat()).await
}

fn count(of: &Value, name: &str) -> u64 {
    of[name].as_u64().unwrap_or_default()
}

/// What a redrive's report says must be what was planned of it, and what a dry run said.
fn is_as_planned(dry: &Value, done: &Value) -> Result<()> {
    let (plan, report) = (&dry["plan"], &done["report"]);
    for (name, planned) in done["planned"].as_object().context("no plan")? {
        ensure!(plan[name] == *planned, "{name}: {} in the dry run, then {planned}", plan[name]);
    }
    for name in ["records", "matched", "duplicates"] {
        ensure!(plan[name] == report[name], "{name}: {plan} and {report}");
    }
    ensure!(report["read"] == report["records"] && done["state"] == "done", "{done}");
    let too_often = count(plan, "redriven_too_often");
    ensure!(count(&report["failed"], "redriven too often") == too_often, "{done}");
    let failed: u64 = report["failed"]
        .as_object()
        .map_or(0, |failed| failed.values().filter_map(Value::as_u64).sum());
    let sent = count(report, "delivered") + failed - too_often;
    ensure!(count(plan, "reports") == sent, "{} planned: {done}", plan["reports"]);
    Ok(())
}

pub(crate) async fn half_fails_again(world: &mut World) -> Result<()> {
    const LETTERS: u64 = 10_000;
    let load = refused(world, 100, 10_000).await?;
    let devices: BTreeSet<String> =
        load.expectation().stories().map(|story| story.device.to_string()).collect();
    let guilty: BTreeSet<String> = devices.into_iter().step_by(2).collect();
    world.sandbox.faults().set(refusal_of(&guilty));

    let dry = redrive(world, &["--dry-run"]).await?;
    ensure!(count(&dry["plan"], "reports") == LETTERS, "{dry}");
    ensure!(world.sandbox.ledger().totals().reports_accepted == 0, "a dry run sends nothing");
    let first = redrive(world, &["--yes", "--name", "first"]).await?;
    is_as_planned(&dry, &first)?;
    let failed = count(&first["report"]["failed"], "dead letter: refused");
    let verdict = world.judge(&load);
    ensure!(failed > LETTERS / 4 && failed < LETTERS * 3 / 4, "{failed} failed again: no half");
    ensure!(verdict.twice.is_empty() && verdict.unexpected.is_empty(), "{verdict:?}");
    ensure!(verdict.missing.len() as u64 == failed, "{} are missing", verdict.missing.len());
    let is_guilty = |missing: &String| guilty.contains(missing.split(' ').next().unwrap_or(""));
    ensure!(verdict.missing.iter().all(is_guilty), "an innocent device's report is missing");
    ensure!(letters(world).await? == LETTERS + failed && redriven(world, "1").await? == failed);

    // Those that were accepted, and the older letters of the others, are left out.
    world.sandbox.faults().clear();
    let dry = redrive(world, &["--dry-run"]).await?;
    ensure!(count(&dry["plan"], "records") == LETTERS + failed, "{dry}");
    ensure!(count(&dry["plan"], "matched") == failed, "{dry}");
    let second = redrive(world, &["--yes", "--name", "second"]).await?;
    is_as_planned(&dry, &second)?;
    ensure!(count(&second["report"], "delivered") == failed, "{second}");
    world.judge(&load).is_exactly_once_in_order()?;

    let dry = redrive(world, &["--dry-run"]).await?;
    ensure!(count(&dry["plan"], "matched") == 0, "something is left: {dry}");
    Ok(())
}

pub(crate) async fn redriven_too_often(world: &mut World) -> Result<()> {
    let mut load = refused(world, 20, 40).await?;
    redrive(world, &["--yes"]).await?;
    ensure!(redriven(world, "1").await? == 40, "all of them fail again");
    tell_and_refuse(world, &mut load, 15).await?;
    world.sandbox.faults().clear();

    let once = ["--most", "1"];
    for (fresh, calls) in [(15, true), (0, false)] {
        let before = world.sandbox.ledger().totals();
        let dry = redrive(world, &[&once[..], &["--dry-run"]].concat()).await?;
        let plan = &dry["plan"];
        let planned = (count(plan, "reports"), count(plan, "redriven_too_often"));
        ensure!(planned == (fresh, 40), "{dry}");
        let done = redrive(world, &[&once[..], &["--yes"]].concat()).await?;
        is_as_planned(&dry, &done)?;
        let after = world.sandbox.ledger().totals();
        ensure!(after.reports_accepted - before.reports_accepted == fresh, "{done}");
        ensure!((after.calls > before.calls) == calls, "{} calls", after.calls - before.calls);
        ensure!(letters(world).await? == 40 + 40 + 15, "they stay as they are");
    }
    redrive(world, &["--most", "2", "--yes"]).await?;
    // Not in order: the fresh ones went before.
    let verdict = world.judge(&load);
    ensure!(verdict.twice.is_empty(), "sent twice: {:?}", verdict.twice);
    verdict.is_at_least_once()
}

pub(crate) async fn killed(world: &mut World) -> Result<()> {
    const MOST_REPORTS: usize = 5;
    let load = refused(world, 60, 2_000).await?;
    let dry = redrive(world, &["--dry-run"]).await?;
    world.set("batch.max_reports", &MOST_REPORTS.to_string());
    world.sandbox.faults().set(slowly(20));
    let command = ["dlq", "redrive", "--yes", "--name", "back", "--json"];
    let mut run = world.emberline(&command).await?;
    world.accepted(700).await?;
    run.signal(Signal::Kill)?;
    ensure!(run.ended(LIMIT).await? == Signal::KILLED);
    let accepted = world.sandbox.ledger().totals().distinct_reports;
    ensure!(accepted < 2_000, "it was not in the middle");

    world.sandbox.faults().clear();
    let mut run = world.emberline(&command).await?;
    run.succeeds(LIMIT).await?;
    for said in ["to see whether it is alive", "redrive back goes on: ", "not counted below"] {
        ensure!(run.log().contains(said), "it does not say {said:?}");
    }
    let done: Value = serde_json::from_str(&run.output())?;
    for name in ["records", "matched"] {
        ensure!(done["report"][name] == dry["plan"][name], "{name}: {done}, planned {dry}");
    }
    ensure!(done["state"] == "done" && done["report"]["read"] == 2_000, "{done}");
    let verdict = world.judge(&load);
    verdict.is_at_least_once_in_order()?;
    let letters = world.dead_letters().await?;
    let partitions = letters.iter().map(|letter| letter.partition).collect::<BTreeSet<_>>().len();
    let repeated = verdict.twice.len();
    ensure!(repeated <= partitions * MOST_REPORTS, "{repeated} repeated, of {partitions} calls");
    Ok(())
}

pub(crate) async fn cancelled(world: &mut World) -> Result<()> {
    let load = refused(world, 60, 2_000).await?;
    // It tells its progress every five seconds, and takes some thirty.
    world.set("batch.max_reports", "5");
    world.sandbox.faults().set(slowly(400));
    let command = ["dlq", "redrive", "--yes", "--name", "back", "--json"];
    let mut run = world.emberline(&command).await?;
    let listed = world.wait_for("the list shows its progress", async || {
        let list = told(world, &["replay", "list"]).await?;
        let listed = list["replays"][0].clone();
        Ok((count(&listed["progress"], "delivered") > 0).then_some(listed))
    });
    let listed = listed.await?;
    let is = |name: &str, value: &str| listed[name] == value;
    ensure!(is("name", "back") && is("kind", "redrive") && is("state", "running"), "{listed}");
    ensure!(listed["topic"] == world.own_topic("dead-letters"), "{listed}");
    ensure!(listed["planned"]["reports"] == 2_000, "{listed}");
    let shown = told(world, &["replay", "show", "back"]).await?;
    let delivered = |of: &Value| count(&of["progress"], "delivered");
    ensure!(delivered(&shown) >= delivered(&listed), "{shown}, and before {listed}");

    let cancelled = told(world, &["replay", "cancel", "back"]).await?;
    ensure!(cancelled["outcome"] == "ended", "{cancelled}");
    run.succeeds(LIMIT).await?;
    let report: Value = serde_json::from_str(&run.output())?;
    let before = count(&report["report"], "delivered");
    ensure!(report["state"] == "cancelled" && before < 2_000, "{report}");
    ensure!(before == world.sandbox.ledger().totals().reports_accepted, "{report}");
    ensure!(run.log().contains("begun again with --name back"), "it does not say how to go on");

    world.sandbox.faults().clear();
    let done = told(world, &command[..5]).await?;
    ensure!(done["state"] == "done" && count(&done["report"], "delivered") == 2_000, "{done}");
    ensure!(done["report"]["matched"] == 2_000 && done["report"]["read"] == 2_000, "{done}");
    let shown = told(world, &["replay", "show", "back"]).await?;
    ensure!(shown["state"] == "done" && shown["progress"]["percent"] == 100, "{shown}");
    world.judge(&load).is_exactly_once_in_order()?;

    // Done is done: nothing is sent, and that is no failure.
    let calls = world.sandbox.ledger().totals().calls;
    let again = told(world, &command[..5]).await?;
    ensure!(again == done && world.sandbox.ledger().totals().calls == calls, "{again}");
    Ok(())
}
