//! Replicas that come and go in good order while the devices go on talking.

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use anyhow::Result;
use emberline_fleet::FleetPlan;
use emberline_sandbox::FaultPlan;
use emberline_testkit::{Load, World};

use crate::feed::while_devices_talk;
use crate::replicas::Replicas;
use crate::roles::{Role, introduce};
use crate::scale::Scale;
use crate::story::MANY_PARTITIONS;

/// A call takes two of these.
const HALF_A_CALL: Duration = Duration::from_secs(1);
/// More than one replica delivers at this batch size with so slow a service, less than three.
const RECORDS_A_SECOND: usize = 100;

pub(crate) async fn up_and_down(world: &mut World, scale: Scale) -> Result<()> {
    scale_up_and_down(world, scale.of(2, 10), 0).await
}

/// More waits in memory than can be delivered while partitions go.
pub(crate) async fn with_a_backlog(world: &mut World, scale: Scale) -> Result<()> {
    scale_up_and_down(world, scale.of(1, 3), scale.of(15_000, 40_000)).await
}

/// Many partitions, and a dozen replicas that come and go: each time all have their part.
pub(crate) async fn large_group(world: &mut World, scale: Scale) -> Result<()> {
    grow_and_shrink(world, scale.of(4, 12), Role::All).await
}

/// The same where each replica has the bindings of its own partitions.
pub(crate) async fn large_group_with_its_bindings(world: &mut World, scale: Scale) -> Result<()> {
    grow_and_shrink(world, scale.of(4, 6), Role::Devices).await
}

async fn grow_and_shrink(world: &mut World, most: usize, role: Role) -> Result<()> {
    let load = Load::new(FleetPlan { devices: 400, unbound: 0.0, ..FleetPlan::default() });
    let beside = introduce(world, &load, role).await?;
    world.sandbox.faults().set(FaultPlan { latency: HALF_A_CALL, ..FaultPlan::default() });
    let world = &*world;
    let scaling = async {
        let mut replicas = Replicas::with(role);
        for size in [most / 2, most, most / 4, most] {
            let began = Instant::now();
            let count = replicas.running().len();
            if count < size {
                replicas.add(world, size - count).await?;
            } else {
                replicas.stop_idle(0..count - size).await?;
            }
            replicas.share(world, usize::try_from(MANY_PARTITIONS)?).await?;
            tell(&format!("{count} to {size} replicas: even after {:.1?}", began.elapsed()));
        }
        Ok(replicas)
    };
    under_load(world, (load, role.topic(world)), scaling).await?;
    if let Some(beside) = beside {
        beside.end_with_nothing_waiting(world).await?;
    }
    Ok(())
}

/// What nothing depends on, for who reads along.
fn tell(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

async fn scale_up_and_down(world: &mut World, rounds: usize, backlog: usize) -> Result<()> {
    let mut load = Load::new(FleetPlan { devices: 40, unbound: 0.0, ..FleetPlan::default() });
    world.introduce(&load).await?;
    world.set("batch.max_reports", "20");
    world.set("limits.in_flight", "32");
    world.sandbox.faults().set(FaultPlan {
        latency: HALF_A_CALL,
        answer_latency: HALF_A_CALL,
        ..FaultPlan::default()
    });

    world.tell(load.records(backlog)).await?;
    let world = &*world;
    let scaling = async {
        let mut replicas = Replicas::start(world, 1).await?;
        for round in 0..rounds {
            replicas.add(world, 2).await?;
            replicas.are_calling(world).await?;
            // The one that was there before stays, or one of those that came.
            let leaving = if round % 2 == 0 { 0..2 } else { 1..3 };
            replicas.stop(world, leaving).await?;
            replicas.are_calling(world).await?;
        }
        Ok(replicas)
    };
    under_load(world, (load, world.devices()), scaling).await
}

/// The devices talk while the group changes; all that they say arrives once, in order, out of
/// this topic.
async fn under_load(
    world: &World,
    (mut load, topic): (Load, String),
    scaling: impl Future<Output = Result<Replicas>>,
) -> Result<()> {
    let replicas = while_devices_talk(world, &mut load, RECORDS_A_SECOND, scaling).await?;
    world.tell(load.rest()).await?;

    world.accepted(load.expectation().counts().reports).await?;
    world.settled("devices", &topic).await?;
    replicas.stop_all().await?;
    world.judge(&load).is_exactly_once_in_order()
}
