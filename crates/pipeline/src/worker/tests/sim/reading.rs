//! The source: it reads when there is room, tells positions, and commits.

use std::sync::atomic::Ordering;
use std::time::Duration;

use emberline_broker::{SourceEvent, TopicIndex};

use super::input::{Input, number_of};
use super::kafka::{CUSTOMER_DEVICES, DEAD_LETTERS, DEVICES, Part, TOPICS};
use super::member::Member;
use super::world::{Event, World};
use crate::raw::RawRecord;
use crate::run::topics_of;
use crate::settings::WorkerKind;

/// Batches that may wait between a source and its worker.
const BATCHES_WAITING: usize = 4;

impl World {
    pub(super) fn produce(&mut self, input: Input) {
        let Input { topic, key, value, facts } = input;
        let now = self.clock.millis();
        let headers = Vec::new();
        let device = number_of(&key);
        let parts = (Some(key.into_bytes()), value);
        let own = self.plan.own_tables && topic == DEVICES;
        let place = if own {
            let part = (topic, self.own_partition(device));
            self.log.append_to(part, parts, headers, now, &mut self.draw)
        } else {
            self.log.append(topic, parts, headers, now, &mut self.draw)
        };
        self.say(format_args!("produced at {place:?}: {facts:?}"));
        self.story.told(place, facts);
        self.poke_readers();
    }

    pub(super) fn poke_readers(&mut self) {
        for member in 0..self.members.len() {
            self.poke(member);
        }
    }

    /// Wakes the source of this member where it has something to do.
    pub(super) fn poke(&mut self, member: usize) {
        let Some(Some(poked)) = self.members.get(member) else { return };
        let nothing_to_do = poked.inbox.is_empty() && !self.has_something_to_read(poked);
        if poked.tick_due || nothing_to_do {
            return;
        }
        let wait = self.draw.millis(0..=if self.healed { 5 } else { 30 });
        if let Some(poked) = self.members[member].as_mut() {
            poked.tick_due = true;
        }
        self.after(wait, Event::Tick(member));
    }

    fn may_read(member: &Member) -> bool {
        let control = member.control.lock();
        member.going.is_none()
            && !control.left
            && !control.paused
            && !member.room.is_blocked()
            && member.inbox.len() < BATCHES_WAITING
    }

    fn has_something_to_read(&self, member: &Member) -> bool {
        Self::may_read(member)
            && member.owned.iter().any(|(part, tenure)| {
                let readable = self.fits(member, *part);
                readable || self.position(member, *part) > tenure.told
            })
    }

    /// Whether the partition's next record may be read.
    fn fits(&self, member: &Member, part: Part) -> bool {
        let tenure = &member.owned[&part];
        if !tenure.frontier.is_open() {
            return false;
        }
        let Some(next) = self.log.part(part).from(tenure.next).first() else { return false };
        let limit = if tenure.full { (self.gap_limit() + 1) / 2 } else { self.gap_limit() };
        let ahead = if tenure.full { tenure.next } else { next.offset };
        ahead - tenure.frontier.get() < limit
            && next.offset - tenure.frontier.get() < self.gap_limit()
    }

    /// Where reading stands: what is held back because of the gap has not been read.
    fn position(&self, member: &Member, part: Part) -> i64 {
        let (log, tenure) = (self.log.part(part), &member.owned[&part]);
        match log.from(tenure.next).first() {
            None => log.end,
            Some(held) if !self.fits(member, part) => held.offset,
            Some(_) => tenure.told,
        }
    }

    fn gap_limit(&self) -> i64 {
        i64::try_from(self.plan.settings.delivery.gap).unwrap_or(i64::MAX)
    }

    /// One event crosses to the worker, or one batch is read.
    pub(super) async fn tick(&mut self, number: usize) {
        let now = self.clock.passed();
        let table_end = self.log.part((CUSTOMER_DEVICES, 0)).end;
        let Some(member) = self.members[number].as_mut() else { return };
        member.tick_due = false;
        let Some(event) = member.inbox.pop_front() else {
            self.read(number);
            self.poke(number);
            return;
        };
        if let SourceEvent::Records(batch) = &event {
            self.check_taken_in(number, batch);
        }
        let Some(member) = self.members[number].as_mut() else { return };
        match &event {
            SourceEvent::Revoking(revocation) if !revocation.lost => {
                if let Some(going) = member.going.as_mut() {
                    going.told = Some(now);
                }
            }
            SourceEvent::Revoking(_) => member.losing = member.stale,
            SourceEvent::Assigned(_) if member.kind != WorkerKind::Devices => {
                // As the worker's own question to the reader of the sets.
                member.worker.sets_behind.fetch_add(1, Ordering::AcqRel);
                member.sets_awaited.push(table_end);
                let process = member.process;
                self.table_is_behind(process);
            }
            _ => {}
        }
        self.work(number, |worker, now| worker.on_event(event, now).expect("no fatal event")).await;
    }

    fn read(&mut self, number: usize) {
        let first = self.draw.below(64);
        let gap_limit = self.gap_limit();
        let Some(member) = self.members[number].as_ref() else { return };
        if !Self::may_read(member) {
            return;
        }
        let fits: Vec<(Part, bool)> =
            member.owned.keys().map(|part| (*part, self.fits(member, *part))).collect();
        let log = &self.log;
        let Some(member) = self.members[number].as_mut() else { return };
        let most = member.room.try_room().min(self.plan.batch);
        let (mut batch, mut records, mut bytes) = (Vec::new(), 0, 0);
        let topics = topics_of(member.kind, &self.plan.settings);
        for step in 0..fits.len() {
            let (part, fits) = fits[(first + step) % fits.len()];
            let Some(tenure) = member.owned.get_mut(&part) else { continue };
            if !tenure.frontier.is_open() {
                continue;
            }
            tenure.full &= !fits;
            for record in log.part(part).from(tenure.next) {
                if batch.len() >= most || tenure.full {
                    break;
                }
                if record.offset - tenure.frontier.get() >= gap_limit {
                    tenure.full = true;
                    self.cover.saw("gap full");
                    break;
                }
                let headers = record.headers.iter().map(|(name, value)| {
                    (name.clone().into_boxed_str(), value.clone().into_boxed_slice())
                });
                let raw = RawRecord::new(
                    record.key.as_deref(),
                    record.value.as_deref(),
                    headers.collect(),
                );
                let index = topics.iter().position(|topic| topic == TOPICS[part.0]).unwrap_or(0);
                let index = TopicIndex(u16::try_from(index).unwrap_or_default());
                let at = (tenure.at.epoch, part.1, record.offset, record.timestamp_ms);
                let size = raw.bytes();
                let mut intake = member.reader.intake(index, at, raw);
                let now_ms = member.worker.clock.unix_millis();
                intake.early = intake.history.as_ref().is_some_and(|it| it.due_ms > now_ms);
                if intake.early {
                    member.ahead.charge(1, size);
                } else {
                    (records, bytes) = (records + 1, bytes + size);
                }
                batch.push(intake);
                tenure.next = record.offset + 1;
            }
        }
        if batch.is_empty() {
            self.tell_positions(number);
            return;
        }
        member.room.charge(records, bytes);
        member.inbox.push_back(SourceEvent::Records(batch));
        if self.members[number].as_ref().is_some_and(|member| member.room.try_room() == 0) {
            self.cover.saw("room full");
        }
    }

    /// A position passes what is no record.
    fn tell_positions(&mut self, number: usize) {
        let Some(member) = self.members[number].as_ref() else { return };
        let moved: Vec<(Part, i64)> = member
            .owned
            .iter()
            .map(|(part, tenure)| (*part, self.position(member, *part), tenure.told))
            .filter(|(_, position, told)| position > told)
            .map(|(part, position, _)| (part, position))
            .collect();
        let Some(member) = self.members[number].as_mut() else { return };
        let moved: Vec<_> = moved
            .into_iter()
            .filter_map(|(part, position)| {
                let tenure = member.owned.get_mut(&part)?;
                tenure.told = position;
                Some((tenure.at.clone(), position))
            })
            .collect();
        if !moved.is_empty() {
            member.inbox.push_back(SourceEvent::Positions(moved));
        }
    }

    pub(super) fn tell(&mut self, number: usize, event: SourceEvent<Vec<crate::intake::Intake>>) {
        if let Some(Some(member)) = self.members.get_mut(number) {
            member.inbox.push_back(event);
        }
        self.poke(number);
    }

    /// The process is to read the customers' sets to their end.
    pub(super) fn table_is_behind(&mut self, number: usize) {
        let process = &mut self.processes[number];
        if !process.alive || process.table_due {
            return;
        }
        process.table_due = true;
        let slow = !self.healed && self.draw.percent(10);
        let wait = if slow { self.draw.millis(500..=3_000) } else { self.draw.millis(1..=100) };
        self.after(wait, Event::ReadTable(number));
    }

    pub(super) fn read_table(&mut self, number: usize) {
        let process = &mut self.processes[number];
        process.table_due = false;
        if !process.alive {
            return;
        }
        let log = self.log.part((CUSTOMER_DEVICES, 0));
        for record in log.from(process.table_at) {
            let (key, value) = (record.key.as_deref(), record.value.as_deref());
            process.shared.bindings.read(key, value, Some(record.offset));
        }
        process.table_at = log.end;
        let end = log.end;
        for number in process.members.clone() {
            let Some(member) = self.members[number].as_mut() else { continue };
            let before = member.sets_awaited.len();
            member.sets_awaited.retain(|awaited| *awaited > end);
            let read = before - member.sets_awaited.len();
            member.worker.sets_behind.fetch_sub(read, Ordering::AcqRel);
            self.set_wake(number);
        }
    }

    /// Everything that is to be read, by kind.
    pub(super) fn parts_of(&self, kind: WorkerKind) -> Vec<Part> {
        let topics = topics_of(kind, &self.plan.settings);
        let places = topics.iter().map(|topic| super::kafka::topic_of(topic));
        debug_assert!(places.clone().all(|topic| topic < DEAD_LETTERS));
        places
            .flat_map(|topic| (0..self.log.partitions(topic)).map(move |number| (topic, number)))
            .collect()
    }
}

/// A moment.
pub(super) const SOON: Duration = Duration::from_millis(30);
