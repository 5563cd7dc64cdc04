//! The newest first, over all partitions, without holding more than a part of them.
//!
//! Kafka reads forwards only. So each partition is read in steps from its end back to its
//! beginning, and what a step brought is handed out from behind. Within a partition the log's
//! order holds, between them the time. A partition whose rest is older than what is to be
//! handed out next is not read on: what lies below the oldest record that was read there was
//! written before it.
//!
//! Absent: reading. [`Newest::wanted`] says what is to be read, [`Newest::took`] is told.

use std::collections::VecDeque;

use emberline_broker::OffsetRange;

/// Most offsets that one round of steps reads, all partitions together: what they bring is
/// held.
const MOST_A_ROUND: u64 = 20_000;
/// Fewest offsets of a step: a round costs some milliseconds.
const FEWEST_A_STEP: u64 = 64;

/// Hands out the newest first.
pub(super) struct Newest<T> {
    tails: Vec<Tail<T>>,
    /// Most offsets that a step reads.
    most: u64,
    /// Most that will be asked for: of a step, no more need be kept.
    left: usize,
}

/// A partition, read from its end.
struct Tail<T> {
    /// What is not read of it.
    unread: OffsetRange,
    /// Read and not handed out, with their times, in the log's order.
    read: VecDeque<(i64, T)>,
    /// What is not read is not newer.
    bound_ms: i64,
    step: u64,
    /// No record of this step came yet.
    begins: bool,
}

impl<T> Newest<T> {
    /// Of these parts of partitions the newest so many.
    pub(super) fn new(ranges: &[OffsetRange], limit: usize) -> Self {
        let most = (MOST_A_ROUND / ranges.len().max(1) as u64).max(FEWEST_A_STEP);
        let step = (limit as u64).clamp(FEWEST_A_STEP, most);
        let tail = |range: &OffsetRange| Tail {
            unread: *range,
            read: VecDeque::new(),
            bound_ms: i64::MAX,
            step,
            begins: false,
        };
        Self { tails: ranges.iter().map(tail).collect(), most, left: limit }
    }

    /// How many offsets are not read.
    pub(super) fn unread(&self) -> u64 {
        self.tails.iter().map(|tail| tail.unread.len()).sum()
    }

    /// What must be read before the next can be handed out, and from now on counts as read.
    /// Nothing: hand out.
    pub(super) fn wanted(&mut self) -> Vec<OffsetRange> {
        if self.left == 0 {
            return Vec::new();
        }
        let newest = self.newest().map(|place| self.tails[place].newest_ms());
        let most = self.most;
        let is_needed = |tail: &&mut Tail<T>| {
            tail.read.is_empty()
                && !tail.unread.is_empty()
                && newest.is_none_or(|newest| tail.bound_ms > newest)
        };
        self.tails.iter_mut().filter(is_needed).map(|tail| tail.step(most)).collect()
    }

    /// A record that was read, and what to hand out for it, if it is meant.
    pub(super) fn took(&mut self, partition: i32, time_ms: i64, meant: Option<T>) {
        let most = self.left;
        let Some(tail) = self.tails.iter_mut().find(|it| it.unread.partition == partition) else {
            return;
        };
        if tail.begins {
            tail.bound_ms = time_ms;
            tail.begins = false;
        }
        if let Some(meant) = meant {
            if tail.read.len() >= most {
                tail.read.pop_front();
            }
            tail.read.push_back((time_ms, meant));
        }
    }

    /// The next, once nothing is wanted.
    pub(super) fn hand_out(&mut self) -> Option<T> {
        if self.left == 0 {
            return None;
        }
        let place = self.newest()?;
        self.left -= 1;
        self.tails[place].read.pop_back().map(|(_, handed_out)| handed_out)
    }

    /// The partition with the newest that is read; at the same time, the lowest.
    fn newest(&self) -> Option<usize> {
        let places = (0..self.tails.len()).filter(|place| !self.tails[*place].read.is_empty());
        places.rev().max_by_key(|place| self.tails[*place].newest_ms())
    }
}

impl<T> Tail<T> {
    fn newest_ms(&self) -> i64 {
        self.read.back().map_or(i64::MIN, |(time_ms, _)| *time_ms)
    }

    /// The last offsets that are not read: twice as many as the time before.
    fn step(&mut self, most: u64) -> OffsetRange {
        let OffsetRange { partition, from, to } = self.unread;
        let begin = to.saturating_sub_unsigned(self.step).max(from);
        self.step = (self.step * 2).min(most);
        self.unread.to = begin;
        self.begins = true;
        OffsetRange { partition, from: begin, to }
    }
}

#[cfg(test)]
mod tests {
    use emberline_broker::OffsetRange;
    use proptest::prelude::*;

    use super::{FEWEST_A_STEP, MOST_A_ROUND, Newest};

    /// Times of each partition's records, in the log's order.
    type Logs = Vec<Vec<i64>>;

    /// What was handed out (partition and offset), how many were read, most that were held.
    struct Told {
        handed_out: Vec<(usize, i64)>,
        read: u64,
        held: usize,
    }

    fn newest(logs: &Logs, limit: usize, meant: impl Fn(i64) -> bool) -> Told {
        let ranges: Vec<_> = (0..)
            .zip(logs)
            .map(|(partition, log)| OffsetRange {
                partition,
                from: 0,
                to: i64::try_from(log.len()).unwrap(),
            })
            .collect();
        let mut newest = Newest::new(&ranges, limit);
        let (mut handed_out, mut read, mut held) = (Vec::new(), 0, 0);
        loop {
            let wanted = newest.wanted();
            for range in &wanted {
                let log = usize::try_from(range.partition).unwrap();
                for offset in range.from..range.to {
                    let time = logs[log][usize::try_from(offset).unwrap()];
                    read += 1;
                    newest.took(range.partition, time, meant(time).then_some((log, offset)));
                }
            }
            held = held.max(newest.tails.iter().map(|tail| tail.read.len()).sum());
            if wanted.is_empty() {
                match newest.hand_out() {
                    Some(it) => handed_out.push(it),
                    None => return Told { handed_out, read, held },
                }
            }
        }
    }

    #[test]
    fn the_newest_are_handed_out_first_over_all_partitions() {
        let logs = vec![vec![1, 4, 7], vec![], vec![2, 3, 9]];
        let told = newest(&logs, usize::MAX, |_| true);
        assert_eq!(told.handed_out, [(2, 2), (0, 2), (0, 1), (2, 1), (2, 0), (0, 0)]);
    }

    #[test]
    fn of_a_long_topic_only_the_end_is_read() {
        let logs: Logs = (0..3).map(|p| (0..100_000).map(|n| n * 3 + p).collect()).collect();
        let told = newest(&logs, 50, |_| true);
        assert_eq!(told.handed_out.len(), 50);
        assert_eq!(told.handed_out[..3], [(2, 99_999), (1, 99_999), (0, 99_999)]);
        assert_eq!(told.read, 3 * FEWEST_A_STEP);
    }

    #[test]
    fn a_partition_that_has_only_old_ones_is_not_read_on() {
        let logs = vec![(0..10_000).collect(), (90_000..100_000).collect()];
        let told = newest(&logs, 5_000, |time| time % 2 == 0);
        assert!(told.handed_out.iter().all(|(partition, _)| *partition == 1));
        // One step of it, to know how old it is.
        assert!(told.read <= 15_000, "{}", told.read);
    }

    #[test]
    fn no_more_is_held_than_a_round_brings() {
        let logs: Logs = (0..4).map(|p| (0..100_000).map(|n| n * 4 + p).collect()).collect();
        let told = newest(&logs, usize::MAX, |_| true);
        assert_eq!((told.handed_out.len(), told.read), (400_000, 400_000));
        assert!(told.held as u64 <= MOST_A_ROUND, "{}", told.held);
    }

    proptest! {
        /// Whatever the logs, the newest are handed out as if all had been read and sorted.
        #[test]
        fn what_is_handed_out_is_what_sorting_everything_would_give(
            mut logs in prop::collection::vec(prop::collection::vec(0..2000_i64, 0..400), 1..5),
            limit in 1..300_usize,
            every in 1..4_i64,
        ) {
            for log in &mut logs {
                log.sort_unstable();
            }
            let told = newest(&logs, limit, |time| time % every == 0);
            let mut all: Vec<i64> =
                logs.iter().flatten().copied().filter(|time| time % every == 0).collect();
            all.sort_unstable_by(|one, other| other.cmp(one));
            all.truncate(limit);
            let time = |(log, offset): &(usize, i64)| logs[*log][usize::try_from(*offset).unwrap()];
            let times: Vec<i64> = told.handed_out.iter().map(time).collect();
            prop_assert_eq!(times, all);
            let mut once = told.handed_out.clone();
            once.sort_unstable();
            once.dedup();
            prop_assert_eq!(once.len(), told.handed_out.len());
        }
    }
}
