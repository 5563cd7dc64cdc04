//! Devices that go online and offline all the time, told to a service that fails often.

use std::time::Duration;

use anyhow::{Result, ensure};
use emberline_sandbox::{Action, Fault, FaultPlan, FaultRule};
use emberline_testkit::World;
use emberline_testkit::kafka::NewRecord;
use serde_json::json;

use crate::replicas::Replicas;
use crate::scale::Scale;

const REPLICAS: usize = 2;
const PRODUCT: &str = "F4N0000AN";
/// States of a device that are told at once.
const AT_ONCE: u32 = 3;
/// Of all calls about states: it fails, and nobody knows whether it was carried out; or it was
/// not.
const IN_DOUBT: f64 = 0.15;
const NOT_DONE: f64 = 0.15;

pub(crate) async fn online_and_offline(world: &mut World, scale: Scale) -> Result<()> {
    let (devices, pieces) = scale.of((60, 7), (300, 60));
    world.set("retry.backoff_base", r#""5ms""#);
    world.set("retry.backoff_cap", r#""50ms""#);
    // A third of all calls fails: more than retries in place are meant for.
    world.set("retry.budget", r#""1000%""#);
    world.sandbox.faults().set(FaultPlan {
        latency: Duration::from_millis(20),
        rules: vec![
            FaultRule::share(IN_DOUBT, Fault::CutBody).of(Action::ReportDeviceState).after_acting(),
            FaultRule::share(NOT_DONE, Fault::status(503)).of(Action::ReportDeviceState),
        ],
        ..FaultPlan::default()
    });
    let mut replicas = Replicas::start(world, REPLICAS).await?;
    replicas.own_partitions(world).await?;

    let mut told_before = vec![0; devices as usize];
    for piece in 0..pieces {
        let flaps = piece * AT_ONCE..(piece + 1) * AT_ONCE;
        let mut records = Vec::new();
        for flap in flaps.clone() {
            records.extend((0..devices).map(|device| state(device, flap)));
        }
        // The platform sends again what it sent a while ago.
        if let Some(older) = flaps.start.checked_sub(2) {
            records.extend((0..devices).map(|device| state(device, older)));
        }
        world.kafka.produce(&world.devices(), &records).await?;
        world.settled("devices", &world.devices()).await?;
        for device in 0..devices {
            let told: Vec<u8> = flaps.clone().map(|flap| online(device, flap)).collect();
            let accepted = world.sandbox.ledger().states_of(&id(device));
            let known = &mut told_before[device as usize];
            forwards(&accepted[*known..], &told, &accepted[..*known])
                .map_err(|error| error.context(format!("device {device}, flaps {flaps:?}")))?;
            *known = accepted.len();
        }
    }
    let totals = world.sandbox.ledger().totals();
    let (failed, calls) = (totals.faulted_calls, totals.calls);
    ensure!(failed * 5 > calls, "too few failures: {failed} of {calls} calls");
    ensure!(totals.overlapping_calls == 0, "{} calls overlapped", totals.overlapping_calls);
    ensure!(world.dead_letters().await?.is_empty());
    replicas.stop_all().await
}

/// What was accepted since is some of what was told since, in its order, and the last of it.
/// What was carried out and not answered comes once more.
fn forwards(accepted: &[u8], told: &[u8], before: &[u8]) -> Result<()> {
    ensure!(accepted.last().or(before.last()) == told.last(), "{accepted:?} of {told:?}");
    let mut once = accepted.to_vec();
    once.dedup();
    let mut rest = told.iter();
    let in_order = once.iter().all(|state| rest.any(|told| told == state));
    ensure!(in_order, "{accepted:?} of {told:?}");
    Ok(())
}

fn id(device: u32) -> String {
    format!("{PRODUCT}/dev{device}")
}

/// The state that a device tells then. Half of them begin online, the others offline.
fn online(device: u32, flap: u32) -> u8 {
    u8::from((device + flap).is_multiple_of(2))
}

/// A device goes online or offline, each time a second later.
fn state(device: u32, flap: u32) -> NewRecord {
    let value = json!({
        "MsgType": "StatusChange",
        "Event": if online(device, flap) == 1 { "Online" } else { "Offline" },
        "Topic": "", "Seq": 1, "PayloadLen": 0,
        "ProductId": PRODUCT, "DeviceName": format!("dev{device}"), "Payload": null,
        "Time": format!("2026-01-01 00:{:02}:{:02}", flap / 60, flap % 60),
        "Reason": "",
    });
    NewRecord::text(&id(device), &value.to_string())
}
