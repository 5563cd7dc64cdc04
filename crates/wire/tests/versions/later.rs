//! What only a later version writes: a field more is passed over, a kind more is refused by
//! whoever would have to guess, and what is written anew loses none of it.

use emberline_model::EventTime;
use emberline_wire::customer_devices::{CustomerDevices, for_each_device};
use emberline_wire::device_customers::{self, DeviceCustomer};
use emberline_wire::order_book::{OrderBookEntry, decode_key};
use emberline_wire::receipt::Receipt;
use emberline_wire::replay::ReplayRecord;

use crate::samples::{
    customer_devices, device, device_customers, order_book_entry, receipts, replay_records,
};

/// A field that no version has yet, in each of protobuf's forms: number 100 and up.
const MORE: [&[u8]; 4] = [
    b"\xa0\x06\x07",
    b"\xa9\x06\x01\x02\x03\x04\x05\x06\x07\x08",
    b"\xb2\x06\x04calm",
    b"\xbd\x06\x01\x02\x03\x04",
];

/// A message with fields more, before and after its own.
fn with_more(message: &[u8]) -> Vec<u8> {
    [MORE[0], MORE[1], message, MORE[2], MORE[3]].concat()
}

/// A set of which the second device, the unbound one and the set itself have fields more.
fn later_set() -> Vec<u8> {
    let set = customer_devices();
    let one = |devices: &[_], unbound: &[_]| {
        let part = CustomerDevices { devices: devices.to_vec(), unbound: unbound.to_vec() };
        part.encode()
    };
    // A field's number, its length, and the message.
    let grown = |field: Vec<u8>| {
        let message = with_more(&field[2..]);
        let mut grown = vec![field[0], u8::try_from(message.len()).expect("a short one")];
        grown.extend(message);
        grown
    };
    let (first, second) = set.devices.split_at(1);
    [MORE[2].to_vec(), one(first, &[]), grown(one(second, &[])), grown(one(&[], &set.unbound))]
        .concat()
}

fn count(value: &[u8], what: &[u8]) -> usize {
    value.windows(what.len()).filter(|part| *part == what).count()
}

#[test]
fn a_later_set_is_read_as_far_as_it_is_known() {
    assert_eq!(CustomerDevices::decode(&later_set()).unwrap(), customer_devices());
    let mut seen = Vec::new();
    for_each_device(&later_set(), |entry| seen.push((entry.device_id.to_owned(), entry.time)))
        .unwrap();
    let known = customer_devices();
    let bound = known.devices.iter().map(|bound| (bound.device.to_string(), bound.time));
    let unbound = known.unbound.iter().map(|(device, time)| (device.to_string(), *time));
    assert!(seen.into_iter().eq(bound.chain(unbound)));
}

#[test]
fn a_set_written_over_a_later_one_loses_nothing_of_it() {
    let later = later_set();
    let mut set = CustomerDevices::decode(&later).unwrap();
    set.devices[0].product_name = "Gas detector".into();
    let written = set.encode_over(&[&later]);
    assert_eq!(CustomerDevices::decode(&written).unwrap(), set);
    for more in MORE {
        assert_eq!(count(&written, more), count(&later, more), "{more:?}");
    }
    // Over and over again.
    assert_eq!(set.encode_over(&[&written]), written);
}

#[test]
fn what_a_later_version_knows_of_a_fact_goes_with_the_fact() {
    let mut set = customer_devices();
    set.devices[1].time = EventTime::from_millis(1_700_000_000_000);
    set.unbound.clear();
    let written = set.encode_over(&[&later_set()]);
    assert_eq!(count(&written, MORE[0]), 0);
    assert_eq!(count(&written, MORE[2]), 1, "the set's own stays");
}

#[test]
fn of_several_sets_that_are_written_over_the_first_counts() {
    let empty = CustomerDevices::default().encode();
    let (older, newer) = (with_more(&empty), MORE[0].to_vec());
    let set = customer_devices();
    assert_eq!(set.encode_over(&[&newer, &older]), [MORE[0], &set.encode()].concat());
    assert_eq!(set.encode_over(&[&empty, &older]), [with_more(&empty), set.encode()].concat());
    assert_eq!(set.encode_over(&[b"not a set"]), set.encode());
}

#[test]
fn a_device_that_only_a_later_version_can_name_makes_the_whole_set_unreadable() {
    // Who pushed the rest of the set would take the device from its customer.
    let mut later = customer_devices().encode();
    later.extend(b"\x0a\x08\x0a\x06no one");
    assert!(CustomerDevices::decode(&later).is_err());
    assert!(CustomerDevices::decode(&customer_devices().encode()).is_ok());
    assert_eq!(customer_devices().devices[0].device, device("dev1"));
}

#[test]
fn a_later_fact_is_read_as_far_as_it_is_known_and_a_key_with_a_part_more_is_not_guessed() {
    for (name, fact) in device_customers() {
        assert_eq!(DeviceCustomer::decode(&with_more(&fact.encode())).unwrap(), fact, "{name}");
    }
    assert!(device_customers::decode_key(b"F4N0000AN/dev1 c_1 more").is_err());
}

#[test]
fn a_later_entry_of_the_order_book_is_read_as_far_as_it_is_known() {
    let later = with_more(&order_book_entry().encode());
    assert_eq!(OrderBookEntry::decode(&later).unwrap(), order_book_entry());
    assert!(decode_key(b"20210811-1/0123456789abcdef0011223344556677/more").is_err());
}

#[test]
fn a_later_receipt_is_read_as_far_as_it_is_known_and_a_later_kind_is_not_guessed() {
    for (name, receipt) in receipts() {
        let value = receipt.clone().encode();
        let later = with_more(&value);
        assert_eq!(Receipt::decode(&later).unwrap(), receipt, "{name}");
        assert_eq!(Receipt::customer_of(&later).unwrap(), "c_1");
    }
    // Time, request and customer, and a kind with the number 9.
    let value = b"\x08\x07\x12\x01r\x1a\x03c_1\x4a\x02\x08\x01";
    assert!(Receipt::decode(value).is_err());
    assert_eq!(Receipt::customer_of(value).unwrap(), "c_1", "whose it is can be told");
}

#[test]
fn a_later_record_of_a_replay_is_read_as_far_as_it_is_known_and_a_later_kind_is_not_guessed() {
    for (name, record) in replay_records() {
        let later = with_more(&record.clone().encode());
        assert_eq!(ReplayRecord::decode(&later).unwrap(), record, "{name}");
    }
    // A holder, and a kind with the number 5.
    let mut value = vec![0x0a, 16];
    value.extend([7; 16]);
    value.extend(b"\x2a\x00");
    assert!(ReplayRecord::decode(&value).is_err());
}
