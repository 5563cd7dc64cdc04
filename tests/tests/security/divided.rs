//! Which rights are needed where the bindings are divided by partitions: `repartition` and
//! `devices`, each in a process of its own, with what the operations guide lists for these,
//! but the WRITE of `devices` that is hardly ever made use of.

use anyhow::{Result, ensure};
use emberline_testkit::World;
use emberline_testkit::kafka::Right;
use libtest_mimic::Trial;

use crate::rights::{Needed, On, RETRY, allow, come, is_named, write_something_of_everything};
use crate::{LIMIT, story};

/// A worker in a process of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alone {
    /// It writes the bindings on.
    Repartition,
    /// It joins by them.
    Devices,
}

/// What it needs for the bindings, the two rows of the guide; and where `devices` has left off is
/// asked by another process here.
const TO_DIVIDE: &[Needed] = &[
    ("READ", Right::Read, On::Own("customer-devices")),
    ("WRITE", Right::Write, On::Own("device-customers")),
    ("READ", Right::Join, On::Group("devices")),
];
const TO_JOIN: &[Needed] = &[
    ("READ", Right::Read, On::Own("device-customers")),
    ("DESCRIBE", Right::Describe, On::Own("customer-devices")),
    ("READ", Right::Join, On::Group("repartition")),
];
/// What it needs too.
const TO_REPARTITION: &[Needed] = &[
    ("READ", Right::Read, On::Devices),
    ("WRITE", Right::Write, On::Own("devices")),
    ("WRITE", Right::Write, On::Own("dead-letters")),
    ("READ", Right::Join, On::Group("repartition")),
    ("DESCRIBE", Right::Describe, On::Own("receipts")),
    ("DESCRIBE", Right::Describe, On::Own(RETRY)),
];
const TO_DELIVER: &[Needed] = &[
    ("READ", Right::Read, On::Own("devices")),
    ("WRITE", Right::Write, On::Own(RETRY)),
    ("WRITE", Right::Write, On::Own("dead-letters")),
    ("WRITE", Right::Write, On::Own("receipts")),
    ("READ", Right::Join, On::Group("devices")),
];
/// What everybody needs who looks whether all topics are there.
const TO_LOOK: &[Needed] = &[
    ("DESCRIBE", Right::Describe, On::Own("order-book")),
    ("DESCRIBE", Right::Describe, On::Own("replays")),
    ("DESCRIBE", Right::Describe, On::Own("portal-tokens")),
];

impl Alone {
    const fn name(self) -> &'static str {
        match self {
            Self::Repartition => "repartition",
            Self::Devices => "devices",
        }
    }

    const fn rows(self) -> &'static [Needed] {
        match self {
            Self::Repartition => TO_DIVIDE,
            Self::Devices => TO_JOIN,
        }
    }

    /// What it needs beside these rows.
    fn others(self) -> Vec<Needed> {
        let others = match self {
            Self::Repartition => TO_REPARTITION,
            Self::Devices => TO_DELIVER,
        };
        [others, TO_LOOK].concat()
    }

    /// Those that work before it, with all rights.
    const fn before(self) -> &'static [&'static str] {
        match self {
            Self::Repartition => &["bindings"],
            Self::Devices => &["bindings", "repartition"],
        }
    }
}

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = vec![
        story("the_rights_that_the_guide_lists_are_enough_to_divide_the_bindings", divides),
        story("the_rights_that_the_guide_lists_are_enough_to_join_by_own_partitions", joins),
    ];
    for worker in [Alone::Repartition, Alone::Devices] {
        for (number, (named, _, on)) in worker.rows().iter().enumerate() {
            let lacks = format!("{}_without_{}_on_{}", worker.name(), named, on.told());
            let name = format!("{}_says_what_is_missing", lacks.to_lowercase());
            trials.push(story(&name, async move |world: &mut World| {
                let mut rights = [worker.rows(), &worker.others()].concat();
                rights.remove(number);
                lacks_something(world, worker, (*named, *on), &rights).await
            }));
        }
        // To see a topic is not to read it.
        let (_, _, on) = worker.rows()[0];
        let name = format!("{}_that_only_sees_{}_says_so", worker.name(), on.told());
        trials.push(story(&name, async move |world: &mut World| {
            let mut rights = [worker.rows(), &worker.others()].concat();
            rights[0] = ("DESCRIBE", Right::Describe, on);
            lacks_something(world, worker, ("READ", on), &rights).await
        }));
    }
    trials
}

async fn lacks_something(
    world: &mut World,
    worker: Alone,
    (right, on): (&str, On),
    rights: &[Needed],
) -> Result<()> {
    prepare(world, worker, rights).await?;
    is_named(world, &["run", "--workers", worker.name()], right, &on.name(world)).await
}

async fn divides(world: &mut World) -> Result<()> {
    works(world, Alone::Repartition).await?;
    let facts = world.kafka.read_all(&world.own_topic("device-customers")).await?.len();
    ensure!(facts == 1, "{facts} facts");
    let keyed = world.kafka.read_all(&world.own_topic("devices")).await?.len();
    ensure!(keyed == 2, "{keyed} records keyed by device");
    Ok(())
}

async fn joins(world: &mut World) -> Result<()> {
    works(world, Alone::Devices).await?;
    let totals = world.sandbox.ledger().totals();
    ensure!(totals.distinct_reports == 1, "{totals:?}");
    let waiting = world.kafka.read_all(&world.own_topic(RETRY)).await?.len();
    ensure!(waiting == 1, "{waiting} wait for their binding");
    Ok(())
}

/// With no more than the guide lists.
async fn works(world: &mut World, worker: Alone) -> Result<()> {
    prepare(world, worker, &[worker.rows(), &worker.others()].concat()).await?;
    to_the_end(world, worker.name()).await
}

/// Topics, something of everything in them, what works before this worker, and these rights.
async fn prepare(world: &mut World, worker: Alone, rights: &[Needed]) -> Result<()> {
    world.read_claims().await?;
    world.repartition();
    world.set("join.table", r#""own_partitions""#);
    world.set("retry.tiers", &format!("[{:?}]", RETRY.trim_start_matches("retry.")));
    world.set("join.wait", r#""200ms""#);
    world.emberline(&["topics", "create"]).await?.succeeds(LIMIT).await?;
    allow(world, rights).await?;
    write_something_of_everything(world).await?;
    for worker in worker.before() {
        to_the_end(world, worker).await?;
    }
    come(world).await
}

async fn to_the_end(world: &World, workers: &str) -> Result<()> {
    let run = ["run", "--workers", workers, "--exit-at-end"];
    world.emberline(&run).await?.succeeds(LIMIT).await
}
