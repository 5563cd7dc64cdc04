//! The `Retry-After` header: seconds, or an HTTP date.

use std::time::{Duration, UNIX_EPOCH};

/// Longest wait that is believed. A service that asks for more is asked again after it.
const LONGEST: Duration = Duration::from_hours(1);

/// How long to wait, at most an hour; `None` if the text is neither form. A date in the
/// past means no wait. `now` is in Unix seconds.
pub(crate) fn parse(text: &str, now: i64) -> Option<Duration> {
    let text = text.trim();
    let wait = if let Ok(seconds) = text.parse::<u64>() {
        Duration::from_secs(seconds)
    } else {
        let date = httpdate::parse_http_date(text).ok()?;
        let now = UNIX_EPOCH + Duration::from_secs(u64::try_from(now).unwrap_or_default().min(FAR));
        date.duration_since(now).unwrap_or_default()
    };
    Some(wait.min(LONGEST))
}

/// The year 9999 in Unix seconds: a clock beyond it would overflow the system's time.
const FAR: u64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::parse;

    #[test]
    fn both_forms_are_read() {
        let now = 1_445_412_475; // Wed, 21 Oct 2015 07:27:55 GMT
        assert_eq!(parse("30", now), Some(Duration::from_secs(30)));
        assert_eq!(parse(" 0 ", now), Some(Duration::ZERO));
        let date = "Wed, 21 Oct 2015 07:28:00 GMT";
        assert_eq!(parse(date, now), Some(Duration::from_secs(5)));
        assert_eq!(parse(date, now + 60), Some(Duration::ZERO), "in the past");
        assert_eq!(parse("18446744073709551615", now), Some(Duration::from_hours(1)));
        assert_eq!(parse("soon", now), None);
        assert_eq!(parse("-1", now), None);
    }

    proptest! {
        /// No text and no clock breaks it, and no wait is longer than an hour.
        #[test]
        fn any_header_gives_a_bounded_wait(text in any::<String>(), now in any::<i64>()) {
            prop_assert!(parse(&text, now).unwrap_or_default() <= Duration::from_hours(1));
        }

        /// No well-shaped date breaks it.
        #[test]
        fn any_date_gives_a_bounded_wait(
            text in "(Mon|Sun), [0-9]{2} (Jan|Feb|Dec) [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT",
            now in any::<i64>(),
        ) {
            prop_assert!(parse(&text, now).unwrap_or_default() <= Duration::from_hours(1));
        }
    }
}
