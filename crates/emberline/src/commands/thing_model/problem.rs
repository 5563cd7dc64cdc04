//! Something that does not conform: where, what, and what to do.

use std::fmt;

use serde::Serialize;

/// Something that does not conform, or (as a note) that is worth a look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Problem {
    /// Such as `properties[2] voltage_info.amount`.
    pub(super) place: String,
    /// What is wrong.
    pub(super) text: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) advice: String,
    /// How often, where it was counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) count: Option<u64>,
    /// One record that shows it, as `partition:offset`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) example: Option<String>,
}

impl Problem {
    pub(super) fn new(
        place: impl Into<String>,
        text: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            place: place.into(),
            text: text.into(),
            advice: advice.into(),
            count: None,
            example: None,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        f.write_str(&self.text)?;
        match (self.count, &self.example) {
            (Some(count), Some(example)) => write!(f, ": {count}, the first at {example}")?,
            (Some(count), None) => write!(f, ": {count}")?,
            (None, _) => {}
        }
        if !self.advice.is_empty() {
            write!(f, "; {}", self.advice)?;
        }
        Ok(())
    }
}

/// A name out of a file or a record, fit to be shown: short, and on one line.
pub(super) fn shown(name: &str) -> String {
    const MOST: usize = 48;
    let mut text: String = name.chars().take(MOST).flat_map(char::escape_debug).collect();
    if name.chars().nth(MOST).is_some() {
        text.push('…');
    }
    text
}

/// A name without white space and in lower case, `-` as `_`: what it was meant to be.
pub(super) fn meant(name: &str) -> String {
    let letters = name.chars().filter(|letter| !letter.is_whitespace());
    letters.flat_map(char::to_lowercase).map(|c| if c == '-' { '_' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::{meant, shown};

    #[test]
    fn a_stray_space_or_a_wrong_case_does_not_hide_what_was_meant() {
        assert_eq!(meant("temperature _info"), "temperature_info");
        assert_eq!(meant(" Residual-Current\u{3000}"), "residual_current");
    }

    #[test]
    fn a_foreign_name_is_shown_on_one_line_and_short() {
        assert_eq!(shown("a\nb"), "a\\nb");
        assert_eq!(shown(&"x".repeat(60)).chars().count(), 49);
    }
}
