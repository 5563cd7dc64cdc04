//! What waits until it is due, or until its device has a binding.
//!
//! Absent: a bound of its own. Who puts things in has counted them before.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Instant;

use emberline_model::DeviceKey;
use slab::Slab;

/// Things that wait, each until an instant; some of them until their device is bound, if
/// that is earlier.
#[derive(Debug)]
pub struct WaitingRoom<T> {
    entries: Slab<Entry<T>>,
    /// Instant, turn and place; an entry whose turn is another one has left its place.
    due: BinaryHeap<Reverse<(Instant, u64, usize)>>,
    /// Places of what waits for its device's binding.
    unbound: BTreeMap<DeviceKey, Vec<usize>>,
    turns: u64,
}

#[derive(Debug)]
struct Entry<T> {
    item: T,
    turn: u64,
    device: Option<DeviceKey>,
}

impl<T> Default for WaitingRoom<T> {
    fn default() -> Self {
        Self { entries: Slab::new(), due: BinaryHeap::new(), unbound: BTreeMap::new(), turns: 0 }
    }
}

impl<T> WaitingRoom<T> {
    /// Puts something in that waits until `due`; `device` if it waits for its binding.
    pub fn push(&mut self, due: Instant, device: Option<DeviceKey>, item: T) {
        self.turns += 1;
        let turn = self.turns;
        let place = self.entries.insert(Entry { item, turn, device });
        self.due.push(Reverse((due, turn, place)));
        if let Some(device) = device {
            self.unbound.entry(device).or_default().push(place);
        }
    }

    /// Takes the first of what is due out.
    pub fn pop_due(&mut self, now: Instant) -> Option<T> {
        self.forget_stale();
        let Reverse((due, _, place)) = self.due.peek().copied()?;
        if due > now {
            return None;
        }
        self.due.pop();
        self.take(place)
    }

    /// Takes out what waits for the binding of a device for which `is_bound` says so, in the
    /// order in which it came.
    pub fn release(&mut self, is_bound: impl Fn(DeviceKey) -> bool) -> Vec<T> {
        let bound = self.unbound.extract_if(.., |device, _| is_bound(*device));
        let places = bound.flat_map(|(_, places)| places).collect();
        self.take_in_turn(places)
    }

    /// Takes out what `leaves` says so of, in the order in which it came.
    pub fn take_if(&mut self, leaves: impl Fn(&T) -> bool) -> Vec<T> {
        let leaving = self.entries.iter().filter(|(_, entry)| leaves(&entry.item));
        let places = leaving.map(|(place, _)| place).collect();
        self.take_in_turn(places)
    }

    /// All that waits, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().map(|(_, entry)| &entry.item)
    }

    /// When [`pop_due`](Self::pop_due) has something to give, at the earliest.
    pub fn next_due(&self) -> Option<Instant> {
        self.due.peek().map(|Reverse((due, ..))| *due)
    }

    /// Whether something waits for a binding.
    pub fn has_unbound(&self) -> bool {
        !self.unbound.is_empty()
    }

    /// How much waits.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Takes these out, in the order in which they came.
    fn take_in_turn(&mut self, mut places: Vec<usize>) -> Vec<T> {
        places.sort_unstable_by_key(|place| self.entries[*place].turn);
        places.into_iter().filter_map(|place| self.take(place)).collect()
    }

    fn take(&mut self, place: usize) -> Option<T> {
        let Entry { item, device, .. } = self.entries.try_remove(place)?;
        if let Some(device) = device
            && let Some(places) = self.unbound.get_mut(&device)
        {
            places.retain(|other| *other != place);
            if places.is_empty() {
                self.unbound.remove(&device);
            }
        }
        // What left early leaves its timer behind: not more of them than of what waits.
        if self.due.len() > 2 * self.entries.len() + 64 {
            let entries = &self.entries;
            self.due.retain(|Reverse((_, turn, place))| is_current(entries, *turn, *place));
        }
        Some(item)
    }

    fn forget_stale(&mut self) {
        while let Some(Reverse((_, turn, place))) = self.due.peek()
            && !is_current(&self.entries, *turn, *place)
        {
            self.due.pop();
        }
    }
}

fn is_current<T>(entries: &Slab<Entry<T>>, turn: u64, place: usize) -> bool {
    entries.get(place).is_some_and(|entry| entry.turn == turn)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use emberline_model::DeviceKey;
    use proptest::prelude::*;

    use super::WaitingRoom;
    use crate::test_time::origin;

    fn device(number: u64) -> DeviceKey {
        DeviceKey([number, 7])
    }

    #[test]
    fn what_is_due_first_leaves_first() {
        let now = origin();
        let mut room = WaitingRoom::default();
        for seconds in [3_u64, 1, 2] {
            room.push(now + Duration::from_secs(seconds), None, seconds);
        }
        assert_eq!(room.pop_due(now), None);
        assert_eq!(room.next_due(), Some(now + Duration::from_secs(1)));
        let later = now + Duration::from_secs(2);
        assert_eq!((room.pop_due(later), room.pop_due(later)), (Some(1), Some(2)));
        assert_eq!((room.pop_due(later), room.len()), (None, 1));
    }

    #[test]
    fn a_binding_releases_what_waits_for_it_and_nothing_else() {
        let now = origin();
        let hour = now + Duration::from_hours(1);
        let mut room = WaitingRoom::default();
        room.push(hour, Some(device(1)), "a1");
        room.push(now + Duration::from_secs(1), Some(device(2)), "b");
        room.push(hour, None, "of no device");
        room.push(hour, Some(device(1)), "a2");
        assert_eq!(room.release(|found| found == device(1)), ["a1", "a2"]);
        assert!(room.release(|found| found == device(1)).is_empty());
        assert_eq!(room.take_if(|item| *item == "b"), ["b"]);
        assert!(!room.has_unbound());
        assert_eq!(room.pop_due(hour), Some("of no device"));
        assert!(room.is_empty());
    }

    proptest! {
        /// Whatever comes and goes: each thing leaves exactly once, never before it is due or
        /// bound, and the timers don't pile up.
        #[test]
        fn everything_leaves_once(steps in prop::collection::vec((0..20_u64, 0..6_u64, 0..3_u8), 1..300)) {
            let start = origin();
            let mut now = start;
            let mut room = WaitingRoom::default();
            let (mut came, mut left) = (0_usize, Vec::new());
            for (wait, name, what) in steps {
                match what {
                    0 => {
                        let due = now + Duration::from_secs(wait);
                        room.push(due, (name > 2).then(|| device(name)), (came, due));
                        came += 1;
                    }
                    1 => left.extend(room.release(|found| found == device(name))),
                    _ => {
                        now += Duration::from_secs(wait);
                        while let Some(item) = room.pop_due(now) {
                            prop_assert!(item.1 <= now);
                            left.push(item);
                        }
                    }
                }
                prop_assert!(room.due.len() <= 2 * room.len() + 65);
            }
            left.extend(room.take_if(|_| true));
            let mut numbers: Vec<_> = left.iter().map(|(number, _)| *number).collect();
            numbers.sort_unstable();
            prop_assert_eq!(numbers, (0..came).collect::<Vec<_>>());
            prop_assert!(!room.has_unbound());
        }
    }
}
