//! What the service knows of people and money: customers, their devices, their orders.

mod bindings;
mod browse;
mod customers;
mod orders;

use parking_lot::RwLock;

pub use bindings::{Bindings, BoundDevice};
pub use customers::Customer;
pub use orders::{Order, Orders};

use crate::SandboxSettings;
use crate::read::ids::{check_customer_id, check_phone};
use crate::refusal::Refusal;
use bindings::DeviceSet;
pub(crate) use bindings::PushedDevice;
pub(crate) use browse::{Binding, CustomerRow, OrderKind, Standing};
pub(crate) use customers::CustomerFilter;
use customers::Customers;
use orders::OrderBook;

/// Customers, bindings and orders.
///
/// A device stays with every customer that it was ever pushed for: the contract has no
/// unbind action.
pub struct Registry {
    books: RwLock<Books>,
    auto_create: bool,
    require_binding: bool,
}

struct Books {
    customers: Customers,
    orders: OrderBook,
}

impl Registry {
    pub(crate) fn new(settings: &SandboxSettings) -> Self {
        let orders = OrderBook::new(settings.authorisations_bought, settings.published);
        Self {
            books: RwLock::new(Books { customers: Customers::default(), orders }),
            auto_create: settings.auto_create_customers,
            require_binding: settings.require_binding,
        }
    }

    /// Creates a customer, or changes the telephone number of one.
    pub(crate) fn create_customer(
        &self,
        id: &str,
        country_code: &str,
        phone_number: &str,
    ) -> Result<(), Refusal> {
        check_customer_id(id)?;
        check_phone(country_code, phone_number)?;
        self.books.write().customers.create(id, country_code, phone_number);
        Ok(())
    }

    /// Refuses a customer that is unknown, unless it may be created on the way.
    pub(crate) fn need_customer(&self, id: &str) -> Result<(), Refusal> {
        if self.books.read().customers.contains(id) {
            return Ok(());
        }
        self.create_unknown(id)
    }

    fn create_unknown(&self, id: &str) -> Result<(), Refusal> {
        if !self.auto_create {
            return Err(Refusal::unknown_customer());
        }
        self.books.write().customers.create_if_absent(id);
        Ok(())
    }

    /// Refuses data of a customer that is unknown, or of a device that is not its.
    pub(crate) fn need_binding(&self, customer: &str, device: &str) -> Result<(), Refusal> {
        let bound = self.books.read().customers.devices(customer).map(|set| set.contains(device));
        match bound {
            None => self.create_unknown(customer)?,
            Some(true) => return Ok(()),
            Some(false) => {}
        }
        if self.require_binding {
            return Err(Refusal::invalid("device is not bound to the customer"));
        }
        Ok(())
    }

    /// Takes a push: the devices join the customer's and become its last pushed set.
    pub(crate) fn bind(&self, customer: &str, devices: Vec<BoundDevice>) -> Result<(), Refusal> {
        self.need_customer(customer)?;
        if let Some(set) = self.books.write().customers.devices_mut(customer) {
            set.push(devices);
        }
        Ok(())
    }

    pub(crate) fn place_order(&self, order: Order) -> Result<(), Refusal> {
        self.need_customer(&order.customer_id)?;
        self.books.write().orders.place(order)
    }

    /// Runs through customers in the order of their creation.
    pub(crate) fn list_customers(&self, filter: &CustomerFilter<'_>) -> Vec<Customer> {
        self.books.read().customers.list(filter)
    }

    /// The orders that `wanted` is true for, in the order of their acceptance.
    pub(crate) fn list_orders(&self, wanted: impl Fn(&Order) -> bool) -> Vec<Order> {
        self.books.read().orders.iter().filter(|order| wanted(order)).cloned().collect()
    }

    /// Every customer, in the order of creation.
    pub fn customers(&self) -> Vec<Customer> {
        self.list_customers(&CustomerFilter::default())
    }

    /// The orders, in the order of their acceptance, and what is left to spend.
    pub fn orders(&self) -> Orders {
        self.books.read().orders.shown()
    }

    /// The devices of a customer; `None` if it is unknown.
    pub fn bindings(&self, customer: &str) -> Option<Bindings> {
        self.books.read().customers.devices(customer).map(DeviceSet::shown)
    }

    /// Publishes the service: formal orders are accepted from now on. It can't be undone.
    pub fn publish(&self) {
        self.books.write().orders.publish();
    }

    /// How many customers, and how many (customer, device) bindings there are.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let books = self.books.read();
        (books.customers.len() as u64, books.customers.bound())
    }
}
