//! Duplicates that nobody can prevent: what a report may be accepted more than once for.

use std::collections::BTreeMap;

use emberline_flow::commit_metadata::{self, Front};
use emberline_model::Category;

use super::input::{Fact, ReportKey};
use super::kafka::Part;
use super::world::World;

impl World {
    /// It may be accepted once more than it was told.
    pub(super) fn excuse(&mut self, key: ReportKey) {
        if let Some(told) = self.story.reports.get_mut(&key) {
            told.excused += 1;
        }
    }

    /// What of these partitions is with the service or in a retry topic, and not committed,
    /// will be delivered again by their next owner.
    pub(super) fn excuse_uncommitted(&mut self, member: usize, parts: &[Part]) {
        let Some(owner) = self.members[member].as_ref() else { return };
        let committed = &self.groups[owner.kind as usize].committed;
        let mut again = Vec::new();
        for part in parts {
            // As the next owner will find out whom a front is about.
            let mut of_device: BTreeMap<u8, Front> = BTreeMap::new();
            let Some(tenure) = owner.owned.get(part) else { continue };
            let (from, settled) = committed.get(part).map_or((0, None), |(offset, text)| {
                (*offset, Some(commit_metadata::decode(text, *offset)))
            });
            for record in self.log.part(*part).from(from) {
                let told = settled.as_ref().is_some_and(|it| it.is_settled(record.offset));
                if record.offset >= tenure.next {
                    break;
                }
                if told {
                    self.cover.saw("settled above the frontier, told by metadata");
                } else {
                    let place = (*part, record.offset);
                    let device = self.story.facts.get(&place).and_then(|facts| device_of(facts));
                    let mut parts =
                        settled.as_ref().map_or(0, |it| it.settled_parts(record.offset));
                    if let Some(device) = device {
                        let front = settled.as_ref().and_then(|it| it.front_at(record.offset));
                        if let Some(front) = front {
                            self.cover.saw("front of a device, told by metadata");
                            of_device.insert(device, *front);
                        }
                        let front = of_device.get(&device);
                        parts |= front.map_or(0, |front| front.settled_parts(record.offset));
                    }
                    again.push(((*part, record.offset), parts));
                }
            }
        }
        let unwritten: Vec<Vec<Fact>> = owner.unwritten.values().cloned().collect();
        for (place, parts) in again {
            for fact in self.story.facts.get(&place).cloned().unwrap_or_default() {
                let Fact::Report(key) = fact else { continue };
                let bit = Category::ALL.iter().position(|it| it.code() == key.category);
                if bit.is_some_and(|bit| parts & (1 << bit) != 0) {
                    self.cover.saw("settled in part, told by metadata");
                    continue;
                }
                let writing = unwritten.iter().any(|facts| facts.contains(&fact));
                let calling = self.calls.values().any(|call| call.reports().contains(&key));
                let sent = self.story.reports[&key].accepted > 0;
                if sent || calling || writing || self.story.parked.contains_key(&fact) {
                    self.cover.saw("duplicate to be expected");
                    self.excuse(key);
                }
            }
        }
    }
}

/// Whose telemetry these facts are.
fn device_of(facts: &[Fact]) -> Option<u8> {
    facts.iter().find_map(|fact| match fact {
        Fact::Report(key) => Some(key.device),
        _ => None,
    })
}
