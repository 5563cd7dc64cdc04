//! The records of the compacted topic `<prefix>.customer-devices`: the full set of a
//! customer's devices. The key is the customer's id, the value is a protobuf
//! `CustomerDevices`.
//!
//! The bindings worker reads and writes whole [`CustomerDevices`]; whoever only joins
//! devices to customers reads with [`for_each_device`], which builds nothing.

mod fields;

use emberline_model::{DeviceId, EventTime};
use prost::Message;

use self::fields::{FieldValue, Fields};
use crate::{DecodeError, proto};

const MESSAGE: &str = "CustomerDevices";

/// The full set of a customer's devices.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CustomerDevices {
    /// Those that are bound.
    pub devices: Vec<BoundDevice>,
    /// Those that left the set, and when.
    pub unbound: Vec<(DeviceId, EventTime)>,
}

/// A device that is bound to the customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundDevice {
    /// Which device.
    pub device: DeviceId,
    /// The customer's own number of it.
    pub customer_device_no: String,
    /// `ProductName`.
    pub product_name: String,
    /// The time of its binding event.
    pub time: EventTime,
}

impl CustomerDevices {
    /// Reads a record's value.
    ///
    /// # Errors
    /// [`DecodeError`] if it is not such a message, or a device's id is none.
    pub fn decode(value: &[u8]) -> Result<Self, DecodeError> {
        let message = proto::CustomerDevices::decode(value)
            .map_err(|problem| DecodeError::protobuf(MESSAGE, &problem))?;
        let devices = message.devices.into_iter().map(|device| {
            Ok(BoundDevice {
                device: device_id(&device.device_id)?,
                customer_device_no: device.customer_device_no,
                product_name: device.product_name,
                time: EventTime::from_millis(device.time_ms),
            })
        });
        let unbound = message.unbound.into_iter().map(|device| {
            Ok((device_id(&device.device_id)?, EventTime::from_millis(device.time_ms)))
        });
        Ok(Self {
            devices: devices.collect::<Result<_, DecodeError>>()?,
            unbound: unbound.collect::<Result<_, DecodeError>>()?,
        })
    }

    /// Writes a record's value.
    pub fn encode(&self) -> Vec<u8> {
        let devices = self.devices.iter().map(|bound| proto::BoundDevice {
            device_id: bound.device.as_str().to_owned(),
            customer_device_no: bound.customer_device_no.clone(),
            product_name: bound.product_name.clone(),
            time_ms: bound.time.millis(),
        });
        let unbound = self.unbound.iter().map(|(device, time)| proto::UnboundDevice {
            device_id: device.as_str().to_owned(),
            time_ms: time.millis(),
        });
        proto::CustomerDevices { devices: devices.collect(), unbound: unbound.collect() }
            .encode_to_vec()
    }
}

fn device_id(text: &str) -> Result<DeviceId, DecodeError> {
    DeviceId::parse(text).map_err(|problem| DecodeError::invalid("device_id", problem.to_string()))
}

/// What one record says of one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceEntry<'a> {
    /// The device's id, as it stands in the record.
    pub device_id: &'a str,
    /// When it was bound, or unbound.
    pub time: EventTime,
    /// Whether it is in the customer's set.
    pub bound: bool,
}

/// Hands over each device of a record's value, bound and unbound, in the order in
/// which they stand there.
///
/// # Errors
/// [`DecodeError`] if the value is not such a message; the devices before the fault
/// have been handed over by then.
pub fn for_each_device(
    value: &[u8],
    mut f: impl FnMut(DeviceEntry<'_>),
) -> Result<(), DecodeError> {
    const DEVICES: u32 = 1;
    const UNBOUND: u32 = 2;
    for field in Fields::of(value) {
        match field? {
            (DEVICES, FieldValue::Bytes(device)) => f(entry(device, 4, true)?),
            (UNBOUND, FieldValue::Bytes(device)) => f(entry(device, 2, false)?),
            _ => {}
        }
    }
    Ok(())
}

/// Reads a `BoundDevice` or `UnboundDevice`: they differ in the number of `time_ms`.
fn entry(device: &[u8], time_ms: u32, bound: bool) -> Result<DeviceEntry<'_>, DecodeError> {
    const DEVICE_ID: u32 = 1;
    let mut entry = DeviceEntry { device_id: "", time: EventTime::from_millis(0), bound };
    for field in Fields::of(device) {
        match field? {
            (DEVICE_ID, FieldValue::Bytes(id)) => {
                entry.device_id = std::str::from_utf8(id)
                    .map_err(|_| DecodeError::protobuf(MESSAGE, &"a device id is not UTF-8"))?;
            }
            (number, FieldValue::Varint(millis)) if number == time_ms => {
                entry.time = EventTime::from_millis(millis.cast_signed());
            }
            _ => {}
        }
    }
    if entry.device_id.is_empty() {
        return Err(DecodeError::Missing { field: "device_id" });
    }
    Ok(entry)
}

#[cfg(test)]
mod tests {
    use emberline_model::{DeviceId, EventTime};
    use proptest::prelude::*;

    use super::{BoundDevice, CustomerDevices, DeviceEntry, for_each_device};

    fn device() -> impl Strategy<Value = (DeviceId, EventTime)> {
        ("[A-Z0-9]{1,10}/[a-z0-9_]{1,48}", 0..4_000_000_000_000_i64).prop_map(|(id, millis)| {
            (DeviceId::parse(&id).unwrap(), EventTime::from_millis(millis))
        })
    }

    fn bound_device() -> impl Strategy<Value = BoundDevice> {
        (device(), "\\PC{0,8}", "\\PC{0,8}").prop_map(|((device, time), number, name)| {
            BoundDevice { device, customer_device_no: number, product_name: name, time }
        })
    }

    fn customer_devices() -> impl Strategy<Value = CustomerDevices> {
        let (devices, unbound) =
            (prop::collection::vec(bound_device(), 0..9), prop::collection::vec(device(), 0..9));
        (devices, unbound).prop_map(|(devices, unbound)| CustomerDevices { devices, unbound })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(written in customer_devices()) {
            prop_assert_eq!(CustomerDevices::decode(&written.encode()).unwrap(), written);
        }

        /// The reader that builds nothing sees what the other one builds.
        #[test]
        fn both_readers_see_the_same_devices(written in customer_devices()) {
            let bound = written.devices.iter().map(|bound| (&bound.device, bound.time, true));
            let unbound = written.unbound.iter().map(|(device, time)| (device, *time, false));
            let mut expected = bound.chain(unbound);
            for_each_device(&written.encode(), |DeviceEntry { device_id, time, bound }| {
                let (device, expected_time, expected_bound) = expected.next().unwrap();
                assert_eq!((device_id, time, bound), (device.as_str(), expected_time, expected_bound));
            })
            .unwrap();
            prop_assert!(expected.next().is_none());
        }

        #[test]
        fn a_record_cut_short_never_panics(written in customer_devices(), cut in any::<prop::sample::Index>()) {
            let whole = written.encode();
            let part = &whole[..cut.index(whole.len() + 1)];
            let _ = CustomerDevices::decode(part);
            let _ = for_each_device(part, |_| {});
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = CustomerDevices::decode(&bytes);
            let _ = for_each_device(&bytes, |_| {});
        }
    }
}
