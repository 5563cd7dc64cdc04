//! The rule: what is missing, extra or different. Of telephone numbers it is said that they
//! differ, with their last digits at most.

use std::collections::BTreeMap;

use emberline_model::{CustomerEvent, Item, OrderEvent};
use emberline_service_api::{Customer, Order};
use serde::Serialize;

use super::far::Far;
use super::known::{Known, Place, Unreadable};
use crate::masked;

/// What the two sides come to.
#[derive(Debug, Serialize)]
pub(super) struct Comparison {
    ok: bool,
    /// Records read, of customers and orders together.
    pub(super) records: u64,
    pub(super) customers: Side,
    pub(super) orders: Side,
    /// Orders whose number stands on the topics with two contents.
    pub(super) contradictions: Vec<Contradiction>,
    pub(super) undecodable: Undecodable,
}

/// Customers, or orders.
#[derive(Debug, Default, Serialize)]
pub(super) struct Side {
    pub(super) on_topics: usize,
    pub(super) at_service: usize,
    pub(super) missing: Vec<Entry>,
    pub(super) extra: Vec<Entry>,
    pub(super) different: Vec<Entry>,
}

/// A customer or an order.
#[derive(Debug, Serialize)]
pub(super) struct Entry {
    pub(super) id: String,
    /// Whose order it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) customer: Option<String>,
    /// Whether it is a test order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) test: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) fields: Vec<FieldPair>,
}

/// A field that differs.
#[derive(Debug, Serialize)]
pub(super) struct FieldPair {
    pub(super) field: &'static str,
    /// On the topic; of a contradiction, in the first record.
    pub(super) ours: String,
    /// At the service; of a contradiction, in the other record.
    pub(super) theirs: String,
}

/// Two orders of one number.
#[derive(Debug, Serialize)]
pub(super) struct Contradiction {
    pub(super) order_no: String,
    pub(super) first: String,
    pub(super) other: String,
    pub(super) fields: Vec<FieldPair>,
}

/// Records that can't be read.
#[derive(Debug, Serialize)]
pub(super) struct Undecodable {
    pub(super) count: u64,
    /// The first of them: where, and why.
    pub(super) places: Vec<(String, String)>,
}

impl Comparison {
    /// Whether the two sides are the same, and all records could be read.
    pub(super) const fn is_good(&self) -> bool {
        self.ok
    }

    /// How many differences there are.
    pub(super) fn differences(&self) -> usize {
        let of = |side: &Side| side.missing.len() + side.extra.len() + side.different.len();
        of(&self.customers) + of(&self.orders) + self.contradictions.len()
    }
}

/// Compares.
pub(super) fn compare(known: &Known, far: &Far) -> Comparison {
    let shown = |(place, why): &Unreadable| (place.to_string(), why.clone());
    let contradiction = |(number, (other, at)): (&String, &(OrderEvent, Place))| {
        let (first, first_at) = known.orders.get(number)?;
        Some(Contradiction {
            order_no: number.clone(),
            first: first_at.to_string(),
            other: at.to_string(),
            fields: order_fields(&Content::of(first), &Content::of(other)),
        })
    };
    let (count, places) = &known.undecodable;
    let mut comparison = Comparison {
        ok: false,
        records: known.records,
        customers: side(&known.customers, &far.customers, customer, customer_of_service, |a, b| {
            customer_fields(a, b)
        }),
        orders: side(&known.orders, &far.orders, order, order_of_service, |a, b| {
            order_fields(&Content::of(a), &Content::of_service(b))
        }),
        contradictions: known.contradictions.iter().filter_map(contradiction).collect(),
        undecodable: Undecodable { count: *count, places: places.iter().map(shown).collect() },
    };
    comparison.ok = comparison.differences() == 0 && *count == 0;
    comparison
}

fn side<A, B>(
    ours: &BTreeMap<String, (A, Place)>,
    theirs: &BTreeMap<String, B>,
    entry: impl Fn(&A) -> Entry,
    entry_of_service: impl Fn(&B) -> Entry,
    fields: impl Fn(&A, &B) -> Vec<FieldPair>,
) -> Side {
    let mut side = Side { on_topics: ours.len(), at_service: theirs.len(), ..Side::default() };
    for (id, (ours, _)) in ours {
        let Some(theirs) = theirs.get(id) else {
            side.missing.push(entry(ours));
            continue;
        };
        let fields = fields(ours, theirs);
        if !fields.is_empty() {
            side.different.push(Entry { fields, ..entry(ours) });
        }
    }
    let extra = theirs.iter().filter(|(id, _)| !ours.contains_key(*id));
    side.extra = extra.map(|(_, theirs)| entry_of_service(theirs)).collect();
    side
}

fn customer(event: &CustomerEvent) -> Entry {
    Entry { id: event.customer.to_string(), customer: None, test: None, fields: Vec::new() }
}

fn customer_of_service(found: &Customer) -> Entry {
    Entry { id: found.customer_id.clone(), customer: None, test: None, fields: Vec::new() }
}

fn order(event: &OrderEvent) -> Entry {
    Entry {
        id: event.order_no.clone(),
        customer: Some(event.customer.to_string()),
        test: Some(event.item.test),
        fields: Vec::new(),
    }
}

fn order_of_service(found: &Order) -> Entry {
    Entry {
        id: found.order_no.clone(),
        customer: Some(found.customer_id.clone()),
        // What is not known to be a test order may have cost.
        test: Some(Item::parse(&found.item_id).is_ok_and(|item| item.test)),
        fields: Vec::new(),
    }
}

fn customer_fields(ours: &CustomerEvent, theirs: &Customer) -> Vec<FieldPair> {
    let mut fields = Vec::new();
    if ours.country_code != theirs.country_code {
        fields.push(FieldPair {
            field: "country_code",
            ours: ours.country_code.clone(),
            theirs: theirs.country_code.clone(),
        });
    }
    if ours.phone_number != theirs.phone_number {
        fields.push(FieldPair {
            field: "phone_number",
            ours: masked::phone(&ours.phone_number),
            theirs: masked::phone(&theirs.phone_number),
        });
    }
    fields
}

/// What an order orders, as text: the same on either side.
struct Content([(&'static str, String); 4]);

impl Content {
    fn of(order: &OrderEvent) -> Self {
        let OrderEvent { customer, item, version, count, .. } = order;
        Self::new(customer.as_str(), item.id(), version.as_str(), u64::from(*count))
    }

    fn of_service(order: &Order) -> Self {
        Self::new(&order.customer_id, &order.item_id, &order.item_vno, order.item_num)
    }

    fn new(customer: &str, item: &str, version: &str, count: u64) -> Self {
        Self([
            ("customer_id", customer.to_owned()),
            ("item_id", item.to_owned()),
            ("item_vno", version.to_owned()),
            ("item_num", count.to_string()),
        ])
    }
}

fn order_fields(ours: &Content, theirs: &Content) -> Vec<FieldPair> {
    let pairs = ours.0.iter().zip(&theirs.0).filter(|(ours, theirs)| ours != theirs);
    pairs
        .map(|((field, ours), (_, theirs))| FieldPair {
            field,
            ours: ours.clone(),
            theirs: theirs.clone(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use emberline_service_api::{Customer, Order};

    use super::super::known::tests::{customer, known, order};
    use super::super::known::{Filter, Known};
    use super::super::show;
    use super::{Far, compare};

    fn far(customers: &[(&str, &str)], orders: &[(&str, &str, u64)]) -> Far {
        let customers = customers.iter().map(|(id, phone)| {
            let found = Customer {
                customer_id: (*id).to_owned(),
                country_code: "86".to_owned(),
                phone_number: (*phone).to_owned(),
            };
            (found.customer_id.clone(), found)
        });
        let orders = orders.iter().map(|(number, item_id, item_num)| {
            let found = Order {
                customer_id: "a".to_owned(),
                order_no: (*number).to_owned(),
                item_id: (*item_id).to_owned(),
                item_vno: "FireBusiness".to_owned(),
                item_num: *item_num,
            };
            (found.order_no.clone(), found)
        });
        Far { customers: customers.collect(), orders: orders.collect() }
    }

    #[test]
    fn each_difference_is_named_and_numbers_are_masked() {
        let customers = [
            customer("a", "13900000001", 1),
            customer("b", "13900000002", 1),
            customer("c", "13900000003", 1),
        ];
        let orders = [
            order("o-1", "a", 1, 1),
            order("o-2", "a", 1, 1),
            order("o-3", "a", 1, 1),
            order("o-3", "b", 2, 2),
        ];
        let known = known(Filter::default(), &customers, &orders);
        let test = "D-FireInsurance2020";
        let far = far(
            &[("a", "13900000001"), ("b", "13988887777"), ("d", "13900000004")],
            &[
                ("o-1", test, 1),
                ("o-3", test, 3),
                ("x-1", "FireInsurance2020", 1),
                ("x-2", test, 1),
            ],
        );
        let comparison = compare(&known, &far);
        assert!(!comparison.is_good());
        let text = show::text(&comparison);
        assert!(!text.contains("1390000") && !text.contains("139888"), "{text}");
        insta::assert_snapshot!(text);
        insta::assert_json_snapshot!(comparison);
    }

    #[test]
    fn two_sides_that_are_the_same_have_no_difference() {
        let known = known(Filter::default(), &[customer("a", "1", 1)], &[order("o-1", "a", 2, 1)]);
        let far = far(&[("a", "1")], &[("o-1", "D-FireInsurance2020", 2)]);
        assert!(compare(&known, &far).is_good());
        assert!(compare(&Known::default(), &Far::default()).is_good());
    }

    #[test]
    fn a_record_that_can_not_be_read_is_no_agreement() {
        let mut known = Known::default();
        known.undecodable.0 = 1;
        assert!(!compare(&known, &Far::default()).is_good());
    }
}
