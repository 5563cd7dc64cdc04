//! A replay that is killed while the devices go on.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use emberline_fleet::FleetPlan;
use emberline_testkit::{Emberline, Load, Signal, World};
use serde_json::Value;

use crate::feed::while_devices_talk;
use crate::replicas::Replicas;
use crate::scale::Scale;

/// Records a second that the devices go on writing.
const LIVE: usize = 500;
const MOST_REPORTS: u64 = 20;
/// Longest that a replay may take.
const LIMIT: Duration = Duration::from_mins(30);

/// What a group has never read is replayed, and the replay is killed twice: nothing of it is
/// missing, and at most a batch of each partition is repeated at each kill.
pub(crate) async fn killed_twice(world: &mut World, scale: Scale) -> Result<()> {
    let records = scale.of(30_000, 1_000_000);
    let devices = scale.of(300, 2_000);
    let plan = FleetPlan { devices, unbound: 0.0, undecodable: 0.0, ..FleetPlan::default() };
    let mut load = Load::in_step(plan, scale.of(10_000, 20_000));
    world.introduce(&load).await?;
    for _ in 0..records / 10_000 {
        world.tell(load.records(10_000)).await?;
    }
    world.tell(load.rest()).await?;
    let topic = world.devices();
    world.kafka.commit(&world.group("devices"), &topic, &world.kafka.ends(&topic).await?).await?;
    let lost = load.expectation().counts().reports;
    let bounds: Vec<String> = world.kafka.ends(&topic).await?.into_iter().map(bound).collect();

    world.set("batch.max_reports", &MOST_REPORTS.to_string());
    world.set("limits.rate", "\"2000/s\"");
    world.set("limits.devices_part", "\"40%\"");
    world.set("limits.replay_part", "\"20%\"");
    let mut replicas = Replicas::start(world, 1).await?;
    replicas.are_ready().await?;
    let story = async {
        let mut arguments = vec!["replay", "--topic", &topic, "--name", "fill", "--yes", "--json"];
        arguments.extend(bounds.iter().flat_map(|bound| ["--to", bound]));
        let planned = dry_run(world, &arguments).await?;
        for kill in 1..=2 {
            let mut replay = world.emberline(&arguments).await?;
            is_so_far(world, &topic, kill, &mut replay).await?;
            replay.signal(Signal::Kill)?;
            replay.ended(Duration::from_secs(10)).await?;
        }
        let mut replay = world.emberline(&arguments).await?;
        replay.succeeds(LIMIT).await?;
        let report: Value = serde_json::from_str(&replay.output()).context("no report")?;
        ensure!(report["state"] == "done", "{report}");
        ensure!(report["report"]["failed"] == serde_json::json!({}), "{report}");
        let repeated = twice(world);
        ensure!(planned["reports"].as_u64() == Some(lost), "{lost} were lost: {planned}");
        Ok(repeated)
    };
    // The devices may not end before the replay does: so both are told at once.
    let repeated = while_devices_talk(world, &mut load, LIVE, story).await?;
    world.tell(load.rest()).await?;
    let reports = load.expectation().counts().reports;
    world.accepted(reports).await?;
    world.settled("devices", &topic).await?;
    replicas.stop_all().await?;
    world.judge(&load).is_at_least_once()?;
    let partitions = bounds.len() as u64;
    let most = 2 * partitions * MOST_REPORTS;
    ensure!(repeated <= most, "{repeated} were repeated, at most {most} may be");
    Ok(())
}

fn bound((partition, end): (i32, i64)) -> String {
    format!("{partition}:{end}")
}

async fn dry_run(world: &World, arguments: &[&str]) -> Result<Value> {
    let mut dry = world.emberline(&[arguments, &["--dry-run"]].concat()).await?;
    dry.succeeds(LIMIT).await?;
    let plan: Value = serde_json::from_str(&dry.output()).context("no plan")?;
    Ok(plan["plan"].clone())
}

/// Waits until so many thirds of it are settled.
async fn is_so_far(world: &World, topic: &str, thirds: i64, replay: &mut Emberline) -> Result<()> {
    let whole: i64 = world.committed("devices", topic).await?.values().map(|(end, _)| end).sum();
    world
        .wait_for("the replay is so far", async || {
            ensure!(replay.exit_code()?.is_none(), "it has ended: {}", replay.log());
            let settled = world.committed("replay-fill", topic).await?;
            let settled: i64 = settled.values().map(|(offset, _)| offset).sum();
            Ok((settled > whole * thirds / 3 - whole / 6).then_some(()))
        })
        .await
}

fn twice(world: &World) -> u64 {
    world.sandbox.ledger().totals().sent_twice
}
