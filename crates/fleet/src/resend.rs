//! Messages that are sent again, as the platform does without an answer.

use std::collections::VecDeque;

use crate::expectation::Made;
use crate::record::FleetRecord;

/// How long after its first sending a message comes again (contract: input events).
const DELAYS_MS: [i64; 3] = [1_000, 3_000, 10_000];

/// Records that wait for their next sending, in due order.
///
/// One queue a delay: times come in ascending, so each queue is in order by itself.
#[derive(Default)]
pub(crate) struct Resends {
    queues: [VecDeque<Waiting>; DELAYS_MS.len()],
}

struct Waiting {
    first_ms: i64,
    due_ms: i64,
    /// Sendings after the one that it waits for.
    more: u8,
    record: FleetRecord,
    made: Made,
}

impl Resends {
    /// Keeps a record to be sent again, as often as chance has it: mostly once, up to
    /// three times.
    pub(crate) fn keep(&mut self, rng: &mut fastrand::Rng, record: FleetRecord, made: Made) {
        let more = match rng.u8(..10) {
            0..7 => 0,
            7..9 => 1,
            _ => 2,
        };
        let first_ms = record.timestamp_ms;
        let due_ms = first_ms.saturating_add(DELAYS_MS[0]);
        self.queues[0].push_back(Waiting { first_ms, due_ms, more, record, made });
    }

    /// Takes the record that is due first, if it is due by then; it is sent at `now_ms`.
    pub(crate) fn take(&mut self, due_by_ms: i64, now_ms: i64) -> Option<(FleetRecord, Made)> {
        let due_of = |queue: &VecDeque<Waiting>| queue.front().map(|waiting| waiting.due_ms);
        let (due_ms, place) = self
            .queues
            .iter()
            .enumerate()
            .filter_map(|(place, queue)| Some((due_of(queue)?, place)))
            .min()?;
        if due_ms > due_by_ms {
            return None;
        }
        let mut waiting = self.queues[place].pop_front()?;
        waiting.record.timestamp_ms = now_ms;
        let sent = (waiting.record.clone(), waiting.made);
        if waiting.more > 0 {
            let next = place + 1;
            waiting.more -= 1;
            waiting.due_ms = waiting.first_ms.saturating_add(DELAYS_MS[next]);
            self.queues[next].push_back(waiting);
        }
        Some(sent)
    }
}

#[cfg(test)]
mod tests {
    use super::Resends;
    use crate::expectation::Made;
    use crate::record::{FleetRecord, Topic};

    fn record(at_ms: i64) -> FleetRecord {
        let value = at_ms.to_string().into_bytes();
        FleetRecord {
            topic: Topic::Devices,
            key: Vec::new(),
            value,
            headers: Vec::new(),
            timestamp_ms: at_ms,
        }
    }

    #[test]
    fn a_record_comes_again_after_one_three_and_ten_seconds_at_most() {
        let mut rng = fastrand::Rng::with_seed(3);
        let mut resends = Resends::default();
        for at_ms in 0..1_000 {
            resends.keep(&mut rng, record(at_ms), Made::State);
        }
        let mut times = vec![Vec::new(); 1_000];
        for now_ms in 0..20_000 {
            while let Some((again, _)) = resends.take(now_ms, now_ms) {
                let first: usize = String::from_utf8(again.value).unwrap().parse().unwrap();
                times[first].push(again.timestamp_ms - i64::try_from(first).unwrap());
            }
        }
        let whole = [1_000, 3_000, 10_000];
        assert!(times.iter().all(|times| !times.is_empty() && whole.starts_with(times)));
        assert!((50..150).contains(&times.iter().filter(|times| times.len() == 3).count()));
    }
}
