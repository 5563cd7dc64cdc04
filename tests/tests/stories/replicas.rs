//! Two processes of one group, and partitions that move between them under load.

use std::time::Duration;

use anyhow::Result;
use emberline_fleet::FleetPlan;
use emberline_sandbox::FaultPlan;
use emberline_testkit::{Emberline, Load, Signal, World};

use crate::story::LIMIT;
use crate::sum::Sum;

pub(crate) async fn two_replicas(world: &mut World) -> Result<()> {
    hand_over(world).await
}

/// The group protocol of KIP-848, where the brokers decide who has which partition.
pub(crate) async fn with_the_brokers_protocol(world: &mut World) -> Result<()> {
    world.set("kafka.properties", r#"{ "group.protocol" = "consumer" }"#);
    hand_over(world).await
}

async fn hand_over(world: &mut World) -> Result<()> {
    let mut load = Load::new(FleetPlan { devices: 200, unbound: 0.0, ..FleetPlan::default() });
    world.introduce(&load).await?;
    world.set("batch.max_reports", "10");
    world.set("limits.in_flight", "16");
    let slowly = FaultPlan { latency: Duration::from_millis(20), ..FaultPlan::default() };
    world.sandbox.faults().set(slowly);

    let mut first = world.emberline(&["run"]).await?;
    world.tell(load.records(1_000)).await?;
    until_it_delivers(world, &mut load, &mut first).await?;
    let mut second = world.emberline(&["run"]).await?;
    until_it_delivers(world, &mut load, &mut second).await?;
    first.signal(Signal::Terminate)?;
    world.tell(load.records(1_000)).await?;
    first.succeeds(LIMIT).await?;
    world.tell(load.rest()).await?;

    world.accepted(load.expectation().counts().reports).await?;
    world.settled("devices", &world.devices()).await?;
    second.signal(Signal::Terminate)?;
    second.succeeds(LIMIT).await?;
    world.judge(&load).is_exactly_once_in_order()
}

/// Keeps the devices talking until this process has delivered some of it.
async fn until_it_delivers(world: &World, load: &mut Load, run: &mut Emberline) -> Result<()> {
    world
        .wait_for("a replica delivers", async || {
            world.tell(load.records(50)).await?;
            let page = run.metrics().await?;
            Ok((Sum::of(&page, "devices").outcome("delivered") > 100).then_some(()))
        })
        .await
}
