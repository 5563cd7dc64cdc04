//! The registry for the eyes of people: parts of its lists, the newest first.
//!
//! A list is run through in stretches, with the lock given back after each, so that no call
//! waits for a page. Lists only grow at their end, so a place means the same in the next one.

use std::collections::BTreeMap;

use super::bindings::{DeviceSet, PushedDevice};
use super::customers::Customer;
use super::{Order, Registry};
use crate::browse::{Found, Gather, Needle, Window};

/// Entries that are looked at under one lock, about.
const STRETCH: usize = 2_000;

/// What there is, in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) published: bool,
    pub(crate) authorisations_bought: u32,
    pub(crate) authorisations_used: u32,
    pub(crate) customers: u64,
    pub(crate) bound_devices: u64,
    /// Orders by `ItemId`.
    pub(crate) orders: BTreeMap<String, u64>,
}

/// A customer in a list. The telephone number is not in it, only what may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CustomerRow {
    pub(crate) customer_id: String,
    pub(crate) country_code: String,
    pub(crate) masked_phone: String,
    pub(crate) devices: usize,
    pub(crate) pushes: u64,
}

impl CustomerRow {
    fn of(customer: &Customer, devices: &DeviceSet) -> Self {
        Self {
            customer_id: customer.customer_id.clone(),
            country_code: customer.country_code.clone(),
            masked_phone: customer.masked_phone(),
            devices: devices.len(),
            pushes: devices.pushes(),
        }
    }
}

/// A device of a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Binding {
    pub(crate) customer_id: String,
    pub(crate) pushed: PushedDevice,
}

/// Which orders are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OrderKind {
    All,
    Test,
    Formal,
}

impl OrderKind {
    fn takes(self, order: &Order) -> bool {
        match self {
            Self::All => true,
            Self::Test => order.test,
            Self::Formal => !order.test,
        }
    }
}

impl Registry {
    pub(crate) fn standing(&self) -> Standing {
        let (customers, bound_devices) = self.counts();
        let books = self.books.read();
        let (authorisations_bought, authorisations_used) = books.orders.authorisations();
        Standing {
            published: books.orders.published(),
            authorisations_bought,
            authorisations_used,
            customers,
            bound_devices,
            orders: books.orders.by_item().clone(),
        }
    }

    /// Customers with this text in their id. Telephone numbers are not looked through: who
    /// sees only their last digits must not be able to guess the others.
    pub(crate) fn find_customers(&self, needle: &Needle, window: Window) -> Found<CustomerRow> {
        let mut gather = Gather::new(window);
        let mut end = self.books.read().customers.len();
        while end > 0 {
            let start = end.saturating_sub(STRETCH);
            let books = self.books.read();
            for (customer, devices) in books.customers.from(start)[..end - start].iter().rev() {
                if needle.is_in(&customer.customer_id) {
                    gather.offer(|| CustomerRow::of(customer, devices));
                }
            }
            end = start;
        }
        gather.found()
    }

    pub(crate) fn find_customer(&self, id: &str) -> Option<CustomerRow> {
        let books = self.books.read();
        books.customers.get(id).map(|(customer, devices)| CustomerRow::of(customer, devices))
    }

    /// Orders with this text in their number, their customer's id, their item or its version.
    /// With `of` only those of this customer.
    pub(crate) fn find_orders(
        &self,
        kind: OrderKind,
        of: Option<&str>,
        needle: &Needle,
        window: Window,
    ) -> Found<Order> {
        let mut gather = Gather::new(window);
        let is_wanted = |order: &Order| {
            kind.takes(order)
                && of.is_none_or(|id| id == order.customer_id)
                && [&order.order_no, &order.customer_id, &order.item_id, &order.item_vno]
                    .into_iter()
                    .any(|text| needle.is_in(text))
        };
        let mut end = self.books.read().orders.all().len();
        while end > 0 {
            let start = end.saturating_sub(STRETCH);
            let books = self.books.read();
            for order in books.orders.all()[start..end].iter().rev() {
                if is_wanted(order) {
                    gather.offer(|| order.clone());
                }
            }
            end = start;
        }
        gather.found()
    }

    /// Devices of customers, by the order of the customers' creation and the devices' ids:
    /// all of a customer with this text in its id, and those with it in their id, number or
    /// product's name.
    pub(crate) fn find_bindings(&self, needle: &Needle, window: Window) -> Found<Binding> {
        let mut gather = Gather::new(window);
        self.each_customer(|customer, devices| {
            offer_bindings(&mut gather, customer, devices, needle);
        });
        gather.found()
    }

    /// The same of one customer; the text is not looked for in its id.
    pub(crate) fn find_bindings_of(
        &self,
        id: &str,
        needle: &Needle,
        window: Window,
    ) -> Found<PushedDevice> {
        let mut gather = Gather::new(window);
        if let Some((_, devices)) = self.books.read().customers.get(id) {
            gather.offer_many(devices.count(needle), |range| devices.part(needle, range));
        }
        gather.found()
    }

    /// The customers that a device was pushed for; the first so many.
    pub(crate) fn find_owners(&self, device: &str, most: usize) -> Found<Binding> {
        let mut gather = Gather::new(Window::new(1, most));
        self.each_customer(|customer, devices| {
            if let Some(pushed) = devices.get(device) {
                gather.offer(|| Binding { customer_id: customer.customer_id.clone(), pushed });
            }
        });
        gather.found()
    }

    /// A stretch ends sooner where customers have many devices.
    fn each_customer(&self, mut see: impl FnMut(&Customer, &DeviceSet)) {
        let mut next = 0;
        loop {
            let books = self.books.read();
            let rest = books.customers.from(next);
            if rest.is_empty() {
                return;
            }
            let mut seen = 0;
            for (customer, devices) in rest {
                see(customer, devices);
                next += 1;
                seen += 1 + devices.len();
                if seen >= STRETCH {
                    break;
                }
            }
        }
    }
}

fn offer_bindings(
    gather: &mut Gather<Binding>,
    customer: &Customer,
    devices: &DeviceSet,
    needle: &Needle,
) {
    let everything = Needle::default();
    let needle = if needle.is_in(&customer.customer_id) { &everything } else { needle };
    gather.offer_many(devices.count(needle), |range| {
        let of_customer = |pushed| Binding { customer_id: customer.customer_id.clone(), pushed };
        devices.part(needle, range).into_iter().map(of_customer).collect()
    });
}

#[cfg(test)]
mod tests {
    use super::{OrderKind, STRETCH};
    use crate::SandboxSettings;
    use crate::browse::{Needle, Window};
    use crate::registry::{BoundDevice, Order, Registry};

    fn registry(customers: usize) -> Registry {
        let registry = Registry::new(&SandboxSettings::default());
        for n in 0..customers {
            registry.create_customer(&format!("c_{n}"), "86", "13900001234").unwrap();
        }
        registry
    }

    fn device(id: &str) -> BoundDevice {
        let (device_id, no) = (id.to_owned(), "SN-7".to_owned());
        BoundDevice { device_id, customer_device_no: no, product_name: "烟感".to_owned() }
    }

    #[test]
    fn a_list_longer_than_a_stretch_is_run_through_whole() {
        let registry = registry(2 * STRETCH + 3);
        let last = Window::new(2, 2 * STRETCH + 2);
        let found = registry.find_customers(&Needle::default(), last);
        assert_eq!((found.total, found.rows.len()), (2 * STRETCH + 3, 1));
        assert_eq!(found.rows[0].customer_id, "c_0", "the oldest is the last");
        registry.bind(&format!("c_{}", 2 * STRETCH), vec![device("P/a")]).unwrap();
        assert_eq!(registry.find_owners("P/a", 5).rows.len(), 1);
    }

    #[test]
    fn a_telephone_number_is_neither_shown_nor_looked_through() {
        let registry = registry(2);
        let window = Window::new(1, 50);
        assert_eq!(registry.find_customers(&Needle::new("1390000"), window).total, 0);
        let shown = format!("{:?}", registry.find_customers(&Needle::default(), window));
        assert!(shown.contains("*******1234") && !shown.contains("1390000"), "{shown}");
    }

    #[test]
    fn bindings_are_found_by_customer_device_and_product() {
        let registry = registry(2);
        registry.bind("c_0", vec![device("P/b"), device("P/a")]).unwrap();
        registry.bind("c_1", vec![device("P/b")]).unwrap();
        let found = |text: &str| -> Vec<(String, String)> {
            let found = registry.find_bindings(&Needle::new(text), Window::new(1, 50));
            let pair = |it: super::Binding| (it.customer_id, it.pushed.device.device_id);
            found.rows.into_iter().map(pair).collect()
        };
        let pair = |customer: &str, device: &str| (customer.to_owned(), device.to_owned());
        let all = [pair("c_0", "P/a"), pair("c_0", "P/b"), pair("c_1", "P/b")];
        assert_eq!(found(""), all);
        assert_eq!(found("烟感"), all);
        assert_eq!(found("C_0"), all[..2]);
        assert_eq!(found("p/b"), all[1..]);
        let of_one = registry.find_bindings_of("c_0", &Needle::new("p/a"), Window::new(1, 50));
        assert_eq!(of_one.total, 1);
    }

    #[test]
    fn orders_are_found_by_kind_and_customer_the_newest_first() {
        let registry = registry(2);
        registry.publish();
        for (number, customer, item) in
            [("1", "c_0", "D-FireInsurance2020"), ("2", "c_1", "D-CarInsurance2021")]
        {
            let order = Order {
                customer_id: customer.to_owned(),
                order_no: number.to_owned(),
                item_id: item.to_owned(),
                item_vno: String::new(),
                item_num: 1,
                test: true,
            };
            registry.place_order(order).unwrap();
        }
        let numbers = |kind, of, text: &str| -> Vec<String> {
            let found = registry.find_orders(kind, of, &Needle::new(text), Window::new(1, 50));
            found.rows.into_iter().map(|order| order.order_no).collect()
        };
        assert_eq!(numbers(OrderKind::All, None, ""), ["2", "1"]);
        assert_eq!(numbers(OrderKind::Test, Some("c_0"), ""), ["1"]);
        assert_eq!(numbers(OrderKind::All, None, "car"), ["2"]);
        assert!(numbers(OrderKind::Formal, None, "").is_empty());
        assert_eq!(registry.standing().orders["D-CarInsurance2021"], 1);
    }
}
