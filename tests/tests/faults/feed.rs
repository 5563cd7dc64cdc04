//! What a story is fed with: devices that go on talking while something happens, and how
//! long the calls about them take.

use std::cell::Cell;
use std::time::Duration;

use anyhow::Result;
use emberline_fleet::FleetPlan;
use emberline_sandbox::FaultPlan;
use emberline_testkit::{Load, World};
use tokio::time::{MissedTickBehavior, interval};

/// How often the devices' records are written.
const EVERY: Duration = Duration::from_millis(500);

/// Calls take twice so long: until they are carried out, and until their answer comes.
pub(crate) fn calls_take_two(world: &World, half: Duration) {
    world.sandbox.faults().set(FaultPlan {
        latency: half,
        answer_latency: half,
        ..FaultPlan::default()
    });
}

/// Devices that are all bound, and whose messages are one report each.
pub(crate) async fn one_report_a_message(world: &World) -> Result<Load> {
    let load = Load::new(FleetPlan {
        devices: 60,
        unbound: 0.0,
        most_properties: 1,
        ..FleetPlan::default()
    });
    world.introduce(&load).await?;
    Ok(load)
}

/// Tells what happens, while the devices write about so many records a second.
pub(crate) async fn while_devices_talk<T>(
    world: &World,
    load: &mut Load,
    records_a_second: usize,
    story: impl Future<Output = Result<T>>,
) -> Result<T> {
    let over = Cell::new(false);
    let talk = async {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // What was begun is written to its end: all of it is expected to arrive.
        while !over.get() {
            ticks.tick().await;
            world.tell(load.records(records_a_second / 2)).await?;
        }
        anyhow::Ok(())
    };
    let happens = async {
        let told = story.await;
        over.set(true);
        told
    };
    let (talked, told) = tokio::join!(talk, happens);
    talked?;
    told
}
