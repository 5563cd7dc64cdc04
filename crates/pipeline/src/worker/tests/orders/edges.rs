//! What crosses a worker's edges: records in, writes and commits out.

use emberline_broker::{Commit, SourceEvent};

use super::processes::WriteInAir;
use super::world::{Event, Part, World};
use crate::intake::Intake;
use crate::raw::RawRecord;

/// Records read at once.
const BATCH: usize = 3;

impl World {
    pub(super) fn take_writes(&mut self, member: usize) {
        let Some(writer) = self.members[member].as_ref() else { return };
        let handed = std::mem::take(&mut writer.desk.lock().handed);
        for handed in handed {
            let number = self.number();
            let key = handed.key.as_deref().map(String::from_utf8_lossy);
            let what = format!("{} {key:?} {}", handed.topic, handed.value.is_some());
            let unheard = !self.healed && self.draw.percent(5);
            self.say(format_args!("write {number} of member {member}: {what}"));
            self.writes.insert(number, WriteInAir { member, handed, unheard, offset: None });
            let slow = if self.draw.percent(10) { 3_000 } else { 30 };
            let arrives = self.draw.millis(0..=slow);
            let ends = arrives + self.draw.millis(0..=slow);
            self.after(arrives, Event::WriteArrives(number));
            self.after(ends, Event::WriteEnds(number));
        }
    }

    pub(super) fn take_commits(&mut self, member: usize) {
        let Some(committer) = self.members[member].as_ref() else { return };
        let process = committer.process;
        let commits = std::mem::take(&mut committer.control.lock().commits);
        let owned = &committer.owned;
        let of_part = |commit: &Commit| {
            owned
                .iter()
                .find(|(_, tenure)| tenure.at.epoch == commit.at.epoch)
                .map(|(part, _)| *part)
        };
        let commits: Vec<(Part, Commit)> =
            commits.into_values().filter_map(|commit| Some((of_part(&commit)?, commit))).collect();
        for (part, commit) in commits {
            let wait = self.draw.millis(0..=60);
            self.after(wait, Event::Commit { process, part, commit });
        }
    }

    /// The coordinator takes a commit of the partition's owner only, also of one that has
    /// died since.
    pub(super) fn commit(&mut self, process: usize, part: Part, commit: &Commit) {
        let owner = self.owner.get(&part).copied();
        let members = &self.processes[process].members;
        if owner.is_none_or(|owner| !members.contains(&owner)) {
            return;
        }
        let alive = self.processes[process].alive;
        if !alive && self.draw.percent(50) {
            return;
        }
        let before = self.committed.get(&part).map_or(0, |(offset, _)| *offset);
        if commit.offset >= before {
            self.committed.insert(part, (commit.offset, commit.metadata.clone()));
        }
    }

    pub(super) fn plan_reading(&mut self, member: usize) {
        let Some(reader) = self.members[member].as_ref() else { return };
        let more = reader.owned.iter().any(|((topic, partition), tenure)| {
            let log = self.logs.get(&((*topic).to_owned(), *partition));
            log.is_some_and(|log| log.len() > tenure.next)
        });
        let may = !reader.control.lock().paused && reader.going.is_none() && !reader.read_due;
        if more && may {
            let wait = self.draw.millis(0..=50);
            if let Some(reader) = self.members[member].as_mut() {
                reader.read_due = true;
            }
            self.after(wait, Event::Read(member));
        }
    }

    pub(super) async fn read(&mut self, member: usize) {
        let Some(reader) = self.members[member].as_mut() else { return };
        reader.read_due = false;
        if reader.control.lock().paused || reader.going.is_some() {
            return;
        }
        let now_ms = reader.worker.clock.unix_millis();
        let mut batch = Vec::new();
        for ((topic, partition), tenure) in &mut reader.owned {
            let Some(log) = self.logs.get(&((*topic).to_owned(), *partition)) else { continue };
            for record in log.iter().skip(tenure.next).take(BATCH) {
                let header = |(name, value): &(String, Vec<u8>)| {
                    (name.clone().into_boxed_str(), value.clone().into_boxed_slice())
                };
                let headers = record.headers.iter().map(header).collect();
                let raw = RawRecord::new(record.key.as_deref(), record.value.as_deref(), headers);
                let offset = i64::try_from(tenure.next).unwrap_or(i64::MAX);
                let bytes = raw.bytes();
                let at = (tenure.at.epoch, *partition, offset, record.written_ms);
                let intake = reader.reader.intake(tenure.at.topic_index, at, raw);
                let early = intake.history.as_ref().is_some_and(|it| it.due_ms > now_ms);
                if early { &reader.ahead } else { &reader.room }.charge(1, bytes);
                batch.push(Intake { early, ..intake });
                tenure.next += 1;
            }
        }
        if batch.is_empty() {
            return;
        }
        self.on_event(member, SourceEvent::Records(batch)).await;
    }

    pub(super) fn read_book(&mut self, process: usize) {
        let now = self.now();
        let Some(reader) = self.processes.get_mut(process) else { return };
        let topic = self.settings.topics.order_book();
        let Some(log) = self.logs.get(&(topic, 0)) else { return };
        for (offset, record) in log.iter().enumerate().skip(reader.book_at) {
            let offset = i64::try_from(offset).unwrap_or(i64::MAX);
            let (key, value) = (record.key.as_deref(), record.value.as_deref());
            reader.shared.order_book.read(offset, key, value, now);
        }
        reader.book_at = log.len();
    }
}
