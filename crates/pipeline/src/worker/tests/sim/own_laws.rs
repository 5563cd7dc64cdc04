//! The laws of who joins by the bindings of its own partitions.

use std::collections::{BTreeMap, BTreeSet};

use super::input::{Fact, device_id, number_of};
use super::kafka::{DEVICES, FACTS, Part};
use super::own::OwnSide;
use super::service::Seen;
use super::world::World;
use crate::intake::Intake;
use crate::lane::About;

/// What the facts of a partition have told since a tenure began.
pub(super) struct Prefixes {
    partition: i32,
    /// One past the last of them when it began.
    end: i64,
    /// Whose each device was: by the facts up to that end, and after each that came since.
    owners: BTreeMap<u8, BTreeSet<Option<u8>>>,
}

impl World {
    /// A tenure of a member with own tables begins.
    pub(super) fn prefixes_begin(&mut self, number: usize, (_, partition): Part, tenure: u64) {
        let devices = 0..self.plan.devices;
        let of_it: Vec<u8> =
            devices.filter(|device| self.own_partition(*device) == partition).collect();
        let owners = of_it
            .into_iter()
            .map(|device| (device, BTreeSet::from([self.projector.owner(device)])))
            .collect();
        let end = self.log.part((FACTS, partition)).end;
        let Some(Some(member)) = self.members.get_mut(number) else { return };
        if let Some(own) = &mut member.own {
            own.prefixes.insert(tenure, Prefixes { partition, end, owners });
        }
    }

    /// A fact about the device has come that changes what is known of it.
    pub(super) fn facts_have_changed(&mut self, device: u8) {
        let owner = self.projector.owner(device);
        for member in self.members.iter_mut().flatten() {
            for prefixes in member.own.iter_mut().flat_map(|own| own.prefixes.values_mut()) {
                if let Some(owners) = prefixes.owners.get_mut(&device) {
                    owners.insert(owner);
                }
            }
        }
    }

    /// Law 13, before a batch is taken in.
    pub(super) fn check_taken_in(&mut self, number: usize, batch: &[Intake]) {
        let Some(Some(member)) = self.members.get(number) else { return };
        let Some(own) = &member.own else { return };
        let lacks = |intake: &&Intake| {
            // Of a tenure that is over nothing is taken in.
            let is_owned = member.worker.records.partitions.of_epoch(intake.epoch).is_some();
            let complete = own.prefixes.get(&intake.epoch).is_some_and(|prefixes| {
                let reading = own.readings.get(&prefixes.partition);
                reading.is_some_and(|it| it.tenure == intake.epoch && it.next >= prefixes.end)
            });
            is_owned && !complete
        };
        if let Some(intake) = batch.iter().find(lacks) {
            let (epoch, offset) = (intake.epoch, intake.offset);
            self.breach(
                13,
                format_args!("member {number} takes in {offset} of {epoch} without its table"),
            );
        }
    }

    /// Whose the device may be to a member, by the tenure of its partition.
    fn owners_to<'a>(&self, own: &'a OwnSide, device: u8) -> Option<&'a BTreeSet<Option<u8>>> {
        let reading = own.readings.get(&self.own_partition(device))?;
        own.prefixes.get(&reading.tenure)?.owners.get(&device)
    }

    /// Law 14, as a data call arrives.
    pub(super) fn check_joined(&mut self, number: usize, seen: &Seen) {
        let Some(Some(member)) = self.members.get(number) else { return };
        let (Some(own), Some(device)) = (&member.own, seen.device) else { return };
        let owners = self.owners_to(own, device);
        if !owners.is_some_and(|owners| owners.contains(&seen.customer)) {
            let text = format!("member {number} joins {seen:?}; it may be of {owners:?}");
            self.breach(14, format_args!("{text}"));
        }
    }

    /// Law 15, at every step.
    pub(super) fn check_tables(&mut self, number: usize) {
        let Some(Some(member)) = self.members.get(number) else { return };
        let Some(own) = &member.own else { return };
        let worker = &member.worker;
        let is_kept = |(partition, tenure): &(i32, u64)| {
            let id = worker.records.partitions.of_epoch(*tenure);
            id.is_none_or(|id| worker.records.partitions[id].at.partition != *partition)
        };
        let kept = own.tables.tenures().into_iter().find(is_kept);
        let in_calls = || worker.lanes.items_in_calls();
        let lane_without_table = !worker.ghosts.is_empty()
            && in_calls().any(|(lane, item)| {
                let About::Data { device, .. } = &lane.about else { return false };
                let partition = self.own_partition(number_of(device.as_str()));
                worker.records.is_fenced(item.record) && !own.readings.contains_key(&partition)
            });
        if lane_without_table {
            self.cover.saw("own table: lane of a fenced tenure without a table");
        }
        if let Some((partition, tenure)) = kept {
            self.breach(
                15,
                format_args!("member {number} keeps the table of {partition}, epoch {tenure}"),
            );
        }
    }

    /// Law 16, as a worker begins to park what seems unbound.
    pub(super) fn check_parked_unbound(&mut self, number: usize, facts: &[Fact]) {
        let Some(Some(member)) = self.members.get(number) else { return };
        let Some(own) = &member.own else { return };
        for fact in facts {
            let Fact::Report(key) = fact else { continue };
            let owners = self.owners_to(own, key.device);
            if !owners.is_some_and(|owners| owners.contains(&None)) {
                let text = format!("member {number} parks {key:?} as unbound: {owners:?}");
                self.breach(16, format_args!("{text}"));
                return;
            }
        }
    }

    /// Law 17, at rest.
    pub(super) fn tables_are_right(&mut self) {
        if !self.plan.own_tables {
            return;
        }
        if !self.projector_is_dead() && self.projector.known != self.story.written_bindings {
            let (facts, sets) = (&self.projector.known, &self.story.written_bindings);
            let text = format!("the facts are {facts:?}, the sets {sets:?}");
            self.breach(17, format_args!("{text}"));
        }
        // Mended by who owns the partition, who may have had a minute for it.
        let is_owned = |partition: i32| {
            let mut members = self.members.iter().flatten();
            let part = (DEVICES, partition);
            members.any(|member| member.own.is_some() && member.owned.contains_key(&part))
        };
        let mut disordered = self.projector.disordered.iter();
        let left = disordered.find(|(_, device)| is_owned(self.own_partition(*device))).copied();
        if let Some(left) = left {
            self.breach(17, format_args!("of {left:?} an older fact is the last"));
        }
        for number in 0..self.members.len() {
            let Some(member) = &self.members[number] else { continue };
            let Some(own) = &member.own else { continue };
            for device in 0..self.plan.devices {
                let partition = self.own_partition(device);
                if !member.owned.contains_key(&(DEVICES, partition)) {
                    continue;
                }
                let known = own.tables.customer_of(&device_id(device));
                let known = known.map(|customer| number_of(customer.as_str()));
                let owner = self.projector.owner(device);
                if known != owner {
                    self.breach(
                        17,
                        format_args!("{device} is {owner:?}'s, {known:?}'s to member {number}"),
                    );
                    return;
                }
            }
        }
    }
}
