//! Orders, and the authorisations that formal ones consume.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use crate::refusal::Refusal;

/// An accepted order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Order {
    /// `CustomerId`.
    pub customer_id: String,
    /// `OrderNo`.
    pub order_no: String,
    /// `ItemId`.
    pub item_id: String,
    /// `ItemVNO`.
    pub item_vno: String,
    /// `ItemNum`.
    pub item_num: i64,
    /// Whether it is a test order, which consumes nothing and insures nobody.
    pub test: bool,
}

/// All orders and what they may still cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Orders {
    /// Whether formal orders are accepted at all.
    pub published: bool,
    /// How many authorisations were paid for.
    pub authorisations_bought: u32,
    /// How many formal orders consumed one.
    pub authorisations_used: u32,
    /// In the order of their acceptance.
    pub orders: Vec<Order>,
}

pub(super) struct OrderBook {
    bought: u32,
    used: u32,
    published: bool,
    orders: Vec<Order>,
    numbers: HashSet<String>,
    by_item: BTreeMap<String, u64>,
}

impl OrderBook {
    pub(super) fn new(bought: u32, published: bool) -> Self {
        Self {
            bought,
            used: 0,
            published,
            orders: Vec::new(),
            numbers: HashSet::new(),
            by_item: BTreeMap::new(),
        }
    }

    pub(super) fn publish(&mut self) {
        self.published = true;
    }

    /// A refused order consumes nothing and leaves its number free.
    pub(super) fn place(&mut self, order: Order) -> Result<(), Refusal> {
        if self.numbers.contains(&order.order_no) {
            return Err(Refusal::invalid("OrderNo was used before"));
        }
        if !order.test {
            if !self.published {
                let message = "formal orders are accepted only after the service was published";
                return Err(Refusal::invalid(message));
            }
            if self.used >= self.bought {
                return Err(Refusal::invalid("no purchased authorisation is left"));
            }
            self.used += 1;
        }
        self.numbers.insert(order.order_no.clone());
        *self.by_item.entry(order.item_id.clone()).or_default() += 1;
        self.orders.push(order);
        Ok(())
    }

    /// Those accepted so far, in the order of their acceptance; a place never changes.
    pub(super) fn all(&self) -> &[Order] {
        &self.orders
    }

    /// How many orders each `ItemId` has.
    pub(super) fn by_item(&self) -> &BTreeMap<String, u64> {
        &self.by_item
    }

    pub(super) fn published(&self) -> bool {
        self.published
    }

    /// Authorisations bought and used.
    pub(super) fn authorisations(&self) -> (u32, u32) {
        (self.bought, self.used)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Order> {
        self.orders.iter()
    }

    pub(super) fn shown(&self) -> Orders {
        Orders {
            published: self.published,
            authorisations_bought: self.bought,
            authorisations_used: self.used,
            orders: self.orders.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Order, OrderBook};

    fn order(order_no: &str, test: bool) -> Order {
        Order {
            customer_id: "c_1".to_owned(),
            order_no: order_no.to_owned(),
            item_id: if test { "D-FireInsurance2020" } else { "FireInsurance2020" }.to_owned(),
            item_vno: "FireBusiness".to_owned(),
            item_num: 1,
            test,
        }
    }

    #[test]
    fn a_formal_order_waits_for_publishing_and_consumes_an_authorisation() {
        let mut book = OrderBook::new(1, false);
        assert!(book.place(order("1", false)).is_err(), "not published");
        book.publish();
        assert!(book.place(order("1", false)).is_ok());
        assert!(book.place(order("2", false)).is_err(), "none left");
        assert_eq!(book.shown().authorisations_used, 1);
    }

    #[test]
    fn a_test_order_needs_neither() {
        let mut book = OrderBook::new(0, false);
        assert!(book.place(order("1", true)).is_ok());
        book.publish();
        assert!(book.place(order("2", true)).is_ok());
        assert_eq!(book.shown().authorisations_used, 0);
    }

    #[test]
    fn an_order_number_is_taken_once() {
        let mut book = OrderBook::new(5, true);
        assert!(book.place(order("1", false)).is_ok());
        assert!(book.place(order("1", false)).is_err());
        assert!(book.place(order("1", true)).is_err());
        assert_eq!(book.shown().authorisations_used, 1);
    }
}
