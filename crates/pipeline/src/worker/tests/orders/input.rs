//! What the user's application tells: customers and orders, some of them twice, some of them
//! wrong.

use emberline_model::{Item, ItemVersion};

use super::super::made_up::draw::Draw;

/// What an order is about: the same number may come with another content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Order {
    pub(super) number: u8,
    pub(super) customer: u8,
    pub(super) count: u8,
    pub(super) formal: bool,
}

/// A record of one of the user's topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Customer(u8),
    Order(Order),
}

impl Order {
    pub(super) fn draw(draw: &mut Draw, number: u8, customers: u8) -> Self {
        Self {
            number,
            customer: u8::try_from(draw.below(usize::from(customers))).unwrap_or(0),
            count: 1,
            formal: draw.percent(30),
        }
    }

    pub(super) fn item(self) -> &'static str {
        let test = !self.formal;
        let item = Item::ALL.into_iter().find(|item| item.test == test);
        item.expect("there are both").id()
    }
}

pub(super) fn version() -> &'static str {
    ItemVersion::of(emberline_model::ItemFamily::Fire).next().expect("there are some").as_str()
}

impl Told {
    pub(super) fn customer(self) -> u8 {
        match self {
            Self::Customer(customer) => customer,
            Self::Order(order) => order.customer,
        }
    }

    pub(super) fn value(self) -> Vec<u8> {
        let value = match self {
            Self::Customer(customer) => serde_json::json!({
                "customer_id": customer_id(customer), "country_code": "86",
                "phone_number": "13900000000", "time": 1_700_000_000,
            }),
            Self::Order(order) => serde_json::json!({
                "customer_id": customer_id(order.customer), "order_no": order.number.to_string(),
                "item_id": order.item(), "item_vno": version(), "item_num": order.count,
                "time": 1_700_000_000,
            }),
        };
        value.to_string().into_bytes()
    }

    /// What a record's value tells.
    pub(super) fn read(value: &[u8]) -> Self {
        let value: serde_json::Value = serde_json::from_slice(value).expect("JSON of ours");
        let customer = number_in(value["customer_id"].as_str().expect("a customer"));
        let Some(number) = value["order_no"].as_str() else { return Self::Customer(customer) };
        Self::Order(Order {
            number: number.parse().expect("a number of ours"),
            customer,
            count: value["item_num"]
                .as_u64()
                .and_then(|it| u8::try_from(it).ok())
                .expect("a count"),
            formal: !value["item_id"].as_str().expect("an item").starts_with("D-"),
        })
    }
}

pub(super) fn customer_id(customer: u8) -> String {
    format!("c_{customer}")
}

pub(super) fn number_in(customer: &str) -> u8 {
    customer.trim_start_matches("c_").parse().expect("a customer of ours")
}
