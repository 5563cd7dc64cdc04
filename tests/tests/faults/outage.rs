//! A service that is down for long, while records go on coming.

use std::time::Duration;

use anyhow::{Result, ensure};
use emberline_fleet::FleetPlan;
use emberline_sandbox::{Fault, FaultPlan};
use emberline_testkit::{Load, ProxyFaults, World};

use crate::replicas::Replicas;
use crate::scale::Scale;
use crate::watch::{for_a_while, nothing_is_set_aside};

const REPLICAS: usize = 2;
/// How long a call takes.
const CALL: Duration = Duration::from_millis(200);
/// Calls a second, and at once of one worker.
const RATE: usize = 400;
const IN_FLIGHT: u64 = 32;
/// Most memory of a replica, in bytes.
const MOST_MEMORY: u64 = 256 << 20;
/// How far memory may move while nothing goes out: what is read ahead takes its place.
const FLAT: u64 = 8 << 20;
/// Records written at once.
const PIECE: usize = 10_000;
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(crate) async fn service_down(world: &mut World, scale: Scale) -> Result<()> {
    let proxy = world.proxy_service().await?;
    let mut load = Load::new(FleetPlan {
        devices: scale.of(300, 2_000),
        unbound: 0.0,
        undecodable: 0.0,
        most_properties: 1,
        ..FleetPlan::default()
    });
    world.introduce(&load).await?;
    world.set("limits.rate", &format!("\"{RATE}/s\""));
    world.set("limits.in_flight", &IN_FLIGHT.to_string());
    world.set("shutdown.drain", r#""5s""#);
    let slowly = FaultPlan { latency: CALL, ..FaultPlan::default() };
    world.sandbox.faults().set(slowly.clone());
    let mut replicas = Replicas::start(world, REPLICAS).await?;
    world.tell(load.records(PIECE)).await?;
    replicas.are_calling(world).await?;

    let before = world.sandbox.ledger().totals();
    let down = FaultPlan::always(Fault::status(503));
    world.sandbox.faults().set(FaultPlan { latency: CALL, ..down });
    // Where little is called it takes long until it is known that the service is down.
    world.tell(load.records(PIECE)).await?;
    world
        .wait_for("every replica has stopped its calls", async || open(&mut replicas).await)
        .await?;
    let hit = world.sandbox.ledger().totals().faulted_calls - before.faulted_calls;
    ensure!(hit >= IN_FLIGHT, "only {hit} calls were in flight");
    for _ in 0..scale.of(100_000, 1_000_000) / PIECE {
        world.tell(load.records(PIECE)).await?;
    }
    world.tell(load.rest()).await?;

    let half = scale.of(Duration::from_secs(15), Duration::from_mins(5));
    let accepted = world.sandbox.ledger().totals().reports_accepted;
    let mut memory = Memory::default();
    for_a_while(LOOK_EVERY, half, async || memory.look(&mut replicas)).await?;
    // It answers no more, and then there is nobody to connect to.
    proxy.set(ProxyFaults { refuse: true, ..ProxyFaults::default() });
    proxy.cut_all();
    for_a_while(LOOK_EVERY, half, async || memory.look(&mut replicas)).await?;
    world
        .wait_for(
            "a connection is refused",
            async || Ok((proxy.counts().refused > 0).then_some(())),
        )
        .await?;
    memory.is_flat()?;
    ensure!(world.sandbox.ledger().totals().reports_accepted == accepted, "it was not down");
    nothing_is_set_aside(world).await?;

    world.sandbox.faults().set(slowly);
    proxy.heal();
    let reports = load.expectation().counts().reports;
    let mut most = 0;
    world
        .wait_for("all is delivered", async || {
            let totals = world.sandbox.ledger().totals();
            most = most.max(totals.calls_under_way());
            Ok((totals.distinct_reports >= reports).then_some(()))
        })
        .await?;
    ensure!(most <= IN_FLIGHT * REPLICAS as u64, "{most} calls at once");
    let arrivals = world.sandbox.ledger().arrivals();
    let in_a_second = arrivals.most_in_any_second();
    ensure!(arrivals.forgotten == 0 && in_a_second <= RATE, "{in_a_second} calls in a second");
    for replica in replicas.running() {
        let peak = replica.memory()?.peak;
        ensure!(peak <= MOST_MEMORY, "{} MiB at its height", peak >> 20);
    }
    world.settled("devices", &world.devices()).await?;
    nothing_is_set_aside(world).await?;
    replicas.stop_all().await?;
    world.judge(&load).is_exactly_once_in_order()
}

/// Something if every replica's calls are stopped.
async fn open(replicas: &mut Replicas) -> Result<Option<()>> {
    let labels = [("worker", "devices"), ("cause", "transport")];
    for replica in replicas.running() {
        if replica.metrics().await?.count("emberline_circuit_open", &labels) == 0 {
            return Ok(None);
        }
    }
    Ok(Some(()))
}

/// Least and most that each replica had, as far as was looked.
#[derive(Default)]
struct Memory {
    seen: Vec<(u64, u64)>,
}

impl Memory {
    fn look(&mut self, replicas: &mut Replicas) -> Result<()> {
        let replicas = replicas.running();
        self.seen.resize(replicas.len(), (u64::MAX, 0));
        for (replica, (least, most)) in replicas.iter_mut().zip(&mut self.seen) {
            let now = replica.memory()?.resident;
            (*least, *most) = ((*least).min(now), (*most).max(now));
        }
        Ok(())
    }

    fn is_flat(&self) -> Result<()> {
        for (least, most) in &self.seen {
            ensure!(most - least <= FLAT, "from {} to {} MiB", least >> 20, most >> 20);
        }
        Ok(())
    }
}
