//! Counts by name, and by hour, of bounded size whatever is counted.

use std::collections::BTreeMap;

use serde::Serialize;

/// Most names that are told apart: codes and topics come out of headers, products out of
/// records, and are of no bounded variety.
const MOST_NAMES: usize = 1000;
/// Most hours that are told apart, a good year of them: the topic keeps its letters for 30
/// days unless it was made otherwise.
const MOST_HOURS: usize = 10_000;

const HOUR_MS: i64 = 3_600_000;

/// Counts by name.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: BTreeMap<String, u64>,
    /// What has a name that is not told apart.
    others: u64,
}

/// A name and how many have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Count {
    pub(super) name: String,
    pub(super) count: u64,
}

impl Tally {
    pub(super) fn add(&mut self, name: &str) {
        if let Some(count) = self.counts.get_mut(name) {
            *count += 1;
        } else if self.counts.len() < MOST_NAMES {
            self.counts.insert(name.to_owned(), 1);
        } else {
            self.others += 1;
        }
    }

    /// The most frequent first. What was not told apart is last, without a name of its own.
    pub(super) fn counts(&self) -> (Vec<Count>, u64) {
        let counts =
            self.counts.iter().map(|(name, count)| Count { name: name.clone(), count: *count });
        let mut counts: Vec<_> = counts.collect();
        counts.sort_by_key(|it| std::cmp::Reverse(it.count));
        (counts, self.others)
    }
}

/// Counts by hour, in UTC.
#[derive(Debug, Default)]
pub(super) struct Hours {
    counts: BTreeMap<i64, u64>,
    /// What lies before the first hour that is told apart.
    pub(super) earlier: u64,
}

impl Hours {
    pub(super) fn add(&mut self, unix_ms: i64) {
        *self.counts.entry(unix_ms.div_euclid(HOUR_MS)).or_default() += 1;
        if self.counts.len() > MOST_HOURS
            && let Some((_, count)) = self.counts.pop_first()
        {
            self.earlier += count;
        }
    }

    /// The hours that have any, with their beginning in Unix milliseconds.
    pub(super) fn counts(&self) -> impl Iterator<Item = (i64, u64)> {
        self.counts.iter().map(|(hour, count)| (hour * HOUR_MS, *count))
    }

    /// The same in spans of equal length, at most so many of them, without a gap: the length in
    /// hours, and of each its beginning and its count. A day is not divided unevenly.
    pub(super) fn in_spans(&self, most: usize) -> (i64, Vec<(i64, u64)>) {
        const LENGTHS: [i64; 9] = [1, 2, 3, 6, 12, 24, 48, 7 * 24, 28 * 24];
        let bounds = self.counts.first_key_value().zip(self.counts.last_key_value());
        let Some(((first, _), (last, _))) = bounds else { return (1, Vec::new()) };
        let spans = |length: i64| last.div_euclid(length) - first.div_euclid(length) + 1;
        let fits = |length: &i64| usize::try_from(spans(*length)).is_ok_and(|spans| spans <= most);
        let length = LENGTHS.into_iter().find(fits).unwrap_or(LENGTHS[LENGTHS.len() - 1]);
        let begin = first.div_euclid(length);
        // Beyond the longest length the newest are shown.
        let end = begin + spans(length);
        let begin = begin.max(end - i64::try_from(most).unwrap_or(i64::MAX));
        let mut counted: Vec<_> =
            (begin..end).map(|span| (span * length * HOUR_MS, 0_u64)).collect();
        for (hour, count) in &self.counts {
            let place = usize::try_from(hour.div_euclid(length) - begin);
            if let Some((_, sum)) = place.ok().and_then(|place| counted.get_mut(place)) {
                *sum += count;
            }
        }
        (length, counted)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Count, HOUR_MS, Hours, MOST_HOURS, MOST_NAMES, Tally};

    #[test]
    fn the_most_frequent_stand_first_and_names_are_bounded() {
        let mut tally = Tally::default();
        tally.add("rare");
        (0..3).for_each(|_| tally.add("often"));
        let count = |name: &str, count| Count { name: name.to_owned(), count };
        assert_eq!(tally.counts(), (vec![count("often", 3), count("rare", 1)], 0));
        (0..2 * MOST_NAMES).for_each(|number| tally.add(&format!("name {number}")));
        tally.add("often");
        let (counts, others) = tally.counts();
        assert_eq!((counts.len(), counts[0].count), (MOST_NAMES, 4));
        assert_eq!(counts.iter().map(|it| it.count).sum::<u64>() + others, 5 + 2000);
    }

    #[test]
    fn hours_without_any_are_there_between_others() {
        let mut hours = Hours::default();
        for hour in [5, 6, 6, 8] {
            hours.add(hour * HOUR_MS + 1);
        }
        let (length, spans) = hours.in_spans(48);
        assert_eq!(length, 1);
        let at = |hour: i64| hour * HOUR_MS;
        assert_eq!(spans, [(at(5), 1), (at(6), 2), (at(7), 0), (at(8), 1)]);
        assert_eq!(hours.in_spans(2), (3, vec![(at(3), 1), (at(6), 3)]));
    }

    #[test]
    fn a_time_before_1970_is_an_hour_like_any_other() {
        let mut hours = Hours::default();
        hours.add(-1);
        assert_eq!(hours.counts().collect::<Vec<_>>(), [(-HOUR_MS, 1)]);
    }

    #[test]
    fn hours_are_bounded_and_the_earliest_go_first() {
        let mut hours = Hours::default();
        let count = i64::try_from(MOST_HOURS).unwrap() + 5;
        (0..count).rev().for_each(|hour| hours.add(hour * HOUR_MS));
        assert_eq!((hours.counts().count(), hours.earlier), (MOST_HOURS, 5));
        assert_eq!(hours.counts().next().unwrap().0, 5 * HOUR_MS);
    }

    proptest! {
        /// Whatever the hours, there are no more spans than asked for, and within the longest
        /// of them nothing is lost.
        #[test]
        fn spans_are_as_many_as_fit_and_hold_all(times in prop::collection::vec(0..48 * 28 * 24_i64, 1..50)) {
            let mut hours = Hours::default();
            for hour in &times {
                hours.add(hour * HOUR_MS);
            }
            let (_, spans) = hours.in_spans(49);
            prop_assert!(spans.len() <= 49);
            prop_assert_eq!(spans.iter().map(|(_, count)| count).sum::<u64>(), times.len() as u64);
        }
    }
}
