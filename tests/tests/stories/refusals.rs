//! What the service says instead of yes.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use emberline_fleet::FleetPlan;
use emberline_sandbox::{Action, Fault, FaultPlan, FaultRule};
use emberline_testkit::{Load, Signal, World};

use crate::events::{BEGINNING, bind, id, power};
use crate::story::LIMIT;
use crate::sum::Sum;

pub(crate) async fn passing_failures(world: &mut World) -> Result<()> {
    let mut load = Load::new(FleetPlan { devices: 150, ..FleetPlan::default() });
    world.introduce(&load).await?;
    world.tell(load.records(2_500)).await?;
    world.tell(load.rest()).await?;
    world.set("retry.in_place", "50");
    // A third of all calls fails: more than retries in place are meant for.
    world.set("retry.budget", r#""1000%""#);
    world.set("retry.backoff_base", r#""5ms""#);
    world.set("retry.backoff_cap", r#""50ms""#);
    world.set("batch.max_reports", "5");
    world.set("limits.in_flight", "8");
    let slowly = FaultPlan {
        latency: Duration::from_millis(5),
        rules: vec![FaultRule::first(3, Fault::status(503)).of(Action::BindDevice)],
        ..FaultPlan::default()
    };
    world.sandbox.faults().set(slowly.clone());

    let mut run = world.emberline(&["run", "--exit-at-end"]).await?;
    // Failures among many calls, not at the very start: there a few of them would rightly
    // be taken for a service that is down.
    world.accepted(200).await?;
    let rules = [
        FaultRule::share(0.2, Fault::status(503)),
        FaultRule::share(0.05, Fault::CutBody),
        FaultRule::share(0.05, Fault::TruncatedJson),
        FaultRule::share(0.05, Fault::error("InternalError", "try again")),
        FaultRule::share(0.02, Fault::Reset),
    ];
    world.sandbox.faults().set(FaultPlan { rules: rules.to_vec(), ..slowly });
    run.succeeds(LIMIT).await?;
    let totals = world.sandbox.ledger().totals();
    ensure!(totals.faulted_calls > totals.calls / 8, "too few failures: {totals:?}");
    // All bad luck is taken in place: nothing goes round a retry topic, and order holds.
    ensure!(world.kafka.read_all(&world.own_topic("retry.30s")).await?.is_empty());
    ensure!(world.dead_letters().await?.len() as u64 == load.expectation().counts().dead_letters());
    world.judge(&load).is_exactly_once_in_order()
}

pub(crate) async fn credentials(world: &mut World) -> Result<()> {
    // What is settled without a call would rightly be committed past.
    let mut load = Load::new(FleetPlan::all_called_for(100));
    world.introduce(&load).await?;
    let mut bindings = world.emberline(&["run", "--workers", "bindings", "--exit-at-end"]).await?;
    bindings.succeeds(LIMIT).await?;

    let refusals = [Fault::status(401), Fault::error("InvalidParameterValue", "Signature 无效")];
    for refusal in refusals {
        let before = world.sandbox.ledger().totals();
        let committed = world.committed("devices", &world.devices()).await?;
        world.sandbox.faults().set(FaultPlan::always(refusal));
        world.tell(load.records(1_000)).await?;
        let mut run = world.emberline(&["run"]).await?;
        world
            .wait_for("calls are stopped", async || {
                let page = run.metrics().await?;
                let devices = Sum::of(&page, "devices");
                let halted = devices.count("emberline_halted") == 1;
                ensure!(devices.outcome("delivered") == 0);
                Ok(halted.then_some(()))
            })
            .await?;
        let during = world.sandbox.ledger().totals();
        let calls = during.calls - before.calls;
        // Those that were under way when the first was refused, and a probe.
        ensure!(calls <= 64 + 4, "{calls} calls with refused credentials");
        ensure!(during.reports_accepted == before.reports_accepted);
        ensure!(world.dead_letters().await?.is_empty(), "dead letters for our own mistake");
        let now = world.committed("devices", &world.devices()).await?;
        for (partition, (offset, _)) in &now {
            let was = committed.get(partition).map_or(0, |(offset, _)| *offset);
            ensure!(*offset <= was, "partition {partition} committed from {was} to {offset}");
        }

        world.sandbox.faults().clear();
        world.accepted(load.expectation().counts().reports).await?;
        run.signal(Signal::Terminate)?;
        run.succeeds(LIMIT).await?;
    }
    world.tell(load.rest()).await?;
    world.run_to_end().await?;
    ensure!(world.dead_letters().await?.is_empty());
    world.judge(&load).is_exactly_once_in_order()
}

/// A secret that is changed in its file: no restart.
pub(crate) async fn rotated_secret(world: &mut World) -> Result<()> {
    let mut load = Load::new(FleetPlan { devices: 20, unbound: 0.0, ..FleetPlan::default() });
    world.introduce(&load).await?;
    let secret = world.write("app-secret", "the old one")?;
    world.unset("service.app_secret");
    world.set("service.app_secret_file", &format!("{:?}", secret.display().to_string()));
    world.set("service.probe_interval", r#""1s""#);
    world.tell(load.records(200)).await?;
    let mut run = world.emberline(&["run"]).await?;
    world
        .wait_for("calls are stopped", async || {
            let page = run.metrics().await?;
            Ok((Sum::of(&page, "bindings").count("emberline_halted") == 1).then_some(()))
        })
        .await?;
    ensure!(world.sandbox.ledger().totals().bind_calls == 0);
    world.write("app-secret", World::APP_SECRET)?;
    world.accepted(load.expectation().counts().reports).await?;
    run.signal(Signal::Terminate)?;
    run.succeeds(LIMIT).await?;
    world.tell(load.rest()).await?;
    world.run_to_end().await?;
    world.judge(&load).is_exactly_once_in_order()
}

pub(crate) async fn one_refused_report(world: &mut World) -> Result<()> {
    const REPORTS: i64 = 100;
    const GUILTY: i64 = BEGINNING + 37;
    world.create_customer("c_1")?;
    world.kafka.produce(&world.bindings(), &[bind("c_1", "dev", BEGINNING)]).await?;
    let records: Vec<_> =
        (0..REPORTS).map(|number| power("dev", BEGINNING + number, 1.5)).collect();
    world.kafka.produce(&world.devices(), &records).await?;
    let refusal = Fault::error("InvalidParameterValue", "DataInfo is invalid");
    world
        .sandbox
        .faults()
        .add(FaultRule { report_time: Some(GUILTY), ..FaultRule::always(refusal) });
    world.run_to_end().await?;

    let reports = world.sandbox.ledger().reports_of(&id("dev"));
    let times: Vec<i64> = reports.iter().map(|report| report.report_time).collect();
    let innocent: Vec<i64> =
        (BEGINNING..BEGINNING + REPORTS).filter(|time| *time != GUILTY).collect();
    ensure!(times == innocent, "{times:?}");
    let totals = world.sandbox.ledger().totals();
    let calls = totals.by_action.get(Action::ReportDeviceData.name());
    let calls = calls.context("no calls")?;
    // The batch, halves down to the guilty one, the rest of each half.
    let made = calls.accepted + calls.faulted;
    ensure!(made <= 20, "{made} calls to find one of {REPORTS}");

    let letters = world.dead_letters().await?;
    ensure!(letters.len() == 1, "{} dead letters", letters.len());
    let header = |name: &str| letters[0].header(&format!("emberline-dlq-{name}"));
    ensure!(header("reason") == Some("refused"), "{:?}", letters[0].headers);
    ensure!(header("error-code") == Some("InvalidParameterValue"));
    ensure!(header("part") == Some("power"));
    ensure!(header("request-id").is_some());
    ensure!(letters[0].value == records[37].value);
    Ok(())
}
