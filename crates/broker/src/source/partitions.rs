//! The partitions that a source has now: slots, epochs, and which of them are left
//! alone because their gap is full or their gate closed.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::events::Frontier;
use super::settings::Ends;
use crate::native::{ForwardedPartition, RawRecord};
use crate::record::{PartitionRef, PartitionSlot, TopicIndex};

/// Epochs are unique in the process, not in a source: a worker may have had several.
static NEXT_EPOCH: AtomicU64 = AtomicU64::new(1);

/// A partition during its tenure.
pub(super) struct Partition {
    pub(super) at: PartitionRef,
    pub(super) frontier: Frontier,
    /// Offset of the next record to be handed to the reader.
    pub(super) next: i64,
    /// The last position told to the worker.
    pub(super) told: i64,
    /// Read from librdkafka but not to be handed over yet: beyond the gap limit, not due, or
    /// the gate is closed. The partition is paused while there are any. At most the rest of
    /// one batch read.
    pub(super) held: VecDeque<RawRecord>,
    /// When the first held record is due, in Unix milliseconds, if it waits for that.
    pub(super) held_until: Option<i64>,
    pub(super) paused: bool,
    /// The first offset that is not read.
    pub(super) end: i64,
    /// It was reached: nothing more is fetched.
    pub(super) ended: bool,
    /// Ends the forwarding when dropped.
    pub(super) forwarded: Option<ForwardedPartition>,
}

impl Partition {
    /// Whether the record at `offset` may be read: the gate is open, and it lies within
    /// `limit` of the frontier.
    pub(super) fn may_read(&self, offset: i64, limit: u64) -> bool {
        let gap = offset.saturating_sub(self.frontier.get());
        self.frontier.is_open() && u64::try_from(gap).unwrap_or(0) < limit
    }
}

/// All partitions of a source by slot.
#[derive(Default)]
pub(super) struct Partitions {
    topics: Vec<Arc<str>>,
    ends: Option<Arc<Ends>>,
    slots: Vec<Option<Partition>>,
    by_name: HashMap<(TopicIndex, i32), PartitionSlot>,
    /// The last record's topic and partition, and its slot: records come in runs.
    last: Option<(usize, i32, PartitionSlot)>,
    paused: usize,
}

impl Partitions {
    pub(super) fn of(topics: &[String], ends: Option<Arc<Ends>>) -> Self {
        Self {
            topics: topics.iter().map(|topic| topic.as_str().into()).collect(),
            ends,
            ..Self::default()
        }
    }

    /// The tenure that the next [`Partitions::insert`] of this partition begins; `None`
    /// for a topic that isn't this source's.
    pub(super) fn next_tenure(&self, topic: &str, partition: i32) -> Option<PartitionRef> {
        let index = self.topics.iter().position(|known| **known == *topic)?;
        Some(PartitionRef {
            topic: Arc::clone(&self.topics[index]),
            topic_index: TopicIndex(u16::try_from(index).ok()?),
            partition,
            epoch: NEXT_EPOCH.fetch_add(1, Ordering::Relaxed),
            slot: PartitionSlot(0),
        })
    }

    /// Begins a tenure in a free slot, which is returned in the reference.
    pub(super) fn insert(
        &mut self,
        mut at: PartitionRef,
        start: i64,
        frontier: Frontier,
        forwarded: Option<ForwardedPartition>,
    ) -> PartitionRef {
        let free = self.slots.iter().position(Option::is_none).unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        at.slot = PartitionSlot(u32::try_from(free).unwrap_or(u32::MAX));
        self.by_name.insert((at.topic_index, at.partition), at.slot);
        self.last = None;
        let end = self.ends.as_ref().map_or(i64::MAX, |ends| {
            ends.get(&(at.topic.to_string(), at.partition)).copied().unwrap_or(0)
        });
        self.slots[free] = Some(Partition {
            at: at.clone(),
            frontier,
            next: start,
            told: start,
            held: VecDeque::new(),
            held_until: None,
            paused: false,
            end,
            ended: false,
            forwarded,
        });
        at
    }

    /// Ends a tenure.
    pub(super) fn remove(&mut self, topic: &str, partition: i32) -> Option<Partition> {
        self.last = None;
        let index = self.topics.iter().position(|known| **known == *topic)?;
        let slot = self.by_name.remove(&(TopicIndex(u16::try_from(index).ok()?), partition))?;
        let removed = self.slots[slot.index()].take();
        self.recount_paused();
        removed
    }

    /// Ends all tenures.
    pub(super) fn clear(&mut self) {
        self.slots.clear();
        self.by_name.clear();
        self.last = None;
        self.paused = 0;
    }

    /// The partition that a record is of; `None` when its tenure is over.
    pub(super) fn of_record(&mut self, record: &RawRecord) -> Option<&mut Partition> {
        let (topic, partition) = (record.topic_id(), record.partition());
        let slot = match self.last {
            Some((last_topic, last_partition, slot))
                if last_topic == topic && last_partition == partition =>
            {
                slot
            }
            _ => {
                let slot = self.slot_of(record.topic(), partition)?;
                self.last = Some((topic, partition, slot));
                slot
            }
        };
        self.slots[slot.index()].as_mut()
    }

    /// The partition of that name.
    pub(super) fn find(&mut self, topic: &str, partition: i32) -> Option<&mut Partition> {
        let slot = self.slot_of(topic, partition)?;
        self.slots[slot.index()].as_mut()
    }

    /// The tenure of the partition of that name.
    pub(super) fn tenure(&self, topic: &str, partition: i32) -> Option<PartitionRef> {
        let slot = self.slot_of(topic, partition)?;
        self.slots[slot.index()].as_ref().map(|partition| partition.at.clone())
    }

    /// Whether that very tenure goes on.
    pub(super) fn has(&self, at: &PartitionRef) -> bool {
        self.slots
            .get(at.slot.index())
            .and_then(Option::as_ref)
            .is_some_and(|partition| partition.at.epoch == at.epoch)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Partition> {
        self.slots.iter_mut().flatten()
    }

    /// Whether some partition is left alone for now.
    pub(super) fn any_paused(&self) -> bool {
        self.paused > 0
    }

    /// To be called after a partition was paused, resumed or removed.
    pub(super) fn recount_paused(&mut self) {
        self.paused = self.slots.iter().flatten().filter(|partition| partition.paused).count();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    fn slot_of(&self, topic: &str, partition: i32) -> Option<PartitionSlot> {
        let index = self.topics.iter().position(|known| **known == *topic)?;
        self.by_name.get(&(TopicIndex(u16::try_from(index).ok()?), partition)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::{Frontier, Partitions};

    fn assign(partitions: &mut Partitions, partition: i32) -> crate::PartitionRef {
        let at = partitions.next_tenure("t", partition).unwrap();
        let frontier = Frontier::starting_at(0, std::thread::current());
        partitions.insert(at, 0, frontier, None)
    }

    #[test]
    fn a_slot_is_used_again_and_an_epoch_is_not() {
        let mut partitions = Partitions::of(&["t".to_owned()], None);
        let first = assign(&mut partitions, 0);
        let other = assign(&mut partitions, 1);
        partitions.remove("t", 0);
        let second = assign(&mut partitions, 0);
        assert_eq!(first.slot, second.slot);
        assert_ne!(other.slot, second.slot);
        assert!(second.epoch > other.epoch && other.epoch > first.epoch);
        assert!(partitions.has(&second) && !partitions.has(&first));
    }

    #[test]
    fn a_topic_that_was_not_asked_for_has_no_tenure() {
        assert!(Partitions::of(&["t".to_owned()], None).next_tenure("u", 0).is_none());
    }
}
