//! The records of the compacted topic `<prefix>.device-customers`: what one customer's set says
//! of one device. The key names both, the value is a protobuf `DeviceCustomer`.
//!
//! A record a fact, not a device: of a device that had two customers both facts stay, whoever
//! wrote them in whatever order, and a reader knows all that the customers' sets tell of it.

use emberline_model::{CustomerId, DeviceId, EventTime};
use prost::Message;

use crate::customer_devices::DeviceEntry;
use crate::{DecodeError, proto};

const MESSAGE: &str = "DeviceCustomer";
/// Between the parts of a key. No id has one.
const BETWEEN: char = ' ';

/// What a record says of its device and customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceCustomer {
    /// When the device was bound, or unbound.
    pub time: EventTime,
    /// Whether it is in the customer's set.
    pub bound: bool,
}

/// Writes a record's key.
pub fn encode_key(device: &DeviceId, customer: &CustomerId) -> Vec<u8> {
    format!("{device}{BETWEEN}{customer}").into_bytes()
}

/// Reads a record's key: the device's id, as it stands there, and the customer.
///
/// # Errors
/// [`DecodeError`] if it is no such key. One with a part more is a later version's.
pub fn decode_key(key: &[u8]) -> Result<(&str, CustomerId), DecodeError> {
    let broken = || DecodeError::invalid("the key", "a device id, a space and a customer id");
    let key = std::str::from_utf8(key).map_err(|_| broken())?;
    let (device, customer) = key.split_once(BETWEEN).ok_or_else(broken)?;
    let customer = CustomerId::parse(customer).map_err(|_| broken())?;
    if device.is_empty() {
        return Err(broken());
    }
    Ok((device, customer))
}

impl From<DeviceEntry<'_>> for DeviceCustomer {
    fn from(entry: DeviceEntry<'_>) -> Self {
        Self { time: entry.time, bound: entry.bound }
    }
}

impl DeviceCustomer {
    /// Writes a record's value.
    pub fn encode(self) -> Vec<u8> {
        proto::DeviceCustomer { time_ms: self.time.millis(), unbound: !self.bound }.encode_to_vec()
    }

    /// Reads a record's value.
    ///
    /// # Errors
    /// [`DecodeError`] if it is no such message.
    pub fn decode(value: &[u8]) -> Result<Self, DecodeError> {
        let fact = proto::DeviceCustomer::decode(value)
            .map_err(|problem| DecodeError::protobuf(MESSAGE, &problem))?;
        Ok(Self { time: EventTime::from_millis(fact.time_ms), bound: !fact.unbound })
    }
}

#[cfg(test)]
mod tests {
    use emberline_model::{CustomerId, DeviceId, EventTime};
    use proptest::prelude::*;

    use super::{DeviceCustomer, decode_key, encode_key};

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            device in "[A-Z0-9]{1,10}/[a-z0-9_订]{1,30}",
            customer in "[A-Za-z0-9_]{1,32}",
            (millis, bound) in (0..4_000_000_000_000_i64, any::<bool>()),
        ) {
            let device = DeviceId::parse(&device).unwrap();
            let customer = CustomerId::parse(&customer).unwrap();
            let key = encode_key(&device, &customer);
            prop_assert_eq!(decode_key(&key).unwrap(), (device.as_str(), customer));
            let fact = DeviceCustomer { time: EventTime::from_millis(millis), bound };
            prop_assert_eq!(DeviceCustomer::decode(&fact.encode()).unwrap(), fact);
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = decode_key(&bytes);
            let _ = DeviceCustomer::decode(&bytes);
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for key in ["", " ", "P/a", "P/a ", " c_1", "P/a c-1", "P/a  c_1", "P/a c_1 more"] {
            assert!(decode_key(key.as_bytes()).is_err(), "{key:?}");
        }
        assert!(decode_key(b"\xff c_1").is_err());
    }

    #[test]
    fn a_value_of_no_bytes_is_a_bind_at_the_beginning_of_time() {
        let fact = DeviceCustomer { time: EventTime::from_millis(0), bound: true };
        assert_eq!(fact.encode(), b"");
        assert_eq!(DeviceCustomer::decode(b"").unwrap(), fact);
    }
}
