//! What time it is in a partition, told by timestamps that may be garbage.

/// The times that a partition's records tell, the one last heard first.
///
/// A record's timestamp is set by whoever produced it (`CreateTime`), so it may step
/// back a little (many producers), lie far off for good (one forwarder of three with a
/// wrong clock), leap rightly (nothing came for an hour) or be nonsense once. None of
/// it can be told apart by one record. So a partition may have a few times at once:
/// a timestamp within a window of one of them moves that one forward, any other begins
/// a new one in place of the one not heard of for longest. A single nonsense timestamp
/// thus wipes nothing, a leap is followed at once, and a forwarder whose clock is wrong
/// keeps a window of its own.
#[derive(Debug, Default)]
pub(super) struct PartitionClock {
    times: [Option<Time>; TIMES],
    /// Records observed.
    observed: u64,
}

#[derive(Debug, Clone, Copy)]
struct Time {
    /// Latest timestamp, in milliseconds.
    millis: i64,
    /// How many records had been observed when it was heard last.
    heard: u64,
}

/// Times a partition may have at once: three nonsense timestamps in a row are survived.
const TIMES: usize = 4;

/// A time that none of so many records told is over: a leap has left it behind.
const SILENT_FOR: u64 = 4096;

impl PartitionClock {
    /// Takes a record's timestamp in. `true` if a time came, went or entered another
    /// generation, so that some generation may have to be forgotten.
    pub(super) fn observe(&mut self, arrival: i64, window: i64, span: i64) -> bool {
        self.observed += 1;
        let heard = self.observed;
        // The first is nearly always it.
        let known = self.times.iter().position(|time| {
            time.is_some_and(|time| time.millis.abs_diff(arrival) <= window.unsigned_abs())
        });
        let place = known.unwrap_or(TIMES - 1);
        self.times[..=place].rotate_right(1);
        let before = self.times[0].filter(|_| known.is_some());
        let millis = before.map_or(arrival, |time| time.millis.max(arrival));
        self.times[0] = Some(Time { millis, heard });
        let entered =
            before.is_none_or(|time| time.millis.div_euclid(span) != millis.div_euclid(span));
        if entered {
            self.drop_silent();
        }
        entered
    }

    /// Milliseconds of each time.
    pub(super) fn times(&self) -> impl Iterator<Item = i64> {
        self.times.iter().flatten().map(|time| time.millis)
    }

    fn drop_silent(&mut self) {
        for time in &mut self.times {
            if time.is_some_and(|time| self.observed - time.heard > SILENT_FOR) {
                *time = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PartitionClock;

    const WINDOW: i64 = 120;
    const SPAN: i64 = 40;

    fn times_after(arrivals: impl IntoIterator<Item = i64>) -> Vec<i64> {
        let mut clock = PartitionClock::default();
        for arrival in arrivals {
            clock.observe(arrival, WINDOW, SPAN);
        }
        clock.times().collect()
    }

    #[test]
    fn time_goes_forward_with_the_timestamps_and_never_back_a_little() {
        assert_eq!(times_after([1000, 1100, 1050, 1150, 1040]), [1150]);
    }

    #[test]
    fn a_nonsense_timestamp_leaves_the_partitions_time_alone() {
        assert_eq!(times_after([1000, i64::MAX, 1010, i64::MIN, 1020]), [1020, i64::MIN, i64::MAX]);
    }

    #[test]
    fn a_leap_is_followed_at_once_and_the_old_time_ends() {
        let leap = (0..5000).map(|n| if n < 10 { 1000 } else { 90_000 + n });
        assert_eq!(times_after(leap), [94_999]);
    }

    #[test]
    fn a_second_clock_keeps_its_own_time() {
        let both = (0..10_000).map(|n| if n % 3 == 0 { n - 600_000 } else { n });
        assert_eq!(times_after(both), [9_999 - 600_000, 9_998]);
    }
}
