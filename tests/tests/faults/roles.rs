//! Which workers the replicas of a story have, and what telemetry is joined by there: each has
//! all of them and all bindings; or they are divided, and each devices worker has the bindings of
//! its own partitions alone.
//!
//! Start at [`introduce`].

use std::time::Duration;

use anyhow::Result;
use emberline_testkit::{Load, World};

use crate::replicas::Replicas;
use crate::watch::nothing_waits;

/// Longest that it may take to make the topics.
const LIMIT: Duration = Duration::from_mins(1);

/// What a process does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Role {
    /// Everything.
    #[default]
    All,
    /// It joins and delivers telemetry, by the bindings of its own partitions.
    Devices,
    /// It writes telemetry and bindings to the partitions of their devices.
    Repartition,
    /// It makes the customers' sets, and delivers what waited.
    BindingsAndRetries,
}

impl Role {
    pub(crate) const fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::All => &["run"],
            Self::Devices => &["run", "--workers", "devices"],
            Self::Repartition => &["run", "--workers", "repartition"],
            Self::BindingsAndRetries => &["run", "--workers", "bindings,retries"],
        }
    }

    /// The topic that devices workers read.
    pub(crate) fn topic(self, world: &World) -> String {
        match self {
            Self::All => world.devices(),
            Self::Devices | Self::Repartition | Self::BindingsAndRetries => {
                world.own_topic("devices")
            }
        }
    }
}

/// The processes that devices workers of their own need beside them.
pub(crate) struct Beside {
    pub(crate) bindings: Replicas,
    pub(crate) repartition: Replicas,
}

impl Beside {
    /// Waits until all binding events that there are now have come to the devices' partitions.
    pub(crate) async fn are_through(&self, world: &World) -> Result<()> {
        world.settled("bindings", &world.bindings()).await?;
        world.settled("repartition", &world.own_topic("customer-devices")).await
    }

    /// Stops them, whatever they do.
    pub(crate) async fn stop_all(self) -> Result<()> {
        self.repartition.stop_all().await?;
        self.bindings.stop_all().await
    }

    /// Stops them, and sees that nothing was moved to a retry topic: every device was bound,
    /// whoever had its partition.
    pub(crate) async fn end_with_nothing_waiting(self, world: &World) -> Result<()> {
        self.stop_all().await?;
        nothing_waits(world).await
    }
}

/// Makes a fleet known to replicas of this role, and starts what these need beside them.
pub(crate) async fn introduce(
    world: &mut World,
    load: &Load,
    role: Role,
) -> Result<Option<Beside>> {
    if role == Role::All {
        world.introduce(load).await?;
        return Ok(None);
    }
    divide(world, load).await.map(Some)
}

/// Has telemetry and bindings written on by partitions, and makes a fleet known.
pub(crate) async fn divide(world: &mut World, load: &Load) -> Result<Beside> {
    let topic = world.devices();
    world.repartition();
    world.set("join.table", r#""own_partitions""#);
    let partitions = world.kafka.ends(&topic).await?.len().to_string();
    let create = ["topics", "create", "--partitions", &partitions];
    world.emberline(&create).await?.succeeds(LIMIT).await?;
    world.introduce(load).await?;
    let mut beside = Beside {
        bindings: Replicas::with(Role::BindingsAndRetries),
        repartition: Replicas::with(Role::Repartition),
    };
    beside.bindings.add(world, 1).await?;
    beside.repartition.add(world, 1).await?;
    // Live, telemetry may overtake its binding: here every device is to be bound.
    beside.are_through(world).await?;
    Ok(beside)
}
