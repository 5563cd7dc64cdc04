//! Identities in the window, a tenth of them repeats.

use std::time::Duration;

use emberline_flow::dedupe::{DedupeWindow, Seen};
use emberline_model::{EventTime, Identity};
use hashbrown::HashSet;

use super::{BuildAsItIs, nanoseconds};
use crate::report::Row;

const REPORTS: usize = 1_000_000;
/// A repeat comes so many reports after the first.
const LATER: usize = 20_000;

pub(super) fn rows() -> Vec<Row> {
    let identities = identities();
    let window = nanoseconds(
        || DedupeWindow::new(Duration::from_mins(2), 2_000_000),
        |mut window| {
            let mut repeats = 0;
            for (millis, identity) in (0_i64..).zip(&identities) {
                // Ten reports a millisecond: all of them lie within the window.
                let arrival = EventTime::from_millis(1_790_000_000_000 + millis / 10);
                let seen = window.observe(0, Identity(*identity), arrival);
                repeats += usize::from(seen == Seen::Duplicate);
            }
            assert!(repeats >= REPORTS / 20, "repeats are found");
            REPORTS
        },
    );
    let set = nanoseconds(HashSet::<u128, BuildAsItIs>::default, |mut set| {
        for identity in &identities {
            set.insert(*identity);
        }
        std::hint::black_box(set.len());
        REPORTS
    });
    vec![
        Row::new("dedupe, look up + reserve", window, "ns a report")
            .beside_floor(set)
            .note("from empty to 900,000 identities; limit: one hash set that forgets nothing"),
    ]
}

fn identities() -> Vec<u128> {
    let mut rng = fastrand::Rng::with_seed(1);
    let mut identities = Vec::with_capacity(REPORTS);
    for place in 0..REPORTS {
        let repeats = place >= LATER && rng.u8(..10) == 0;
        identities.push(if repeats { identities[place - LATER] } else { rng.u128(..) });
    }
    identities
}
