//! Connections that are cut, slow, deaf or closed.

use std::time::Duration;

use anyhow::{Result, ensure};
use emberline_fleet::FleetPlan;
use emberline_testkit::{Load, Proxy, ProxyCounts, ProxyFaults, World};

use crate::replicas::Replicas;
use crate::scale::Scale;

/// A fault, and the figure that grows where it hits calls.
type Stage = (ProxyFaults, fn(&ProxyCounts) -> u64);

/// Ways to the service, one after the other. Answers are some 200 bytes, head included.
fn ways_to_fail() -> [Stage; 5] {
    let none = ProxyFaults::default;
    [
        (ProxyFaults { cut_back: Some(20..=400), ..none() }, |counts| counts.cut_amid),
        (ProxyFaults { cut_there: Some(100..=3_000), ..none() }, |counts| counts.cut_amid),
        (ProxyFaults { half_open: true, share: 0.5, ..none() }, |counts| counts.swallowed_bytes),
        (ProxyFaults { bytes_a_second_back: Some(1), share: 0.5, ..none() }, |counts| {
            counts.slowed_bytes
        }),
        (ProxyFaults { refuse: true, share: 0.7, ..none() }, |counts| counts.refused),
    ]
}

/// How much each stage has to hit, by its own figure, before the next one comes.
const HITS: u64 = 20;

pub(crate) async fn to_the_service(world: &mut World, scale: Scale) -> Result<()> {
    let mut load = Load::new(FleetPlan { devices: 100, unbound: 0.0, ..FleetPlan::default() });
    world.introduce(&load).await?;
    // All is tried in place, so that it stays in order.
    world.set("retry.in_place", "100");
    world.set("retry.backoff_cap", r#""1s""#);
    world.set("service.timeout", r#""2s""#);
    world.set("batch.max_reports", "10");
    let proxy = world.proxy_service().await?;
    let replicas = Replicas::start(world, 1).await?;

    for _ in 0..scale.of(1, 10) {
        for (faults, hits) in ways_to_fail() {
            world.tell(load.records(scale.of(500, 2_000))).await?;
            strike(world, &proxy, faults, hits).await?;
            proxy.heal();
        }
    }
    world.tell(load.rest()).await?;
    world.accepted(load.expectation().counts().reports).await?;
    world.settled("devices", &world.devices()).await?;
    replicas.stop_all().await?;
    world.judge(&load).is_at_least_once_in_order()
}

/// Puts faults in force, for the connections that are kept too, until they have hit enough.
async fn strike(
    world: &World,
    proxy: &Proxy,
    faults: ProxyFaults,
    hits: fn(&ProxyCounts) -> u64,
) -> Result<()> {
    let before = hits(&proxy.counts());
    proxy.set(faults.clone());
    // Those that are kept have no need to be made.
    if faults.refuse {
        proxy.cut_all();
    }
    let what = format!("{faults:?} hits");
    world.wait_for(&what, async || Ok((hits(&proxy.counts()) >= before + HITS).then_some(()))).await
}

pub(crate) async fn to_kafka(world: &mut World, scale: Scale) -> Result<()> {
    let mut load = Load::new(FleetPlan { devices: 100, unbound: 0.0, ..FleetPlan::default() });
    world.introduce(&load).await?;
    world.set("batch.max_reports", "10");
    let proxies = world.proxy_kafka().await?;
    let slowly = ProxyFaults { latency: Duration::from_millis(50), ..ProxyFaults::default() };
    proxies.set(&slowly);
    let mut replicas = Replicas::start(world, 2).await?;
    replicas.are_ready().await?;

    for _ in 0..scale.of(5, 50) {
        let before = world.sandbox.ledger().totals().distinct_reports;
        let cut = proxies.counts().cut_amid;
        world.tell(load.records(500)).await?;
        world.accepted(before + 100).await?;
        proxies.cut_all();
        let hit = async || Ok((proxies.counts().cut_amid > cut).then_some(()));
        world.wait_for("a cut hits what is asked of Kafka", hit).await?;
    }
    world.tell(load.rest()).await?;
    world.accepted(load.expectation().counts().reports).await?;
    world.settled("devices", &world.devices()).await?;
    replicas.stop_all().await?;
    ensure!(proxies.counts().slowed_bytes > 0, "nothing was slow: {:?}", proxies.counts());
    world.judge(&load).is_at_least_once_in_order()
}
