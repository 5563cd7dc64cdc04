//! The platform's clock: China Standard Time, UTC+8 all year, in whole seconds.

use emberline_model::EventTime;
use jiff::{civil::DateTime, tz::Offset};

/// Reads a time such as `2020-06-08 20:03:41`; `None` if it is none, or before 1970.
pub(super) fn parse(text: &str) -> Option<EventTime> {
    let local: DateTime = text.parse().ok()?;
    let time = Offset::constant(8).to_timestamp(local).ok()?;
    (time.as_millisecond() >= 0).then(|| EventTime::from_millis(time.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn the_platforms_time_is_eight_hours_ahead_of_utc() {
        let time = parse("2020-06-08 20:03:41").unwrap();
        assert_eq!(time.millis(), 1_591_617_821_000, "2020-06-08T12:03:41Z");
        assert_eq!(parse("1970-01-01 08:00:00").unwrap().millis(), 0);
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in
            ["", "2020-06-31 20:03:41", "2020-06-08 25:03:41", "yesterday", "1969-12-31 00:00:00"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
