//! Partitions come and go: where reading starts, draining, fencing, and the end of the
//! input.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use emberline_broker::{AssignedPartition, PartitionBounds, PartitionRef, Revocation, SourceEvent};
use emberline_flow::commit_metadata;
use emberline_flow::seed_marks::SeedMarks;
use emberline_service_client::Transport;
use hashbrown::HashSet;

use super::set_aside::Written;
use super::{Exit, Worker};
use crate::PipelineError;
use crate::intake::Intake;
use crate::partitions::{Partition, PartitionId};
use crate::records::{RecordId, Records};
use crate::run::topics_of;
use crate::settings::WorkerKind;
use crate::status::PartitionPlace;

/// Log ends told longer ago say nothing about a standstill.
const FRESH: Duration = Duration::from_secs(15);

/// Partitions that go, and what is still waited for.
pub(super) struct Draining {
    revocation: Revocation,
    partitions: Vec<PartitionId>,
    pub(super) deadline: Instant,
}

impl Draining {
    pub(super) fn partitions(&self) -> &[PartitionId] {
        &self.partitions
    }
}

/// The end that each input partition had at the start.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ends {
    /// By topic and partition: one past the last offset.
    pub(crate) offsets: HashMap<(String, i32), i64>,
    /// Whether a worker stops there; otherwise it only tells.
    pub(crate) stop_there: bool,
}

impl Ends {
    pub(crate) fn of(bounds: Vec<PartitionBounds>) -> Self {
        let offsets = bounds
            .into_iter()
            .filter(|bounds| bounds.low < bounds.high)
            .map(|bounds| ((bounds.topic, bounds.partition), bounds.high));
        Self { offsets: offsets.collect(), stop_there: false }
    }

    /// Those of one worker's topics.
    pub(crate) fn of_topics(&self, topics: &[String], stop_there: bool) -> Self {
        let of_these = self.offsets.iter().filter(|((topic, _), _)| topics.contains(topic));
        Self { offsets: of_these.map(|(at, end)| (at.clone(), *end)).collect(), stop_there }
    }
}

impl<T: Transport + Clone> Worker<T> {
    pub(super) fn on_event(
        &mut self,
        event: SourceEvent<Vec<Intake>>,
        now: Instant,
    ) -> Result<(), PipelineError> {
        match event {
            SourceEvent::Records(batch) => {
                self.take_in(batch, now);
                if self.exit.is_some() {
                    // Read before intake was stopped.
                    self.give_up_rest(now);
                }
            }
            SourceEvent::Assigned(partitions) => self.assigned(partitions, now)?,
            SourceEvent::Revoking(revocation) => self.revoking(revocation, now),
            SourceEvent::Positions(positions) => self.positions(&positions),
            SourceEvent::Committed(_) => self.metrics.commits_ok.increment(1),
            SourceEvent::CommitFailed { error, .. } => {
                self.metrics.commits_failed.increment(1);
                self.records.partitions.forget_commits();
                tracing::warn!(worker = self.kind.name(), %error, "commit failed; it is made again");
            }
            SourceEvent::OffsetOutOfRange { at, wanted, low, high, resumed_at } => {
                self.metrics.offsets_out_of_range.increment(1);
                tracing::error!(topic = %at.topic, partition = at.partition, wanted, low, high,
                    resumed_at, "the log does not hold the offset to read from: records were lost to retention, or the topic was made anew");
            }
            SourceEvent::Failed(error) if error.is_fatal() => return Err(error.into()),
            SourceEvent::Failed(error) => {
                tracing::warn!(worker = self.kind.name(), %error, "kafka");
            }
        }
        Ok(())
    }

    fn assigned(
        &mut self,
        partitions: Vec<AssignedPartition>,
        now: Instant,
    ) -> Result<(), PipelineError> {
        self.begin_tables(&partitions, now)?;
        if self.kind.makes_sets() {
            self.catch_up_with_sets();
        }
        if !partitions.is_empty() {
            let count = partitions.len();
            tracing::info!(worker = self.kind.name(), count, "partitions assigned");
        }
        self.forget_freed();
        for assigned in partitions {
            let (low, high) = (assigned.low, assigned.high);
            let resume_at = assigned.committed.unwrap_or(assigned.start).clamp(low, high);
            let begins_untold =
                assigned.committed.is_none() && resume_at > low && !self.kind.is_again();
            let settled_before = match assigned.committed {
                Some(committed) if committed == resume_at => {
                    commit_metadata::decode(&assigned.metadata, committed)
                }
                _ => commit_metadata::CommitMetadata::default(),
            };
            let name = (Arc::clone(&assigned.at.topic), assigned.at.partition);
            let regained = !self.known_partitions.insert(name);
            let marks = SeedMarks::new(self.shared.settings.delivery.dedupe_window);
            if self.spread.is_some() {
                self.metrics.spread_of(&assigned.at.topic);
            }
            self.topic_partitions.insert(Arc::clone(&assigned.at.topic), assigned.topic_partitions);
            let id = self.records.partitions.insert(Partition::resumed(
                assigned.at,
                resume_at,
                settled_before,
                marks,
                (assigned.high, assigned.frontier),
            ));
            self.records.partitions[id].begins_untold = begins_untold;
            if regained {
                self.records.partitions[id].regained_up_to = assigned.high;
            }
            self.dedupe.partition_assigned(id.slot());
        }
        self.assignment_changed(now);
        Ok(())
    }

    /// The dedupe window forgets partitions of which nothing is in flight any more. While
    /// a call of a tenure that is over goes on, its reports are to be recognised.
    pub(super) fn forget_freed(&mut self) {
        for slot in self.records.partitions.take_freed() {
            self.dedupe.partition_gone(slot);
        }
    }

    fn positions(&mut self, positions: &[(PartitionRef, i64)]) {
        for (at, position) in positions {
            if let Some(id) = self.records.partitions.of_epoch(at.epoch) {
                let partition = &mut self.records.partitions[id];
                partition.position = partition.position.max(*position);
                partition.ledger.advance_to(*position);
            }
        }
    }

    /// Looks for partitions that have more to read, nothing in flight, and are not read on,
    /// although nothing holds intake back: a reader that has come to a standstill.
    pub(super) fn look_for_stalls(&mut self, now: Instant) {
        let highs = self.shared.highs.lock();
        // What is not due stands still as it should; and brokers out of reach are not our fault.
        let told = highs.told.is_some_and(|told| now.saturating_duration_since(told) < FRESH);
        let flows = told
            && self.kind != WorkerKind::Retries
            && !self.kind.is_again()
            && self.draining.is_none();
        let flows = flows && !self.intake_paused && !self.room.is_blocked();
        let mut longest: Option<(Instant, String)> = None;
        for (_, partition) in self.records.partitions.owned_mut() {
            let name = (partition.at.topic.to_string(), partition.at.partition);
            let more = highs.offsets.get(&name).is_some_and(|high| *high > partition.position);
            let position = partition.position;
            let known = partition.still.filter(|(at, _)| *at == position);
            let stands = flows && more && partition.records == 0 && partition.is_open();
            partition.still = stands.then(|| known.unwrap_or((position, now)));
            if let Some((_, since)) = partition.still
                && longest.as_ref().is_none_or(|(other, _)| since < *other)
            {
                longest = Some((since, format!("{}/{}", name.0, name.1)));
            }
        }
        self.status.stands_still(longest);
    }

    /// Tells how far each partition is, where something has an end to come to.
    pub(super) fn tell_places(&self) {
        if !self.kind.is_again() {
            return;
        }
        let place = |partition: &Partition| PartitionPlace {
            topic: partition.at.topic.to_string(),
            partition: partition.at.partition,
            frontier: partition.ledger.frontier(),
            read_to_ms: partition.read_to_ms,
        };
        let owned = self.records.partitions.owned();
        self.status.stands_at(owned.map(|(_, partition)| place(partition)).collect());
    }

    fn assignment_changed(&mut self, now: Instant) {
        self.status.assigned();
        self.take_share(now);
    }

    /// Takes the part of the group's rate that the owned partitions are of all.
    pub(super) fn take_share(&self, now: Instant) {
        let part = (self.records.partitions.owned_len(), self.all_partitions());
        self.shared.traffic.set_share(self.kind, part, now);
    }

    /// Of all topics, also those of which no partition was ever ours: these are known once
    /// the log ends were asked for.
    pub(super) fn all_partitions(&self) -> usize {
        let told = self.topic_partitions.values().map(|count| usize::try_from(*count).unwrap_or(0));
        let topics = topics_of(self.kind, &self.shared.settings);
        let highs = self.shared.highs.lock();
        told.sum::<usize>()
            .max(highs.offsets.keys().filter(|(topic, _)| topics.contains(topic)).count())
    }

    /// Partitions go. What is in calls or being written is finished, up to a deadline; the
    /// rest is the next owner's at once, and the last commit tells it what is settled.
    fn revoking(&mut self, revocation: Revocation, now: Instant) {
        let ids: Vec<PartitionId> = revocation
            .partitions
            .iter()
            .filter_map(|at| self.records.partitions.of_epoch(at.epoch))
            .collect();
        // Another one can only come when the source gave up waiting for the first answer.
        if let Some(overdue) = self.draining.take() {
            self.fence(&overdue.partitions, now);
        }
        if revocation.lost {
            tracing::warn!(worker = self.kind.name(), count = ids.len(), "partitions lost");
            self.fence(&ids, now);
            revocation.done(Vec::new());
            return;
        }
        self.give_up_unbegun(&ids, now);
        let deadline = self.leave_by.unwrap_or(now + self.shared.settings.delivery.drain);
        self.draining = Some(Draining { revocation, partitions: ids, deadline });
    }

    /// Gives up what is not begun of all partitions.
    pub(super) fn give_up_rest(&mut self, now: Instant) {
        let owned: Vec<_> = self.records.partitions.owned().map(|(id, _)| id).collect();
        self.give_up_unbegun(&owned, now);
    }

    /// Gives up what is in no call and in no write. Where a commit can't tell all that is
    /// settled, only what lies above it: the rest is finished, so that nothing is sent twice.
    fn give_up_unbegun(&mut self, ids: &[PartitionId], now: Instant) {
        for (identity, arrival) in self.records.give_up_parking(ids, &self.metrics) {
            self.dedupe.release(identity, arrival);
        }
        let untellable = self.records.untellable(ids);
        let kept = self.to_be_finished(&untellable);
        let going: HashSet<PartitionId> = ids.iter().copied().collect();
        let unbegun = |records: &Records, id| {
            going.contains(&records.get(id).partition) && !kept.contains(&id)
        };
        self.give_up(unbegun, now);
        if !untellable.is_empty() {
            self.lanes.end_linger(usize::MAX);
        }
    }

    /// The records of these tenures that lie below what was sent of them.
    fn to_be_finished(&self, ids: &[PartitionId]) -> HashSet<RecordId> {
        if ids.is_empty() {
            return HashSet::new();
        }
        let mut sent_up_to: HashMap<PartitionId, i64> =
            ids.iter().map(|id| (*id, self.records.partitions[*id].settled_up_to())).collect();
        let in_calls = self.lanes.items_in_calls().map(|(_, item)| item.record);
        for record in in_calls.chain(self.records.partly_settled()) {
            let record = self.records.get(record);
            if let Some(up_to) = sent_up_to.get_mut(&record.partition) {
                *up_to = (*up_to).max(record.offset + 1);
            }
        }
        let not_due: HashSet<RecordId> =
            self.waiting.iter().map(|waiting| waiting.record).collect();
        let is_kept = |record: &RecordId| {
            let at = self.records.get(*record);
            let sent = sent_up_to.get(&at.partition).is_some_and(|up_to| at.offset < *up_to);
            sent && !not_due.contains(record)
        };
        self.records.ids().filter(is_kept).collect()
    }

    /// A call has failed while its partition goes: its items are the next owner's.
    pub(super) fn give_up_failed(&mut self, now: Instant) {
        if self.leave_by.is_some() {
            self.give_up_rest(now);
        } else if let Some(draining) = &self.draining {
            let going = draining.partitions.clone();
            self.give_up_unbegun(&going, now);
        }
    }

    /// Gives up every item that is in no call and whose record is chosen.
    fn give_up(&mut self, chosen: impl Fn(&Records, RecordId) -> bool, now: Instant) {
        let records = &self.records;
        let mut items = Vec::new();
        let mut leases = Vec::new();
        self.lanes.retain(
            |item| !chosen(records, item.record),
            |lane, item| {
                let origin = records.origin(item.record);
                if let Some(state) = &lane.claim
                    && let Some(lease) = state.lease_of(&item, origin)
                {
                    leases.push((lease, state.claim.is_in_doubt()));
                }
                items.push((lane.about.clone(), item));
            },
        );
        let waiting = self.waiting.take_if(|waiting| chosen(records, waiting.record));
        let in_time = self.in_time.take_if(|(record, _)| chosen(records, *record));
        for (lease, in_doubt) in leases {
            self.give_up_lease(&lease, in_doubt, now);
        }
        for (about, item) in items {
            self.free_identity(&about, &item);
            self.records.hand_over(item.record, 1, &self.metrics);
        }
        for (record, _) in in_time {
            self.records.hand_over(record, 1, &self.metrics);
        }
        for waiting in waiting {
            self.records.hand_over(waiting.record, waiting.items, &self.metrics);
        }
    }

    /// Gives up what is in no call of tenures that are over.
    pub(super) fn give_up_fenced(&mut self, now: Instant) {
        self.give_up(Records::is_fenced, now);
    }

    /// Ends a drain that is done or over its deadline: commits, then fences.
    pub(super) fn end_drain(&mut self, now: Instant) {
        let Some(draining) = &self.draining else { return };
        let left = self.records.of_partitions(&draining.partitions);
        if left > 0 && now < draining.deadline {
            return;
        }
        let Some(draining) = self.draining.take() else { return };
        if left > 0 {
            tracing::warn!(worker = self.kind.name(), left, "drain deadline passed");
        }
        let commits = self.records.last_commits(&draining.partitions);
        self.fence(&draining.partitions, now);
        draining.revocation.done(commits);
    }

    /// The tenures are over: what is still in flight of them settles nothing any more.
    fn fence(&mut self, ids: &[PartitionId], now: Instant) {
        self.give_up(|records, record| ids.contains(&records.get(record).partition), now);
        self.note_ghosts(ids);
        for (identity, arrival) in self.records.give_up_parking(ids, &self.metrics) {
            self.dedupe.release(identity, arrival);
        }
        self.end_tables(ids, now);
        for id in ids {
            self.records.partitions.fence(*id);
        }
        self.forget_freed();
        self.assignment_changed(now);
    }

    /// Remembers the identities that calls of these tenures still hold, or receipts that are
    /// being written.
    fn note_ghosts(&mut self, ids: &[PartitionId]) {
        let in_calls = self.lanes.items_in_calls().map(|(lane, item)| (&lane.about, item));
        let in_calls =
            in_calls.filter_map(|(about, item)| Some((item.record, item.identity(about)?)));
        let in_receipts = self.outbox.waiting().flat_map(|written| match written {
            Written::DataReceipt { reports, .. } => reports.as_slice(),
            _ => &[],
        });
        for (record, identity) in in_calls.chain(in_receipts.copied()) {
            if ids.contains(&self.records.get(record).partition) {
                self.ghosts.insert(identity);
            }
        }
    }

    /// Notes whether the end of the input is reached, and leaves where that was asked for.
    /// A partition of another owner (or of one that has just died) is at its end when the
    /// group's committed offset is, or when all that was to be read of it is deleted.
    pub(super) fn leave_at_end(&mut self, now: Instant) {
        self.look_for_deleted(now);
        let Some(ends) = &self.ends else { return };
        let owned: HashMap<(&str, i32), &Partition> = self
            .records
            .partitions
            .owned()
            .map(|(_, it)| ((&*it.at.topic, it.at.partition), it))
            .collect();
        let (highs, committed) = (self.shared.highs.lock(), self.shared.committed.lock());
        let reached = ends.offsets.iter().all(|(name, end)| {
            let (topic, partition) = name;
            if let Some(own) = owned.get(&(topic.as_str(), *partition)) {
                return own.ledger.frontier() >= *end || own.is_deleted(now);
            }
            let committed = committed.get(&(self.kind, topic.clone(), *partition));
            committed.max(highs.lows.get(name)).is_some_and(|begun| begun >= end)
        });
        drop((highs, committed));
        if reached {
            self.status.caught_up();
            if ends.stop_there {
                self.leave(Exit::AtEnd, now);
            } else {
                // It was for telling so: there is nothing more to look for.
                self.ends = None;
            }
        }
    }

    /// Looks for partitions of which all that was to be read is deleted: retention waits for
    /// nobody, and nothing tells that what was deleted won't come.
    fn look_for_deleted(&mut self, now: Instant) {
        let Some(ends) = &self.ends else { return };
        let flows = !self.intake_paused && !self.room.is_blocked();
        let highs = self.shared.highs.lock();
        for (_, partition) in self.records.partitions.owned_mut() {
            let name = (partition.at.topic.to_string(), partition.at.partition);
            let (low, end) = (highs.lows.get(&name), ends.offsets.get(&name));
            let is_deleted = end.is_some() && low >= end && partition.records == 0;
            partition.deleted_is(flows && is_deleted, now);
        }
    }
}
