//! Records of several partitions put in the order of their times, as far as that can be known.
//!
//! Partitions are read beside one another, one faster than the other. Where a device's records
//! lie in several of them, the order in which they are read says nothing; their timestamps do.
//! What was read of one partition waits until the others have been read as far: it goes once
//! each has a later record at hand, or has none left to read.
//!
//! Invariant: records of one partition go in the order in which they came, whatever their times.
//!
//! Absent: order among what is written from now on. Who has read a log to its end waits for
//! nothing.
//!
//! Start at [`InTime::pop`].

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::hash::Hash;
use std::time::{Duration, Instant};

use emberline_model::EventTime;

/// Records that wait for those of other partitions. `K` names a partition, `T` is a record.
#[derive(Debug)]
pub struct InTime<K, T> {
    queues: HashMap<K, VecDeque<(EventTime, T)>>,
    /// The first record of each partition that has any.
    firsts: BinaryHeap<Reverse<(EventTime, K)>>,
    len: usize,
    patience: Duration,
    /// Since when what is at hand waits for the same partitions.
    waits_since: Option<Instant>,
}

impl<K: Copy + Eq + Hash + Ord, T> InTime<K, T> {
    /// `patience` is how long is waited for partitions of which nothing comes: one whose leader
    /// is gone must not stop the others for ever.
    pub fn new(patience: Duration) -> Self {
        Self {
            queues: HashMap::new(),
            firsts: BinaryHeap::new(),
            len: 0,
            patience,
            waits_since: None,
        }
    }

    /// A record of this partition and time was read.
    pub fn push(&mut self, partition: K, time: EventTime, record: T) {
        let queue = self.queues.entry(partition).or_default();
        if queue.is_empty() {
            self.firsts.push(Reverse((time, partition)));
            // Something came of a partition that may have been waited for.
            self.waits_since = None;
        }
        queue.push_back((time, record));
        self.len += 1;
    }

    /// Records that wait.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether something of this partition is at hand.
    pub fn has(&self, partition: K) -> bool {
        self.queues.get(&partition).is_some_and(|queue| !queue.is_empty())
    }

    /// Takes the records that may go now. `comes` says of a partition of which nothing is at
    /// hand whether there is more of it to read; `some_comes`, whether there is any such.
    pub fn pop(
        &mut self,
        now: Instant,
        some_comes: bool,
        comes: impl Fn(K) -> bool,
        mut each: impl FnMut(T),
    ) {
        let mut waits = some_comes && !self.is_empty();
        if waits {
            let since = *self.waits_since.get_or_insert(now);
            waits = now.saturating_duration_since(since) < self.patience;
        }
        let impatient = some_comes && !waits;
        while !waits && let Some(partition) = self.pop_first(&mut each) {
            waits = !impatient && !self.has(partition) && comes(partition);
        }
        if !waits {
            self.waits_since = None;
        } else if !self.is_empty() {
            self.waits_since.get_or_insert(now);
        }
        self.removed();
    }

    /// Takes the earliest `most` whatever they wait for: there is no room to read on.
    pub fn pop_some(&mut self, most: usize, mut each: impl FnMut(T)) {
        for _ in 0..most {
            if self.pop_first(&mut each).is_none() {
                break;
            }
        }
        self.removed();
    }

    /// Takes the earliest record; its partition.
    fn pop_first(&mut self, each: &mut impl FnMut(T)) -> Option<K> {
        let Reverse((_, partition)) = self.firsts.pop()?;
        let queue = self.queues.get_mut(&partition)?;
        let (_, record) = queue.pop_front()?;
        self.len -= 1;
        match queue.front() {
            Some(next) => self.firsts.push(Reverse((next.0, partition))),
            None => _ = self.queues.remove(&partition),
        }
        each(record);
        Some(partition)
    }

    /// Removes the records that are chosen.
    pub fn take_if(&mut self, chosen: impl Fn(&T) -> bool) -> Vec<T> {
        let mut taken = Vec::new();
        for queue in self.queues.values_mut() {
            if !queue.iter().any(|(_, record)| chosen(record)) {
                continue;
            }
            let all = std::mem::take(queue);
            for (time, record) in all {
                if chosen(&record) {
                    taken.push(record);
                } else {
                    queue.push_back((time, record));
                }
            }
        }
        self.len -= taken.len();
        self.queues.retain(|_, queue| !queue.is_empty());
        self.firsts = self
            .queues
            .iter()
            .filter_map(|(partition, queue)| Some(Reverse((queue.front()?.0, *partition))))
            .collect();
        self.removed();
        taken
    }

    /// When [`pop`](Self::pop) has lost its patience; `None` while nothing waits.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.waits_since.map(|since| since + self.patience)
    }

    /// Where nothing is left, nothing waits.
    fn removed(&mut self) {
        if self.is_empty() {
            self.waits_since = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use emberline_model::EventTime;
    use proptest::prelude::*;

    use super::InTime;
    use crate::test_time::origin;

    const PATIENCE: Duration = Duration::from_secs(10);

    /// Of each partition, times; what is pushed is the partition and the time.
    fn push(waiting: &mut InTime<u8, (u8, i64)>, partition: u8, times: &[i64]) {
        for time in times {
            waiting.push(partition, EventTime::from_millis(*time), (partition, *time));
        }
    }

    /// What goes while these have more to come where nothing is at hand.
    fn gone(waiting: &mut InTime<u8, (u8, i64)>, now: Instant, coming: &[u8]) -> Vec<(u8, i64)> {
        let mut gone = Vec::new();
        let some_comes = coming.iter().any(|partition| !waiting.has(*partition));
        waiting.pop(now, some_comes, |it| coming.contains(&it), |record| gone.push(record));
        gone
    }

    #[test]
    fn what_is_read_ahead_of_another_partition_waits_for_it() {
        let (mut waiting, now) = (InTime::new(PATIENCE), origin());
        push(&mut waiting, 0, &[10, 20, 30]);
        assert_eq!(gone(&mut waiting, now, &[0, 1]), []);
        push(&mut waiting, 1, &[15, 25]);
        let expected = [(0, 10), (1, 15), (0, 20), (1, 25)];
        assert_eq!(gone(&mut waiting, now, &[0, 1]), expected);
        assert_eq!(gone(&mut waiting, now, &[0]), [(0, 30)], "of the other nothing is left");
        assert!(waiting.is_empty());
    }

    #[test]
    fn who_has_read_all_logs_to_their_ends_waits_for_nothing() {
        let (mut waiting, now) = (InTime::new(PATIENCE), origin());
        push(&mut waiting, 0, &[10, 20]);
        assert_eq!(gone(&mut waiting, now, &[]), [(0, 10), (0, 20)]);
        assert_eq!(waiting.next_deadline(), None);
    }

    #[test]
    fn one_of_which_nothing_comes_holds_the_others_up_for_so_long_only() {
        let (mut waiting, now) = (InTime::new(PATIENCE), origin());
        push(&mut waiting, 0, &[10, 20]);
        assert_eq!(gone(&mut waiting, now, &[0, 1]), []);
        assert_eq!(waiting.next_deadline(), Some(now + PATIENCE));
        assert_eq!(gone(&mut waiting, now + PATIENCE / 2, &[0, 1]), []);
        assert_eq!(gone(&mut waiting, now + PATIENCE, &[0, 1]), [(0, 10), (0, 20)]);
        // What comes then has the same patience.
        push(&mut waiting, 0, &[30]);
        assert_eq!(gone(&mut waiting, now + PATIENCE, &[0, 1]), []);
    }

    #[test]
    fn where_there_is_no_room_the_earliest_go_first() {
        let mut waiting = InTime::new(PATIENCE);
        push(&mut waiting, 0, &[10, 30]);
        push(&mut waiting, 1, &[20]);
        let mut gone = Vec::new();
        waiting.pop_some(2, |record| gone.push(record));
        assert_eq!(gone, [(0, 10), (1, 20)]);
        assert_eq!(waiting.len(), 1);
    }

    #[test]
    fn where_nothing_is_left_nothing_is_waited_for() {
        let (mut waiting, now) = (InTime::new(PATIENCE), origin());
        for empty in [
            |waiting: &mut InTime<u8, (u8, i64)>| drop(waiting.take_if(|_| true)),
            |waiting: &mut InTime<u8, (u8, i64)>| waiting.pop_some(1, drop),
            // Its partition is not read to its end yet.
            |waiting: &mut InTime<u8, (u8, i64)>| {
                waiting.pop(origin() + PATIENCE, true, |_| true, drop);
            },
        ] {
            push(&mut waiting, 0, &[10]);
            assert_eq!(gone(&mut waiting, now, &[0, 1]), []);
            assert_eq!(waiting.next_deadline(), Some(now + PATIENCE));
            empty(&mut waiting);
            assert!(waiting.is_empty());
            assert_eq!(waiting.next_deadline(), None);
        }
    }

    #[test]
    fn what_is_taken_out_goes_no_more_and_the_rest_goes_in_order() {
        let (mut waiting, now) = (InTime::new(PATIENCE), origin());
        push(&mut waiting, 0, &[10, 20, 40]);
        push(&mut waiting, 1, &[15, 30]);
        let mut taken = waiting.take_if(|(partition, time)| *partition == 1 || *time == 10);
        taken.sort_unstable();
        assert_eq!(taken, [(0, 10), (1, 15), (1, 30)]);
        push(&mut waiting, 1, &[35]);
        assert_eq!(gone(&mut waiting, now, &[]), [(0, 20), (1, 35), (0, 40)]);
    }

    proptest! {
        /// However much of each partition is at hand when, all goes; each partition in its
        /// order, and all of them in the order of time if each is.
        #[test]
        fn all_goes_in_order(
            logs in prop::collection::vec(prop::collection::vec(0_i64..50, 0..12), 1..5),
            turns in prop::collection::vec((0_usize..5, 1_usize..4), 0..60),
            ordered: bool,
        ) {
            let mut logs = logs;
            if ordered {
                for log in &mut logs {
                    log.sort_unstable();
                }
            }
            let (mut waiting, now) = (InTime::new(PATIENCE), origin());
            let mut read = vec![0_usize; logs.len()];
            let mut went = Vec::new();
            let all = (0..logs.len()).map(|log| (log, usize::MAX));
            for (log, count) in turns.into_iter().map(|(log, count)| (log % logs.len(), count)).chain(all) {
                let to = read[log].saturating_add(count).min(logs[log].len());
                push(&mut waiting, u8::try_from(log).unwrap(), &logs[log][read[log]..to]);
                read[log] = to;
                let coming = (0..logs.len()).filter(|log| read[*log] < logs[*log].len());
                let coming: Vec<u8> = coming.map(|log| u8::try_from(log).unwrap()).collect();
                went.extend(gone(&mut waiting, now, &coming));
            }
            prop_assert!(waiting.is_empty());
            for (number, log) in (0_u8..).zip(&logs) {
                let of_it: Vec<_> = went.iter().filter(|(it, _)| *it == number).map(|it| it.1).collect();
                prop_assert_eq!(&of_it, log);
            }
            prop_assert!(!ordered || went.is_sorted_by_key(|it| it.1));
        }
    }
}
