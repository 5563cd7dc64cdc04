//! The coordinator: members come and go, partitions are dealt out, taken back, lost.

use std::collections::BTreeMap;
use std::sync::mpsc::TryRecvError;
use std::time::Duration;

use emberline_broker::{
    AssignedPartition, Commit, CommitError, Frontier, PartitionRef, PartitionSlot, Revocation,
    SourceEvent, TopicIndex,
};
use emberline_flow::commit_metadata;

use super::kafka::{Part, TOPICS};
use super::member::{Going, Tenure};
use super::own::drop_tables_early;
use super::plan::KINDS;
use super::reading::SOON;
use super::world::{Event, World};
use crate::run::topics_of;
use crate::settings::WorkerKind;

/// Without a word for so long, a member is taken for dead.
pub(super) const SESSION: Duration = Duration::from_secs(10);
/// The source waits for an answer to a revocation so much longer than the worker drains.
const DRAIN_GRACE: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(super) struct Group {
    pub(super) members: Vec<usize>,
    pub(super) owner: BTreeMap<Part, usize>,
    pub(super) committed: BTreeMap<Part, (i64, String)>,
    deal_due: bool,
}

impl World {
    pub(super) fn deal_soon(&mut self, kind: WorkerKind, wait: Duration) {
        let group = &mut self.groups[kind as usize];
        if !group.deal_due {
            group.deal_due = true;
            self.after(wait, Event::Deal(kind));
        }
    }

    pub(super) fn join(&mut self, number: usize) {
        let Some(Some(member)) = self.members.get_mut(number) else { return };
        if member.joined || member.leaving {
            return;
        }
        member.joined = true;
        let kind = member.kind;
        self.groups[kind as usize].members.push(number);
        self.say(format_args!("member {number} ({}) joins", kind.name()));
        self.deal_soon(kind, SOON);
        // Some of the others' partitions are to be its own.
        let count = self.parts_of(kind).len() / self.groups[kind as usize].members.len();
        for _ in 0..count {
            self.take_some(kind, Some(number));
        }
    }

    /// Takes partitions back from one of the members, in good order.
    pub(super) fn take_some(&mut self, kind: WorkerKind, not_from: Option<usize>) {
        let group = &self.groups[kind as usize];
        let owners: Vec<usize> =
            group.members.iter().copied().filter(|member| Some(*member) != not_from).collect();
        if owners.is_empty() {
            return;
        }
        let from = self.draw.pick(&owners);
        let some = self.draw.percent(70);
        let Some(Some(member)) = self.members.get(from) else { return };
        let mut parts: Vec<Part> = member.owned.keys().copied().collect();
        if some && parts.len() > 1 {
            let keep = self.draw.below(parts.len());
            parts.remove(keep);
        }
        self.begin_going(from, &parts);
    }

    fn begin_going(&mut self, number: usize, parts: &[Part]) {
        let asked = self.clock.passed();
        let Some(Some(member)) = self.members.get_mut(number) else { return };
        if member.going.is_some() || member.stale || parts.is_empty() {
            return;
        }
        let refs: Vec<PartitionRef> =
            parts.iter().map(|part| member.owned[part].at.clone()).collect();
        let in_calls = member.worker.in_calls > 0;
        drop_tables_early(self.sabotage, member);
        let (revocation, answer) = Revocation::new(refs, false);
        member.going = Some(Going { parts: parts.to_vec(), answer, told: None, asked });
        self.cover.saw("revocation");
        if in_calls {
            self.cover.saw("revocation with calls in flight");
        }
        self.say(format_args!("member {number} is to give up {parts:?}"));
        self.tell(number, SourceEvent::Revoking(revocation));
    }

    /// The worker's answer to a revocation, if it is there.
    pub(super) fn take_answer(&mut self, number: usize) {
        let (now, instant) = (self.clock.passed(), self.clock.now());
        let drain = self.plan.settings.delivery.drain;
        let Some(Some(member)) = self.members.get_mut(number) else { return };
        let Some(going) = &member.going else { return };
        let Some(told) = going.told else { return };
        let commits = match going.answer.try_recv() {
            Ok(commits) => commits,
            Err(TryRecvError::Disconnected) => Vec::new(),
            Err(TryRecvError::Empty) => {
                if now > told + drain + DRAIN_GRACE {
                    let asked = going.asked;
                    self.breach(0, format_args!("no answer to the revocation of {asked:?}"));
                }
                return;
            }
        };
        // Who leaves has begun to drain before.
        let left_late = member.worker.leave_by.is_some_and(|by| instant >= by);
        let late = now >= told + drain || left_late;
        let Some(going) = member.going.take() else { return };
        self.gone(number, &going.parts, commits, late);
    }

    fn gone(&mut self, number: usize, parts: &[Part], commits: Vec<Commit>, late: bool) {
        let commits = self.spoiled(commits);
        for commit in &commits {
            self.check_commit(number, commit);
        }
        self.say(format_args!(
            "member {number} gives up {parts:?}{}",
            if late { ", late" } else { "" }
        ));
        // What was sent before is answered before.
        let Some(Some(member)) = self.members.get_mut(number) else { return };
        let before = member.committing.take().unwrap_or_default();
        let epochs: Vec<u64> = parts.iter().map(|part| member.owned[part].at.epoch).collect();
        member.control.lock().commits.retain(|epoch, _| !epochs.contains(epoch));
        let kind = member.kind;
        for commit in &before {
            self.apply_commit(number, commit);
        }
        let refused = self.rough_brokers && self.draw.percent(30);
        if !refused {
            for commit in &commits {
                self.apply_commit(number, commit);
            }
        }
        if late || refused {
            self.cover.saw(if late { "drain past its deadline" } else { "last commit failed" });
            self.excuse_uncommitted(number, parts);
        } else {
            self.cover.saw("drain done");
        }
        let Some(Some(member)) = self.members.get_mut(number) else { return };
        for part in parts {
            member.owned.remove(part);
            self.groups[kind as usize].owner.remove(part);
        }
        let event = if refused {
            let error = CommitError::Refused("sim".into());
            SourceEvent::CommitFailed { commits, error }
        } else {
            SourceEvent::Committed(commits)
        };
        self.tell(number, event);
        self.deal_soon(kind, SOON);
        let Some(Some(member)) = self.members.get(number) else { return };
        if member.leaving {
            let rest: Vec<Part> = member.owned.keys().copied().collect();
            if rest.is_empty() {
                self.retire(number);
            } else {
                self.begin_going(number, &rest);
            }
        }
    }

    /// The worker has left: its partitions go in good order, then it ends.
    pub(super) fn leave(&mut self, number: usize) {
        let Some(Some(member)) = self.members.get_mut(number) else { return };
        member.leaving = true;
        let (kind, going) = (member.kind, member.going.is_some());
        let parts: Vec<Part> = member.owned.keys().copied().collect();
        self.groups[kind as usize].members.retain(|other| *other != number);
        if !going && parts.is_empty() {
            self.retire(number);
        } else if !going {
            self.begin_going(number, &parts);
        }
    }

    /// Deals partitions that nobody owns.
    pub(super) fn deal(&mut self, kind: WorkerKind) {
        self.groups[kind as usize].deal_due = false;
        let group = &self.groups[kind as usize];
        let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
        for member in &group.members {
            let free = self.members[*member].as_ref().is_some_and(|it| it.going.is_none());
            if free {
                let count = group.owner.values().filter(|owner| *owner == member).count();
                counts.insert(*member, count);
            }
        }
        let nobodys: Vec<Part> = self
            .parts_of(kind)
            .into_iter()
            .filter(|part| !self.groups[kind as usize].owner.contains_key(part))
            .collect();
        if counts.is_empty() || nobodys.is_empty() {
            if !nobodys.is_empty() && !self.groups[kind as usize].members.is_empty() {
                self.deal_soon(kind, SOON * 3);
            }
            return;
        }
        let mut dealt: BTreeMap<usize, Vec<Part>> = BTreeMap::new();
        for part in nobodys {
            let fewest = counts.values().min().copied().unwrap_or_default();
            let poorest: Vec<usize> =
                counts.iter().filter(|(_, count)| **count == fewest).map(|(it, _)| *it).collect();
            let to = self.draw.pick(&poorest);
            *counts.entry(to).or_default() += 1;
            self.groups[kind as usize].owner.insert(part, to);
            dealt.entry(to).or_default().push(part);
        }
        for (to, parts) in dealt {
            self.assign(to, kind, parts);
        }
    }

    fn assign(&mut self, number: usize, kind: WorkerKind, parts: Vec<Part>) {
        let topics = topics_of(kind, &self.plan.settings);
        let mut assigned = Vec::new();
        for part in parts {
            let log = self.log.part(part);
            let (low, high) = (log.low, log.end);
            let known = self.groups[kind as usize].committed.get(&part).cloned();
            let (committed, metadata) =
                known.map_or((None, String::new()), |(offset, text)| (Some(offset), text));
            // As the process begins reading.
            let wanted = committed.map_or(low, |offset| {
                let seeds = kind != WorkerKind::Retries;
                commit_metadata::decode(&metadata, offset).begin(offset, seeds)
            });
            let start = wanted.max(low).min(high.max(low));
            if committed.is_some_and(|offset| start < offset) {
                self.cover.saw("reading begins before what was committed");
            }
            self.epochs += 1;
            let index = topics.iter().position(|topic| topic == TOPICS[part.0]).unwrap_or(0);
            let at = PartitionRef {
                topic: TOPICS[part.0].into(),
                topic_index: TopicIndex(u16::try_from(index).unwrap_or_default()),
                partition: part.1,
                epoch: self.epochs,
                slot: PartitionSlot(0),
            };
            let told = start.max(committed.unwrap_or(start));
            let here = std::thread::current();
            let own = self.members[number].as_ref().is_some_and(|it| it.own.is_some());
            let frontier = if own {
                Frontier::closed_at(told, here)
            } else {
                Frontier::starting_at(told, here)
            };
            self.say(format_args!(
                "member {number} gets {part:?}, epoch {}, committed {committed:?}, from {start}",
                at.epoch
            ));
            let tenure = Tenure {
                at: at.clone(),
                next: start,
                told: start,
                frontier: frontier.clone(),
                full: false,
            };
            if let Some(Some(member)) = self.members.get_mut(number) {
                member.owned.insert(part, tenure);
            }
            self.prefixes_begin(number, part, self.epochs);
            assigned.push(AssignedPartition {
                at,
                committed,
                metadata,
                low,
                high,
                start,
                topic_partitions: self.log.partitions(part.0),
                frontier,
            });
        }
        self.tell(number, SourceEvent::Assigned(assigned));
    }

    /// The coordinator gives a living member's partitions to others; it hears later.
    pub(super) fn lose(&mut self, number: usize) {
        let Some(Some(member)) = self.members.get_mut(number) else { return };
        if !member.joined || member.going.is_some() || member.stale || member.leaving {
            return;
        }
        member.joined = false;
        member.stale = true;
        member.losing = true;
        let kind = member.kind;
        let in_calls = member.worker.in_calls > 0;
        drop_tables_early(self.sabotage, member);
        let parts: Vec<Part> = member.owned.keys().copied().collect();
        self.say(format_args!("member {number} loses {parts:?}"));
        self.cover.saw("partitions lost");
        if in_calls {
            self.cover.saw("partitions lost with calls in flight");
        }
        self.excuse_uncommitted(number, &parts);
        let group = &mut self.groups[kind as usize];
        group.members.retain(|other| *other != number);
        group.owner.retain(|_, owner| *owner != number);
        self.deal_soon(kind, SOON);
        let wait = self.draw.millis(1..=4_000);
        self.after(wait, Event::LossTold(number));
    }

    pub(super) fn loss_told(&mut self, number: usize) {
        let Some(Some(member)) = self.members.get_mut(number) else { return };
        member.stale = false;
        let parts: Vec<Part> = member.owned.keys().copied().collect();
        self.excuse_uncommitted(number, &parts);
        let Some(Some(member)) = self.members.get_mut(number) else { return };
        let refs: Vec<PartitionRef> =
            std::mem::take(&mut member.owned).into_values().map(|tenure| tenure.at).collect();
        let epochs: Vec<u64> = refs.iter().map(|at| at.epoch).collect();
        member.control.lock().commits.retain(|epoch, _| !epochs.contains(epoch));
        self.say(format_args!("member {number} hears of its loss"));
        if !refs.is_empty() {
            let (revocation, _) = Revocation::new(refs, true);
            self.tell(number, SourceEvent::Revoking(revocation));
        }
        self.join(number);
    }

    /// A dead member's session is over.
    pub(super) fn session_over(&mut self, number: usize) {
        for kind in KINDS {
            let group = &mut self.groups[kind as usize];
            group.members.retain(|other| *other != number);
            let before = group.owner.len();
            group.owner.retain(|_, owner| *owner != number);
            if group.owner.len() < before {
                self.deal_soon(kind, SOON);
            }
        }
    }
}
