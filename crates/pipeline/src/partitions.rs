//! Our tenures of partitions: each with its ledger, and what a commit of it says.
//!
//! A tenure ends by being *fenced*: nothing settles in its ledger any more, and what
//! is still in flight of it is another owner's to deliver. Its entry lives on until the
//! last of its records is gone.

use std::collections::{BTreeMap, HashMap};
use std::ops::{Index, IndexMut, Range};
use std::time::{Duration, Instant};

use emberline_broker::{Commit, Frontier, PartitionRef};
use emberline_flow::commit_metadata::{self, CommitMetadata, Front, Known, Unsettled, fronts};
use emberline_flow::ledger::PartitionLedger;
use emberline_flow::seed_marks::SeedMarks;
use emberline_model::{DeviceKey, EventTime};
use emberline_wire::headers::Categories;
use slab::Slab;

/// What was read of a partition before it was deleted has come by then.
const NOTHING_COMES: Duration = Duration::from_secs(5);

/// One tenure of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PartitionId(usize);

/// The telemetry of each tenure that is not settled as a whole.
pub(crate) type NotSettled = HashMap<PartitionId, Vec<Unsettled<DeviceKey>>>;

impl PartitionId {
    /// A small number that names it while it lives.
    pub(crate) fn slot(self) -> usize {
        self.0
    }
}

/// A partition that we own, or owned and still have records of.
#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) at: PartitionRef,
    pub(crate) ledger: PartitionLedger,
    pub(crate) marks: SeedMarks,
    /// Records below it were settled before this tenure.
    pub(crate) resume_at: i64,
    /// Nothing is committed, and it goes on elsewhere than where its log begins: that is to be
    /// committed even if nothing comes.
    pub(crate) begins_untold: bool,
    /// What was settled above `resume_at` before this tenure.
    pub(crate) settled_before: CommitMetadata,
    /// One past the last record seen, settled or not.
    pub(crate) position: i64,
    /// The time of the newest record read, Unix milliseconds.
    pub(crate) read_to_ms: i64,
    /// When it was last seen read to its end, or else first seen, Unix milliseconds.
    read_whole_ms: Option<i64>,
    /// Where it stands still although there is more to read, and since when.
    pub(crate) still: Option<(i64, Instant)>,
    /// Where it stood, and since when, while what was to be read of it was seen to be deleted.
    deleted: Option<(i64, Instant)>,
    /// Below it lies what others may have delivered since this partition was ours before; 0
    /// where it never was.
    pub(crate) regained_up_to: i64,
    /// Log end offset as last told.
    pub(crate) high: i64,
    pub(crate) fenced: bool,
    /// Telemetry that was given up.
    given_up: Vec<Unsettled<DeviceKey>>,
    /// How far the parts of devices were settled before this tenure: of those of which the
    /// record that tells so was read.
    fronts_before: hashbrown::HashMap<DeviceKey, Known>,
    frontier: Frontier,
    /// Records in flight.
    pub(crate) records: usize,
    /// Offset and text of the last commit.
    committed: Option<(i64, String)>,
}

impl Partition {
    /// A tenure that goes on where an earlier one stopped.
    pub(crate) fn resumed(
        at: PartitionRef,
        resume_at: i64,
        settled_before: CommitMetadata,
        marks: SeedMarks,
        (high, frontier): (i64, Frontier),
    ) -> Self {
        Self {
            at,
            ledger: PartitionLedger::starting_at(resume_at),
            marks,
            resume_at,
            begins_untold: false,
            settled_before,
            position: resume_at,
            read_to_ms: 0,
            read_whole_ms: None,
            still: None,
            deleted: None,
            regained_up_to: 0,
            high,
            fenced: false,
            given_up: Vec::new(),
            fronts_before: hashbrown::HashMap::new(),
            frontier,
            records: 0,
            committed: None,
        }
    }

    /// Lets the source read it.
    pub(crate) fn open(&self) {
        self.frontier.open();
    }

    /// Whether the source may read it.
    pub(crate) fn is_open(&self) -> bool {
        self.frontier.is_open()
    }

    /// Whether a record was settled before this tenure and is read only to seed the
    /// dedupe window.
    pub(crate) fn was_settled_before(&self, offset: i64) -> bool {
        offset < self.resume_at || self.settled_before.is_settled(offset)
    }

    /// The parts of this device's record at this offset that were settled before this tenure.
    /// To be asked of each record that was not settled as a whole, in order.
    pub(crate) fn parts_settled_before(&mut self, offset: i64, device: DeviceKey) -> Categories {
        let front = self.note_device(offset, device);
        let by_front = front.map_or(0, |front| front.settled_parts(offset));
        Categories::from_bits(by_front | self.settled_before.settled_parts(offset))
    }

    /// A record of this device is read at this offset, settled or not. What was told of the
    /// device, if anything was.
    pub(crate) fn note_device(&mut self, offset: i64, device: DeviceKey) -> Option<Front> {
        if let Some(front) = self.settled_before.front_at(offset) {
            let known = Known { settled_to: front.settled_to, last: offset };
            self.fronts_before.insert(device, known);
            return Some(*front);
        }
        let known = self.fronts_before.get_mut(&device)?;
        known.last = known.last.max(offset);
        Some(Front { at: offset, settled_to: known.settled_to })
    }

    /// A record is seen at this offset and arrival time, settled or not.
    pub(crate) fn note(&mut self, offset: i64, arrival: EventTime) {
        self.marks.note(offset, arrival);
        self.read_to_ms = self.read_to_ms.max(arrival.millis());
        self.position = self.position.max(offset + 1);
    }

    /// For how long something of it waits to be settled, in milliseconds: since the oldest
    /// record in flight, if there is one. The age of what is not read is not known: it has
    /// come after the last look at which all up to the log end offset `high` was read.
    pub(crate) fn behind_for_ms(&mut self, oldest_ms: Option<i64>, high: i64, now_ms: i64) -> i64 {
        let more = high > self.position;
        let read_whole_ms = self.read_whole_ms.filter(|_| more).unwrap_or(now_ms);
        self.read_whole_ms = Some(read_whole_ms);
        let since = oldest_ms.unwrap_or_else(|| read_whole_ms.max(self.read_to_ms));
        now_ms.saturating_sub(since).max(0)
    }

    /// Whether what was to be read of it is deleted, and nothing is in flight, as seen now.
    pub(crate) fn deleted_is(&mut self, seen: bool, now: Instant) {
        let known = self.deleted.filter(|(at, _)| *at == self.position);
        self.deleted = seen.then(|| known.unwrap_or((self.position, now)));
    }

    /// Whether that is so for long enough that nothing comes that was read before.
    pub(crate) fn is_deleted(&self, now: Instant) -> bool {
        let since = self.deleted.map(|(_, since)| now.saturating_duration_since(since));
        since.is_some_and(|since| since >= NOTHING_COMES)
    }

    /// One past the highest offset that is settled.
    pub(crate) fn settled_up_to(&self) -> i64 {
        self.ledger.settled_above().last().map_or_else(|| self.ledger.frontier(), |run| run.end)
    }

    /// What was settled before this tenure and is not read again yet: to forget it would
    /// be to send it twice.
    fn settled_ahead(&self) -> impl Iterator<Item = Range<i64>> {
        let ahead = self.settled_before.settled.iter();
        ahead.map(|run| run.start.max(self.position)..run.end).filter(|run| !run.is_empty())
    }

    /// What a commit tells beside the frontier; `unsettled` is the telemetry in flight.
    fn tells(&mut self, mut unsettled: Vec<Unsettled<DeviceKey>>) -> CommitMetadata {
        let seed_from = self.marks.seed_offset(self.ledger.frontier());
        let settled = self.ledger.settled_above().chain(self.settled_ahead());
        unsettled.extend(&self.given_up);
        let position = self.position;
        let bounds = (seed_from.min(self.ledger.frontier()), position);
        let (mut fronts, mut partly) = fronts(&unsettled, &self.fronts_before, bounds);
        // What was settled in part before this tenure and is not read again yet, as well.
        let before = self.settled_before.partly.iter();
        partly.extend(before.filter(|(at, _)| *at >= position));
        partly.sort_unstable();
        let before = self.settled_before.fronts.iter();
        fronts.extend(before.filter(|front| front.at >= position));
        fronts.sort_unstable_by_key(|front| front.at);
        CommitMetadata { fronts, partly, ..CommitMetadata::gather(Some(seed_from), settled) }
    }

    /// Whether a commit can tell all that is settled: then nothing has to be finished for the
    /// sake of what was sent before it.
    fn tells_all(&mut self, unsettled: Vec<Unsettled<DeviceKey>>) -> bool {
        commit_metadata::tells_all(&self.tells(unsettled), self.ledger.frontier())
    }

    /// What a commit would say now, if it differs from the last one; `unsettled` is the
    /// telemetry in flight.
    fn due_commit(&mut self, unsettled: Vec<Unsettled<DeviceKey>>) -> Option<Commit> {
        if self.position <= self.resume_at && !self.begins_untold {
            // Nothing new: what the last owner said (from where to seed, too) still holds.
            return None;
        }
        // All below the position was delivered to the ledger, or settled before.
        self.ledger.advance_to(self.position);
        let offset = self.ledger.frontier();
        self.frontier.set(offset);
        let gathered = self.tells(unsettled);
        let metadata = commit_metadata::encode(&gathered, offset);
        if self.committed.as_ref().is_some_and(|last| (last.0, &last.1) == (offset, &metadata)) {
            return None;
        }
        self.committed = Some((offset, metadata.clone()));
        Some(Commit { at: self.at.clone(), offset, metadata })
    }
}

/// All tenures.
#[derive(Debug, Default)]
pub(crate) struct Partitions {
    slab: Slab<Partition>,
    /// In order, so that what is done for each is done in the same order every time.
    by_epoch: BTreeMap<u64, PartitionId>,
    /// Slots that are free again.
    freed: Vec<usize>,
}

impl Partitions {
    pub(crate) fn insert(&mut self, partition: Partition) -> PartitionId {
        let epoch = partition.at.epoch;
        let id = PartitionId(self.slab.insert(partition));
        self.by_epoch.insert(epoch, id);
        id
    }

    /// The slots that were freed since this was last asked. To be asked before the next
    /// [`insert`](Self::insert), which may use one of them again.
    pub(crate) fn take_freed(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.freed)
    }

    /// The tenure of this epoch, unless it is over.
    pub(crate) fn of_epoch(&self, epoch: u64) -> Option<PartitionId> {
        self.by_epoch.get(&epoch).copied()
    }

    /// The tenures that are not over.
    pub(crate) fn owned(&self) -> impl Iterator<Item = (PartitionId, &Partition)> {
        self.by_epoch.values().map(|id| (*id, &self.slab[id.0]))
    }

    /// The tenures that are not over, to be changed.
    pub(crate) fn owned_mut(&mut self) -> impl Iterator<Item = (PartitionId, &mut Partition)> {
        let live = self.slab.iter_mut().filter(|(_, partition)| !partition.fenced);
        live.map(|(id, partition)| (PartitionId(id), partition))
    }

    /// Number of partitions owned.
    pub(crate) fn owned_len(&self) -> usize {
        self.by_epoch.len()
    }

    /// The commits due for these tenures.
    pub(crate) fn due_commits(
        &mut self,
        ids: impl IntoIterator<Item = PartitionId>,
        mut unsettled: NotSettled,
    ) -> Vec<Commit> {
        let due =
            |id: PartitionId| self.slab[id.0].due_commit(unsettled.remove(&id).unwrap_or_default());
        ids.into_iter().filter_map(due).collect()
    }

    /// Those of these tenures whose commit can't tell all that is settled.
    pub(crate) fn untellable(
        &mut self,
        ids: &[PartitionId],
        mut unsettled: NotSettled,
    ) -> Vec<PartitionId> {
        let mut tells_all =
            |id: &PartitionId| self.slab[id.0].tells_all(unsettled.remove(id).unwrap_or_default());
        ids.iter().copied().filter(|id| !tells_all(id)).collect()
    }

    /// The commits of tenures that end, whatever was asked for before: it may not have
    /// reached the broker.
    pub(crate) fn last_commits(
        &mut self,
        ids: &[PartitionId],
        unsettled: NotSettled,
    ) -> Vec<Commit> {
        for id in ids {
            self.slab[id.0].committed = None;
        }
        self.due_commits(ids.iter().copied(), unsettled)
    }

    /// Makes the next commit of this partition due again, because the last one failed.
    pub(crate) fn forget_commits(&mut self) {
        for id in self.by_epoch.values() {
            self.slab[id.0].committed = None;
        }
    }

    /// The tenures that may have something to tell of records settled in part, whatever is in
    /// flight of them.
    pub(crate) fn telling_of_parts(&self) -> impl Iterator<Item = PartitionId> {
        let tells = |partition: &Partition| {
            !partition.given_up.is_empty() || !partition.fronts_before.is_empty()
        };
        self.owned().filter(move |(_, partition)| tells(partition)).map(|(id, _)| id)
    }

    /// Telemetry of the tenure was given up.
    pub(crate) fn given_up(&mut self, id: PartitionId, record: Unsettled<DeviceKey>) {
        let partition = &mut self.slab[id.0];
        if !partition.fenced {
            partition.given_up.push(record);
        }
    }

    /// The tenure is over.
    pub(crate) fn fence(&mut self, id: PartitionId) {
        let partition = &mut self.slab[id.0];
        partition.fenced = true;
        self.by_epoch.remove(&partition.at.epoch);
        self.drop_if_done(id);
    }

    /// A record of the tenure is now in flight.
    pub(crate) fn record_added(&mut self, id: PartitionId) {
        self.slab[id.0].records += 1;
    }

    /// A record of the tenure is no longer in flight; it counts in the ledger only where
    /// it was settled and the tenure is not over.
    pub(crate) fn record_gone(&mut self, id: PartitionId, offset: i64, settled: bool) {
        let partition = &mut self.slab[id.0];
        partition.records -= 1;
        if settled && !partition.fenced {
            partition.ledger.settle(offset);
        }
        self.drop_if_done(id);
    }

    fn drop_if_done(&mut self, id: PartitionId) {
        let partition = &self.slab[id.0];
        if partition.fenced && partition.records == 0 {
            self.slab.remove(id.0);
            self.freed.push(id.0);
        }
    }
}

impl Index<PartitionId> for Partitions {
    type Output = Partition;

    fn index(&self, id: PartitionId) -> &Partition {
        &self.slab[id.0]
    }
}

impl IndexMut<PartitionId> for Partitions {
    fn index_mut(&mut self, id: PartitionId) -> &mut Partition {
        &mut self.slab[id.0]
    }
}

#[cfg(test)]
mod tests {
    use emberline_broker::{Frontier, PartitionRef, PartitionSlot, TopicIndex};
    use emberline_flow::commit_metadata::{CommitMetadata, decode};
    use emberline_flow::seed_marks::SeedMarks;
    use emberline_model::EventTime;

    use super::{NotSettled, Partition, Partitions};

    fn partition(resume_at: i64, settled: Option<std::ops::Range<i64>>) -> Partition {
        let at = PartitionRef {
            topic: "t".into(),
            topic_index: TopicIndex(0),
            partition: 0,
            epoch: 1,
            slot: PartitionSlot(0),
        };
        let before =
            CommitMetadata { settled: settled.into_iter().collect(), ..CommitMetadata::default() };
        let frontier = Frontier::starting_at(resume_at, std::thread::current());
        let marks = SeedMarks::new(std::time::Duration::from_mins(2));
        Partition::resumed(at, resume_at, before, marks, (10_000, frontier))
    }

    #[test]
    fn a_commit_soon_after_the_start_forgets_nothing_that_was_settled_before() {
        let mut partitions = Partitions::default();
        let id = partitions.insert(partition(100, Some(101..5_000)));
        for offset in 100..103 {
            partitions[id].note(offset, EventTime::from_millis(offset));
            if !partitions[id].was_settled_before(offset) {
                partitions[id].ledger.deliver(offset);
            }
        }
        let commits = partitions.due_commits([id], NotSettled::default());
        assert_eq!(commits[0].offset, 100);
        let metadata = decode(&commits[0].metadata, 100);
        assert!((101..5_000).all(|offset| metadata.is_settled(offset)), "{metadata:?}");
        assert!(!metadata.is_settled(100) && !metadata.is_settled(5_000));

        partitions[id].ledger.settle(100);
        assert_eq!(
            partitions.due_commits([id], NotSettled::default())[0].offset,
            103,
            "as far as was read"
        );
    }

    #[test]
    fn the_last_commit_of_a_tenure_is_made_whatever_was_asked_for_before() {
        let mut partitions = Partitions::default();
        let id = partitions.insert(partition(0, None));
        partitions[id].note(0, EventTime::from_millis(0));
        partitions[id].ledger.deliver(0);
        partitions[id].ledger.settle(0);
        let asked_for = partitions.due_commits([id], NotSettled::default());
        assert_eq!(asked_for[0].offset, 1);
        assert!(partitions.due_commits([id], NotSettled::default()).is_empty(), "nothing new");
        assert_eq!(
            partitions.last_commits(&[id], NotSettled::default()),
            asked_for,
            "it may not have been made"
        );
    }

    #[test]
    fn a_partition_is_behind_since_its_oldest_record_or_since_it_was_read_to_its_end() {
        let mut partition = partition(100, None);
        assert_eq!(partition.behind_for_ms(None, 100, 10_000), 0, "nothing waits");
        assert_eq!(partition.behind_for_ms(None, 200, 13_000), 3_000, "not read for 3 s");
        partition.note(199, EventTime::from_millis(12_000));
        assert_eq!(partition.behind_for_ms(Some(4_000), 200, 14_000), 10_000, "in flight");
        assert_eq!(partition.behind_for_ms(None, 201, 15_000), 1_000, "read to its end 1 s ago");
        assert_eq!(partition.behind_for_ms(None, 200, 16_000), 0, "all is settled");
    }

    #[test]
    fn a_slot_is_told_free_when_the_last_record_of_its_tenure_has_gone() {
        let mut partitions = Partitions::default();
        let id = partitions.insert(partition(0, None));
        partitions[id].ledger.deliver(0);
        partitions.record_added(id);
        partitions.fence(id);
        assert!(partitions.take_freed().is_empty());
        partitions.record_gone(id, 0, true);
        assert_eq!(partitions.take_freed(), [id.slot()]);
    }
}
