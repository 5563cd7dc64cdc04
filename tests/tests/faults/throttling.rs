//! A service that asks to slow down, and says for how long.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use emberline_fleet::FleetPlan;
use emberline_sandbox::{Action, Fault, FaultPlan, FaultRule};
use emberline_testkit::{Load, World};

use crate::feed::while_devices_talk;
use crate::rate::{no_part_for_replays, shared_out};
use crate::replicas::Replicas;
use crate::scale::Scale;
use crate::watch::for_a_while;

const REPLICAS: usize = 2;
/// How long a call takes.
const CALL: Duration = Duration::from_millis(300);
/// Calls a second of both replicas together.
const RATE: u32 = 100;
const RECORDS_A_SECOND: usize = 160;
/// The longest wait that is tried, in seconds, before the machine counts as too slow for this.
const LONGEST: u64 = 120;
/// How long it is looked on after a wait.
const AFTERWARDS: Duration = Duration::from_secs(3);

pub(crate) async fn asked_to_wait(world: &mut World, scale: Scale) -> Result<()> {
    let mut load =
        Load::new(FleetPlan { devices: 60, states: 0.3, unbound: 0.0, ..FleetPlan::default() });
    world.introduce(&load).await?;
    world.set("limits.rate", &format!("\"{RATE}/s\""));
    no_part_for_replays(world);
    world.set("batch.max_reports", "20");
    world.set("shutdown.drain", r#""5s""#);
    calls_take_their_time(world, None);
    let mut replicas = Replicas::start(world, REPLICAS).await?;

    let world = &*world;
    let waits = async {
        let mut least = RATE;
        for told in [Fault::slow_down, Fault::slow_down_until] {
            let mut seconds = scale.of(4, 20);
            loop {
                shared_out(world, &mut replicas, f64::from(least)).await?;
                replicas.are_calling(world).await?;
                // From the second time on the rate is still on its way up again.
                least = RATE / 2;
                match wait_as_told(world, &mut replicas, told, seconds).await? {
                    Wait::Seen => break,
                    Wait::TooShort(took) => {
                        seconds *= 2;
                        ensure!(seconds <= LONGEST, "it took {took:?} until all were told");
                    }
                }
            }
        }
        Ok(())
    };
    while_devices_talk(world, &mut load, RECORDS_A_SECOND, waits).await?;
    world.tell(load.rest()).await?;

    world.accepted(load.expectation().counts().reports).await?;
    world.settled("devices", &world.devices()).await?;
    let arrivals = world.sandbox.ledger().arrivals();
    let most = arrivals.most_in_any_second();
    ensure!(arrivals.forgotten == 0 && most <= RATE as usize, "{most} calls within a second");
    replicas.stop_all().await?;
    world.judge(&load).is_exactly_once_in_order()
}

fn calls_take_their_time(world: &World, told: Option<Fault>) {
    let rule = |told| FaultPlan::from(FaultRule::always(told).of(Action::ReportDeviceData));
    let plan = told.map(rule).unwrap_or_default();
    world.sandbox.faults().set(FaultPlan { latency: CALL, ..plan });
}

/// What came of telling the replicas to wait.
enum Wait {
    /// They waited, while nobody told them any more.
    Seen,
    /// It was half over when the last of them was told, after so long: there was too little to
    /// look at.
    TooShort(Duration),
}

/// Each replica is told to wait with its data, and does; states go on meanwhile.
async fn wait_as_told(
    world: &World,
    replicas: &mut Replicas,
    told: fn(u64) -> Fault,
    seconds: u64,
) -> Result<Wait> {
    let wait = Duration::from_secs(seconds);
    let faulted = world.sandbox.ledger().totals().faulted_calls;
    let before = throttled(replicas).await?;
    let began = Instant::now();
    calls_take_their_time(world, Some(told(seconds)));
    world
        .wait_for("every replica is told", async || {
            let now = throttled(replicas).await?;
            Ok(now.iter().zip(&before).all(|(now, before)| now > before).then_some(()))
        })
        .await?;
    let all_told = Instant::now();
    calls_take_their_time(world, None);
    // Nobody was told earlier than this.
    let over = began + CALL + wait;
    let calls_since = |since, action| {
        world.sandbox.ledger().arrivals().of(action).calls_between(since, Instant::now())
    };
    let data = Action::ReportDeviceData;
    world
        .wait_for("data goes on", async || Ok((calls_since(over, data) > 0).then_some(())))
        .await?;
    let hit = world.sandbox.ledger().totals().faulted_calls - faulted;
    ensure!(hit > 2 * REPLICAS as u64, "only {hit} calls were told");
    for_a_while(AFTERWARDS, AFTERWARDS * 2, async || Ok(())).await?;
    if all_told + wait / 2 > over {
        return Ok(Wait::TooShort(all_told - began));
    }
    // A call that left before the answer came may still be on its way.
    let quiet = all_told + wait / 8;
    let arrivals = world.sandbox.ledger().arrivals();
    let early = arrivals.clone().of(data).calls_between(quiet, over);
    ensure!(early == 0, "{early} calls in the time that was asked for");
    let states = arrivals.of(Action::ReportDeviceState).calls_between(quiet, over);
    ensure!(states > 4, "only {states} states in the time in which data waits");
    Ok(Wait::Seen)
}

/// How many calls of each replica were told to slow down.
async fn throttled(replicas: &mut Replicas) -> Result<Vec<u64>> {
    let mut throttled = Vec::new();
    for replica in replicas.running() {
        let page = replica.metrics().await?;
        throttled.push(page.count("emberline_calls_total", &[("outcome", "throttled")]));
    }
    Ok(throttled)
}
