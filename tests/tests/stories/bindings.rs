//! Whose device is whose.

use anyhow::{Context, Result, ensure};
use emberline_fleet::FleetPlan;
use emberline_testkit::{Load, Recorder, Signal, World};

use crate::events::{BEGINNING, bind, id, on_one_partition, power, unbind};
use crate::story::LIMIT;
use crate::sum::Sum;

const REPORTS: i64 = 20;

pub(crate) async fn unbound_device(world: &mut World) -> Result<()> {
    world.create_customer("c_1")?;
    world.kafka.produce(&world.bindings(), &[bind("c_1", "bound", BEGINNING)]).await?;
    let records = (0..REPORTS).flat_map(|number| {
        ["unbound", "bound"].map(|device| power(device, BEGINNING + number, 1.5))
    });
    let records = on_one_partition(records.collect());
    world.kafka.produce(&world.devices(), &records).await?;
    world.set("retry.tiers", r#"["1s", "2s"]"#);
    world.set("join.wait", r#""200ms""#);

    let mut run = world.emberline(&["run"]).await?;
    let times = |device: &str| -> Vec<i64> {
        let reports = world.sandbox.ledger().reports_of(&id(device));
        reports.into_iter().map(|report| report.report_time).collect()
    };
    let expected: Vec<i64> = (0..REPORTS).map(|number| BEGINNING + number).collect();
    // The bound device is not held up by the other one, on the same partition.
    world.accepted(REPORTS.unsigned_abs()).await?;
    ensure!(times("bound") == expected);
    world.settled("devices", &world.devices()).await?;
    let parked = Sum::of(&run.metrics().await?, "devices").reason("parked", "unbound");
    ensure!(parked == REPORTS.unsigned_abs(), "{parked} parked");
    // It goes round in the retry topics for as long as it takes.
    world.settled("retries", &world.own_topic("retry.1s")).await?;
    ensure!(times("unbound").is_empty() && world.dead_letters().await?.is_empty());

    world.kafka.produce(&world.bindings(), &[bind("c_1", "unbound", BEGINNING + 60)]).await?;
    world.accepted(2 * REPORTS.unsigned_abs()).await?;
    let mut arrived = times("unbound");
    ensure!(times("bound") == expected && world.sandbox.ledger().totals().sent_twice == 0);
    arrived.sort_unstable();
    ensure!(arrived == expected, "{arrived:?}");
    run.signal(Signal::Terminate)?;
    run.succeeds(LIMIT).await
}

pub(crate) async fn large_customer(world: &mut World) -> Result<()> {
    const DEVICES: u32 = 20_000;
    let mut load = Load::new(FleetPlan {
        devices: DEVICES,
        devices_per_customer: DEVICES,
        unbound: 0.0,
        ..FleetPlan::default()
    });
    // The broker's own limit, not a raised one: the set must fit by compression.
    let table = world.own_topic("customer-devices");
    let limits = [("cleanup.policy", "compact"), ("max.message.bytes", "1048588")];
    world.kafka.create_topic(&table, 4, &limits).await?;
    world.introduce(&load).await?;
    world.tell(load.records(1_000)).await?;
    world.tell(load.rest()).await?;
    world.run_to_end().await?;

    let customers = world.sandbox.registry().customers();
    let customer = &customers.first().context("no customer")?.customer_id;
    let bound = world.sandbox.registry().bindings(customer).context("no bindings")?;
    let (last, all) = (bound.last_push.len(), bound.all.len());
    ensure!((last, all) == (DEVICES as usize, DEVICES as usize), "{last} of {all} in the last");
    ensure!(bound.pushes <= 100, "{} pushes for one customer", bound.pushes);
    let sets = world.kafka.read_all(&table).await?;
    let largest = sets.iter().filter_map(|set| set.value.as_ref()).map(Vec::len).max();
    ensure!(largest > Some(1_048_588), "the set is small enough as it is: {largest:?}");
    world.judge(&load).is_exactly_once_in_order()
}

pub(crate) async fn rebound_device(world: &mut World) -> Result<()> {
    let service = Recorder::start().await?;
    world.set("service.url", &format!("{:?}", service.url()));
    let mut run = world.emberline(&["run"]).await?;
    // Each step's bindings are settled before its telemetry comes, because Kafka keeps no
    // order between topics.
    let steps = [
        (vec![bind("c_a", "dev", BEGINNING)], "c_a"),
        (vec![unbind("c_a", "dev", BEGINNING + 10), bind("c_b", "dev", BEGINNING + 20)], "c_b"),
        (vec![bind("c_c", "dev", BEGINNING + 15)], "c_b"),
        (vec![unbind("c_a", "dev", BEGINNING + 30)], "c_b"),
        (vec![bind("c_a", "dev", BEGINNING + 40)], "c_a"),
    ];
    for (number, (bindings, customer)) in (0..).zip(&steps) {
        world.kafka.produce(&world.bindings(), bindings).await?;
        world.settled("bindings", &world.bindings()).await?;
        let records = [power("dev", BEGINNING + 100 + number, 1.5)];
        world.kafka.produce(&world.devices(), &records).await?;
        let told = || service.calls_of("ServiceReportDeviceData");
        let call = world
            .wait_for("the report is sent", async || {
                Ok(told().get(usize::try_from(number)?).cloned())
            })
            .await?;
        ensure!(call["CustomerId"] == *customer, "step {number}: {call}, not {customer}");
        ensure!(call["DeviceId"] == id("dev") && call["DataCategory"] == 400);
    }
    // An unbinding has no call, and the set of one that has lost its device is not pushed.
    let pushes = service.calls_of("ServiceBindDevice");
    let customers: Vec<_> = pushes.iter().map(|push| push["CustomerId"].as_str()).collect();
    ensure!(customers == ["c_a", "c_b", "c_c", "c_a"].map(Some), "{customers:?}");
    run.signal(Signal::Terminate)?;
    run.succeeds(LIMIT).await
}
