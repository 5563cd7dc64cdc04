//! From where a partition must be read again so that duplicates of what follows a
//! frontier are known.
//!
//! Absent: exactness. Offsets are marked once a third of the window; the answer is
//! early by up to that much, never late.
//!
//! Start at [`SeedMarks::seed_offset`].

use std::collections::VecDeque;
use std::time::Duration;

use emberline_model::EventTime;

use crate::dedupe::spans;

/// One partition's offsets against the time of arrival.
///
/// Time is the highest timestamp so far. A timestamp more than a window away from it,
/// before or after, is believed only once sixteen records in a row tell the like:
/// a single nonsense timestamp must neither stop the marks nor start a new era.
#[derive(Debug)]
pub struct SeedMarks {
    window: i64,
    span: i64,
    /// Ascending by offset.
    marks: VecDeque<Mark>,
    /// Time at the last record, in milliseconds; above the last mark's by less than a span.
    time: i64,
    leap: Option<Leap>,
}

/// Records from this offset on (to the next mark) arrived at this time or a little later.
#[derive(Debug, Clone, Copy)]
struct Mark {
    offset: i64,
    time: i64,
}

/// Records in a row whose timestamps are all far from the partition's time.
#[derive(Debug, Clone, Copy)]
struct Leap {
    first: Mark,
    records: u32,
}

/// Records in a row that make a leap of time believed.
const AGREEING: u32 = 16;

impl SeedMarks {
    /// No marks yet, for a dedupe window of this length.
    pub fn new(window: Duration) -> Self {
        let (window, span) = spans(window);
        Self { window, span, marks: VecDeque::new(), time: 0, leap: None }
    }

    /// Takes note of a record; offsets grow.
    pub fn note(&mut self, offset: i64, arrival: EventTime) {
        let arrival = arrival.millis();
        let Some(last) = self.marks.back() else {
            self.mark(offset, arrival);
            return;
        };
        if self.time.abs_diff(arrival) > self.window.unsigned_abs() {
            self.consider_leap(offset, arrival);
            return;
        }
        self.leap = None;
        self.time = self.time.max(arrival);
        if self.time.saturating_sub(last.time) >= self.span {
            self.mark(offset, self.time);
        }
    }

    /// The first offset whose records can be within a window before those at `frontier`
    /// and above: where to read from, so that their duplicates are known. The frontier
    /// itself if nothing is known of what lies below.
    ///
    /// Frontiers only grow: what an older one would need is forgotten.
    pub fn seed_offset(&mut self, frontier: i64) -> i64 {
        let Some(at) = self.marks.partition_point(|mark| mark.offset <= frontier).checked_sub(1)
        else {
            return frontier;
        };
        let time = self.marks[at].time;
        let (from, to) = (time.saturating_sub(self.window), time.saturating_add(self.window));
        let first = self.marks.iter().position(|mark| {
            // A mark's records reach up to a span past its own time.
            mark.time.saturating_add(self.span) > from && mark.time <= to
        });
        self.marks.drain(..first.unwrap_or(at));
        self.marks.front().map_or(frontier, |mark| mark.offset)
    }

    fn mark(&mut self, offset: i64, time: i64) {
        self.marks.push_back(Mark { offset, time });
        self.time = time;
    }

    fn consider_leap(&mut self, offset: i64, arrival: i64) {
        let leap = match self.leap {
            Some(leap) if leap.first.time.abs_diff(arrival) <= self.window.unsigned_abs() => {
                Leap { records: leap.records + 1, ..leap }
            }
            _ => Leap { first: Mark { offset, time: arrival }, records: 1 },
        };
        self.leap = Some(leap);
        if leap.records >= AGREEING {
            self.mark(leap.first.offset, leap.first.time);
            self.leap = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use emberline_model::EventTime;
    use proptest::prelude::*;

    use super::SeedMarks;

    const WINDOW: i64 = 120;
    const SPAN: i64 = 40;

    fn marks(arrivals: impl IntoIterator<Item = i64>) -> SeedMarks {
        let mut marks = SeedMarks::new(Duration::from_millis(120));
        for (offset, arrival) in (0..).zip(arrivals) {
            marks.note(offset, EventTime::from_millis(arrival));
        }
        marks
    }

    #[test]
    fn the_seed_lies_a_window_before_the_frontier_or_a_little_earlier() {
        let mut marks = marks((0..10_000).map(|n| n * 10));
        let seed = marks.seed_offset(5_000);
        assert!((4_980..=4_988).contains(&seed), "{seed}");
    }

    #[test]
    fn nothing_known_means_nothing_to_read_again() {
        let mut marks = SeedMarks::new(Duration::from_mins(2));
        assert_eq!(marks.seed_offset(77), 77);
        marks.note(100, EventTime::from_millis(5));
        assert_eq!(marks.seed_offset(90), 90);
        assert_eq!(marks.seed_offset(200), 100);
    }

    #[test]
    fn a_nonsense_timestamp_leaves_no_mark() {
        let odd = |n: i64| if n % 100 == 3 { i64::MAX - n } else { n * 10 };
        let mut marks = marks((0..10_000).map(odd));
        let seed = marks.seed_offset(9_000);
        assert!((8_980..=8_988).contains(&seed), "{seed}");
    }

    #[test]
    fn a_leap_is_followed_from_its_first_record_on() {
        let mut marks = marks((0..1_000).map(|n| if n < 500 { n } else { 1_000_000 + n }));
        assert_eq!(marks.seed_offset(550), 500);
    }

    #[test]
    fn marks_are_forgotten_as_the_frontier_goes() {
        let mut marks = marks([]);
        for offset in 0..100_000 {
            marks.note(offset, EventTime::from_millis(offset * 10));
            marks.seed_offset(offset);
        }
        assert!(marks.marks.len() <= 6, "{}", marks.marks.len());
    }

    proptest! {
        /// Every record below the frontier that arrived within a window before it, by
        /// the highest timestamp, is read again.
        #[test]
        fn the_seed_is_never_too_late(
            steps in prop::collection::vec(-30..60_i64, 1..400),
            place in any::<prop::sample::Index>(),
        ) {
            let arrivals: Vec<i64> = steps.iter().scan(10_000, |time, step| {
                *time += step;
                Some(*time)
            }).collect();
            let below = place.index(arrivals.len());
            let frontier = i64::try_from(below).unwrap();
            let latest = *arrivals[..=below].iter().max().unwrap();
            let within_reach = arrivals.iter().scan(i64::MIN, |latest, time| {
                *latest = time.max(latest).to_owned();
                Some(*latest - time <= WINDOW)
            }).all(|near| near);
            prop_assume!(within_reach);
            let seed = marks(arrivals.iter().copied()).seed_offset(frontier);
            for (offset, arrival) in (0..).zip(&arrivals[..below]) {
                prop_assert!(offset >= seed || *arrival < latest - WINDOW);
            }
            prop_assert!(seed <= frontier);
            let first = (0..).zip(&arrivals).find(|(_, time)| **time > latest - WINDOW - 3 * SPAN);
            prop_assert!(first.is_none_or(|(offset, _)| seed >= offset - 1 || seed == 0));
        }
    }
}
