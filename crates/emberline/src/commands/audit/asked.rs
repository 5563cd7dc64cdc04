//! What is looked for among the receipts.
//!
//! A receipt's key tells most of it: it is a device's id, or a customer's where it is about
//! no device. Of millions of records only those few are decoded whose key leaves it open.

use emberline_model::{CustomerId, DeviceId};
use emberline_wire::DecodeError;
use emberline_wire::receipt::{Receipt, Received};

/// What must hold of a receipt; all that is given, together.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) device: Option<DeviceId>,
    pub(super) customer: Option<CustomerId>,
    pub(super) order: Option<String>,
}

impl Asked {
    /// The receipt in a record, if it is one of those that are looked for.
    ///
    /// # Errors
    /// It can't be read, and might be one of them.
    pub(super) fn find(
        &self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
    ) -> Result<Option<Receipt>, DecodeError> {
        if !self.may_be_at(key) {
            return Ok(None);
        }
        let value = value.ok_or(DecodeError::Empty)?;
        // Most receipts of others are turned away by this, before their marks are read.
        if let Some(customer) = &self.customer
            && Receipt::customer_of(value)? != customer.as_str()
        {
            return Ok(None);
        }
        let receipt = Receipt::decode(value)?;
        Ok(self.takes(&receipt).then_some(receipt))
    }

    /// Whether what is looked for may lie under this key. A device's id has a `/`, and a
    /// customer's never has one.
    fn may_be_at(&self, key: Option<&[u8]>) -> bool {
        let Some(key) = key else { return true };
        if key.contains(&b'/') {
            let other =
                self.device.as_ref().is_some_and(|device| device.as_str().as_bytes() != key);
            return !other && self.order.is_none();
        }
        self.customer.as_ref().is_none_or(|customer| customer.as_str().as_bytes() == key)
    }

    fn takes(&self, receipt: &Receipt) -> bool {
        let received = &receipt.received;
        self.customer.as_ref().is_none_or(|customer| receipt.customer_id == customer.as_str())
            && self.device.as_ref().is_none_or(|device| concerns(received, device.as_str()))
            && self.order.as_ref().is_none_or(|number| places(received, number))
    }
}

fn concerns(received: &Received, device: &str) -> bool {
    match received {
        Received::Data { device_id, .. } | Received::State { device_id, .. } => device_id == device,
        Received::Bindings { bound, unbound, .. } => {
            bound.iter().chain(unbound).any(|id| id == device)
        }
        Received::Customer | Received::Order { .. } => false,
    }
}

fn places(received: &Received, number: &str) -> bool {
    matches!(received, Received::Order { order_no, .. } if order_no == number)
}

#[cfg(test)]
mod tests {
    use emberline_model::{Category, CustomerId, DeviceId};
    use emberline_wire::receipt::{Receipt, Received};

    use super::Asked;

    fn of_device(id: &str) -> Asked {
        Asked { device: Some(DeviceId::parse(id).unwrap()), ..Asked::default() }
    }

    fn of_customer(id: &str) -> Asked {
        Asked { customer: Some(CustomerId::parse(id).unwrap()), ..Asked::default() }
    }

    fn of_order(number: &str) -> Asked {
        Asked { order: Some(number.to_owned()), ..Asked::default() }
    }

    fn receipt(customer: &str, received: Received) -> Receipt {
        Receipt { time_ms: 1, request_id: "r".into(), customer_id: customer.into(), received }
    }

    fn data(device: &str, customer: &str) -> Receipt {
        let (device_id, category) = (device.to_owned(), Category::Power);
        receipt(customer, Received::Data { device_id, category, reports: Vec::new() })
    }

    fn state(device: &str) -> Receipt {
        receipt("", Received::State { device_id: device.to_owned(), status: 1, time_ms: 1 })
    }

    fn bindings(customer: &str, bound: &str, unbound: &str) -> Receipt {
        let (bound, unbound) = (vec![bound.to_owned()], vec![unbound.to_owned()]);
        receipt(customer, Received::Bindings { devices: 1, bound, unbound })
    }

    fn order(customer: &str, number: &str) -> Receipt {
        let (order_no, item, version) = (number.to_owned(), String::new(), String::new());
        receipt(customer, Received::Order { order_no, item, version, count: 1 })
    }

    fn is_found(asked: &Asked, receipt: &Receipt) -> bool {
        let (key, value) = (receipt.key().to_owned(), receipt.clone().encode());
        let found = asked.find(Some(key.as_bytes()), Some(&value)).unwrap();
        // A record without a key is looked into.
        assert_eq!(asked.find(None, Some(&value)).unwrap(), found);
        found.is_some()
    }

    #[test]
    fn a_device_has_its_data_its_states_and_the_calls_that_bound_it_or_left_it_out() {
        let asked = of_device("P/a");
        for found in [
            data("P/a", "c_1"),
            state("P/a"),
            bindings("c_1", "P/a", "P/b"),
            bindings("c_1", "P/b", "P/a"),
        ] {
            assert!(is_found(&asked, &found), "{found:?}");
        }
        for other in [
            data("P/b", "c_1"),
            state("P/b"),
            bindings("c_1", "P/b", "P/c"),
            receipt("c_1", Received::Customer),
            order("c_1", "o"),
        ] {
            assert!(!is_found(&asked, &other), "{other:?}");
        }
    }

    #[test]
    fn a_customer_has_its_own_calls_and_its_devices_data() {
        let asked = of_customer("c_1");
        for found in [
            data("P/a", "c_1"),
            bindings("c_1", "P/a", "P/b"),
            receipt("c_1", Received::Customer),
            order("c_1", "o"),
        ] {
            assert!(is_found(&asked, &found), "{found:?}");
        }
        for other in [data("P/a", "c_2"), state("P/a"), order("c_2", "o")] {
            assert!(!is_found(&asked, &other), "{other:?}");
        }
        let both = Asked { customer: asked.customer, ..of_device("P/a") };
        assert!(is_found(&both, &data("P/a", "c_1")));
        assert!(!is_found(&both, &data("P/a", "c_2")) && !is_found(&both, &data("P/b", "c_1")));
    }

    #[test]
    fn an_order_is_found_by_its_number_and_nothing_else_is() {
        let asked = of_order("o/1");
        assert!(is_found(&asked, &order("c_1", "o/1")));
        assert!(!is_found(&asked, &order("c_1", "o/2")) && !is_found(&asked, &data("P/a", "c_1")));
    }

    #[test]
    fn what_can_not_be_read_is_an_error_only_where_it_might_be_meant() {
        let broken = Some(&[0xff_u8][..]);
        let (own, other) = (Some(&b"P/a"[..]), Some(&b"P/b"[..]));
        let asked = of_device("P/a");
        assert!(asked.find(own, broken).is_err() && asked.find(own, None).is_err());
        assert!(asked.find(Some(b"c_1"), broken).is_err(), "a call that bound it, maybe");
        assert_eq!(asked.find(other, broken), Ok(None));
        assert_eq!(of_order("o").find(own, broken), Ok(None));
        assert_eq!(of_customer("c_1").find(Some(b"c_2"), broken), Ok(None));
        assert!(of_customer("c_1").find(own, broken).is_err());
    }
}
