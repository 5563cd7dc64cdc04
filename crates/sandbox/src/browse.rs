//! Looking through long lists a page at a time, for people: what is wanted, and what of it
//! is copied. However long a list is, no more than a page of it is.

use std::collections::BinaryHeap;
use std::ops::Range;

/// A page of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    /// From 1.
    pub(crate) page: usize,
    pub(crate) size: usize,
}

impl Window {
    /// Nobody turns further: a text narrows the list down.
    pub(crate) const LAST_PAGE: usize = 200;

    /// A page from 1 on; what is out of range counts as the nearest that is in it.
    pub(crate) fn new(page: usize, size: usize) -> Self {
        Self { page: page.clamp(1, Self::LAST_PAGE), size }
    }

    /// The places in the list that it shows.
    pub(crate) fn range(self) -> Range<usize> {
        let start = (self.page - 1) * self.size;
        start..start + self.size
    }
}

/// What was found of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found<T> {
    /// The window's part of it.
    pub(crate) rows: Vec<T>,
    /// How many there are in all.
    pub(crate) total: usize,
}

/// A text that is looked for: a part of what it is found in, ASCII letters in either case.
/// An empty one is found everywhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Needle(Box<[u8]>);

impl Needle {
    /// Longer texts are cut.
    const MAX_BYTES: usize = 128;

    pub(crate) fn new(text: &str) -> Self {
        let bytes = text.trim().as_bytes();
        Self(bytes[..bytes.len().min(Self::MAX_BYTES)].into())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn is_in(&self, text: &str) -> bool {
        let Some(first) = self.0.first() else { return true };
        let fits = |part: &[u8]| part[0].eq_ignore_ascii_case(first) && self.fits(part);
        text.as_bytes().windows(self.0.len()).any(fits)
    }

    fn fits(&self, part: &[u8]) -> bool {
        part.eq_ignore_ascii_case(&self.0)
    }
}

/// Collects a window's rows of a list that is run through in order.
pub(crate) struct Gather<T> {
    wanted: Range<usize>,
    found: Found<T>,
}

impl<T> Gather<T> {
    pub(crate) fn new(window: Window) -> Self {
        Self { wanted: window.range(), found: Found { rows: Vec::new(), total: 0 } }
    }

    /// The next of the list; made only if it is wanted.
    pub(crate) fn offer(&mut self, make: impl FnOnce() -> T) {
        if self.wanted.contains(&self.found.total) {
            self.found.rows.push(make());
        }
        self.found.total += 1;
    }

    /// The next `count` of the list; `part` makes those of a range within them.
    pub(crate) fn offer_many(&mut self, count: usize, part: impl FnOnce(Range<usize>) -> Vec<T>) {
        let before = self.found.total;
        let within = |place: usize| place.saturating_sub(before).min(count);
        let range = within(self.wanted.start)..within(self.wanted.end);
        if !range.is_empty() {
            self.found.rows.extend(part(range));
        }
        self.found.total += count;
    }

    pub(crate) fn found(self) -> Found<T> {
        self.found
    }
}

/// Collects a window's part of a list that is run through in any order, as if it were
/// sorted, smallest first. It never holds more than lies before the window's end.
pub(crate) struct GatherSorted<T> {
    wanted: Range<usize>,
    smallest: BinaryHeap<T>,
    total: usize,
}

impl<T: Ord> GatherSorted<T> {
    pub(crate) fn new(window: Window) -> Self {
        Self { wanted: window.range(), smallest: BinaryHeap::new(), total: 0 }
    }

    /// One more of the list; `is_before` says whether it comes before another, and it is made
    /// only if it may be wanted.
    pub(crate) fn offer(&mut self, is_before: impl FnOnce(&T) -> bool, make: impl FnOnce() -> T) {
        self.total += 1;
        if self.smallest.len() >= self.wanted.end {
            if !self.smallest.peek().is_some_and(is_before) {
                return;
            }
            self.smallest.pop();
        }
        self.smallest.push(make());
    }

    pub(crate) fn found(self) -> Found<T> {
        let sorted = self.smallest.into_sorted_vec().into_iter();
        Found { rows: sorted.skip(self.wanted.start).collect(), total: self.total }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::{Gather, GatherSorted, Needle, Window};

    #[test]
    fn a_text_is_found_in_any_part_and_in_either_case() {
        assert!(Needle::new("").is_in("") && Needle::new("  ").is_in("x"));
        let needle = Needle::new(" dEv1");
        assert!(needle.is_in("P/DEV12") && needle.is_in("dev1"));
        assert!(!needle.is_in("P/DEV2") && !needle.is_in("dev") && !needle.is_in(""));
        assert!(Needle::new("烟感").is_in("P/烟感1") && !Needle::new("烟").is_in("P/感"));
        assert!(!Needle::new(&"x".repeat(500)).is_in("x"), "and a long one is no trouble");
    }

    #[test]
    fn a_page_out_of_range_is_the_nearest_one() {
        assert_eq!(Window::new(0, 50).range(), 0..50);
        assert_eq!(Window::new(2, 50).range(), 50..100);
        assert_eq!(Window::new(usize::MAX, 50), Window::new(Window::LAST_PAGE, 50));
    }

    proptest! {
        /// One at a time, in heaps or unsorted: a window holds the same of the same list.
        #[test]
        fn a_window_is_a_slice_of_the_list(
            heaps in vec(vec(any::<u8>(), 0..6), 0..6), page in 1_usize..5, size in 1_usize..5,
        ) {
            let window = Window::new(page, size);
            let all: Vec<u8> = heaps.concat();
            let slice = |list: &[u8]| -> Vec<u8> {
                let range = window.range();
                list.iter().copied().skip(range.start).take(size).collect()
            };
            let mut single = Gather::new(window);
            for item in &all {
                single.offer(|| *item);
            }
            prop_assert_eq!(single.found().rows, slice(&all));

            let mut many = Gather::new(window);
            for heap in &heaps {
                many.offer_many(heap.len(), |range| heap[range].to_vec());
            }
            let found = many.found();
            prop_assert_eq!((found.rows, found.total), (slice(&all), all.len()));

            let mut sorted = GatherSorted::new(window);
            for item in &all {
                sorted.offer(|other| item < other, || *item);
            }
            let mut in_order = all.clone();
            in_order.sort_unstable();
            let found = sorted.found();
            prop_assert_eq!((found.rows, found.total), (slice(&in_order), all.len()));
        }
    }
}
