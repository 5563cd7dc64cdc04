//! Brokers that go: killed as a leader, killed as the group's coordinator, restarted in turn.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use emberline_testkit::World;
use emberline_testkit::kafka::TestKafka;

use crate::feed::{calls_take_two, one_report_a_message, while_devices_talk};
use crate::progress::resumes;
use crate::replicas::Replicas;
use crate::scale::Scale;

const REPLICAS: usize = 2;
const NODES: usize = 3;
const IN_FLIGHT: usize = 16;
const MOST_REPORTS: usize = 10;
/// A call takes two of these.
const HALF_A_CALL: Duration = Duration::from_millis(250);
/// Less than the replicas can deliver, so that what a fault leaves behind is caught up with.
const RECORDS_A_SECOND: usize = 200;
/// Longest that a node may be away until every partition's records are delivered again.
const RESUME_LIMIT: Duration = Duration::from_secs(30);
/// What a process logs when others may own its partitions already.
const LOST: &str = "partitions lost";
/// What librdkafka logs of a broker that has gone.
const NOTICED: &str = "Disconnected";

/// Where nobody loses a partition nothing is repeated. A coordinator that is away for longer
/// than the members' sessions last costs them their partitions: what was delivered since the
/// last commit comes again.
pub(crate) async fn one_away_after_another(world: &mut World, scale: Scale) -> Result<()> {
    let mut load = one_report_a_message(world).await?;
    // The session as it is by itself, not as short as other stories have it: a node is missed
    // by its peers after 9 s.
    world.unset("kafka.properties");
    world.set("batch.max_reports", &MOST_REPORTS.to_string());
    world.set("limits.in_flight", &IN_FLIGHT.to_string());
    calls_take_two(world, HALF_A_CALL);

    let world = &*world;
    let outages = async {
        let mut outages = Outages::begin(world).await?;
        for _ in 0..scale.of(1, 4) {
            let leader = outages.leader().await?;
            outages.kill("a leader", leader).await?;
            let coordinator = outages.coordinator().await?;
            outages.kill("the coordinator", coordinator).await?;
            for node in 1..=scale.of(1, NODES) {
                outages.restart(node).await?;
            }
        }
        Ok(outages)
    };
    let outages = while_devices_talk(world, &mut load, RECORDS_A_SECOND, outages).await?;
    world.tell(load.rest()).await?;

    world.accepted(load.expectation().counts().reports).await?;
    world.settled("devices", &world.devices()).await?;
    let Outages { replicas, excused, told, .. } = outages;
    replicas.stop_all().await?;
    let verdict = world.judge(&load);
    verdict.is_at_least_once_in_order()?;
    let repeated = verdict.twice.len() as u64;
    ensure!(repeated <= excused, "{repeated} repeated, at most {excused} may be; {told:?}");
    Ok(())
}

/// The replicas, and what the outages so far did to them.
struct Outages<'a> {
    world: &'a World,
    replicas: Replicas,
    /// Reports that lost partitions explain the repetition of.
    excused: u64,
    /// How long each outage lasted, for the account.
    told: Vec<String>,
}

impl<'a> Outages<'a> {
    async fn begin(world: &'a World) -> Result<Self> {
        let replicas = Replicas::start(world, REPLICAS).await?;
        let mut outages = Self { world, replicas, excused: 0, told: Vec::new() };
        outages.replicas.are_calling(world).await?;
        Ok(outages)
    }

    /// A node that leads some of the devices' partitions and does not coordinate their group.
    async fn leader(&self) -> Result<usize> {
        let coordinator = self.coordinator().await?;
        let leaders = self.leaders().await?;
        let leader = leaders.into_iter().find(|leader| *leader != coordinator);
        leader.context("the coordinator leads everything")
    }

    /// Whether a node leads some of the devices' partitions or coordinates their group.
    async fn needs(&self, node: usize) -> Result<bool> {
        Ok(self.coordinator().await? == node || self.leaders().await?.contains(&node))
    }

    async fn coordinator(&self) -> Result<usize> {
        self.world.kafka.coordinator_of(&self.world.group("devices")).await
    }

    /// The leader of each of the devices' partitions.
    async fn leaders(&self) -> Result<Vec<usize>> {
        let (kafka, topic) = (&self.world.kafka, self.world.devices());
        let mut leaders = Vec::new();
        for partition in kafka.ends(&topic).await?.into_keys() {
            leaders.push(kafka.leader_of(&topic, partition).await?);
        }
        Ok(leaders)
    }

    async fn kill(&mut self, what: &str, node: usize) -> Result<()> {
        self.outage(what, node, async |kafka| kafka.kill_node(node)).await?;
        self.back(node).await
    }

    async fn restart(&mut self, node: usize) -> Result<()> {
        self.outage("one of all", node, async |kafka| kafka.stop_node(node).await).await?;
        self.back(node).await
    }
}

impl Outages<'_> {
    /// Sends a node away while all replicas have calls in flight, and waits until records that
    /// were written since are delivered and committed, of every partition.
    async fn outage(
        &mut self,
        what: &str,
        node: usize,
        send_away: impl AsyncFnOnce(&TestKafka) -> Result<()>,
    ) -> Result<()> {
        // Clients have no connection to a node that came back and leads nothing yet.
        let needed = self.needs(node).await?;
        let Self { world, replicas, .. } = self;
        replicas.are_calling(world).await?;
        let accepted = || world.sandbox.ledger().totals().reports_accepted;
        let (before, lost_before) = (accepted(), replicas.told(LOST));
        let noticed_before = replicas.told(NOTICED);
        send_away(&world.kafka).await?;
        let away = Instant::now();
        resumes(world, RESUME_LIMIT).await.with_context(|| format!("{what} was away"))?;
        let noticed = replicas.told(NOTICED) > noticed_before;
        ensure!(noticed || !needed, "nobody has noticed that {what} was away");
        let lost = replicas.told(LOST) - lost_before;
        if lost > 0 {
            // All that was delivered while nothing could be committed, and calls in flight.
            self.excused += accepted() - before + (REPLICAS * IN_FLIGHT * MOST_REPORTS) as u64;
        }
        self.told.push(format!("{what}: {:.1?}, {lost} times lost", away.elapsed()));
        Ok(())
    }

    /// Starts a node again and waits until the next may go.
    async fn back(&self, node: usize) -> Result<()> {
        self.world.kafka.restart_node(node)?;
        self.world.kafka.wait_until_up().await?;
        self.world.kafka.wait_until_in_sync().await
    }
}
