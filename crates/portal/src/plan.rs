//! What is on offer.

use emberline_model::{InvalidOrder, Item, ItemVersion};

use crate::Localised;

/// A plan that a customer can order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What it insures, and whether it is a test.
    pub item: Item,
    /// Which version of it; of the item's family.
    pub version: ItemVersion,
    /// What it is called.
    pub name: Localised,
    /// What it covers, in a sentence or two.
    pub text: Localised,
    /// What it costs, as it is to be read; empty where it costs nothing.
    pub price: Localised,
}

impl Plan {
    /// A plan without texts.
    ///
    /// # Errors
    /// [`InvalidOrder`] if the contract has no such item or version, or not together.
    pub fn new(item_id: &str, item_vno: &str) -> Result<Self, InvalidOrder> {
        let (item, version) = (Item::parse(item_id)?, ItemVersion::parse(item_vno)?);
        if version.family() != item.family {
            return Err(InvalidOrder::Family);
        }
        let none = Localised::default;
        Ok(Self { item, version, name: none(), text: none(), price: none() })
    }

    /// Whether this plan is what these ids name.
    pub(crate) fn is(&self, item_id: &str, item_vno: &str) -> bool {
        self.item.id() == item_id && self.version.as_str() == item_vno
    }
}
