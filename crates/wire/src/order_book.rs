//! The records of the compacted topic `<prefix>.order-book`: the key is an order's number
//! and who holds a lease of it, the value a protobuf `OrderBookEntry`, or nothing where the
//! lease is given back.

use prost::Message;

use crate::{DecodeError, proto};

const MESSAGE: &str = "OrderBookEntry";
/// Hexadecimal digits of a holder.
const HOLDER_DIGITS: usize = 32;

/// What a record says of its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderBookEntry {
    /// Whose order it is.
    pub customer_id: String,
    /// It uses up an authorisation.
    pub formal: bool,
    /// The service has accepted it.
    pub placed: bool,
    /// When it was written, Unix milliseconds.
    pub time_ms: i64,
}

/// Writes a record's key.
pub fn encode_key(order_no: &str, holder: u128) -> Vec<u8> {
    format!("{order_no}/{holder:032x}").into_bytes()
}

/// Reads a record's key: the order's number and the holder.
///
/// # Errors
/// [`DecodeError`] if it is no such key.
pub fn decode_key(key: &[u8]) -> Result<(&str, u128), DecodeError> {
    let broken = || DecodeError::invalid("the key", "an order's number, \"/\" and a holder");
    let key = std::str::from_utf8(key).map_err(|_| broken())?;
    // The number may have a slash itself; what follows the last one is the holder.
    let (order_no, holder) = key.rsplit_once('/').ok_or_else(broken)?;
    if holder.len() != HOLDER_DIGITS || order_no.is_empty() {
        return Err(broken());
    }
    let holder = u128::from_str_radix(holder, 16).map_err(|_| broken())?;
    Ok((order_no, holder))
}

impl OrderBookEntry {
    /// Writes a record's value.
    pub fn encode(&self) -> Vec<u8> {
        proto::OrderBookEntry {
            customer_id: self.customer_id.clone(),
            formal: self.formal,
            placed: self.placed,
            time_ms: self.time_ms,
        }
        .encode_to_vec()
    }

    /// Reads a record's value.
    ///
    /// # Errors
    /// [`DecodeError`] if it is no such message.
    pub fn decode(value: &[u8]) -> Result<Self, DecodeError> {
        let entry = proto::OrderBookEntry::decode(value)
            .map_err(|problem| DecodeError::protobuf(MESSAGE, &problem))?;
        Ok(Self {
            customer_id: entry.customer_id,
            formal: entry.formal,
            placed: entry.placed,
            time_ms: entry.time_ms,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{OrderBookEntry, decode_key, encode_key};

    #[test]
    fn a_key_reads_back_whatever_the_number_has_in_it() {
        for order_no in ["1", "2021/08/0001", "/", "订单-7", "a b"] {
            let key = encode_key(order_no, 7 << 100);
            assert_eq!(decode_key(&key).unwrap(), (order_no, 7 << 100));
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let long = format!("1/{}", "0".repeat(33));
        for key in ["", "1", "1/", "1/abc", "/00000000000000000000000000000001", &long] {
            assert!(decode_key(key.as_bytes()).is_err(), "{key}");
        }
        assert!(decode_key(&[0xff, b'/']).is_err());
    }

    #[test]
    fn an_entry_reads_back() {
        let entry = OrderBookEntry {
            customer_id: "c_1".into(),
            formal: true,
            placed: false,
            time_ms: 1_700_000_000_000,
        };
        assert_eq!(OrderBookEntry::decode(&entry.encode()).unwrap(), entry);
    }
}
