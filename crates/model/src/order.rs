//! What a customer orders.

use std::fmt;

use crate::{CustomerId, EventTime};

/// What an item insures. Its versions belong to one family only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ItemFamily {
    /// Fire insurance.
    Fire,
    /// Two-wheeler insurance.
    TwoWheeler,
}

/// An `ItemId` of the contract. The `D-` ones are test orders: they consume no
/// authorisation, and a policy claimed with one is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Item {
    /// What it insures.
    pub family: ItemFamily,
    /// Whether it is a test order's item.
    pub test: bool,
}

/// Why an order event can't be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOrder {
    /// Not an `ItemId` of the contract.
    #[error(
        "unknown item id: one of FireInsurance2020, D-FireInsurance2020, CarInsurance2021, D-CarInsurance2021 is expected"
    )]
    Item,
    /// Not an `ItemVNO` of the contract.
    #[error("unknown item version")]
    Version,
    /// The version belongs to the other family.
    #[error("item version of another family than the item")]
    Family,
    /// Empty order number, or one over 128 bytes.
    #[error("an order number is 1 to 128 bytes")]
    OrderNo,
    /// Fewer than one.
    #[error("the number of items is at least 1")]
    Count,
}

impl Item {
    /// Every item of the contract.
    pub const ALL: [Self; 4] = [
        Self { family: ItemFamily::Fire, test: false },
        Self { family: ItemFamily::Fire, test: true },
        Self { family: ItemFamily::TwoWheeler, test: false },
        Self { family: ItemFamily::TwoWheeler, test: true },
    ];

    /// The service's `ItemId`.
    pub const fn id(self) -> &'static str {
        match (self.family, self.test) {
            (ItemFamily::Fire, false) => "FireInsurance2020",
            (ItemFamily::Fire, true) => "D-FireInsurance2020",
            (ItemFamily::TwoWheeler, false) => "CarInsurance2021",
            (ItemFamily::TwoWheeler, true) => "D-CarInsurance2021",
        }
    }

    /// Reads an `ItemId`.
    ///
    /// # Errors
    /// [`InvalidOrder::Item`] if the contract has no such item.
    pub fn parse(text: &str) -> Result<Self, InvalidOrder> {
        Self::ALL.into_iter().find(|item| item.id() == text).ok_or(InvalidOrder::Item)
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// An `ItemVNO` of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ItemVersion {
    name: &'static str,
    family: ItemFamily,
}

impl ItemVersion {
    const FIRE: [&'static str; 7] = [
        "FireBusiness",
        "FireMER20W",
        "FireMER50W",
        "FireMER100W",
        "FirePRO20W",
        "FirePRO50W",
        "FirePRO100W",
    ];
    const TWO_WHEELER: [&'static str; 3] = ["AutoBase", "AutoUpgrade", "AutoVIP"];

    /// Every version of a family.
    pub fn of(family: ItemFamily) -> impl Iterator<Item = Self> {
        let names: &'static [&'static str] = match family {
            ItemFamily::Fire => &Self::FIRE,
            ItemFamily::TwoWheeler => &Self::TWO_WHEELER,
        };
        names.iter().map(move |name| Self { name, family })
    }

    /// Reads an `ItemVNO`.
    ///
    /// # Errors
    /// [`InvalidOrder::Version`] if the contract has no such version.
    pub fn parse(text: &str) -> Result<Self, InvalidOrder> {
        Self::of(ItemFamily::Fire)
            .chain(Self::of(ItemFamily::TwoWheeler))
            .find(|version| version.name == text)
            .ok_or(InvalidOrder::Version)
    }

    /// The service's text.
    pub const fn as_str(self) -> &'static str {
        self.name
    }

    /// The family that it belongs to.
    pub const fn family(self) -> ItemFamily {
        self.family
    }
}

/// A customer's order, as the user's own application tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderEvent {
    /// Who orders.
    pub customer: CustomerId,
    /// Unique in the user's own application.
    pub order_no: String,
    /// What.
    pub item: Item,
    /// Which version of it; of the item's family.
    pub version: ItemVersion,
    /// How many, at least 1.
    pub count: u32,
    /// When the application recorded it.
    pub time: EventTime,
}

impl OrderEvent {
    /// Longest order number, in bytes.
    const MAX_ORDER_NO: usize = 128;

    /// Checks an order's parts.
    ///
    /// # Errors
    /// The first [`InvalidOrder`] found.
    pub fn new(
        customer: CustomerId,
        order_no: &str,
        (item_id, item_vno): (&str, &str),
        count: i64,
        time: EventTime,
    ) -> Result<Self, InvalidOrder> {
        let item = Item::parse(item_id)?;
        let version = ItemVersion::parse(item_vno)?;
        if version.family() != item.family {
            return Err(InvalidOrder::Family);
        }
        if order_no.is_empty() || order_no.len() > Self::MAX_ORDER_NO {
            return Err(InvalidOrder::OrderNo);
        }
        let count = u32::try_from(count).ok().filter(|count| *count > 0);
        let count = count.ok_or(InvalidOrder::Count)?;
        Ok(Self { customer, order_no: order_no.to_owned(), item, version, count, time })
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidOrder, Item, ItemVersion, OrderEvent};
    use crate::{CustomerId, EventTime};

    fn order(item: &str, version: &str, count: i64) -> Result<OrderEvent, InvalidOrder> {
        let customer = CustomerId::parse("c_1001").unwrap();
        OrderEvent::new(
            customer,
            "20210811-0001",
            (item, version),
            count,
            EventTime::from_millis(0),
        )
    }

    #[test]
    fn a_version_belongs_to_its_items_family() {
        assert!(order("D-FireInsurance2020", "FireBusiness", 1).is_ok());
        assert_eq!(order("CarInsurance2021", "FireBusiness", 1), Err(InvalidOrder::Family));
        assert_eq!(order("Fire", "FireBusiness", 1), Err(InvalidOrder::Item));
        assert_eq!(order("CarInsurance2021", "AutoMax", 1), Err(InvalidOrder::Version));
        assert_eq!(order("CarInsurance2021", "AutoVIP", 0), Err(InvalidOrder::Count));
    }

    #[test]
    fn only_the_marked_items_are_test_orders() {
        for item in Item::ALL {
            assert_eq!(item.test, item.id().starts_with("D-"));
            assert_eq!(Item::parse(item.id()), Ok(item));
        }
        assert_eq!(ItemVersion::parse("AutoBase").unwrap().as_str(), "AutoBase");
    }
}
