//! Times as people read them, in the time zone of the machine that the sandbox runs on.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::texts::Common;

const DAY: i64 = 86_400;

/// Writes times of one time zone.
#[derive(Debug, Clone)]
pub(super) struct Times {
    zone: TimeZone,
}

/// A moment in each of its spellings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moment {
    /// For machines, RFC 3339 in UTC.
    pub(super) iso: String,
    /// To the second.
    pub(super) full: String,
    /// How long ago it was; empty for what is yet to come.
    pub(super) ago: String,
}

impl Times {
    pub(super) fn new(zone: TimeZone) -> Self {
        Self { zone }
    }

    pub(super) fn moment(&self, at: i64, now: i64, t: &Common) -> Moment {
        let iso = Timestamp::from_second(at).map(|at| at.to_string()).unwrap_or_default();
        Moment { iso, full: self.full(at), ago: ago(now - at, t) }
    }

    /// As in `2026-11-26 16:37:20`.
    pub(super) fn full(&self, at: i64) -> String {
        self.written(at, "%Y-%m-%d %H:%M:%S")
    }

    /// As short as it is clear within a span of so many seconds.
    pub(super) fn within(&self, at: i64, span: i64) -> String {
        let format = match span {
            ..DAY => "%H:%M:%S",
            DAY..=31_536_000 => "%m-%d %H:%M",
            _ => "%Y-%m-%d",
        };
        self.written(at, format)
    }

    /// What the zone is called now: its distance from UTC.
    pub(super) fn zone_name(&self, now: i64) -> String {
        format!("UTC{}", self.written(now, "%:z"))
    }

    /// A time that no calendar has is shown in seconds.
    fn written(&self, at: i64, format: &str) -> String {
        match Timestamp::from_second(at) {
            Ok(time) => time.to_zoned_datetime(self.zone.clone()).strftime(format).to_string(),
            Err(_) => at.to_string(),
        }
    }
}

fn ago(seconds: i64, t: &Common) -> String {
    match seconds {
        ..0 => String::new(),
        0..2 => t.ago_now.to_owned(),
        2..120 => format!("{seconds} {}", t.ago_seconds),
        120..7_200 => format!("{} {}", seconds / 60, t.ago_minutes),
        7_200..172_800 => format!("{} {}", seconds / 3_600, t.ago_hours),
        _ => format!("{} {}", seconds / DAY, t.ago_days),
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::{TimeZone, offset};

    use super::{Common, Times, ago};
    use crate::console::lang::Lang;

    #[test]
    fn a_time_is_written_in_its_zone_as_short_as_its_span_allows() {
        let times = Times::new(TimeZone::fixed(offset(8)));
        let at = 1_609_462_800;
        assert_eq!(times.full(at), "2021-01-01 09:00:00");
        assert_eq!(times.within(at, 60), "09:00:00");
        assert_eq!(times.within(at, 3 * 86_400), "01-01 09:00");
        assert_eq!(times.within(at, 400 * 86_400), "2021-01-01");
        assert_eq!(times.zone_name(at), "UTC+08:00");
        assert_eq!(times.full(i64::MAX), i64::MAX.to_string(), "no calendar has it");
        let moment = times.moment(at, at + 5, Common::of(Lang::En));
        assert_eq!((moment.iso.as_str(), moment.ago.as_str()), ("2021-01-01T01:00:00Z", "5 s ago"));
    }

    #[test]
    fn an_age_is_told_in_the_unit_that_suits_it() {
        let t = Common::of(Lang::En);
        let told = [-5, 0, 119, 120, 7_200, 200_000].map(|seconds| ago(seconds, t));
        assert_eq!(told, ["", "just now", "119 s ago", "2 min ago", "2 h ago", "2 d ago"]);
    }
}
