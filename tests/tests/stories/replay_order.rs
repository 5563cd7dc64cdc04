//! What is old does not win by being sent again: states and bindings.

use anyhow::{Context, Result, ensure};
use emberline_testkit::{Recorder, World};

use crate::events::{BEGINNING, bind, id, on_one_partition, power, status, unbind};
use crate::replays::{count, replay, replay_ends};

pub(crate) async fn states(world: &mut World) -> Result<()> {
    let topic = world.devices();
    // Of one device the newest lies after the range, of one before it, of one in it.
    let records = [
        status("overtaken", 50, false),
        status("later", 10, true),
        status("overtaken", 40, true),
        status("within", 20, true),
        status("within", 30, false),
        status("later", 60, false),
    ];
    world.kafka.produce(&topic, &on_one_partition(records.to_vec())).await?;
    world.run_to_end().await?;
    let last = |device: &str| world.sandbox.ledger().states_of(&id(device)).last().copied();
    ensure!(last("overtaken") == Some(0) && last("later") == Some(0));

    let range = ["--from", "0:1", "--to", "0:5"];
    let plan = replay(world, &topic, &[&range[..], &["--dry-run"]].concat()).await?;
    let counted = (count(&plan, "/plan/states")?, count(&plan, "/plan/superseded")?);
    ensure!(counted == (1, 3), "{plan}");
    let done = replay(world, &topic, &[&range[..], &["--yes"]].concat()).await?;
    ensure!(count(&done, "/report/delivered")? == 1, "{done}");
    ensure!(world.sandbox.ledger().states_of(&id("overtaken")) == [0]);
    ensure!(last("later") == Some(0) && last("within") == Some(0));

    // Nor where only what was never accepted is sent.
    let flags = [&range[..], &["--missing-only", "--yes"]].concat();
    let (code, _, log) = replay_ends(world, &topic, &flags).await?;
    ensure!(code == 0 && log.contains("nothing to send"), "{log}");
    Ok(())
}

pub(crate) async fn bindings(world: &mut World) -> Result<()> {
    let service = Recorder::start().await?;
    world.set("service.url", &format!("{:?}", service.url()));
    let events = [
        bind("c_a", "moved", BEGINNING),
        bind("c_a", "gone", BEGINNING),
        bind("c_a", "kept", BEGINNING),
        bind("c_b", "kept-too", BEGINNING),
        bind("c_b", "moved", BEGINNING + 20),
        unbind("c_a", "moved", BEGINNING + 20),
        unbind("c_a", "gone", BEGINNING + 30),
    ];
    world.kafka.produce(&world.bindings(), &events).await?;
    world.run_to_end().await?;
    let newest = |customer: &str| -> Option<Vec<String>> {
        let pushes = service.calls_of("ServiceBindDevice");
        let push = pushes.iter().rev().find(|push| push["CustomerId"] == customer)?.clone();
        let devices = push["DeviceInfos"].as_array()?.iter();
        Some(devices.filter_map(|it| Some(it["DeviceId"].as_str()?.to_owned())).collect())
    };
    let table = world.own_topic("customer-devices");
    let sets = world.kafka.read_all(&table).await?.len();
    // What unbinds has no call.
    let pushed = (newest("c_a"), newest("c_b"));

    let from = ["--from", "2020-01-01T00:00:00Z"];
    let plan = replay(world, &world.bindings(), &[&from[..], &["--dry-run"]].concat()).await?;
    let counted = (count(&plan, "/plan/events")?, count(&plan, "/plan/duplicates")?);
    ensure!(counted == (0, events.len() as u64), "{plan}");
    let flags = [&from[..], &["--yes"]].concat();
    let (code, _, log) = replay_ends(world, &world.bindings(), &flags).await?;
    ensure!(code == 0, "{log}");
    ensure!((newest("c_a"), newest("c_b")) == pushed, "an older set was pushed");
    ensure!(world.kafka.read_all(&table).await?.len() == sets, "no set was made anew");

    // One that the workers never saw is made good, and takes nothing with it.
    let lost = [bind("c_b", "lost", BEGINNING + 5), bind("c_a", "moved", BEGINNING + 10)];
    world.kafka.produce(&world.bindings(), &lost).await?;
    let ends = world.kafka.ends(&world.bindings()).await?;
    world.kafka.commit(&world.group("bindings"), &world.bindings(), &ends).await?;
    let plan = replay(world, &world.bindings(), &[&from[..], &["--dry-run"]].concat()).await?;
    ensure!(count(&plan, "/plan/events")? == 1, "{plan}");
    let done = replay(world, &world.bindings(), &flags).await?;
    ensure!(count(&done, "/report/delivered")? == 1, "{done}");
    ensure!(count(&done, "/report/duplicates")? == events.len() as u64 + 1, "{done}");
    let pushed = newest("c_b").context("no push")?;
    ensure!(pushed == ["kept-too", "lost", "moved"].map(id), "{pushed:?}");

    let records = [power("moved", BEGINNING + 100, 1.5), power("lost", BEGINNING + 100, 1.5)];
    world.kafka.produce(&world.devices(), &records).await?;
    world.run_to_end().await?;
    let calls = service.calls_of("ServiceReportDeviceData");
    ensure!(calls.len() == 2 && calls.iter().all(|it| it["CustomerId"] == "c_b"), "{calls:?}");
    Ok(())
}
