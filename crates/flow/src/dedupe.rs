//! Duplicate removal: which reports arrived already, within a window of event time.
//!
//! Absent: a look at wall time. A partition that is read three days late has its window
//! three days ago, beside the one of a partition that is up to date.
//!
//! Start at [`DedupeWindow::observe`].

use std::time::Duration;

use emberline_model::{EventTime, Identity};

mod clocks;
mod generations;

use clocks::PartitionClock;
use generations::Generations;

/// Whether a report arrived before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// The first time. Its identity is reserved from now on.
    New,
    /// Its identity is reserved.
    Duplicate,
}

/// The identities that arrived within the window, over all partitions of this replica.
///
/// An identity lies in the generation of its arrival, a third of the window long.
/// Within the window every repeat in the same partition is found; up to a third of it
/// beyond, some are. A generation is forgotten when no assigned partition's time is near
/// it any more, so a repeat in another partition is found only where both are equally
/// far: a device's reports share a partition.
///
/// Arrival is the record's timestamp, and clocks are not to be trusted: see
/// `PartitionClock` for what a timestamp out of line does (little).
#[derive(Debug)]
pub struct DedupeWindow {
    window: i64,
    /// Length of a generation, in milliseconds.
    span: i64,
    generations: Generations,
    /// By slot; `None` where no partition is assigned.
    partitions: Vec<Option<PartitionClock>>,
}

impl DedupeWindow {
    /// A window of this length that holds at most `max_entries` identities, about 36
    /// bytes each. Lengths below 3 ms count as 3 ms.
    pub fn new(window: Duration, max_entries: usize) -> Self {
        let (window, span) = spans(window);
        let generations = Generations::new(max_entries);
        Self { window, span, generations, partitions: Vec::new() }
    }

    /// A partition of this slot (a small number of the caller's choice) begins: nothing
    /// is known of its time yet.
    pub fn partition_assigned(&mut self, slot: usize) {
        if self.partitions.len() <= slot {
            self.partitions.resize_with(slot + 1, || None);
        }
        self.partitions[slot] = Some(PartitionClock::default());
        self.forget_what_no_partition_is_near();
    }

    /// The partition of this slot left. What only it needed is forgotten.
    ///
    /// Reservations of its records that are not settled must be [released](Self::release)
    /// by whoever drops those records: another partition's time may keep the generation,
    /// and if the partition comes back its records would be taken for their own repeats.
    pub fn partition_gone(&mut self, slot: usize) {
        if let Some(partition) = self.partitions.get_mut(slot) {
            *partition = None;
        }
        self.forget_what_no_partition_is_near();
    }

    /// Looks an identity up and reserves it if it is new. `arrival` is the timestamp of
    /// its record. A slot not told of before is taken as assigned.
    pub fn observe(&mut self, slot: usize, identity: Identity, arrival: EventTime) -> Seen {
        if self.partitions.get(slot).is_none_or(Option::is_none) {
            self.partition_assigned(slot);
        }
        let arrival = arrival.millis();
        let generation = arrival.div_euclid(self.span);
        let moved = self.partitions[slot]
            .as_mut()
            .is_some_and(|clock| clock.observe(arrival, self.window, self.span));
        if moved {
            self.forget_what_no_partition_is_near();
        }
        let near = self.reach(arrival);
        if self.generations.contains(near, identity) {
            return Seen::Duplicate;
        }
        self.generations.insert(generation, identity);
        Seen::New
    }

    /// Gives a reservation back: the report of this record failed, so that it is no
    /// duplicate when it comes again. `false` if it was forgotten already.
    pub fn release(&mut self, identity: Identity, arrival: EventTime) -> bool {
        let generation = arrival.millis().div_euclid(self.span);
        self.generations.remove(generation, identity)
    }

    /// Identities held.
    pub fn entries(&self) -> usize {
        self.generations.entries()
    }

    /// Identities forgotten before their time because there were too many. Each may have
    /// let a duplicate pass.
    pub fn evicted_early(&self) -> u64 {
        self.generations.evicted_early()
    }

    /// First and last generation that something arriving now must be looked for in.
    fn reach(&self, arrival: i64) -> (i64, i64) {
        (
            arrival.saturating_sub(self.window).div_euclid(self.span),
            arrival.saturating_add(self.window).div_euclid(self.span),
        )
    }

    fn forget_what_no_partition_is_near(&mut self) {
        let mut near: Vec<(i64, i64)> = self
            .partitions
            .iter()
            .flatten()
            .flat_map(PartitionClock::times)
            .map(|time| self.reach(time))
            .collect();
        // Sorted by time, so both ends ascend: the last stretch that begins early enough
        // is the one that reaches farthest.
        near.sort_unstable();
        self.generations.retain(|generation| {
            let begun = near.partition_point(|(first, _)| *first <= generation);
            begun.checked_sub(1).is_some_and(|stretch| generation <= near[stretch].1)
        });
    }
}

/// The window and a third of it, in milliseconds; neither is ever 0.
pub(crate) fn spans(window: Duration) -> (i64, i64) {
    // Past 2^50 ms (36,000 years) a longer window holds nothing more.
    let window = i64::try_from(window.as_millis()).unwrap_or(i64::MAX).clamp(3, 1 << 50);
    (window, (window + 2) / 3)
}

#[cfg(test)]
mod tests;
