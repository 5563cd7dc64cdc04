//! Customers, in the order of their creation.

use std::collections::HashMap;
use std::fmt;

use super::bindings::DeviceSet;

/// A customer, as `ServiceGetCustomerList` answers it.
#[derive(Clone, PartialEq, Eq)]
pub struct Customer {
    /// `CustomerId`.
    pub customer_id: String,
    /// `CountryCode`; empty for a customer that a call created on its way.
    pub country_code: String,
    /// `PhoneNumber`; likewise.
    pub phone_number: String,
}

impl Customer {
    /// The telephone number with all but its last four digits starred.
    pub fn masked_phone(&self) -> String {
        const SHOWN: usize = 4;
        let length = self.phone_number.chars().count();
        if length <= SHOWN {
            return "*".repeat(length);
        }
        let tail: String = self.phone_number.chars().skip(length - SHOWN).collect();
        format!("{}{tail}", "*".repeat(length - SHOWN))
    }
}

impl fmt::Debug for Customer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Customer")
            .field("customer_id", &self.customer_id)
            .field("country_code", &self.country_code)
            .field("phone_number", &self.masked_phone())
            .finish()
    }
}

/// What a list is narrowed to. Texts must be equal, not alike.
#[derive(Debug, Default)]
pub(crate) struct CustomerFilter<'a> {
    pub(crate) customer_id: Option<&'a str>,
    pub(crate) country_code: Option<&'a str>,
    pub(crate) phone_number: Option<&'a str>,
}

impl CustomerFilter<'_> {
    fn takes(&self, customer: &Customer) -> bool {
        self.customer_id.is_none_or(|id| id == customer.customer_id)
            && self.country_code.is_none_or(|code| code == customer.country_code)
            && self.phone_number.is_none_or(|number| number == customer.phone_number)
    }
}

#[derive(Default)]
pub(super) struct Customers {
    all: Vec<(Customer, DeviceSet)>,
    places: HashMap<String, usize>,
}

impl Customers {
    pub(super) fn contains(&self, id: &str) -> bool {
        self.places.contains_key(id)
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Those from this place on, in the order of their creation; a place never changes.
    pub(super) fn from(&self, place: usize) -> &[(Customer, DeviceSet)] {
        self.all.get(place..).unwrap_or_default()
    }

    pub(super) fn get(&self, id: &str) -> Option<&(Customer, DeviceSet)> {
        self.places.get(id).map(|place| &self.all[*place])
    }

    pub(super) fn bound(&self) -> u64 {
        self.all.iter().map(|(_, devices)| devices.len() as u64).sum()
    }

    /// The contract does not say what a second creation does; here the later number
    /// stands, so that a call repeated after a lost answer succeeds.
    pub(super) fn create(&mut self, id: &str, country_code: &str, phone_number: &str) {
        let place = self.create_if_absent(id);
        let customer = &mut self.all[place].0;
        country_code.clone_into(&mut customer.country_code);
        phone_number.clone_into(&mut customer.phone_number);
    }

    pub(super) fn create_if_absent(&mut self, id: &str) -> usize {
        if let Some(place) = self.places.get(id) {
            return *place;
        }
        let place = self.all.len();
        self.places.insert(id.to_owned(), place);
        let customer = Customer {
            customer_id: id.to_owned(),
            country_code: String::new(),
            phone_number: String::new(),
        };
        self.all.push((customer, DeviceSet::default()));
        place
    }

    pub(super) fn devices(&self, id: &str) -> Option<&DeviceSet> {
        self.places.get(id).map(|place| &self.all[*place].1)
    }

    pub(super) fn devices_mut(&mut self, id: &str) -> Option<&mut DeviceSet> {
        self.places.get(id).map(|place| &mut self.all[*place].1)
    }

    pub(super) fn list(&self, filter: &CustomerFilter<'_>) -> Vec<Customer> {
        let taken = self.all.iter().map(|(customer, _)| customer).filter(|c| filter.takes(c));
        taken.cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{CustomerFilter, Customers};

    #[test]
    fn a_customer_created_twice_is_one_with_the_later_number() {
        let mut customers = Customers::default();
        customers.create("c_1", "86", "13900000000");
        customers.create("c_2", "86", "13900000001");
        customers.create("c_1", "1", "2025550123");
        let all = customers.list(&CustomerFilter::default());
        assert_eq!(all.len(), 2);
        assert_eq!((all[0].customer_id.as_str(), all[0].country_code.as_str()), ("c_1", "1"));
    }

    #[test]
    fn only_the_last_four_digits_are_shown() {
        let mut customers = Customers::default();
        customers.create("c_1", "86", "13912345678");
        let customer = customers.list(&CustomerFilter::default()).remove(0);
        assert_eq!(customer.masked_phone(), "*******5678");
        assert!(!format!("{customer:?}").contains("1391234"));
    }
}
