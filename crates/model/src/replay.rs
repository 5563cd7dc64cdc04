//! Replays that have a name.

use std::fmt;

use compact_str::CompactString;

/// A replay's name: 1 to 64 letters, digits, `.`, `_` and `-`, the first a letter or a digit.
/// It is part of a group's name.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReplayName(CompactString);

/// Why a text is no replay's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a replay's name is 1 to 64 letters, digits, \".\", \"_\" and \"-\", and begins with a letter or a digit"
)]
pub struct InvalidReplayName;

impl ReplayName {
    /// Most characters in a name.
    pub const MAX_BYTES: usize = 64;

    /// Checks a text.
    ///
    /// # Errors
    /// [`InvalidReplayName`] if it is empty, too long or has another character.
    pub fn parse(text: &str) -> Result<Self, InvalidReplayName> {
        let may_be = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let well_formed = text.len() <= Self::MAX_BYTES
            && text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
            && text.bytes().all(may_be);
        if well_formed { Ok(Self(CompactString::new(text))) } else { Err(InvalidReplayName) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ReplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for ReplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::ReplayName;

    #[test]
    fn a_name_fits_into_a_groups_name_and_is_no_flag() {
        for good in ["a", "2026-11-26", "back_fill.2", &"x".repeat(64)] {
            assert_eq!(ReplayName::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "-a", ".a", "a b", "a/b", "ü", &"x".repeat(65)] {
            assert!(ReplayName::parse(bad).is_err(), "{bad}");
        }
    }
}
