//! A service that leaves calls without an answer for longer than a consumer may be idle.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use emberline_fleet::FleetPlan;
use emberline_sandbox::FaultPlan;
use emberline_testkit::{Load, World};

use crate::replicas::Replicas;
use crate::scale::Scale;

const IN_FLIGHT: usize = 16;
const GROUPS: [&str; 3] = ["bindings", "devices", "retries"];
/// What a process logs when partitions have come, and when others may own them already.
const ASSIGNED: &str = "partitions assigned";
const LOST: &str = "partitions lost";
/// What librdkafka logs of a consumer that was not polled in time.
const NOT_POLLED: &str = "MAXPOLL";

/// One replica is patient: its calls hang all the while. The other gives up each of its own
/// sooner, and calls less and less. Neither may leave its group.
pub(crate) async fn hanging_calls(world: &mut World, scale: Scale) -> Result<()> {
    let hang = scale.of(Duration::from_secs(15), Duration::from_mins(1));
    let mut load = Load::new(FleetPlan { devices: 200, unbound: 0.0, ..FleetPlan::default() });
    world.introduce(&load).await?;
    // More than is delivered before the calls hang, on a machine with other work too.
    world.tell(load.records(15_000)).await?;
    world.set(
        "kafka.properties",
        r#"{ "session.timeout.ms" = "6000", "max.poll.interval.ms" = "10000" }"#,
    );
    world.set("shutdown.drain", "\"5s\"");
    world.set("batch.max_reports", "5");
    world.set("limits.in_flight", &IN_FLIGHT.to_string());
    // What is read stays below what there is: the room is used up while calls hang.
    world.set("limits.records", "500");
    // No report goes by the retry topics, where it would lose its place in the order.
    world.set("retry.in_place", "100");
    world.set("retry.budget", "\"1000%\"");
    let slowly = FaultPlan { latency: Duration::from_millis(50), ..FaultPlan::default() };
    world.sandbox.faults().set(slowly.clone());

    let patience = format!("\"{}s\"", 2 * hang.as_secs());
    world.set("service.timeout", &patience);
    world.set("service.read_timeout", &patience);
    let mut replicas = Replicas::start(world, 1).await?;
    have_settled_down(world, &mut replicas).await?;
    world.set("service.timeout", "\"5s\"");
    world.set("service.read_timeout", "\"5s\"");
    replicas.add(world, 1).await?;
    have_settled_down(world, &mut replicas).await?;
    replicas.are_calling(world).await?;
    let before = membership(world, &replicas).await?;

    world.sandbox.faults().set(FaultPlan { latency: hang, ..FaultPlan::default() });
    all_hang(world, &mut replicas).await?;
    let hang_at_once = world.sandbox.ledger().totals().calls_under_way();
    ensure!(hang_at_once >= IN_FLIGHT as u64, "only {hang_at_once} calls hang");
    let accepted = || world.sandbox.ledger().totals().accepted_calls;
    let accepted_before = accepted();
    let answered = async || Ok((accepted() > accepted_before).then_some(()));
    world.wait_for("a call that hung is answered", answered).await?;
    world.sandbox.faults().set(slowly);

    world.tell(load.records(500)).await?;
    world.tell(load.rest()).await?;
    world.accepted(load.expectation().counts().reports).await?;
    world.settled("devices", &world.devices()).await?;
    let after = membership(world, &replicas).await?;
    ensure!(before == after, "members or partitions moved: {before:?} became {after:?}");
    ensure!(replicas.told(LOST) == 0 && replicas.told(NOT_POLLED) == 0, "a member was evicted");
    replicas.stop_all().await?;
    world.judge(&load).is_exactly_once_in_order()
}

/// Waits until the replica that came last, to others at rest, has its partitions of every
/// group: they come to it in the last rebalance. Of two that come at once either may be the
/// first of a group, and its partitions are no sign.
async fn have_settled_down(world: &World, replicas: &mut Replicas) -> Result<()> {
    let [.., last] = replicas.running() else { bail!("there are no replicas") };
    last.ready().await?;
    let assigned = || last.log().matches(ASSIGNED).count() >= GROUPS.len();
    world.wait_for("groups are at rest", async || Ok(assigned().then_some(()))).await
}

/// Waits until every slot for a call of the patient one is used, and the other has given up
/// some calls.
async fn all_hang(world: &World, replicas: &mut Replicas) -> Result<()> {
    let [patient, other] = replicas.running() else { bail!("there are two replicas") };
    world
        .wait_for("all calls hang", async || {
            let in_flight = patient.metrics().await?.count("emberline_calls_in_flight", DEVICES);
            let failed = other.metrics().await?.count("emberline_calls_total", GIVEN_UP);
            Ok((in_flight == IN_FLIGHT as u64 && failed > 0).then_some(()))
        })
        .await
}

const DEVICES: &[(&str, &str)] = &[("worker", "devices")];
const GIVEN_UP: &[(&str, &str)] = &[("worker", "devices"), ("outcome", "transient")];

/// The generation of each group, and how often partitions have come to a process.
async fn membership(
    world: &World,
    replicas: &Replicas,
) -> Result<(BTreeMap<&'static str, i32>, usize)> {
    let mut generations = BTreeMap::new();
    for worker in GROUPS {
        let generation = world.kafka.generation_of(&world.group(worker)).await?;
        generations.insert(worker, generation);
    }
    Ok((generations, replicas.told(ASSIGNED)))
}
