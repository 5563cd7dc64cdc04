//! Queues by device and category, emptied a batch at a time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use emberline_flow::lanes::{Gather, LaneKey, Lanes};

use super::nanoseconds;
use crate::report::Row;

const LANES: u64 = 12_000;
/// Reports that gather in each.
const BATCH: usize = 6;

/// About as large as a report and where it came from.
type Item = [u64; 6];

pub(super) fn rows() -> Vec<Row> {
    let mut rng = fastrand::Rng::with_seed(1);
    let keys: Vec<LaneKey> = (0..LANES).map(|_| LaneKey([rng.u64(..), rng.u64(..)])).collect();
    let mut pushes: Vec<LaneKey> = keys.iter().copied().flat_map(|key| [key; BATCH]).collect();
    rng.shuffle(&mut pushes);
    let gather = Gather { linger: Duration::from_secs(1), full_at: 100 };
    let mut lanes: Lanes<(), Item> = Lanes::default();
    let mut now = Instant::now();
    let cost = nanoseconds(
        || (),
        |()| {
            for key in &pushes {
                lanes.push(*key, [1; 6], gather, now, || ());
            }
            now += gather.linger;
            lanes.expire(now);
            let mut done = 0;
            while let Some(id) = lanes.next_ready() {
                let count = lanes.len(id);
                lanes.start(id, count);
                lanes.finish(id, now, |item| {
                    std::hint::black_box(item);
                    done += 1;
                });
            }
            assert_eq!(done, pushes.len(), "every item left its lane");
            done
        },
    );
    let mut queue: VecDeque<Item> = VecDeque::new();
    let plain = nanoseconds(
        || (),
        |()| {
            for _ in &pushes {
                queue.push_back([1; 6]);
            }
            while let Some(item) = queue.pop_front() {
                std::hint::black_box(item);
            }
            pushes.len()
        },
    );
    vec![
        Row::new("lanes, in + out", cost, "ns a report")
            .beside_floor(plain)
            .note("12,000 lanes, 6 reports a batch; limit: one queue for all"),
    ]
}
