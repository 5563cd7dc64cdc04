//! Customers' ids, each stored once.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// A customer in a table, in four bytes. Means nothing elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CustomerRef(pub(super) u32);

/// The texts, one behind the other, each after a byte of its length. A reference is the
/// place of that byte, so that a customer needs no row beside its text.
#[derive(Debug, Default)]
pub(super) struct Customers {
    /// Blocks of [`BLOCK`] bytes: growing copies nothing and wastes one block at most.
    blocks: Vec<Vec<u8>>,
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

const BLOCK: usize = 1 << 16;
/// 4 GiB of text: a hundred million customers.
const MAX_BLOCKS: usize = 1 << 16;

impl Customers {
    pub(super) fn find(&self, text: &str) -> Option<CustomerRef> {
        let hash = self.hasher.hash_one(text);
        let same = |place: &u32| text_at(&self.blocks, *place) == Some(text);
        self.index.find(hash, same).copied().map(CustomerRef)
    }

    /// The reference of this id, stored if it is new. Once there is no place left, one
    /// that leads to no text.
    pub(super) fn intern(&mut self, text: &str) -> CustomerRef {
        if let Some(known) = self.find(text) {
            return known;
        }
        let Some(place) = self.store(text) else { return CustomerRef(u32::MAX) };
        let Self { blocks, index, hasher } = self;
        let hash_of = |place: &u32| hasher.hash_one(text_at(blocks, *place).unwrap_or_default());
        index.insert_unique(hasher.hash_one(text), place, hash_of);
        CustomerRef(place)
    }

    pub(super) fn text(&self, customer: CustomerRef) -> Option<&str> {
        text_at(&self.blocks, customer.0)
    }

    fn store(&mut self, text: &str) -> Option<u32> {
        let length = u8::try_from(text.len()).ok()?;
        let needed = 1 + text.len();
        if self.blocks.last().is_none_or(|block| block.len() + needed > BLOCK) {
            if self.blocks.len() == MAX_BLOCKS {
                return None;
            }
            self.blocks.push(Vec::with_capacity(BLOCK));
        }
        let number = self.blocks.len() - 1;
        let block = &mut self.blocks[number];
        let place = number * BLOCK + block.len();
        block.push(length);
        block.extend_from_slice(text.as_bytes());
        u32::try_from(place).ok()
    }
}

fn text_at(blocks: &[Vec<u8>], place: u32) -> Option<&str> {
    let place = place as usize;
    let block = blocks.get(place / BLOCK)?;
    let (length, rest) = block.get(place % BLOCK..)?.split_first()?;
    std::str::from_utf8(rest.get(..usize::from(*length))?).ok()
}
