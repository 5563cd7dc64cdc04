//! The two times of the contract.

/// When a device measured, in Unix seconds: what the service calls `ReportTime`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReportTime(i64);

impl ReportTime {
    /// The last second of the year 9999: later times are a broken clock's.
    const MAX_SECONDS: i64 = 253_402_300_799;

    /// A time in Unix seconds; `None` before 1970 or after 9999.
    pub fn from_seconds(seconds: i64) -> Option<Self> {
        (0..=Self::MAX_SECONDS).contains(&seconds).then_some(Self(seconds))
    }

    /// Unix seconds.
    pub const fn seconds(self) -> i64 {
        self.0
    }
}

/// When something happened, in Unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventTime(i64);

impl EventTime {
    /// Values below this are seconds, from it on milliseconds. As seconds it is the
    /// year 5138, as milliseconds March 1973: no device reports either.
    const MILLIS_FROM: i64 = 100_000_000_000;

    /// A time in Unix milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// A number whose unit is told by its magnitude: seconds below 10¹¹, otherwise
    /// milliseconds (contract: input events; the platform's own examples carry both).
    /// `None` for a negative number or one past the year 9999.
    pub fn from_seconds_or_millis(number: i64) -> Option<Self> {
        let millis = if number < Self::MILLIS_FROM { number.checked_mul(1000)? } else { number };
        (0..=ReportTime::MAX_SECONDS * 1000 + 999).contains(&millis).then_some(Self(millis))
    }

    /// Unix milliseconds.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// The second that it lies in; `None` before 1970 or after 9999.
    pub fn report_time(self) -> Option<ReportTime> {
        ReportTime::from_seconds(self.0.div_euclid(1000))
    }
}

#[cfg(test)]
mod tests {
    use super::EventTime;

    #[test]
    fn the_unit_is_told_by_magnitude() {
        let seconds = EventTime::from_seconds_or_millis(1_628_646_783).unwrap();
        let millis = EventTime::from_seconds_or_millis(1_628_646_783_000).unwrap();
        assert_eq!(seconds, millis);
        assert_eq!(seconds.report_time().unwrap().seconds(), 1_628_646_783);
        assert_eq!(EventTime::from_seconds_or_millis(-1), None);
        assert_eq!(EventTime::from_seconds_or_millis(i64::MAX), None);
    }
}
