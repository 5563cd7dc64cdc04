//! Sets of identities, one a stretch of event time, cleared and used again.

use emberline_model::Identity;
use hashbrown::HashSet;

use crate::prehashed::BuildPrehashed;

type Set = HashSet<u128, BuildPrehashed>;

/// Identities by generation. A set is never shrunk entry by entry: a whole generation
/// goes at once, so that no operation takes long.
#[derive(Debug)]
pub(super) struct Generations {
    /// Ascending by generation; those of one generation by age.
    pages: Vec<Page>,
    /// Cleared sets, their memory kept.
    spare: Vec<Set>,
    entries: usize,
    max_entries: usize,
    opened: u64,
    evicted_early: u64,
}

/// A set of one generation. There are several of a generation only where it holds more
/// than a fourth of all entries allowed: then a limit reached costs a fourth of the
/// window and not all of it.
#[derive(Debug)]
struct Page {
    generation: i64,
    /// Running number: a lower one is older.
    opened: u64,
    set: Set,
}

/// Cleared sets kept: as many as a partition's window needs.
const SPARE: usize = 4;

impl Generations {
    pub(super) fn new(max_entries: usize) -> Self {
        Self {
            pages: Vec::new(),
            spare: Vec::new(),
            entries: 0,
            max_entries: max_entries.max(1),
            opened: 0,
            evicted_early: 0,
        }
    }

    pub(super) fn entries(&self) -> usize {
        self.entries
    }

    pub(super) fn evicted_early(&self) -> u64 {
        self.evicted_early
    }

    /// Whether a generation from the first to the last of `reach` holds it.
    pub(super) fn contains(&self, reach: (i64, i64), identity: Identity) -> bool {
        let (first, last) = reach;
        let from = self.pages.partition_point(|page| page.generation < first);
        self.pages[from..]
            .iter()
            .take_while(|page| page.generation <= last)
            .any(|page| page.set.contains(&identity.0))
    }

    pub(super) fn insert(&mut self, generation: i64, identity: Identity) {
        if self.entries >= self.max_entries {
            self.evict_oldest();
        }
        let after = self.pages.partition_point(|page| page.generation <= generation);
        let page_limit = (self.max_entries / 4).max(1);
        let newest = after
            .checked_sub(1)
            .filter(|newest| self.pages[*newest].generation == generation)
            .filter(|newest| self.pages[*newest].set.len() < page_limit);
        let place = newest.unwrap_or_else(|| {
            self.opened += 1;
            let set = self.spare.pop().unwrap_or_default();
            self.pages.insert(after, Page { generation, opened: self.opened, set });
            after
        });
        self.entries += usize::from(self.pages[place].set.insert(identity.0));
    }

    /// Takes an identity out of this generation.
    pub(super) fn remove(&mut self, generation: i64, identity: Identity) -> bool {
        let from = self.pages.partition_point(|page| page.generation < generation);
        let removed = self.pages[from..]
            .iter_mut()
            .take_while(|page| page.generation == generation)
            .any(|page| page.set.remove(&identity.0));
        self.entries -= usize::from(removed);
        removed
    }

    /// Forgets the generations that `keep` doesn't name.
    pub(super) fn retain(&mut self, keep: impl Fn(i64) -> bool) {
        for page in self.pages.extract_if(.., |page| !keep(page.generation)) {
            self.entries -= page.set.len();
            recycle(&mut self.spare, page.set);
        }
    }

    fn evict_oldest(&mut self) {
        let oldest = self.pages.iter().enumerate().min_by_key(|(_, page)| page.opened);
        let Some((place, _)) = oldest else { return };
        let page = self.pages.remove(place);
        self.entries -= page.set.len();
        self.evicted_early += page.set.len() as u64;
        recycle(&mut self.spare, page.set);
    }
}

fn recycle(spare: &mut Vec<Set>, mut set: Set) {
    if spare.len() < SPARE {
        set.clear();
        spare.push(set);
    }
}
