//! Online and offline: only the newest state counts.

use anyhow::{Result, ensure};
use emberline_sandbox::{Action, Fault, FaultRule};
use emberline_testkit::World;

use crate::events::{id, status};

const DEVICES: u32 = 20;
const FLAPS: u32 = 41;

pub(crate) async fn flapping_devices(world: &mut World) -> Result<()> {
    // Bindings are of no account: a state has no customer.
    let name = |number: u32| format!("dev{number}");
    // Half of them begin and end online, the others offline.
    let online = |device: u32, flap: u32| (device + flap).is_multiple_of(2);
    let mut records = Vec::new();
    for flap in 0..FLAPS {
        records
            .extend((0..DEVICES).map(|device| status(&name(device), flap, online(device, flap))));
        // Now and then the platform sends again what it sent a while ago.
        if flap % 5 == 4 {
            let older = flap - 3;
            let again =
                (0..DEVICES).map(|device| status(&name(device), older, online(device, older)));
            records.extend(again);
        }
    }
    world.set("retry.backoff_base", r#""5ms""#);
    world.set("retry.backoff_cap", r#""50ms""#);
    let failing = FaultRule::share(0.3, Fault::status(503)).of(Action::ReportDeviceState);
    world.sandbox.faults().add(failing);
    // In pieces, so that it is not only the last state that anyone sees.
    let mut run = world.emberline(&["run"]).await?;
    run.ready().await?;
    for piece in records.chunks(200) {
        world.kafka.produce(&world.devices(), piece).await?;
        world.settled("devices", &world.devices()).await?;
    }
    drop(run);
    for device in 0..DEVICES {
        let told: Vec<u8> = (0..FLAPS).map(|flap| u8::from(online(device, flap))).collect();
        right_and_forwards(world, &name(device), &told)?;
    }

    // What was overtaken on its way does not overtake in turn, and not after a restart.
    let late = [status("late", 10, true), status("late", 30, false), status("late", 20, true)];
    world.kafka.produce(&world.devices(), &late).await?;
    world.run_to_end().await?;
    right_and_forwards(world, "late", &[1, 0])?;
    let again = [status("late", 20, true), status("late", 25, true)];
    world.kafka.produce(&world.devices(), &again).await?;
    world.run_to_end().await?;
    right_and_forwards(world, "late", &[1, 0])
}

/// What was accepted is some of what was told, in its order, and the last of it.
fn right_and_forwards(world: &World, device: &str, told: &[u8]) -> Result<()> {
    let accepted = world.sandbox.ledger().states_of(&id(device));
    ensure!(accepted.last() == told.last(), "{device}: {accepted:?} of {told:?}");
    let mut rest = told.iter();
    let forwards = accepted.iter().all(|state| rest.any(|told| told == state));
    ensure!(forwards, "{device}: {accepted:?} of {told:?}");
    Ok(())
}
