//! Values with a unit, as a person writes them: `2m`, `64MB`, `200/s`.
//!
//! Invariant: each prints as it reads, so that what `config show` prints can be
//! loaded again.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::text_form::text_form;

/// Why a text is no value with a unit: says what one looks like.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {what}")]
pub struct InvalidUnit {
    text: String,
    what: &'static str,
}

/// A length of time: `250ms`, `10s`, `2m`, `1h 30m`, `7d`; `0s` for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HumanDuration(pub Duration);

const DURATION: &str = "duration: write a number and ms, s, m, h or d, as in \"10s\"";
text_form!(
    HumanDuration,
    "Duration",
    r"^\s*([0-9]+\s*[a-z]+\s*)+$",
    "a duration with its unit, as in \"10s\""
);

impl HumanDuration {
    /// This many seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// This many milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }
}

impl FromStr for HumanDuration {
    type Err = InvalidUnit;

    fn from_str(text: &str) -> Result<Self, InvalidUnit> {
        humantime::parse_duration(text)
            .map(Self)
            .map_err(|_| InvalidUnit { text: text.to_owned(), what: DURATION })
    }
}

impl fmt::Display for HumanDuration {
    /// In the largest unit that leaves no rest: `90s`, not `1m30s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u128, &str); 6] = [
            (86_400_000_000_000, "d"),
            (3_600_000_000_000, "h"),
            (60_000_000_000, "m"),
            (1_000_000_000, "s"),
            (1_000_000, "ms"),
            (1, "ns"),
        ];
        let nanos = self.0.as_nanos();
        let unit = UNITS.iter().find(|(size, _)| nanos > 0 && nanos.is_multiple_of(*size));
        let (size, name) = unit.unwrap_or(&(1_000_000_000, "s"));
        write!(f, "{}{name}", nanos / size)
    }
}

/// A number of bytes: `64MB` (millions), `16MiB` (powers of two), `512kB`, `1000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

const BYTES: &str = "size: write a whole number and B, kB, MB, GB, KiB, MiB or GiB, as in \"64MB\"";
text_form!(
    ByteSize,
    "ByteSize",
    r"^\s*[0-9]+\s*([kKMG]i?)?B?\s*$",
    "a size with its unit, as in \"64MB\""
);

impl ByteSize {
    const UNITS: [(&'static str, u64); 7] = [
        ("GiB", 1 << 30),
        ("GB", 1_000_000_000),
        ("MiB", 1 << 20),
        ("MB", 1_000_000),
        ("KiB", 1 << 10),
        ("kB", 1_000),
        ("B", 1),
    ];

    /// This many millions of bytes.
    pub const fn megabytes(count: u64) -> Self {
        Self(count * 1_000_000)
    }
}

impl FromStr for ByteSize {
    type Err = InvalidUnit;

    fn from_str(text: &str) -> Result<Self, InvalidUnit> {
        let invalid = || InvalidUnit { text: text.to_owned(), what: BYTES };
        let trimmed = text.trim();
        let digits = trimmed.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = trimmed.split_at(digits);
        let number: u64 = number.parse().map_err(|_| invalid())?;
        let unit = if unit.is_empty() { "B" } else { unit.trim() };
        let known = Self::UNITS.iter().find(|(name, _)| {
            name.eq_ignore_ascii_case(unit) || name.trim_end_matches('B').eq_ignore_ascii_case(unit)
        });
        let (_, size) = known.ok_or_else(invalid)?;
        number.checked_mul(*size).map(Self).ok_or_else(invalid)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(name, size): &&(&str, u64)| {
            self.0 > 0 && self.0.is_multiple_of(*size) && *name != "B"
        };
        // Thousands before powers of two: 512000 is 512kB rather than 500KiB.
        let decimal = Self::UNITS.iter().filter(|(name, _)| !name.contains('i')).find(fits);
        let (name, size) = decimal.or_else(|| Self::UNITS.iter().find(fits)).unwrap_or(&("B", 1));
        write!(f, "{}{name}", self.0 / size)
    }
}

/// Calls a second, or no limit: `200/s`, `30/m`, `none`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate(Option<f64>);

const RATE: &str = "rate: write a number above 0 and /s, /m or /h, as in \"200/s\", or \"none\"";
text_form!(
    Rate,
    "Rate",
    r"^\s*(none|[0-9]+(\.[0-9]+)?\s*/\s*[smh])\s*$",
    "a rate, as in \"200/s\", or \"none\""
);

impl Rate {
    /// This many a second.
    pub const fn per_second_of(per_second: f64) -> Self {
        Self(Some(per_second))
    }

    /// How many a second; `None` for no limit.
    pub const fn per_second(self) -> Option<f64> {
        self.0
    }
}

impl FromStr for Rate {
    type Err = InvalidUnit;

    fn from_str(text: &str) -> Result<Self, InvalidUnit> {
        let invalid = || InvalidUnit { text: text.to_owned(), what: RATE };
        let trimmed = text.trim();
        if trimmed.eq_ignore_ascii_case("none") {
            return Ok(Self(None));
        }
        let (number, unit) = trimmed.split_once('/').ok_or_else(invalid)?;
        let number: f64 = number.trim().parse().map_err(|_| invalid())?;
        let seconds = match unit.trim() {
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err(invalid()),
        };
        let sensible = number.is_finite() && number > 0.0;
        if sensible { Ok(Self(Some(number / seconds))) } else { Err(invalid()) }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(per_second) = self.0 else { return f.write_str("none") };
        for (seconds, unit) in [(1.0, "s"), (60.0, "m"), (3600.0, "h")] {
            let number = per_second * seconds;
            // A third of a second's rate comes back from `20/m` as 19.999…: round it away.
            let rounded = (number * 1e6).round() / 1e6;
            if rounded.fract() == 0.0 {
                return write!(f, "{rounded}/{unit}");
            }
        }
        write!(f, "{per_second}/s")
    }
}

/// A part of a whole: `10%`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(pub u16);

const PERCENT: &str = "percentage: write a whole number and %, as in \"10%\"";

text_form!(Percent, "Percent", r"^\s*[0-9]+\s*%\s*$", "a percentage, as in \"10%\"");

impl Percent {
    /// The part as a number: 0.1 for `10%`.
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}

impl FromStr for Percent {
    type Err = InvalidUnit;

    fn from_str(text: &str) -> Result<Self, InvalidUnit> {
        let number = text.trim().strip_suffix('%').and_then(|number| number.trim().parse().ok());
        number.map(Self).ok_or_else(|| InvalidUnit { text: text.to_owned(), what: PERCENT })
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{ByteSize, HumanDuration, Percent, Rate};

    #[test]
    fn durations_print_as_they_read() {
        for (text, millis) in [
            ("250ms", 250),
            ("10s", 10_000),
            ("2m", 120_000),
            ("7d", 604_800_000),
            ("0s", 0),
            ("90s", 90_000),
        ] {
            let duration: HumanDuration = text.parse().unwrap();
            assert_eq!(duration.0, Duration::from_millis(millis), "{text}");
            assert_eq!(duration.to_string(), text);
        }
        assert_eq!("1h 30m".parse::<HumanDuration>().unwrap().to_string(), "90m");
        for bad in ["", "10", "s", "-1s", "ten seconds"] {
            assert!(bad.parse::<HumanDuration>().is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_print_as_they_read() {
        for (text, bytes) in
            [("64MB", 64_000_000), ("16MiB", 16_777_216), ("512kB", 512_000), ("1001B", 1001)]
        {
            let size: ByteSize = text.parse().unwrap();
            assert_eq!(size.0, bytes, "{text}");
            assert_eq!(size.to_string(), text);
        }
        assert_eq!("1000".parse::<ByteSize>().unwrap().0, 1000);
        assert_eq!("2 k".parse::<ByteSize>().unwrap().0, 2000);
        for bad in ["", "MB", "1.5MB", "3XB", "99999999999GB", "-1"] {
            assert!(bad.parse::<ByteSize>().is_err(), "{bad}");
        }
    }

    #[test]
    fn percentages_print_as_they_read() {
        for (text, fraction) in [("10%", 0.1), ("0%", 0.0), ("100%", 1.0)] {
            let percent: Percent = text.parse().unwrap();
            assert!((percent.fraction() - fraction).abs() < 1e-9);
            assert_eq!(percent.to_string(), text);
        }
        for bad in ["", "10", "%", "-1%", "0.5%", "99999%"] {
            assert!(bad.parse::<Percent>().is_err(), "{bad}");
        }
    }

    #[test]
    fn rates_print_as_they_read() {
        for (text, per_second) in [
            ("200/s", Some(200.0)),
            ("0.5/s", Some(0.5)),
            ("20/m", Some(20.0 / 60.0)),
            ("none", None),
        ] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!(rate.per_second(), per_second, "{text}");
            let printed: Rate = rate.to_string().parse().unwrap();
            assert_eq!(printed.per_second(), per_second, "{text} printed as {rate}");
        }
        for bad in ["", "200", "0/s", "-1/s", "inf/s", "1/d"] {
            assert!(bad.parse::<Rate>().is_err(), "{bad}");
        }
    }
}
