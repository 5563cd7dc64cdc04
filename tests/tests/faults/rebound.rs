//! Devices that get their first owner, or another one, while the workers that have to know of it
//! are killed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use emberline_fleet::FleetPlan;
use emberline_testkit::kafka::NewRecord;
use emberline_testkit::{Load, Verdict, World};
use emberline_wire::receipt::{Receipt, Received};
use serde_json::json;

use crate::feed::{calls_take_two, while_devices_talk};
use crate::replicas::Replicas;
use crate::roles::{Beside, Role, divide};
use crate::scale::Scale;

const REPLICAS: usize = 2;
const DEVICES_PER_CUSTOMER: u32 = 3;
/// One device in so many is bound while all talk: its reports wait in the retry topic.
const UNBOUND: u32 = 10;
const RECORDS_A_SECOND: usize = 150;
const IN_FLIGHT: usize = 32;
const MOST_REPORTS: usize = 10;
const HALF_A_CALL: Duration = Duration::from_millis(250);

/// In each round `repartition` is killed, and then a `devices` process; each time a device is
/// bound that was not, and another one gets a new owner. All that they say arrives. What a device
/// says goes to its former owner, and from some moment on to the new one.
pub(crate) async fn while_workers_are_killed(world: &mut World, scale: Scale) -> Result<()> {
    let rounds = scale.of(2, 10);
    let devices: u32 = scale.of(60, 240);
    let mut load = Load::new(FleetPlan {
        devices,
        devices_per_customer: DEVICES_PER_CUSTOMER,
        unbound: 1.0 / f64::from(UNBOUND),
        bind_later_after: Duration::from_hours(1),
        ..FleetPlan::default()
    });
    world.set("retry.tiers", r#"["2s"]"#);
    world.set("join.wait", r#""200ms""#);
    let mut beside = divide(world, &load).await?;
    world.set("batch.max_reports", &MOST_REPORTS.to_string());
    world.set("limits.in_flight", &IN_FLIGHT.to_string());
    calls_take_two(world, HALF_A_CALL);
    let world = &*world;
    // So many that each device has said something.
    world.tell(load.records(20 * devices as usize)).await?;
    let mut owners = Owners::of(&load)?;
    let half = load.expectation().counts().reports / 2;

    let kills = async {
        let mut replicas = Replicas::with(Role::Devices);
        replicas.add(world, REPLICAS).await?;
        // Something of each that gets another owner has gone to its first.
        world.accepted(half).await?;
        for _ in 0..rounds {
            repartition_is_killed(world, &mut beside, &mut owners).await?;
            owners.change(world).await?;
            replicas.kill(world, 0).await?;
            replicas.add(world, 1).await?;
            beside.are_through(world).await?;
            are_heard_of(world, &owners).await?;
        }
        Ok(replicas)
    };
    let replicas = while_devices_talk(world, &mut load, RECORDS_A_SECOND, kills).await?;
    world.tell(load.rest()).await?;
    world.accepted(load.expectation().counts().reports).await?;
    world.settled("repartition", &world.devices()).await?;
    world.settled("devices", &world.own_topic("devices")).await?;
    world.settled("retries", &world.own_topic("retry.2s")).await?;
    replicas.stop_all().await?;
    beside.stop_all().await?;

    went_to_their_owners(world, &owners).await?;
    only_these_waited(world, &owners.late).await?;
    is_complete(&world.judge(&load), &owners.late, rounds * IN_FLIGHT * MOST_REPORTS)
}

/// Kills the worker that writes telemetry and bindings on while it has something to do, and
/// starts another one once there are bindings that it has not written on.
async fn repartition_is_killed(
    world: &World,
    beside: &mut Beside,
    owners: &mut Owners,
) -> Result<()> {
    let (raw, sets) = (world.devices(), world.own_topic("customer-devices"));
    let under_way = async || Ok((behind(world, &raw).await? > 0).then_some(()));
    world.wait_for("repartition has something under way", under_way).await?;
    beside.repartition.kill_anyhow(0).await?;
    owners.change(world).await?;
    world.settled("bindings", &world.bindings()).await?;
    ensure!(behind(world, &sets).await? > 0, "nobody was there to write these bindings on");
    beside.repartition.add(world, 1).await?;
    beside.are_through(world).await
}

/// How many offsets of a topic `repartition` has not settled.
async fn behind(world: &World, topic: &str) -> Result<i64> {
    let committed = world.committed("repartition", topic).await?;
    let ends = world.kafka.ends(topic).await?;
    let of = |(partition, end): (i32, i64)| {
        end - committed.get(&partition).map_or(0, |(offset, _)| (*offset).max(0))
    };
    Ok(ends.into_iter().map(of).sum())
}

/// Whose the devices are.
struct Owners {
    /// Of each device in turn its id and its first customer.
    all: Vec<(String, String)>,
    /// Devices that are not bound at the start.
    late: BTreeSet<String>,
    /// The former and the new owner of those that have got another one.
    moved: BTreeMap<String, [String; 2]>,
    changes: usize,
}

impl Owners {
    fn of(load: &Load) -> Result<Self> {
        let stories = load.expectation().stories();
        let all: BTreeMap<u32, (String, String)> = stories
            .map(|story| {
                let id = story.device.to_string();
                let number = id.rsplit_once("dev").context("a device of no fleet")?.1.parse()?;
                Ok((number, (id, story.customer.to_string())))
            })
            .collect::<Result<_>>()?;
        let late = all.iter().filter(|(number, _)| (*number + 1).is_multiple_of(UNBOUND));
        let late = late.map(|(_, (id, _))| id.clone()).collect();
        Ok(Self { all: all.into_values().collect(), late, moved: BTreeMap::new(), changes: 0 })
    }

    /// Another device is bound that was not, and another one that was gets a new owner.
    async fn change(&mut self, world: &World) -> Result<()> {
        let (late, bound): (Vec<_>, Vec<_>) =
            self.all.iter().partition(|(id, _)| self.late.contains(id));
        let (id, customer) = late.get(self.changes).context("all are bound")?;
        let first = bind(customer, id)?;
        let (id, former) = bound.get(self.changes).context("all have got another owner")?;
        let mut others = bound.iter().map(|(_, customer)| customer);
        let new = others.find(|customer| *customer > former).context("nobody else")?;
        let moved = bind(new, id)?;
        self.moved.insert(id.clone(), [former.clone(), new.clone()]);
        self.changes += 1;
        world.kafka.produce(&world.bindings(), &[first, moved]).await
    }
}

/// Now this device is this customer's.
fn bind(customer: &str, device: &str) -> Result<NewRecord> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let event = json!({
        "type": "bind", "customer_id": customer, "device_id": device,
        "customer_device_no": "SN-1", "product_name": "Detector",
        "time": u64::try_from(now.as_millis())?,
    });
    Ok(NewRecord::text(customer, &event.to_string()))
}

/// Device and category, and whose its reports were in turn.
type Heirs = BTreeMap<(String, u16), Vec<String>>;

/// To whom reports went, in the order of their receipts: of a device and category one call at a
/// time is under way.
async fn heirs(world: &World) -> Result<Heirs> {
    let mut records = world.kafka.read_all(&world.own_topic("receipts")).await?;
    records.sort_by_key(|record| (record.partition, record.offset));
    let mut heirs = Heirs::new();
    for record in records {
        let receipt = Receipt::decode(&record.value.unwrap_or_default())?;
        let Received::Data { device_id, category, .. } = receipt.received else { continue };
        let of_lane = heirs.entry((device_id, category.code())).or_default();
        if of_lane.last() != Some(&receipt.customer_id) {
            of_lane.push(receipt.customer_id);
        }
    }
    Ok(heirs)
}

/// Waits until each device that has got another owner has something delivered to that one.
async fn are_heard_of(world: &World, owners: &Owners) -> Result<()> {
    world
        .wait_for("new owners have reports", async || {
            let heirs = heirs(world).await?;
            let is_heard_of = |(device, [_, new]): (&String, &[String; 2])| {
                heirs.iter().any(|((of, _), heirs)| of == device && heirs.last() == Some(new))
            };
            Ok(owners.moved.iter().all(is_heard_of).then_some(()))
        })
        .await
}

/// Nothing went to anybody else than the device's owner; and after something went to the new one,
/// nothing to the former.
async fn went_to_their_owners(world: &World, owners: &Owners) -> Result<()> {
    let first: BTreeMap<&String, &String> = owners.all.iter().map(|(id, of)| (id, of)).collect();
    let mut changed = BTreeSet::new();
    for ((device, category), heirs) in heirs(world).await? {
        let is_right = match owners.moved.get(&device) {
            Some(owners) => {
                if heirs == owners {
                    changed.insert(device.clone());
                }
                owners.ends_with(&heirs) || owners.starts_with(&heirs)
            }
            None => first.get(&device).is_some_and(|customer| heirs == [(*customer).clone()]),
        };
        ensure!(is_right, "reports {category} of {device} went to {heirs:?}");
    }
    ensure!(changed.len() == owners.moved.len(), "only of {changed:?} it was seen");
    Ok(())
}

/// Nobody else than these devices was taken for unbound.
async fn only_these_waited(world: &World, late: &BTreeSet<String>) -> Result<()> {
    for waiting in world.kafka.read_all(&world.own_topic("retry.2s")).await? {
        let device = String::from_utf8(waiting.key.unwrap_or_default())?;
        ensure!(late.contains(&device), "{device} waited, and was bound");
    }
    Ok(())
}

/// All is there. What waited in a retry topic came behind what was younger, and out of another
/// process: of those devices neither their order nor once is promised, nor one call at a time.
fn is_complete(verdict: &Verdict, late: &BTreeSet<String>, most_repeated: usize) -> Result<()> {
    let Verdict { missing, unexpected, wrong_states, .. } = verdict;
    ensure!(missing.is_empty(), "missing: {missing:?}");
    ensure!(unexpected.is_empty(), "not expected: {unexpected:?}");
    ensure!(wrong_states.is_empty(), "wrong states: {wrong_states:?}");
    let is_early = |finding: &&String| !late.iter().any(|late| finding.starts_with(late));
    let disorder: Vec<_> = verdict.out_of_order.iter().filter(is_early).collect();
    ensure!(disorder.is_empty(), "out of order: {disorder:?}");
    let repeated = verdict.twice.iter().filter(is_early).count();
    ensure!(repeated <= most_repeated, "{repeated} repeated, at most {most_repeated} may be");
    Ok(())
}
