//! The times that are asked about, exactly, and the wider ones that are looked up.
//!
//! What is asked about is in a record; what Kafka can look up is the record's own time. For
//! a receipt that is the broker's clock at the write, a little after the acceptance by the
//! worker's: longer after it where Kafka was away in between. For a device's record it may be
//! its producer's, and then a later record may be of an earlier time.

use std::time::Duration;

use crate::span::{Bound, Span, Written};

/// How far the two times may lie apart: clocks that differ, an outage of Kafka. At the
/// default rate an hour of receipts is read within seconds.
const MARGIN: Duration = Duration::from_hours(1);

/// From when to before when, in Unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct When {
    from: i64,
    to: i64,
}

impl When {
    /// What a span says as times. Offsets in it say nothing of them.
    pub(super) fn of(span: &Span) -> Self {
        Self { from: time(&span.from).unwrap_or(i64::MIN), to: time(&span.to).unwrap_or(i64::MAX) }
    }

    /// Whether this time is asked about.
    pub(super) fn takes(&self, unix_ms: i64) -> bool {
        (self.from..self.to).contains(&unix_ms)
    }
}

fn time(bounds: &[Written]) -> Option<i64> {
    match bounds {
        [Written { bound: Bound::Time(time), .. }] => Some(*time),
        _ => None,
    }
}

/// The span that is looked up for this one: wider by [`MARGIN`] where it is bound by time.
pub(super) fn widened(span: &Span) -> Span {
    Span { from: moved(&span.from, -margin_ms(MARGIN)), to: moved(&span.to, margin_ms(MARGIN)) }
}

/// The span of receipts for what arrived in this one: up to now, for a report may wait for
/// days. All receipts where it begins at an offset, whose time isn't known.
pub(super) fn receipts_of(arrivals: &Span) -> Span {
    earlier(arrivals, Duration::ZERO)
}

/// As [`receipts_of`], from earlier on: a report may be a duplicate of one accepted before.
pub(super) fn receipts_looked_up(arrivals: &Span, dedupe: Duration) -> Span {
    earlier(arrivals, MARGIN + dedupe)
}

fn earlier(arrivals: &Span, margin: Duration) -> Span {
    let earlier = -margin_ms(margin);
    let from =
        if time(&arrivals.from).is_some() { moved(&arrivals.from, earlier) } else { Vec::new() };
    Span { from, to: Vec::new() }
}

fn moved(bounds: &[Written], by_ms: i64) -> Vec<Written> {
    let moved = |written: &Written| match written.bound {
        Bound::Time(time) => Bound::Time(time.saturating_add(by_ms)).into(),
        Bound::Offset { .. } => written.clone(),
    };
    bounds.iter().map(moved).collect()
}

fn margin_ms(margin: Duration) -> i64 {
    i64::try_from(margin.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{When, receipts_looked_up, receipts_of, widened};
    use crate::span::{Bound, Span, Written};

    const HOUR: i64 = 3_600_000;

    fn span(from: &[Bound], to: &[Bound]) -> Span {
        let written = |bounds: &[Bound]| bounds.iter().map(|it| (*it).into()).collect();
        Span { from: written(from), to: written(to) }
    }

    fn bounds(span: &Span) -> (Vec<Bound>, Vec<Bound>) {
        let bounds = |written: &[Written]| written.iter().map(|it| it.bound).collect();
        (bounds(&span.from), bounds(&span.to))
    }

    #[test]
    fn what_is_asked_about_is_exact_and_what_is_looked_up_is_wider() {
        let asked = span(&[Bound::Time(10 * HOUR)], &[Bound::Time(11 * HOUR)]);
        let when = When::of(&asked);
        assert!(when.takes(10 * HOUR) && when.takes(11 * HOUR - 1));
        assert!(!when.takes(10 * HOUR - 1) && !when.takes(11 * HOUR));
        let wide = widened(&asked);
        let (from, to) = (vec![Bound::Time(9 * HOUR)], vec![Bound::Time(12 * HOUR)]);
        assert_eq!(bounds(&wide), (from, to));
    }

    #[test]
    fn offsets_stay_where_they_are_and_say_nothing_of_times() {
        let place = Bound::Offset { partition: 1, offset: 7 };
        let asked = span(&[place], &[]);
        assert!(When::of(&asked).takes(i64::MIN) && When::of(&asked).takes(0));
        assert_eq!(bounds(&widened(&asked)).0, [place]);
    }

    #[test]
    fn receipts_are_looked_for_up_to_now_and_from_before_what_a_duplicate_may_repeat() {
        let asked = span(&[Bound::Time(10 * HOUR)], &[Bound::Time(11 * HOUR)]);
        assert_eq!(bounds(&receipts_of(&asked)), (vec![Bound::Time(10 * HOUR)], vec![]));
        let from = vec![Bound::Time(9 * HOUR - 120_000)];
        let receipts = receipts_looked_up(&asked, Duration::from_mins(2));
        assert_eq!(bounds(&receipts), (from, vec![]));
        let offsets = span(&[Bound::Offset { partition: 0, offset: 7 }], &[]);
        assert!(!receipts_looked_up(&offsets, Duration::ZERO).is_bounded());
    }
}
