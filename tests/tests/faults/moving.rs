//! Partitions that go away and come back, again and again, while calls are in flight.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use emberline_fleet::FleetPlan;
use emberline_testkit::{Emberline, Load, Signal, World};

use crate::feed::{calls_take_two, while_devices_talk};
use crate::progress::while_no_partition_stands_still;
use crate::replicas::{Replicas, partitions_of};
use crate::roles::{Role, introduce};
use crate::scale::Scale;

const IN_FLIGHT: usize = 16;
const MOST_REPORTS: usize = 10;
/// A call takes two of these.
const HALF_A_CALL: Duration = Duration::from_millis(250);
const RECORDS_A_SECOND: usize = 150;
/// Longest that a partition with a backlog may stand still.
const STANDSTILL: Duration = Duration::from_secs(15);
/// In every so manieth round the member is suspended for longer than its session lasts.
const SUSPENDED_EVERY: usize = 3;
/// What a process logs when others may own its partitions already.
const LOST: &str = "partitions lost";

/// In each round a second member comes and goes in good order: the first one loses half of the
/// partitions, and regains them. In some rounds the first one is suspended meanwhile, so that
/// it loses them without a word: what it had in calls then comes again.
pub(crate) async fn lost_and_regained(world: &mut World, scale: Scale) -> Result<()> {
    lose_and_regain(world, scale, Role::All).await
}

/// The same where the bindings of a partition come and go with it.
pub(crate) async fn with_their_bindings(world: &mut World, scale: Scale) -> Result<()> {
    lose_and_regain(world, scale, Role::Devices).await
}

async fn lose_and_regain(world: &mut World, scale: Scale, role: Role) -> Result<()> {
    let mut load = Load::new(FleetPlan {
        // So few that a call for the same device would be noticed.
        devices: 16,
        unbound: 0.0,
        most_properties: 1,
        ..FleetPlan::default()
    });
    let beside = introduce(world, &load, role).await?;
    world.set("batch.max_reports", &MOST_REPORTS.to_string());
    world.set("limits.in_flight", &IN_FLIGHT.to_string());
    calls_take_two(world, HALF_A_CALL);

    let world = &*world;
    let topic = role.topic(world);
    let rounds = scale.of(8_usize, 200).div_ceil(ALL / 2);
    let moves = async {
        let mut replicas = Replicas::with(role);
        replicas.add(world, 1).await?;
        let mut suspended = 0;
        for round in 1..=rounds {
            replicas.are_calling(world).await?;
            replicas.add(world, 1).await?;
            share(world, &topic, &mut replicas).await?;
            if round % SUSPENDED_EVERY == 0 {
                suspend(world, &topic, &mut replicas).await?;
                suspended += 1;
            }
            replicas.stop(world, 1..2).await?;
            owns(world, &topic, &mut replicas.running()[0], ALL).await?;
        }
        Ok((replicas, suspended))
    };
    let watched = while_no_partition_stands_still(world, (topic.as_str(), STANDSTILL), moves);
    let told = while_devices_talk(world, &mut load, RECORDS_A_SECOND, watched).await?;
    let ((replicas, suspended), longest) = told;
    world.tell(load.rest()).await?;

    world.accepted(load.expectation().counts().reports).await?;
    world.settled("devices", &topic).await?;
    replicas.stop_all().await?;
    if let Some(beside) = beside {
        beside.end_with_nothing_waiting(world).await?;
    }
    let verdict = world.judge(&load);
    verdict.is_at_least_once_in_order()?;
    let totals = &verdict.totals;
    ensure!((totals.overlapping_calls, totals.order_inversions) == (0, 0), "{totals:?}");
    // Most that was under way when the member was suspended.
    let (repeated, most) = (verdict.twice.len(), suspended * IN_FLIGHT * MOST_REPORTS);
    ensure!(repeated <= most, "{repeated} repeated, at most {most} may be; {longest:?}");
    Ok(())
}

/// Suspends the first member while it has calls in flight, for longer than its session
/// lasts, and resumes it once the other calls for all partitions.
async fn suspend(world: &World, topic: &str, replicas: &mut Replicas) -> Result<()> {
    replicas.is_calling(world, 0).await?;
    let [first, second] = replicas.running() else { bail!("there are two members") };
    let lost = first.log().matches(LOST).count();
    first.signal(Signal::Suspend)?;
    owns(world, topic, second, ALL).await?;
    first.signal(Signal::Resume)?;
    let noticed = async || Ok((first.log().matches(LOST).count() > lost).then_some(()));
    world.wait_for("the member notices what it has lost", noticed).await?;
    share(world, topic, replicas).await
}

/// Waits until both have half of the partitions, and calls in flight.
async fn share(world: &World, topic: &str, replicas: &mut Replicas) -> Result<()> {
    for member in replicas.running() {
        owns(world, topic, member, ALL / 2).await?;
    }
    replicas.are_calling(world).await
}

/// The partitions of the topic that the devices workers read.
const ALL: usize = 6;

/// Waits until a member owns so many of them.
async fn owns(world: &World, topic: &str, member: &mut Emberline, partitions: usize) -> Result<()> {
    let owned = async || Ok((partitions_of(topic, member).await? == partitions).then_some(()));
    world.wait_for("partitions have come or gone", owned).await
}
