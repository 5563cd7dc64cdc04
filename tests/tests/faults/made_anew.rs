//! The topic of the own partitions' bindings, deleted and made anew.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use emberline_fleet::FleetPlan;
use emberline_testkit::{Load, World};

use crate::replicas::Replicas;
use crate::roles::{Role, divide};
use crate::scale::Scale;

/// Longest that it may take to make the topics.
const LIMIT: Duration = Duration::from_mins(1);

/// What was in it is not written by itself again. Nobody joins by what is left, which is nothing,
/// and it is told what to do; once that is done all is as before.
pub(crate) async fn table_of_bindings(world: &mut World, _: Scale) -> Result<()> {
    let mut load = Load::new(FleetPlan { devices: 60, unbound: 0.0, ..FleetPlan::default() });
    let mut beside = divide(world, &load).await?;
    let mut replicas = Replicas::with(Role::Devices);
    let world = &*world;
    replicas.add(world, 1).await?;
    world.tell(load.records(600)).await?;
    world.accepted(load.expectation().counts().reports).await?;
    replicas.stop_idle(0..1).await?;
    beside.repartition.stop_idle(0..1).await?;

    let (sets, facts) = (world.own_topic("customer-devices"), world.own_topic("device-customers"));
    world.kafka.delete_topic(&facts).await?;
    world.emberline(&["topics", "create"]).await?.succeeds(LIMIT).await?;
    let before = world.sandbox.ledger().totals().distinct_reports;
    world.tell(load.records(300)).await?;
    beside.repartition.add(world, 1).await?;
    replicas.add(world, 1).await?;
    world.settled("repartition", &world.devices()).await?;
    let group = world.group("repartition");
    let told = [
        format!("{facts} is empty, and was filled"),
        format!("kafka-consumer-groups.sh --group {group} --topic {sets} --reset-offsets"),
    ];
    world
        .wait_for("it is told what to do", async || {
            let (status, why) = replicas.running()[0].get("/readyz").await?;
            let all = told.iter().all(|told| why.contains(told));
            Ok((status == 503 && all).then_some(()))
        })
        .await?;
    let accepted = world.sandbox.ledger().totals().distinct_reports;
    ensure!(accepted == before, "{} were joined by nothing", accepted - before);

    // As it is told.
    beside.repartition.stop_idle(0..1).await?;
    let partitions = world.kafka.ends(&sets).await?.into_keys();
    let earliest: BTreeMap<i32, i64> = partitions.map(|partition| (partition, 0)).collect();
    world.kafka.commit(&group, &sets, &earliest).await?;
    beside.repartition.add(world, 1).await?;
    replicas.are_ready().await?;
    world.tell(load.rest()).await?;
    world.accepted(load.expectation().counts().reports).await?;
    world.settled("repartition", &world.devices()).await?;
    world.settled("devices", &world.own_topic("devices")).await?;
    replicas.stop_all().await?;
    beside.end_with_nothing_waiting(world).await?;
    world.judge(&load).is_exactly_once_in_order()
}
