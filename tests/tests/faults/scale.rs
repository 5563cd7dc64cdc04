//! How much of everything a story takes.

/// Whether a story runs in its short or its full form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    /// With the other tests: a minute or so.
    Short,
    /// What the promise is really about.
    Full,
}

impl Scale {
    /// The argument that asks for the full form.
    const FULL: &str = "--full";

    /// Takes its own argument out of those of the program.
    pub(crate) fn from_arguments(
        arguments: impl Iterator<Item = String>,
    ) -> (Self, impl Iterator<Item = String>) {
        let (full, rest): (Vec<_>, Vec<_>) = arguments.partition(|argument| argument == Self::FULL);
        let scale = if full.is_empty() { Self::Short } else { Self::Full };
        (scale, rest.into_iter())
    }

    /// One of two sizes.
    pub(crate) fn of<T>(self, short: T, full: T) -> T {
        match self {
            Self::Short => short,
            Self::Full => full,
        }
    }
}
