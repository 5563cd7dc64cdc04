//! A set of categories, as the headers carry it.

use std::fmt;

use emberline_model::Category;
use serde::{Deserialize, Serialize};

/// The categories of a record that a header is about: bit
/// [`Category::index`](Category::index) stands for each.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Categories(u8);

impl Categories {
    /// Those of these bits.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// A bit for each.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Adds one.
    pub fn insert(&mut self, category: Category) {
        self.0 |= 1 << category.index();
    }

    /// Those that are in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether it has a bit that only a newer version knows.
    pub const fn has_unknown(self) -> bool {
        self.0 >> Category::ALL.len() != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether it holds this category.
    pub const fn contains(self, category: Category) -> bool {
        self.0 & (1 << category.index()) != 0
    }

    /// Its categories, in the order of [`Category::ALL`]. A bit that only a newer
    /// version knows stands for none of them.
    pub fn iter(self) -> impl Iterator<Item = Category> {
        Category::ALL.into_iter().filter(move |category| self.contains(*category))
    }
}

impl FromIterator<Category> for Categories {
    fn from_iter<I: IntoIterator<Item = Category>>(categories: I) -> Self {
        let mut all = Self::default();
        categories.into_iter().for_each(|category| all.insert(category));
        all
    }
}

impl fmt::Debug for Categories {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
