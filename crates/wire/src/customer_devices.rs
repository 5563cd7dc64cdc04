//! The records of the compacted topic `<prefix>.customer-devices`: the full set of a
//! customer's devices. The key is the customer's id, the value is a protobuf
//! `CustomerDevices`.
//!
//! The bindings worker reads and writes whole [`CustomerDevices`]; whoever only joins
//! devices to customers reads with [`for_each_device`], which builds nothing.
//!
//! Whoever writes a set writes it whole, also over what a later version has written. So what
//! of a record only a later version knows goes on into the one that replaces it:
//! [`CustomerDevices::encode_over`].

mod fields;
mod later;

use emberline_model::{DeviceId, EventTime};
use prost::Message;

use self::fields::{Field, FieldValue, Fields};
use self::later::Later;
use crate::delimited::begin;
use crate::{DecodeError, proto};

const MESSAGE: &str = "CustomerDevices";

// Numbers of the fields, as in `own_topics.proto`.
const DEVICES: u32 = 1;
const UNBOUND: u32 = 2;
const DEVICE_ID: u32 = 1;

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
        self.encode_over(&[])
    }

    /// Writes the value of a record that replaces these. What only a later version knows of
    /// them goes along, a device's while the same fact about it stands; where several of them
    /// have some, the first one's.
    pub fn encode_over(&self, replaced: &[&[u8]]) -> Vec<u8> {
        let later = Later::of(replaced);
        let mut value = later.of_set().to_vec();
        let mut put = |field, mut message: Vec<u8>, (device, time): (&DeviceId, EventTime)| {
            message.extend_from_slice(later.of_device(field, device.as_str(), time));
            begin(field, message.len(), &mut value);
            value.append(&mut message);
        };
        for bound in &self.devices {
            let message = proto::BoundDevice {
                device_id: bound.device.as_str().to_owned(),
                customer_device_no: bound.customer_device_no.clone(),
                product_name: bound.product_name.clone(),
                time_ms: bound.time.millis(),
            };
            put(DEVICES, message.encode_to_vec(), (&bound.device, bound.time));
        }
        for (device, time) in &self.unbound {
            let message = proto::UnboundDevice {
                device_id: device.as_str().to_owned(),
                time_ms: time.millis(),
            };
            put(UNBOUND, message.encode_to_vec(), (device, *time));
        }
        value
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

/// The devices of a record's value, bound and unbound, in the order in which they stand there.
/// After an error there are none.
pub struct DeviceEntries<'a> {
    fields: Fields<'a>,
}

impl<'a> DeviceEntries<'a> {
    /// Those of a value, or of what of it was [left](Self::left).
    pub fn of(value: &'a [u8]) -> Self {
        Self { fields: Fields::of(value) }
    }

    /// The part of the value that is not read yet.
    pub fn left(&self) -> &'a [u8] {
        self.fields.left()
    }
}

impl<'a> Iterator for DeviceEntries<'a> {
    type Item = Result<DeviceEntry<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.fields.next()? {
                Ok(Field { number, value: FieldValue::Bytes(device), .. })
                    if matches!(number, DEVICES | UNBOUND) =>
                {
                    let entry = entry(device, number);
                    if entry.is_err() {
                        self.fields = Fields::of(&[]);
                    }
                    return Some(entry);
                }
                Ok(_) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// Hands over each device of a record's value, as [`DeviceEntries`] has them.
///
/// # Errors
/// [`DecodeError`] if the value is not such a message; the devices before the fault
/// have been handed over by then.
pub fn for_each_device(
    value: &[u8],
    mut f: impl FnMut(DeviceEntry<'_>),
) -> Result<(), DecodeError> {
    DeviceEntries::of(value).try_for_each(|entry| entry.map(&mut f))
}

/// The last field of a `BoundDevice`, or of an `UnboundDevice`, that this version knows; it
/// is `time_ms` in both.
const fn last_field_of(list: u32) -> u32 {
    if list == DEVICES { 4 } else { 2 }
}

/// Reads a `BoundDevice` or `UnboundDevice`, by the field that lists it.
fn entry(device: &[u8], list: u32) -> Result<DeviceEntry<'_>, DecodeError> {
    let (time_ms, bound) = (last_field_of(list), list == DEVICES);
    let mut entry = DeviceEntry { device_id: "", time: EventTime::from_millis(0), bound };
    for field in Fields::of(device) {
        let Field { number, value, .. } = field?;
        match (number, value) {
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
    use prost::Message as _;

    use super::{BoundDevice, CustomerDevices, DeviceEntries, DeviceEntry, for_each_device};

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

        /// Our own writing is the library's.
        #[test]
        fn a_set_is_written_as_any_protobuf_library_writes_it(written in customer_devices()) {
            let read = crate::proto::CustomerDevices::decode(written.encode().as_slice()).unwrap();
            prop_assert_eq!(read.encode_to_vec(), written.encode());
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

        /// Who stops after some devices goes on with what is left.
        #[test]
        fn reading_goes_on_where_it_stopped(
            written in customer_devices(),
            some in any::<prop::sample::Index>(),
        ) {
            let value = written.encode();
            let all: Vec<_> = DeviceEntries::of(&value).map(Result::unwrap).collect();
            let mut first = DeviceEntries::of(&value);
            let mut read: Vec<_> =
                first.by_ref().take(some.index(all.len() + 1)).map(Result::unwrap).collect();
            read.extend(DeviceEntries::of(first.left()).map(Result::unwrap));
            prop_assert_eq!(read, all);
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
