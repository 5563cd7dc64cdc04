//! A strip of states over time: one stretch for each, until the next one or now.

use crate::ledger::StateRow;

/// The width of the whole strip, in its own units.
const WIDTH: f64 = 1_000.0;

/// A state for as long as it held.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::console) struct Stretch {
    pub(in crate::console) x: f64,
    pub(in crate::console) width: f64,
    pub(in crate::console) row: StateRow,
}

/// The states of a device since the first that is known.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::console) struct Strip {
    pub(in crate::console) stretches: Vec<Stretch>,
    pub(in crate::console) first: i64,
}

impl Strip {
    /// `rows` are in the order of time. The same state said again goes on.
    pub(in crate::console) fn of(rows: &[StateRow], now: i64) -> Option<Self> {
        let first = rows.first()?.at;
        // Something of a state is seen even if all of them came in one second.
        let last = now.max(rows.last()?.at).max(first + 1);
        #[expect(clippy::cast_precision_loss, reason = "a place in a picture")]
        let x = |at: i64| WIDTH * (at - first) as f64 / (last - first) as f64;
        let mut changes: Vec<StateRow> = rows.to_vec();
        changes.dedup_by_key(|row| row.online_status);
        let ends = changes.iter().skip(1).map(|row| row.at).chain([last]);
        let stretches = changes.iter().zip(ends).map(|(row, end)| Stretch {
            x: x(row.at),
            width: x(end) - x(row.at),
            row: *row,
        });
        Some(Self { stretches: stretches.collect(), first })
    }
}

#[cfg(test)]
mod tests {
    use super::Strip;
    use crate::ledger::StateRow;

    fn row(at: i64, online_status: u8) -> StateRow {
        StateRow { at, online_status }
    }

    #[test]
    fn a_state_holds_until_another_one_or_now() {
        let rows = [row(0, 1), row(40, 1), row(50, 0)];
        let strip = Strip::of(&rows, 100).unwrap();
        let places: Vec<_> = strip.stretches.iter().map(|it| (it.x, it.width, it.row)).collect();
        assert_eq!(places, [(0.0, 500.0, row(0, 1)), (500.0, 500.0, row(50, 0))]);
        assert_eq!(Strip::of(&[], 100), None);
    }

    #[test]
    fn states_of_one_moment_and_of_a_clock_that_went_back_are_drawn_too() {
        let at_once = Strip::of(&[row(5, 1), row(5, 0)], 5).unwrap();
        assert!(at_once.stretches.iter().all(|it| it.width >= 0.0));
        let ahead = Strip::of(&[row(90, 1)], 50).unwrap();
        assert!(ahead.stretches[0].width > 0.0);
    }
}
