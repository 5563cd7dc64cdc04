//! Members that join by the bindings of their own partitions: what their reader does in
//! production. It reads a partition's facts for each tenure from the beginning, tells when it has
//! come to the end that it found, and follows.
//!
//! Absent: what the worker does with it. Its tables are the real ones.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use emberline_broker::{PartsEvent, TableRecord};
use emberline_flow::placing::partition_of;
use tokio::sync::mpsc::unbounded_channel;

use super::super::made_up::edges::{Asked, SimParts};
use super::input::device_id;
use super::kafka::{FACTS, Log, Stored};
use super::member::Member;
use super::own_laws::Prefixes;
use super::world::{Event, Sabotage, World};
use crate::join::{Join, Own};
use crate::own_tables::OwnTables;

/// A partition that is read for a tenure.
pub(super) struct Reading {
    pub(super) tenure: u64,
    /// Offset of the next fact to be read.
    pub(super) next: i64,
    /// The end that it had when it was asked for, once that is known.
    target: Option<i64>,
    told: bool,
    /// The worker has heard that its table is complete.
    pub(super) opened: bool,
}

impl Reading {
    /// Whether its reader has something to do.
    fn goes_on(&self, log: &Log, partition: i32) -> bool {
        self.target.is_none() || !self.told || self.next < log.part((FACTS, partition)).end
    }
}

/// The tables of a member, and their reader.
pub(super) struct OwnSide {
    pub(super) tables: Arc<OwnTables>,
    asked: SimParts,
    /// By partition.
    pub(super) readings: BTreeMap<i32, Reading>,
    /// By tenure, from its assignment until its worker has given it up.
    pub(super) prefixes: BTreeMap<u64, Prefixes>,
    /// Partitions that went before they were opened.
    unopened: BTreeSet<i32>,
    reads_soon: bool,
}

impl OwnSide {
    /// Tables of so many partitions, and what a worker joins by them with.
    pub(super) fn new(partitions: i32) -> (Self, Join) {
        let tables = OwnTables::new(partitions);
        let asked = SimParts::default();
        let reader = Box::new(asked.clone());
        let (_, told) = unbounded_channel();
        let join = Join::Own(Own { tables: Arc::clone(&tables), reader, told });
        let side = Self {
            tables,
            asked,
            readings: BTreeMap::new(),
            prefixes: BTreeMap::new(),
            unopened: BTreeSet::new(),
            reads_soon: false,
        };
        (side, join)
    }
}

impl World {
    /// Where the records and the facts of a device lie.
    pub(super) fn own_partition(&self, device: u8) -> i32 {
        partition_of_device(device, self.plan.partitions)
    }

    /// What the worker has asked of the reader since the last look.
    pub(super) fn take_asked(&mut self, number: usize) {
        let Some(Some(member)) = self.members.get_mut(number) else { return };
        let Some(own) = &mut member.own else { return };
        let asked = std::mem::take(&mut *own.asked.0.lock());
        let mut early = Vec::new();
        for asked in asked {
            match asked {
                Asked::Read(parts) => {
                    for (partition, tenure) in parts {
                        if own.unopened.remove(&partition) {
                            self.cover.saw("own table: regained while restoring");
                        }
                        let told = self.sabotage == Some(Sabotage::OpensEarly);
                        if told {
                            early.push((partition, tenure));
                        }
                        let reading =
                            Reading { tenure, next: 0, target: None, told, opened: false };
                        own.readings.insert(partition, reading);
                    }
                }
                Asked::Leave(parts) => {
                    for (partition, tenure) in parts {
                        own.prefixes.remove(&tenure);
                        if self.sabotage == Some(Sabotage::KeepsRows) {
                            own.tables.begin(partition, tenure);
                        }
                        let is_it = |reading: &Reading| reading.tenure == tenure;
                        if own.readings.get(&partition).is_some_and(is_it)
                            && own.readings.remove(&partition).is_some_and(|it| !it.opened)
                        {
                            self.cover.saw("own table: gate closed at revoke");
                            own.unopened.insert(partition);
                        }
                    }
                }
            }
        }
        for (partition, tenure) in early {
            self.after(Duration::ZERO, Event::Restored { member: number, partition, tenure });
        }
        self.facts_to_read(number);
    }

    /// Lets the reader of a member read, where there is something.
    pub(super) fn facts_to_read(&mut self, number: usize) {
        let Some(Some(member)) = self.members.get_mut(number) else { return };
        let Some(own) = &mut member.own else { return };
        let log = &self.log;
        let mut readings = own.readings.iter();
        if own.reads_soon || !readings.any(|(partition, it)| it.goes_on(log, *partition)) {
            return;
        }
        own.reads_soon = true;
        let slow = !self.healed && self.draw.percent(10);
        let wait = if slow { self.draw.millis(500..=3_000) } else { self.draw.millis(1..=100) };
        self.after(wait, Event::ReadFacts(number));
    }

    /// The reader reads some of what there is, of each partition.
    pub(super) fn read_facts(&mut self, number: usize) {
        let anothers = self.sabotage == Some(Sabotage::JoinsByAnothersTable);
        let loses = self.sabotage == Some(Sabotage::LosesFacts);
        let passes_over = self.sabotage == Some(Sabotage::PassesOverOlderFacts);
        let (partitions, devices) = (self.plan.partitions, self.plan.devices);
        let Some(Some(member)) = self.members.get_mut(number) else { return };
        let Some(own) = &mut member.own else { return };
        own.reads_soon = false;
        let mut told = Vec::new();
        for (partition, reading) in &mut own.readings {
            let log = self.log.part((FACTS, *partition));
            let target = *reading.target.get_or_insert(log.end);
            let rest = log.from(reading.next);
            let all = self.healed || self.draw.percent(70);
            let count = if all { rest.len() } else { self.draw.below(rest.len() + 1) };
            if anothers {
                let facts = &self.log.part((FACTS, (*partition + 1) % partitions)).records;
                let of_it = |device: &u8| partition_of_device(*device, partitions) == *partition;
                for device in (0..devices).filter(of_it) {
                    read_as_of_device(&own.tables, facts, device, *partition);
                }
            } else {
                for fact in &rest[..count] {
                    let is_lost = loses && reading.told && self.draw.percent(50);
                    let is_left_out = passes_over && self.projector.is_older(fact);
                    if !is_lost && !is_left_out {
                        own.tables.read(record_of(fact, *partition));
                    }
                }
            }
            let read_to = rest[..count].last().map_or(reading.next, |fact| fact.offset + 1);
            reading.next = if count == rest.len() { log.end } else { read_to };
            if !reading.told && reading.next >= target {
                reading.told = true;
                told.push((*partition, reading.tenure));
            }
        }
        for (partition, tenure) in told {
            let slow = !self.healed && self.draw.percent(10);
            let wait = self.draw.millis(0..=if slow { 3_000 } else { 20 });
            self.after(wait, Event::Restored { member: number, partition, tenure });
        }
        self.facts_to_read(number);
        // What is held for a binding may have it now.
        self.set_wake(number);
    }

    /// The worker hears that a table is complete.
    pub(super) async fn restored(&mut self, number: usize, partition: i32, tenure: u64) {
        let topic_partitions = self.plan.partitions;
        let Some(Some(member)) = self.members.get_mut(number) else { return };
        let Some(own) = &mut member.own else { return };
        let mut end = 0;
        match own.readings.get_mut(&partition).filter(|reading| reading.tenure == tenure) {
            Some(reading) => {
                reading.opened = true;
                end = reading.target.unwrap_or(0);
            }
            None => self.cover.saw("own table: told late for a tenure that is over"),
        }
        self.say(format_args!("member {number} has the table of {partition}, epoch {tenure}"));
        let told = PartsEvent::Complete { partition, tenure, end, topic_partitions };
        self.work(number, |worker, now| worker.table_told(told, now).expect("its partitions"))
            .await;
    }
}

/// Where that is the sabotage: a member's tables go before its worker has heard that it is to
/// give partitions up.
pub(super) fn drop_tables_early(sabotage: Option<Sabotage>, member: &Member) {
    let Some(own) = &member.own else { return };
    if sabotage == Some(Sabotage::DropsRowsEarly) {
        for (partition, reading) in &own.readings {
            own.tables.end(*partition, reading.tenure);
        }
    }
}

fn partition_of_device(device: u8, partitions: i32) -> i32 {
    partition_of(device_id(device).as_str().as_bytes(), partitions)
}

/// Facts of other devices, as if they had been told of this one.
fn read_as_of_device(tables: &OwnTables, facts: &[Stored], device: u8, partition: i32) {
    for fact in facts {
        let key = std::str::from_utf8(fact.key.as_deref().unwrap_or_default());
        let (_, customer) = key.ok().and_then(|it| it.split_once(' ')).expect("a key of our own");
        let key = format!("{} {customer}", device_id(device)).into_bytes();
        tables.read(TableRecord { key: Some(&key), ..record_of(fact, partition) });
    }
}

fn record_of(fact: &Stored, partition: i32) -> TableRecord<'_> {
    TableRecord {
        partition,
        offset: fact.offset,
        timestamp_ms: fact.timestamp_ms,
        key: fact.key.as_deref(),
        value: fact.value.as_deref(),
    }
}
