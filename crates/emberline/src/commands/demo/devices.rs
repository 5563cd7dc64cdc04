//! The devices: what they say into Kafka, and how much of it.

use std::time::{Duration, Instant};

use anyhow::Context;
use emberline_fleet::{Fleet, FleetPlan, FleetRecord, Topic};
use emberline_sandbox::Sandbox;
use emberline_wire::events::decode_binding;
use emberline_wire::headers::TYPE_HEADER;
use tokio_util::sync::CancellationToken;

use super::board::Board;
use super::sums::{Generated, Service};
use super::world::World;
use crate::commands::generate::feed::Feed;
use crate::commands::generate::now_ms;
use crate::commands::generate::pace::{Due, Pace};
use crate::wiring;

/// Items that may be made and not settled before the devices are held back: the broker in
/// memory drops old records silently, and this many are a small part of what it keeps.
const MOST_WAITING: u64 = 40_000;
/// How long they are held back before it is looked again.
const HELD_BACK: Duration = Duration::from_millis(5);

/// Bindings written before it is looked how far the workers are.
const SOME: usize = 1_000;

/// The devices, and what they have said so far.
pub(super) struct Devices {
    fleet: Fleet,
    feed: Feed,
    customers: u64,
    orders: u64,
    bindings: u64,
    /// Those that are bound later than they report.
    late: Vec<String>,
}

impl Devices {
    /// Makes them.
    ///
    /// # Errors
    /// If there is no way to Kafka.
    pub(super) fn new(plan: FleetPlan, world: &World) -> anyhow::Result<Self> {
        let fleet = Fleet::new(plan, now_ms());
        let feed = Feed::start(&wiring::kafka(&world.settings)?, &world.settings.topics)?;
        Ok(Self { fleet, feed, customers: 0, orders: 0, bindings: 0, late: Vec::new() })
    }

    /// Their customers, and an order of each.
    ///
    /// # Errors
    /// If Kafka does not take them.
    pub(super) async fn claim(
        &mut self,
        board: &Board,
        stop: &CancellationToken,
    ) -> anyhow::Result<()> {
        let customers = self.fleet.customers().map(|(_, record)| record);
        let records: Vec<_> = customers.chain(self.fleet.orders()).collect();
        self.send_some(records, board, stop).await?;
        self.feed.settle().await.check().context("Kafka did not take the customers and orders")
    }

    /// The bindings that there are from the start.
    ///
    /// # Errors
    /// If Kafka does not take them.
    pub(super) async fn bind(
        &mut self,
        board: &Board,
        stop: &CancellationToken,
    ) -> anyhow::Result<()> {
        let bindings = self.fleet.bindings().collect();
        self.send_some(bindings, board, stop).await?;
        self.feed.settle().await.check().context("Kafka did not take the bindings")
    }

    async fn send_some(
        &mut self,
        records: Vec<FleetRecord>,
        board: &Board,
        stop: &CancellationToken,
    ) -> anyhow::Result<()> {
        for some in records.chunks(SOME) {
            while board.waiting() > MOST_WAITING && !stop.is_cancelled() {
                tokio::time::sleep(HELD_BACK).await;
            }
            if stop.is_cancelled() {
                break;
            }
            for record in some {
                self.send(record).await?;
            }
            self.tell(board);
        }
        Ok(())
    }

    /// The devices report at their pace, held back where the workers fall far behind.
    /// Returns how long it took.
    ///
    /// # Errors
    /// If Kafka does not take a record.
    pub(super) async fn report(
        &mut self,
        pace: Pace,
        board: &Board,
        stop: &CancellationToken,
    ) -> anyhow::Result<Duration> {
        let start = Instant::now();
        let mut messages = 0;
        while !stop.is_cancelled() {
            while let Some(record) = self.fleet.due(now_ms()) {
                self.send_due(&record).await?;
            }
            self.tell(board);
            let wait = match pace.due(start.elapsed(), messages) {
                Due::Now(_) if board.waiting() > MOST_WAITING => HELD_BACK,
                Due::Now(count) => {
                    let now_ms = now_ms();
                    for _ in 0..count {
                        let record = self.fleet.message(now_ms);
                        self.send(&record).await?;
                    }
                    messages += count;
                    // The progress and signals get their turn.
                    Duration::ZERO
                }
                Due::Later(wait) => wait,
                Due::Over => break,
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
        Ok(start.elapsed())
    }

    /// What is still due later is said now: late bindings and repetitions.
    ///
    /// # Errors
    /// If Kafka does not take a record, this one or one before.
    pub(super) async fn say_the_rest(&mut self, board: &Board) -> anyhow::Result<()> {
        while let Some(record) = self.fleet.rest(now_ms()) {
            self.send_due(&record).await?;
        }
        self.tell(board);
        self.feed.settle().await.check().context("Kafka did not take everything")
    }

    async fn send_due(&mut self, record: &FleetRecord) -> anyhow::Result<()> {
        if record.topic == Topic::Bindings {
            self.late.extend(device_of(record));
        }
        self.send(record).await
    }

    async fn send(&mut self, record: &FleetRecord) -> anyhow::Result<()> {
        match record.topic {
            Topic::Customers => self.customers += 1,
            Topic::Orders => self.orders += 1,
            Topic::Bindings => self.bindings += 1,
            Topic::Devices => {}
        }
        self.feed.send(record).await.context("Kafka did not take a record")
    }

    fn tell(&self, board: &Board) {
        let events = self.customers + self.orders + self.bindings;
        board.made(self.generated(), self.fleet.expectation().counts().records + events);
    }

    /// What was said so far.
    pub(super) fn generated(&self) -> Generated {
        let counts = self.fleet.expectation().counts();
        Generated {
            reports: counts.reports,
            states: counts.states,
            customers: self.customers,
            orders: self.orders,
            bindings: self.bindings,
            duplicates: counts.duplicates(),
            skipped: counts.skipped + counts.unknown_properties,
            dead_letters: counts.dead_letters(),
        }
    }

    /// What came of it, by the service's own books.
    pub(super) fn seen_by(&self, sandbox: &Sandbox) -> Service {
        let bindings = self
            .fleet
            .customers()
            .filter_map(|(event, _)| sandbox.registry().bindings(event.customer.as_str()))
            .map(|bindings| bindings.all.len() as u64)
            .sum();
        let registry = sandbox.registry();
        let orders = registry.orders().orders.len() as u64;
        let [customers, orders] = [registry.customers().len() as u64, orders];
        Service::of(sandbox.ledger(), [customers, orders, bindings], &self.late)
    }
}

/// The device that a binding is about.
fn device_of(record: &FleetRecord) -> Option<String> {
    let header = record.headers.iter().find(|(name, _)| *name == TYPE_HEADER);
    let type_name = header.and_then(|(_, value)| std::str::from_utf8(value).ok());
    let event = decode_binding(Some(&record.value), type_name).ok().flatten()?;
    Some(event.device.as_str().to_owned())
}
