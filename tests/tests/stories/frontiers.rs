//! What is committed, while one call takes for ever.

use anyhow::{Result, ensure};
use emberline_flow::commit_metadata;
use emberline_sandbox::{Fault, FaultRule};
use emberline_testkit::{Signal, World};

use crate::events::{BEGINNING, bind, id, on_one_partition, power};
use crate::story::LIMIT;

const DEVICES: usize = 10;
const ROUNDS: i64 = 20;
/// Offset of the hanging device's first record.
const HANGS_AT: i64 = 3;

pub(crate) async fn frontiers(world: &mut World) -> Result<()> {
    world.create_customer("c_1")?;
    let names: Vec<String> = (0..DEVICES).map(|number| format!("dev{number}")).collect();
    let bindings: Vec<_> = names.iter().map(|name| bind("c_1", name, BEGINNING)).collect();
    world.kafka.produce(&world.bindings(), &bindings).await?;
    // The hanging device speaks once; the others each round.
    let hanging = &names[3];
    let mut records = Vec::new();
    for round in 0..ROUNDS {
        let speaking = names.iter().filter(|name| round == 0 || *name != hanging);
        records.extend(speaking.map(|name| power(name, BEGINNING + round, 1.5)));
    }
    let end = i64::try_from(records.len())?;
    world.kafka.produce(&world.devices(), &on_one_partition(records)).await?;
    world.set("service.timeout", r#""5m""#);
    world.set("service.read_timeout", r#""5m""#);
    let hang = FaultRule { device: Some(id(hanging)), ..FaultRule::always(Fault::Hang) };
    world.sandbox.faults().add(hang);

    let mut run = world.emberline(&["run"]).await?;
    world.accepted(end.unsigned_abs() - 1).await?;
    let devices = world.devices();
    world
        .wait_for("all but one record is committed as settled", async || {
            let committed = world.committed("devices", &devices).await?;
            let Some((offset, text)) = committed.get(&0) else { return Ok(None) };
            ensure!(*offset <= HANGS_AT, "committed {offset}, past a record under way");
            let metadata = commit_metadata::decode(text, *offset);
            let settled = |other: i64| other < *offset || metadata.is_settled(other);
            ensure!(!settled(HANGS_AT), "what is under way is committed as settled");
            Ok((0..end).filter(|other| *other != HANGS_AT).all(settled).then_some(()))
        })
        .await?;

    // A crash repeats nothing of what the commit says is settled.
    run.signal(Signal::Kill)?;
    run.ended(LIMIT).await?;
    world.sandbox.faults().clear();
    world.run_to_end().await?;
    let totals = world.sandbox.ledger().totals();
    ensure!((totals.distinct_reports, totals.sent_twice) == (end.unsigned_abs(), 0), "{totals:?}");
    ensure!(world.sandbox.ledger().reports_of(&id(hanging)).len() == 1);
    Ok(())
}
