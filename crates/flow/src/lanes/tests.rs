use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{Gather, LaneId, LaneKey, Lanes};

const AT_ONCE: Gather = Gather { linger: Duration::ZERO, full_at: 100 };
const LINGERING: Gather = Gather { linger: Duration::from_secs(1), full_at: 3 };

fn key(n: u64) -> LaneKey {
    LaneKey([n, n])
}

fn push(lanes: &mut Lanes<u64, u32>, lane: u64, item: u32, gather: Gather, now: Instant) {
    lanes.push(key(lane), item, gather, now, || lane);
}

fn contents(lanes: &Lanes<u64, u32>, id: LaneId) -> Vec<u32> {
    lanes.items(id).copied().collect()
}

#[test]
fn a_lane_is_ready_after_its_linger_or_when_full() {
    let start = crate::test_time::origin();
    let mut lanes = Lanes::default();
    push(&mut lanes, 1, 10, LINGERING, start);
    push(&mut lanes, 2, 20, LINGERING, start);
    assert_eq!(lanes.next_ready(), None);
    push(&mut lanes, 2, 21, LINGERING, start);
    push(&mut lanes, 2, 22, LINGERING, start);
    let full = lanes.next_ready().unwrap();
    assert_eq!(contents(&lanes, full), [20, 21, 22]);
    lanes.start(full, 3);
    assert_eq!(lanes.next_deadline(), Some(start + Duration::from_secs(1)));
    lanes.expire(start + Duration::from_secs(1));
    let lingered = lanes.next_ready().unwrap();
    assert_eq!(contents(&lanes, lingered), [10]);
}

#[test]
fn what_gathers_during_a_call_goes_in_the_next_one() {
    let now = crate::test_time::origin();
    let mut lanes = Lanes::default();
    push(&mut lanes, 1, 1, AT_ONCE, now);
    let id = lanes.next_ready().unwrap();
    lanes.start(id, 1);
    push(&mut lanes, 1, 2, AT_ONCE, now);
    push(&mut lanes, 1, 3, AT_ONCE, now);
    assert_eq!(lanes.next_ready(), None, "one call a lane");
    let mut done = Vec::new();
    lanes.finish(id, now, |item| done.push(item));
    assert_eq!(done, [1]);
    let id = lanes.next_ready().unwrap();
    assert_eq!(contents(&lanes, id), [2, 3]);
}

#[test]
fn a_failed_call_keeps_its_items_at_the_head() {
    let now = crate::test_time::origin();
    let mut lanes = Lanes::default();
    push(&mut lanes, 1, 1, AT_ONCE, now);
    let id = lanes.next_ready().unwrap();
    lanes.start(id, 1);
    push(&mut lanes, 1, 2, AT_ONCE, now);
    let later = now + Duration::from_secs(5);
    lanes.again_at(id, later);
    assert_eq!(lanes.next_ready(), None);
    lanes.expire(later);
    assert_eq!(lanes.next_ready(), Some(id));
    assert_eq!(contents(&lanes, id), [1, 2]);
}

#[test]
fn a_replacing_item_never_touches_the_one_in_a_call() {
    let now = crate::test_time::origin();
    let mut lanes: Lanes<u64, u32> = Lanes::default();
    assert_eq!(lanes.push_replacing(key(1), 1, AT_ONCE, now, || 1), None);
    let id = lanes.next_ready().unwrap();
    lanes.start(id, 1);
    assert_eq!(lanes.push_replacing(key(1), 2, AT_ONCE, now, || 1), None);
    assert_eq!(lanes.push_replacing(key(1), 3, AT_ONCE, now, || 1), Some(2));
    assert_eq!(contents(&lanes, id), [1, 3]);
}

#[test]
fn a_held_lane_is_released_or_expires() {
    let now = crate::test_time::origin();
    let mut lanes = Lanes::default();
    for lane in [1, 2] {
        push(&mut lanes, lane, 1, AT_ONCE, now);
        let id = lanes.next_ready().unwrap();
        lanes.hold(id, now + Duration::from_secs(2));
    }
    lanes.release_held(|lane| *lane == 2);
    let released = lanes.next_ready().unwrap();
    assert_eq!(*lanes.about(released), 2);
    assert_eq!(lanes.held(), 1);
    lanes.expire(now + Duration::from_secs(2));
    assert!(lanes.next_ready().is_some());
    assert_eq!(lanes.held(), 0);
}

#[test]
fn a_promoted_lane_goes_next_and_only_once() {
    let now = crate::test_time::origin();
    let mut lanes = Lanes::default();
    push(&mut lanes, 1, 1, AT_ONCE, now);
    push(&mut lanes, 2, 2, AT_ONCE, now);
    push(&mut lanes, 3, 3, LINGERING, now);
    for lane in [2, 3, 4] {
        lanes.promote(key(lane));
    }
    let order: Vec<u64> = std::iter::from_fn(|| {
        let id = lanes.next_ready()?;
        lanes.start(id, 1);
        lanes.promote(key(2));
        Some(*lanes.about(id))
    })
    .collect();
    assert_eq!(order, [3, 2, 1]);
}

#[test]
fn ending_a_linger_early_takes_the_oldest_first() {
    let now = crate::test_time::origin();
    let mut lanes = Lanes::default();
    for lane in 0..4 {
        push(&mut lanes, lane, 0, LINGERING, now + Duration::from_millis(lane));
    }
    lanes.end_linger(2);
    let first = lanes.next_ready().unwrap();
    let second = lanes.next_ready().unwrap();
    assert_eq!((*lanes.about(first), *lanes.about(second)), (0, 1));
    assert_eq!(lanes.next_ready(), None);
}

proptest! {
    /// Whatever happens, a lane's items leave it once each and in the order of their arrival.
    #[test]
    fn items_leave_in_order_and_once(
        steps in prop::collection::vec((0..5_u8, 0..4_u64), 1..200),
    ) {
        let mut now = crate::test_time::origin();
        let mut lanes: Lanes<u64, u32> = Lanes::default();
        let mut pushed: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
        let mut left: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
        let mut busy: Vec<LaneId> = Vec::new();
        for (number, (step, lane)) in (0_u32..).zip(steps) {
            match step {
                0 | 1 => {
                    let gather = if lane % 2 == 0 { AT_ONCE } else { LINGERING };
                    push(&mut lanes, lane, number, gather, now);
                    pushed.entry(lane).or_default().push(number);
                }
                2 => if let Some(id) = lanes.next_ready() {
                    let count = lanes.len(id).min(2);
                    lanes.start(id, count);
                    busy.push(id);
                },
                3 => if let Some(id) = busy.pop() {
                    let about = *lanes.about(id);
                    lanes.finish(id, now, |item| left.entry(about).or_default().push(item));
                },
                _ => {
                    now += Duration::from_millis(600);
                    if let Some(id) = busy.pop() {
                        lanes.again_at(id, now + Duration::from_secs(1));
                    }
                    lanes.expire(now);
                }
            }
            prop_assert_eq!(lanes.busy(), busy.len());
        }
        for id in busy {
            lanes.again(id);
        }
        lanes.expire(now + Duration::from_mins(1));
        while let Some(id) = lanes.next_ready() {
            let about = *lanes.about(id);
            for _ in 0..lanes.len(id) {
                left.entry(about).or_default().push(lanes.pop_front(id).unwrap());
            }
        }
        prop_assert_eq!(left, pushed);
        prop_assert_eq!((lanes.items_len(), lanes.lanes_len()), (0, 0));
    }
}
