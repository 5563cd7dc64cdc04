//! Connections to Kafka that are cut and slow.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use emberline_sandbox::FaultPlan;
use emberline_testkit::kafka::KafkaProxies;
use emberline_testkit::{ProxyFaults, World};
use tokio::time::{MissedTickBehavior, interval};

use crate::feed::{one_report_a_message, while_devices_talk};
use crate::progress::resumes;
use crate::replicas::Replicas;
use crate::scale::Scale;

const REPLICAS: usize = 2;
/// How long a call takes.
const LATENCY: Duration = Duration::from_millis(20);
const RECORDS_A_SECOND: usize = 150;
/// Longest that it may take after a fault until every partition's records are delivered.
const RESUME_LIMIT: Duration = Duration::from_secs(30);
/// How often all connections are cut: a client that is back after a second, at the latest,
/// renews its session between two cuts.
const CUT_EVERY: Duration = Duration::from_secs(3);
/// How late everything is, in either direction.
const LATE: Duration = Duration::from_millis(100);

/// Nothing is repeated unless partitions are lost.
pub(crate) async fn spoilt_connections(world: &mut World, scale: Scale) -> Result<()> {
    let mut load = one_report_a_message(world).await?;
    let proxies = world.proxy_kafka().await?;
    world.sandbox.faults().set(FaultPlan { latency: LATENCY, ..FaultPlan::default() });

    let world = &*world;
    let times = scale.of(4, 40);
    let spoilt = async {
        let mut replicas = Replicas::start(world, REPLICAS).await?;
        replicas.are_calling(world).await?;
        cut(&proxies, times).await;
        ensure!(proxies.counts().cut_amid > 0, "nothing was cut: {:?}", proxies.counts());
        resumes(world, RESUME_LIMIT).await.context("all connections cut at times")?;
        let late = ProxyFaults { latency: LATE, ..ProxyFaults::default() };
        proxies.set(&late);
        // Each is a round of being written, fetched, delivered and committed.
        for _ in 0..times {
            resumes(world, RESUME_LIMIT).await.context("latency")?;
        }
        ensure!(proxies.counts().slowed_bytes > 0, "nothing was late: {:?}", proxies.counts());
        let before = proxies.counts().cut_amid;
        let brief = Some(1..=50_000);
        proxies.set(&ProxyFaults { cut_there: brief.clone(), cut_back: brief, share: 0.5, ..late });
        let enough = async || Ok((proxies.counts().cut_amid >= before + times).then_some(()));
        world.wait_for("connections are cut amid bytes that are late", enough).await?;
        proxies.heal();
        resumes(world, RESUME_LIMIT).await.context("latency and cuts")?;
        Ok(replicas)
    };
    let replicas = while_devices_talk(world, &mut load, RECORDS_A_SECOND, spoilt).await?;
    world.tell(load.rest()).await?;

    world.accepted(load.expectation().counts().reports).await?;
    world.settled("devices", &world.devices()).await?;
    let lost = replicas.told("partitions lost");
    replicas.stop_all().await?;
    ensure!(lost == 0, "partitions were lost {lost} times");
    world.judge(&load).is_exactly_once_in_order()
}

/// Cuts all connections at once, so many times.
async fn cut(proxies: &KafkaProxies, times: u64) {
    let mut ticks = interval(CUT_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for _ in 0..times {
        ticks.tick().await;
        proxies.cut_all();
    }
}
