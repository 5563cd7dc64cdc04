//! What is wrong with a configuration: all of it, each with its place.

use std::fmt;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// `file:line:column`, or an environment variable's name; empty for what is missing.
    pub place: String,
    /// The dotted key; empty where no key can be named.
    pub key: String,
    /// What is wrong and what to do about it.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [&self.place, &self.key].into_iter().filter(|part| !part.is_empty()) {
            write!(f, "{part}: ")?;
        }
        f.write_str(&self.text)
    }
}

impl Problem {
    /// A problem of a key whose place is not known here.
    pub(crate) fn of(key: &str, text: impl Into<String>) -> Self {
        Self { place: String::new(), key: key.to_owned(), text: text.into() }
    }
}

/// Everything that is wrong; never empty. Ends the process with exit code 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Nothing, if the list is empty.
    ///
    /// # Errors
    /// The list as problems, if it is not.
    pub fn none_in(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self(problems)) }
    }

    /// Each of them, in the order of their places.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }
}

impl FromIterator<Problem> for Problems {
    fn from_iter<I: IntoIterator<Item = Problem>>(problems: I) -> Self {
        Self(problems.into_iter().collect())
    }
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        let (noun, verb) = if count == 1 { ("problem", "is") } else { ("problems", "are") };
        write!(f, "there {verb} {count} {noun} in the configuration:")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}
