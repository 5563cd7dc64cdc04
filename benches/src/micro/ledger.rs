//! Offsets in flight and their frontier.

use std::collections::VecDeque;

use emberline_flow::ledger::PartitionLedger;

use super::nanoseconds;
use crate::report::Row;

const RECORDS: i64 = 1_000_000;
/// Records in flight.
const IN_FLIGHT: usize = 50_000;

pub(super) fn rows() -> Vec<Row> {
    let ledger = nanoseconds(
        || fastrand::Rng::with_seed(1),
        |mut rng| {
            let mut ledger = PartitionLedger::starting_at(0);
            let mut waiting: Vec<i64> = Vec::with_capacity(IN_FLIGHT);
            for offset in 0..RECORDS {
                ledger.deliver(offset);
                if waiting.len() < IN_FLIGHT {
                    waiting.push(offset);
                } else {
                    let place = rng.usize(..IN_FLIGHT);
                    ledger.settle(std::mem::replace(&mut waiting[place], offset));
                }
            }
            for offset in waiting {
                ledger.settle(offset);
            }
            assert_eq!(ledger.frontier(), RECORDS, "everything is settled");
            usize::try_from(RECORDS).unwrap_or(0)
        },
    );
    let queue = nanoseconds(
        || fastrand::Rng::with_seed(1),
        |mut rng| {
            let mut queue: VecDeque<i64> = VecDeque::with_capacity(IN_FLIGHT);
            for offset in 0..RECORDS {
                if queue.len() == IN_FLIGHT {
                    let place = rng.usize(..IN_FLIGHT);
                    std::hint::black_box(queue[place]);
                    queue.pop_front();
                }
                queue.push_back(offset);
            }
            usize::try_from(RECORDS).unwrap_or(0)
        },
    );
    vec![
        Row::new("ledger, deliver + settle", ledger, "ns a record").beside_floor(queue).note(
            "50,000 in flight, settled in any order; limit: a queue, settled in its own order",
        ),
    ]
}
