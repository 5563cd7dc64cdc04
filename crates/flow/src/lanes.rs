//! Keyed queues with at most one call in flight each: the order of a device's story.
//!
//! A *lane* holds what waits for one (device, category), one device's states, or one
//! customer's bindings. It lingers to gather a batch, is ready, is busy with a call,
//! waits for another attempt, or is held until the bindings table knows its device.
//!
//! Absent: what an item is, how a call is made, and when one may be made. The caller
//! takes a ready lane, and says what became of it.
//!
//! Items live in one slab, linked by index: pushing one allocates nothing once the
//! slab has grown to the number of items in flight.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, VecDeque};
use std::hash::{Hash, Hasher};
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use slab::Slab;

use crate::prehashed::BuildPrehashed;

/// A lane's key: 128 bits that are a hash already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneKey(pub [u64; 2]);

impl Hash for LaneKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0[0]);
    }
}

/// A lane's handle; valid until the lane has become empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LaneId(u32);

/// When a lane with new items becomes ready.
#[derive(Debug, Clone, Copy)]
pub struct Gather {
    /// Longest that the first item waits for others.
    pub linger: Duration,
    /// With so many items the lane is ready at once.
    pub full_at: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Lingering,
    Ready,
    /// So many items at the head are in a call.
    Busy(u32),
    Waiting,
    Held,
    /// Handed to the caller by [`Lanes::next_ready`], who has not decided yet.
    Offered,
}

const NONE: u32 = u32::MAX;

#[derive(Debug)]
struct Lane<L> {
    key: LaneKey,
    about: L,
    state: State,
    head: u32,
    tail: u32,
    len: u32,
    /// Marks timer entries of an earlier state as stale.
    turn: u64,
    gather: Gather,
}

#[derive(Debug)]
struct Node<T> {
    item: T,
    next: u32,
}

type Timer = Reverse<(Instant, u64, LaneId)>;

/// All lanes of a worker. `L` is what a lane is about, `T` an item.
#[derive(Debug)]
pub struct Lanes<L, T> {
    index: HashMap<LaneKey, LaneId, BuildPrehashed>,
    slab: Slab<Lane<L>>,
    nodes: Slab<Node<T>>,
    ready: VecDeque<(LaneId, u64)>,
    lingering: BinaryHeap<Timer>,
    waiting: BinaryHeap<Timer>,
    /// In order, so that they are released in the same order every time.
    held: BTreeSet<LaneId>,
    turns: u64,
    busy: usize,
}

impl<L, T> Default for Lanes<L, T> {
    fn default() -> Self {
        Self {
            index: HashMap::default(),
            slab: Slab::new(),
            nodes: Slab::new(),
            ready: VecDeque::new(),
            lingering: BinaryHeap::new(),
            waiting: BinaryHeap::new(),
            held: BTreeSet::new(),
            turns: 0,
            busy: 0,
        }
    }
}

impl<L, T> Lanes<L, T> {
    /// Appends an item to its lane, which is made by `about` if there is none.
    pub fn push(
        &mut self,
        key: LaneKey,
        item: T,
        gather: Gather,
        now: Instant,
        about: impl FnOnce() -> L,
    ) -> LaneId {
        let node = index_of(self.nodes.insert(Node { item, next: NONE }));
        let id = match self.index.get(&key) {
            Some(id) => *id,
            None => self.open(key, gather, about()),
        };
        let lane = &mut self.slab[id.0 as usize];
        if lane.len == 0 {
            lane.head = node;
        } else {
            self.nodes[lane.tail as usize].next = node;
        }
        lane.tail = node;
        lane.len += 1;
        let (state, len) = (lane.state, lane.len);
        match state {
            State::Lingering if len == 1 => self.gather_or_ready(id, now),
            State::Lingering if len as usize >= gather.full_at => self.make_ready(id),
            _ => {}
        }
        id
    }

    /// Appends an item that replaces what waits in the lane and is not in a call; returns
    /// what it replaced.
    pub fn push_replacing(
        &mut self,
        key: LaneKey,
        item: T,
        gather: Gather,
        now: Instant,
        about: impl FnOnce() -> L,
    ) -> Option<T> {
        if let Some(id) = self.index.get(&key).copied() {
            let lane = &mut self.slab[id.0 as usize];
            let in_call = if let State::Busy(count) = lane.state { count } else { 0 };
            if lane.len > in_call {
                let tail = &mut self.nodes[lane.tail as usize].item;
                return Some(std::mem::replace(tail, item));
            }
        }
        self.push(key, item, gather, now, about);
        None
    }

    fn open(&mut self, key: LaneKey, gather: Gather, about: L) -> LaneId {
        let lane = Lane {
            key,
            about,
            state: State::Lingering,
            head: NONE,
            tail: NONE,
            len: 0,
            turn: 0,
            gather,
        };
        let id = LaneId(index_of(self.slab.insert(lane)));
        self.index.insert(key, id);
        id
    }

    /// Moves lanes whose linger, wait or hold is over to the ready ones.
    pub fn expire(&mut self, now: Instant) {
        while let Some(Reverse((due, turn, id))) = self.lingering.peek().copied() {
            if due > now {
                break;
            }
            self.lingering.pop();
            self.make_ready_if(id, turn);
        }
        while let Some(Reverse((due, turn, id))) = self.waiting.peek().copied() {
            if due > now {
                break;
            }
            self.waiting.pop();
            self.make_ready_if(id, turn);
        }
    }

    /// Ends the linger of the lanes that have lingered longest, `most` of them.
    pub fn end_linger(&mut self, most: usize) {
        let mut ended = 0;
        while ended < most
            && let Some(Reverse((_, turn, id))) = self.lingering.pop()
        {
            ended += usize::from(self.make_ready_if(id, turn));
        }
    }

    /// Makes a lane that lingers or is ready the next one to be taken; any other is left
    /// as it is.
    pub fn promote(&mut self, key: LaneKey) {
        let Some(id) = self.index.get(&key).copied() else { return };
        if matches!(self.slab[id.0 as usize].state, State::Lingering | State::Ready) {
            self.put_back(id);
        }
    }

    /// The next instant at which [`expire`](Self::expire) has something to do.
    pub fn next_deadline(&self) -> Option<Instant> {
        let first = |timers: &BinaryHeap<Timer>| timers.peek().map(|Reverse((due, ..))| *due);
        match (first(&self.lingering), first(&self.waiting)) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Takes the lane that has been ready longest. The caller decides: [`start`](Self::start),
    /// [`put_back`](Self::put_back), [`wait`](Self::wait), [`hold`](Self::hold), or
    /// [`pop_front`](Self::pop_front) until it is empty.
    pub fn next_ready(&mut self) -> Option<LaneId> {
        while let Some((id, turn)) = self.ready.pop_front() {
            if let Some(lane) = self.slab.get_mut(id.0 as usize)
                && lane.turn == turn
                && lane.state == State::Ready
            {
                lane.state = State::Offered;
                return Some(id);
            }
        }
        None
    }

    /// Whether a lane is ready.
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The lane of this key, if it has items.
    pub fn id_of(&self, key: LaneKey) -> Option<LaneId> {
        self.index.get(&key).copied()
    }

    /// The lane's key.
    pub fn key(&self, id: LaneId) -> LaneKey {
        self.slab[id.0 as usize].key
    }

    /// What the lane is about.
    pub fn about(&self, id: LaneId) -> &L {
        &self.slab[id.0 as usize].about
    }

    /// What the lane is about, to be changed.
    pub fn about_mut(&mut self, id: LaneId) -> &mut L {
        &mut self.slab[id.0 as usize].about
    }

    /// Items of the lane, those in a call included.
    pub fn len(&self, id: LaneId) -> usize {
        self.slab[id.0 as usize].len as usize
    }

    /// The lane's items in order.
    pub fn items(&self, id: LaneId) -> impl Iterator<Item = &T> + Clone {
        let mut next = self.slab[id.0 as usize].head;
        std::iter::from_fn({
            let nodes = &self.nodes;
            move || {
                let node = nodes.get(next as usize)?;
                next = node.next;
                Some(&node.item)
            }
        })
    }

    /// The lane's first item.
    pub fn front(&self, id: LaneId) -> Option<&T> {
        self.nodes.get(self.slab[id.0 as usize].head as usize).map(|node| &node.item)
    }

    /// The lane's first item, to be changed.
    pub fn front_mut(&mut self, id: LaneId) -> Option<&mut T> {
        let head = self.slab[id.0 as usize].head;
        self.nodes.get_mut(head as usize).map(|node| &mut node.item)
    }

    /// The first item of the lane of this key that `find` chooses, to be changed.
    pub fn find_mut(&mut self, key: LaneKey, find: impl Fn(&T) -> bool) -> Option<&mut T> {
        let lane = &self.slab[self.index.get(&key)?.0 as usize];
        let mut next = lane.head;
        while let Some(node) = self.nodes.get(next as usize) {
            if find(&node.item) {
                return self.nodes.get_mut(next as usize).map(|node| &mut node.item);
            }
            next = node.next;
        }
        None
    }

    /// A call with the first `count` items begins.
    ///
    /// # Panics
    /// If the lane has fewer items, or a call already.
    pub fn start(&mut self, id: LaneId, count: usize) {
        let turn = self.next_turn();
        let lane = &mut self.slab[id.0 as usize];
        assert!(!matches!(lane.state, State::Busy(_)), "one call a lane");
        assert!(0 < count && count <= lane.len as usize, "a call has items of its lane");
        lane.state = State::Busy(index_of(count));
        lane.turn = turn;
        self.busy += 1;
    }

    /// The call has ended for its items for good: they leave the lane, in order. What has
    /// gathered behind them goes on.
    pub fn finish(&mut self, id: LaneId, now: Instant, mut each: impl FnMut(T)) {
        let count = self.end_call(id);
        for _ in 0..count {
            if let Some(item) = self.unlink_front(id) {
                each(item);
            }
        }
        self.settle_state(id, now);
    }

    /// The call has ended and its items stay at the head, ready for another attempt.
    pub fn again(&mut self, id: LaneId) {
        self.end_call(id);
        self.make_ready(id);
    }

    /// The call has ended and its items stay at the head, for another attempt at `until`.
    pub fn again_at(&mut self, id: LaneId, until: Instant) {
        self.end_call(id);
        self.wait(id, until);
    }

    /// Items of the lane that are in a call.
    pub fn in_call(&self, id: LaneId) -> usize {
        match self.slab[id.0 as usize].state {
            State::Busy(count) => count as usize,
            _ => 0,
        }
    }

    /// Returns an offered lane to the front of the ready ones.
    pub fn put_back(&mut self, id: LaneId) {
        let turn = self.next_turn();
        let lane = &mut self.slab[id.0 as usize];
        lane.state = State::Ready;
        lane.turn = turn;
        self.ready.push_front((id, turn));
    }

    /// The lane is ready again at `until`.
    pub fn wait(&mut self, id: LaneId, until: Instant) {
        let turn = self.next_turn();
        let lane = &mut self.slab[id.0 as usize];
        lane.state = State::Waiting;
        lane.turn = turn;
        self.waiting.push(Reverse((until, turn, id)));
    }

    /// As [`wait`](Self::wait), but [`release_held`](Self::release_held) may end it earlier.
    pub fn hold(&mut self, id: LaneId, until: Instant) {
        self.wait(id, until);
        self.slab[id.0 as usize].state = State::Held;
        self.held.insert(id);
    }

    /// Makes the lane of this key ready if it is held.
    pub fn release(&mut self, key: LaneKey) {
        let Some(id) = self.index.get(&key).copied() else { return };
        if self.held.contains(&id) {
            self.make_ready(id);
        }
    }

    /// Number of held lanes.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Makes the held lanes ready for which `release` says so.
    pub fn release_held(&mut self, mut release: impl FnMut(&L) -> bool) {
        let released: Vec<LaneId> = self
            .held
            .iter()
            .copied()
            .filter(|id| release(&self.slab[id.0 as usize].about))
            .collect();
        for id in released {
            self.make_ready(id);
        }
    }

    /// Takes the first item of an offered lane; the lane is gone after its last one.
    pub fn pop_front(&mut self, id: LaneId) -> Option<T> {
        let item = self.unlink_front(id);
        if self.slab[id.0 as usize].len == 0 {
            self.remove(id);
        }
        item
    }

    /// Removes the items that are in no call and for which `keep` says no.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool, mut removed: impl FnMut(&L, T)) {
        let ids: Vec<LaneId> = self.slab.iter().map(|(id, _)| LaneId(index_of(id))).collect();
        for id in ids {
            let lane = &mut self.slab[id.0 as usize];
            let in_call = if let State::Busy(count) = lane.state { count } else { 0 };
            let mut previous = NONE;
            let mut cursor = lane.head;
            for place in 0..lane.len {
                let next = self.nodes[cursor as usize].next;
                if place < in_call || keep(&self.nodes[cursor as usize].item) {
                    previous = cursor;
                } else {
                    if previous == NONE {
                        lane.head = next;
                    } else {
                        self.nodes[previous as usize].next = next;
                    }
                    if lane.tail == cursor {
                        lane.tail = previous;
                    }
                    lane.len -= 1;
                    removed(&lane.about, self.nodes.remove(cursor as usize).item);
                }
                cursor = next;
            }
            if lane.len == 0 {
                self.remove(id);
            }
        }
    }

    /// Items in all lanes.
    pub fn items_len(&self) -> usize {
        self.nodes.len()
    }

    /// The keys of the lanes with a call in flight.
    pub fn keys_in_calls(&self) -> impl Iterator<Item = LaneKey> {
        let busy = self.slab.iter().filter(|(_, lane)| matches!(lane.state, State::Busy(_)));
        busy.map(|(_, lane)| lane.key)
    }

    /// The items that are in a call, with what their lane is about.
    pub fn items_in_calls(&self) -> impl Iterator<Item = (&L, &T)> {
        self.slab.iter().flat_map(|(id, lane)| {
            let in_call = if let State::Busy(count) = lane.state { count as usize } else { 0 };
            self.items(LaneId(index_of(id))).take(in_call).map(move |item| (&lane.about, item))
        })
    }

    /// Lanes with a call in flight.
    pub fn busy(&self) -> usize {
        self.busy
    }

    /// Number of lanes.
    pub fn lanes_len(&self) -> usize {
        self.slab.len()
    }

    fn end_call(&mut self, id: LaneId) -> u32 {
        let lane = &mut self.slab[id.0 as usize];
        let State::Busy(count) = lane.state else { return 0 };
        lane.state = State::Offered;
        self.busy -= 1;
        count
    }

    fn settle_state(&mut self, id: LaneId, now: Instant) {
        if self.slab[id.0 as usize].len == 0 {
            self.remove(id);
        } else {
            self.gather_or_ready(id, now);
        }
    }

    fn gather_or_ready(&mut self, id: LaneId, now: Instant) {
        let turn = self.next_turn();
        let lane = &mut self.slab[id.0 as usize];
        if lane.gather.linger.is_zero() || lane.len as usize >= lane.gather.full_at {
            self.make_ready(id);
        } else {
            lane.state = State::Lingering;
            lane.turn = turn;
            self.lingering.push(Reverse((now + lane.gather.linger, turn, id)));
        }
    }

    fn make_ready_if(&mut self, id: LaneId, turn: u64) -> bool {
        let current = self.slab.get(id.0 as usize).is_some_and(|lane| lane.turn == turn);
        if current {
            self.make_ready(id);
        }
        current
    }

    fn make_ready(&mut self, id: LaneId) {
        let turn = self.next_turn();
        let lane = &mut self.slab[id.0 as usize];
        if lane.state == State::Held {
            self.held.remove(&id);
        }
        lane.state = State::Ready;
        lane.turn = turn;
        self.ready.push_back((id, turn));
    }

    fn unlink_front(&mut self, id: LaneId) -> Option<T> {
        let lane = &mut self.slab[id.0 as usize];
        if lane.len == 0 {
            return None;
        }
        let node = self.nodes.remove(lane.head as usize);
        lane.head = node.next;
        lane.len -= 1;
        if lane.len == 0 {
            lane.tail = NONE;
        }
        Some(node.item)
    }

    fn remove(&mut self, id: LaneId) {
        let lane = self.slab.remove(id.0 as usize);
        self.index.remove(&lane.key);
        self.held.remove(&id);
    }

    fn next_turn(&mut self) -> u64 {
        self.turns += 1;
        self.turns
    }
}

/// Slab indices and counts stay below 2³²: the in-flight limits are far lower.
#[expect(clippy::cast_possible_truncation, reason = "bounded by the in-flight limits")]
fn index_of(index: usize) -> u32 {
    index as u32
}

#[cfg(test)]
mod tests;
