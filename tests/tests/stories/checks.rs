//! `emberline check` and `thing-model check` on a Kafka that has configurations and groups.

use anyhow::{Context, Result, ensure};
use emberline_fleet::FleetPlan;
use emberline_testkit::{Load, World};
use serde_json::Value;

/// Longest that a command may take.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(90);

pub(crate) async fn topics_and_lag(world: &mut World) -> Result<()> {
    for key in ["customers", "orders"] {
        let topic = format!("{}-{key}", world.devices());
        world.kafka.create_topic(&topic, 1, &[]).await?;
        world.set(&format!("topics.{key}"), &format!("[{topic:?}]"));
    }
    world.emberline(&["topics", "create"]).await?.succeeds(LIMIT).await?;
    let mut load = Load::new(FleetPlan { devices: 10, ..FleetPlan::default() });
    world.introduce(&load).await?;
    world.tell(load.records(200)).await?;

    let before = check(world, 0).await?;
    let devices = format!("group {}", world.group("devices"));
    let lag = detail(&before, &devices)?;
    ensure!(lag.starts_with("has committed nothing yet; "), "{lag}");
    world.run_to_end().await?;
    let after = check(world, 0).await?;
    let lag = detail(&after, &devices)?;
    ensure!(lag.starts_with("lag 0 over 4 partitions"), "{lag}");
    let table = detail(&after, &world.own_topic("customer-devices"))?;
    ensure!(table.contains("compact") && table.ends_with("readable"), "{table}");

    let letters = world.own_topic("dead-letters");
    world.kafka.configure_topic(&letters, "retention.ms", "60000").await?;
    let wrong = check(world, 1).await?;
    let step = step(&wrong, &letters)?;
    ensure!(step["state"] == "failed", "{step}");
    let advice = step["advice"].as_str().unwrap_or_default();
    ensure!(advice.contains("retention.ms="), "{step}");

    // The fleet sends every shape of the contract, and some that are broken on purpose: they
    // are counted, and the devices' group does not notice that they were looked at.
    let topic = world.devices();
    let mut sample =
        world.emberline(&["thing-model", "check", "--json", "--topic", &topic]).await?;
    sample.ended(LIMIT).await?;
    let sampled: Value = serde_json::from_str(&sample.output()).context("no JSON")?;
    let counts = &sampled["telemetry"]["counts"];
    ensure!(counts["telemetry"].as_u64() > Some(100), "{sampled}");
    let lag = check(world, 1).await?;
    ensure!(detail(&lag, &devices)?.starts_with("lag 0 over 4 partitions"), "{lag}");
    Ok(())
}

/// What a check of Kafka prints; it must end so.
pub(crate) async fn check(world: &World, code: i32) -> Result<Value> {
    let mut check = world.emberline(&["check", "--only", "kafka", "--json"]).await?;
    let ended = check.ended(LIMIT).await?;
    ensure!(ended == code, "ended with {ended}: {}{}", check.output(), check.log());
    serde_json::from_str(&check.output()).context("no JSON")
}

pub(crate) fn step<'a>(checked: &'a Value, name: &str) -> Result<&'a Value> {
    let mut steps = checked["steps"].as_array().context("no steps")?.iter();
    steps.find(|step| step["step"] == name).with_context(|| format!("no step {name}: {checked}"))
}

pub(crate) fn detail<'a>(checked: &'a Value, name: &str) -> Result<&'a str> {
    step(checked, name)?["detail"].as_str().context("no detail")
}
