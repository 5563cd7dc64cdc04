//! Bindings that are divided by the partitions of telemetry, as they are by default where all of
//! it is keyed anew.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use emberline_fleet::FleetPlan;
use emberline_testkit::kafka::NewRecord;
use emberline_testkit::{Emberline, Load, Recorder, Signal, World};

use crate::events::{BEGINNING, bind, id, power, unbind};
use crate::story::LIMIT;
use crate::sum::Sum;

const BEHIND: &str = "emberline_bindings_behind_seconds";
const FACTS: &str = "emberline_bindings_facts";

/// Each process of the devices worker joins by the bindings of its own partitions, also those
/// that come to it when another one stops.
pub(crate) async fn bindings_by_partitions(world: &mut World) -> Result<()> {
    const DEVICES: u32 = 80;
    let plan =
        FleetPlan { devices: DEVICES, duplicates: 0.1, unbound: 0.0, ..FleetPlan::default() };
    let mut load = Load::new(plan);
    world.repartition();
    world.emberline(&["topics", "create"]).await?.succeeds(LIMIT).await?;
    let mut running = vec![world.emberline(&["run", "--workers", "bindings,retries"]).await?];
    world.introduce(&load).await?;
    world.settled("bindings", &world.bindings()).await?;
    // Telemetry is not joined before all customers' sets are there as facts.
    let mut early = world.emberline(&["run", "--workers", "devices"]).await?;
    let asks = "does a worker repartition run?";
    world
        .wait_for("it is asked for the worker that is missing", async || {
            let (status, why) = early.get("/readyz").await?;
            Ok((status == 503 && why.contains(asks)).then_some(()))
        })
        .await?;
    running.push(world.emberline(&["run", "--workers", "repartition"]).await?);
    early.ready().await?;
    running.push(early);
    running.push(world.emberline(&["run", "--workers", "devices"]).await?);
    let devices = &mut running[2..];
    know(world, devices, DEVICES).await?;
    // Each device in one partition: live, the order of several is the order of reading.
    world.tell(load.records(1_500)).await?;
    let enough = load.expectation().counts().reports / 3;
    world.accepted(enough).await?;

    let mut gone = running.remove(2);
    gone.signal(Signal::Terminate)?;
    gone.succeeds(LIMIT).await?;
    know(world, &mut running[2..], DEVICES).await?;
    let mut rest = load.records(500);
    rest.extend(load.rest());
    world.tell(rest).await?;
    world.settled("repartition", &world.devices()).await?;
    world.settled("devices", &world.own_topic("devices")).await?;
    let parked = Sum::of(&running[2].metrics().await?, "devices").outcome("parked");
    ensure!(parked == 0, "{parked} parked, and every device was bound");
    for process in &mut running {
        process.signal(Signal::Terminate)?;
        process.succeeds(LIMIT).await?;
    }
    world.judge(&load).is_exactly_once_in_order()
}

/// Waits until these processes know whose so many devices are: each those of its partitions.
async fn know(world: &World, processes: &mut [Emberline], devices: u32) -> Result<()> {
    let what = format!("{} processes have the bindings between them", processes.len());
    world
        .wait_for(&what, async || {
            let mut known = Vec::new();
            for process in processes.iter_mut() {
                known.push(process.metrics().await?.count("emberline_bindings_devices", &[]));
            }
            let all = known.iter().sum::<u64>() == u64::from(devices);
            Ok((all && !known.contains(&0)).then_some(()))
        })
        .await
}

/// A binding comes to the tables with worker `repartition`, and not without.
pub(crate) async fn rebound(world: &mut World) -> Result<()> {
    let service = Recorder::start().await?;
    world.set("service.url", &format!("{:?}", service.url()));
    world.repartition();
    world.emberline(&["topics", "create"]).await?.succeeds(LIMIT).await?;
    let others = world.emberline(&["run", "--workers", "bindings,retries"]).await?;
    let mut projector = world.emberline(&["run", "--workers", "repartition"]).await?;
    let bindings = world.bindings();
    let bound = [bind("c_a", "dev", BEGINNING)];
    world.kafka.produce(&bindings, &bound).await?;
    world.settled("bindings", &bindings).await?;
    let mut devices = world.emberline(&["run", "--workers", "devices"]).await?;
    devices.ready().await?;
    let mut reports = Reports { service: &service, sent: 0 };
    ensure!(reports.owner(world).await? == "c_a", "who starts knows what there was");

    let steps = [
        (vec![unbind("c_a", "dev", BEGINNING + 10), bind("c_b", "dev", BEGINNING + 20)], "c_b"),
        (vec![bind("c_a", "dev", BEGINNING + 40)], "c_a"),
    ];
    for (events, customer) in &steps {
        world.kafka.produce(&bindings, events).await?;
        reports.go_to(world, customer).await?;
    }

    // Nobody writes it on: who joins by it tells so, and goes on with what it knows.
    projector.signal(Signal::Terminate)?;
    projector.succeeds(LIMIT).await?;
    world.kafka.produce(&bindings, &[bind("c_b", "dev", BEGINNING + 60)]).await?;
    world.settled("bindings", &bindings).await?;
    let behind = async |devices: &mut Emberline, stage| {
        Ok::<_, anyhow::Error>(devices.metrics().await?.sum(BEHIND, &[("stage", stage)]))
    };
    world
        .wait_for("it is told that a binding is not written on", async || {
            Ok((behind(&mut devices, "projected").await? > 0.0).then_some(()))
        })
        .await?;
    ensure!(behind(&mut devices, "read").await? == 0.0, "what is written on is read");
    // Nothing is keyed anew either: a report of the keyed topic comes to the former customer.
    let raw = power("dev", BEGINNING + 10_000, 1.5);
    world.kafka.produce(&world.own_topic("devices"), &[raw]).await?;
    ensure!(reports.next(world).await? == "c_a", "the binding came by another way");

    let projector = world.emberline(&["run", "--workers", "repartition"]).await?;
    reports.go_to(world, "c_b").await?;
    world
        .wait_for("nothing is behind", async || {
            Ok((behind(&mut devices, "projected").await? == 0.0).then_some(()))
        })
        .await?;

    // And back: all of the bindings.
    devices.signal(Signal::Terminate)?;
    devices.succeeds(LIMIT).await?;
    world.set("join.table", r#""all""#);
    let mut devices = world.emberline(&["run", "--workers", "devices"]).await?;
    devices.ready().await?;
    reports.go_to(world, "c_b").await?;
    let partitions = devices.metrics().await?.count("emberline_bindings_partitions", &[]);
    ensure!(partitions == 0, "{partitions} partitions with a table of their own");
    for mut process in [others, projector, devices] {
        process.signal(Signal::Terminate)?;
        process.succeeds(LIMIT).await?;
    }
    Ok(())
}

/// What is written behind a later fact of the same device and customer would be all that is left
/// of the two, once the topic is compacted.
pub(crate) async fn written_late(world: &mut World) -> Result<()> {
    world.repartition();
    world.create_customer("c_a")?;
    // It is waited a minute for what puts it right by itself.
    world.set_patience(Duration::from_mins(4));
    world.emberline(&["topics", "create"]).await?.succeeds(LIMIT).await?;
    let mut running = Vec::new();
    for workers in ["bindings,retries", "repartition", "devices"] {
        running.push(world.emberline(&["run", "--workers", workers]).await?);
    }
    let (facts, mut written) = (world.own_topic("device-customers"), Vec::new());
    for (count, event) in [bind("c_a", "dev", BEGINNING), unbind("c_a", "dev", BEGINNING + 10)]
        .into_iter()
        .enumerate()
    {
        world.kafka.produce(&world.bindings(), &[event]).await?;
        let all = async || {
            let all = world.kafka.read_all(&facts).await?;
            Ok((all.len() > count).then_some(all))
        };
        written = world.wait_for("it is written on", all).await?;
    }
    let [earlier, later] = written.as_slice() else { bail!("{} facts", written.len()) };
    ensure!(earlier.key == later.key && earlier.value != later.value, "{earlier:?}, {later:?}");
    running[2].ready().await?;

    let late = NewRecord {
        key: earlier.key.clone(),
        value: earlier.value.clone(),
        headers: Vec::new(),
        timestamp_ms: None,
        partition: Some(earlier.partition),
    };
    world.kafka.produce(&facts, &[late]).await?;
    let last = async || {
        let all = world.kafka.read_all(&facts).await?;
        let last = all.iter().max_by_key(|it| it.offset).cloned();
        Ok(last.filter(|last| all.len() > 3 && last.value == later.value))
    };
    let last = world.wait_for("the later one is written once more", last).await?;
    ensure!((&last.key, last.partition) == (&later.key, later.partition), "{last:?}");
    let mended = async || {
        let page = running[2].metrics().await?;
        let [older, mended] =
            ["older", "mended"].map(|it| page.count(&format!("{FACTS}_{it}_total"), &[]));
        Ok(((older, mended) == (1, 1)).then_some(()))
    };
    world.wait_for("it is told", mended).await?;
    for mut process in running {
        process.signal(Signal::Terminate)?;
        process.succeeds(LIMIT).await?;
    }
    Ok(())
}

/// A device's reports, one by one, and to whom they go.
struct Reports<'a> {
    service: &'a Recorder,
    /// Those that have arrived.
    sent: usize,
}

impl Reports<'_> {
    /// To whom the next goes that arrives.
    async fn next(&mut self, world: &World) -> Result<String> {
        let told = || self.service.calls_of("ServiceReportDeviceData");
        let arrived = async || Ok(told().get(self.sent).cloned());
        let call = world.wait_for("the report is sent", arrived).await?;
        self.sent += 1;
        ensure!(call["DeviceId"] == id("dev"), "{call}");
        Ok(call["CustomerId"].as_str().context("no customer")?.to_owned())
    }

    /// Whose the device is: sends a report, and sees.
    async fn owner(&mut self, world: &World) -> Result<String> {
        let seconds = BEGINNING + 100 + i64::try_from(self.sent)?;
        let record = power("dev", seconds, 1.5);
        world.kafka.produce(&world.devices(), &[record]).await?;
        self.next(world).await
    }

    /// Sends reports until one goes to this customer.
    async fn go_to(&mut self, world: &World, customer: &str) -> Result<()> {
        const MOST: usize = 200;
        for _ in 0..MOST {
            if self.owner(world).await? == customer {
                return Ok(());
            }
        }
        bail!("{MOST} reports, and none goes to {customer}")
    }
}
