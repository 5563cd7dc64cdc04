//! Workers that are gone without a word, again and again.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Result, ensure};
use emberline_fleet::FleetPlan;
use emberline_testkit::{Load, World};

use crate::feed::calls_take_two;
use crate::replicas::Replicas;
use crate::scale::Scale;

const REPLICAS: usize = 3;
/// Decides who is killed.
const SEED: u64 = 7;
/// Half a call: before it is carried out, and before its answer comes. Both are longer than
/// it takes to commit what has ended, which is done five times a second.
const HALF_A_CALL: Duration = Duration::from_millis(500);

/// How many are killed, of how much load, and what each may have in flight.
struct Plan {
    kills: usize,
    records: usize,
    in_flight: usize,
    most_reports: usize,
    fleet: FleetPlan,
}

impl Plan {
    fn new(scale: Scale) -> Self {
        let (kills, records) = scale.of((4, 20_000), (20, 200_000));
        let (in_flight, most_reports) = scale.of((32, 10), (32, 20));
        let devices = scale.of(100, 500);
        let fleet = FleetPlan { devices, unbound: 0.0, ..FleetPlan::default() };
        Self { kills, records, in_flight, most_reports, fleet }
    }

    /// At most the calls in flight of the killed are repeated: `limits.in_flight` calls of
    /// `batch.max_reports` reports for each kill. A slot for a call has either one that was
    /// carried out and not answered, or one that was not carried out yet, before which
    /// another may have ended that was not committed yet. It can't have both: the commit is
    /// due before the call that follows is carried out.
    const fn most_repeated(&self) -> usize {
        self.kills * self.in_flight * self.most_reports
    }
}

/// A report in flight holds up its record, of which the other reports may be there already:
/// these are not sent again.
pub(crate) async fn lose_nothing_and_repeat_little(world: &mut World, scale: Scale) -> Result<()> {
    let plan = Plan::new(scale);
    let (repeated, told) = random_kills(world, &plan).await?;
    let most = plan.most_repeated();
    ensure!(repeated <= most, "{repeated} repeated, at most {most} may be{told}");
    Ok(())
}

/// Says how many reports were repeated, and what each kill hit.
async fn random_kills(world: &mut World, plan: &Plan) -> Result<(usize, String)> {
    let kills = plan.kills as u64;
    let mut load = Load::new(plan.fleet.clone());
    world.introduce(&load).await?;
    world.tell(load.records(plan.records)).await?;
    world.tell(load.rest()).await?;
    world.set("batch.max_reports", &plan.most_reports.to_string());
    world.set("limits.in_flight", &plan.in_flight.to_string());
    calls_take_two(world, HALF_A_CALL);

    let reports = load.expectation().counts().reports;
    let mut replicas = Replicas::start(world, REPLICAS).await?;
    let mut dice = fastrand::Rng::with_seed(SEED);
    let mut told = String::new();
    for kill in 1..=kills {
        world.accepted(reports * kill / (kills + 1)).await?;
        let before = world.sandbox.ledger().totals();
        let victim = replicas.one_that_is_calling(world, &mut dice).await?;
        let hit = replicas.kill(world, victim).await?;
        write!(
            told,
            "; before kill {kill} {} of {} were repeats, it hit {hit} calls of replica {victim}",
            before.sent_twice, before.reports_accepted
        )?;
        replicas.add(world, 1).await?;
    }
    let accepted = world.sandbox.ledger().totals().distinct_reports;
    ensure!(accepted < reports, "all had arrived before the last kill");

    world.accepted(reports).await?;
    world.settled("devices", &world.devices()).await?;
    replicas.stop_all().await?;
    let verdict = world.judge(&load);
    verdict.is_at_least_once_in_order()?;
    ensure!(verdict.totals.order_inversions == 0, "the sandbox saw disorder: {:?}", verdict.totals);
    Ok((verdict.twice.len(), told))
}
