//! What earlier versions wrote is read, byte for byte as it was written.
//!
//! `fixtures/0.1` is what 0.1 wrote of the [`samples`], text as it is and bytes in
//! hexadecimal. It is never written anew. A version that writes a field more gets a directory
//! of its own, and [`is_kept`] no longer asks it to write the old bytes.

use std::fmt::Debug;
use std::path::Path;

use emberline_model::{CustomerId, DeviceId, ReplayName};
use emberline_wire::customer_devices::{CustomerDevices, for_each_device};
use emberline_wire::device_customers::{self, DeviceCustomer};
use emberline_wire::headers::{DeadLetter, RetryHeader};
use emberline_wire::order_book::{self, OrderBookEntry};
use emberline_wire::receipt::Receipt;
use emberline_wire::replay::{self, ReplayRecord, ReplayRecordKind};

use crate::samples::{
    HOLDER, customer_devices, dead_letter, device, device_customers, order_book_entry, receipts,
    replay_records, retry_header,
};

fn fixture(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/versions/fixtures/0.1").join(name);
    let text = std::fs::read_to_string(&file);
    text.unwrap_or_else(|error| panic!("{}: {error}", file.display())).trim_end().to_owned()
}

/// The bytes that a fixture tells in hexadecimal.
fn bytes(name: &str) -> Vec<u8> {
    let digits: String = fixture(&format!("{name}.hex")).split_whitespace().collect();
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal digits");
    (0..digits.len()).step_by(2).map(byte).collect()
}

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

/// What 0.1 wrote is read as what it meant, and still written so.
fn is_kept<T: Debug + PartialEq>(
    name: &str,
    sample: T,
    read: impl Fn(&[u8]) -> T,
    write: impl Fn(T) -> Vec<u8>,
) {
    let written = bytes(name);
    assert_eq!(read(&written), sample, "{name} reads otherwise than 0.1 meant it");
    assert_eq!(hex(&write(sample)), hex(&written), "{name} is not written as 0.1 wrote it");
}

#[test]
fn the_header_of_a_retry_topic_is_kept() {
    let written = fixture("retry-header.txt");
    assert_eq!(RetryHeader::decode(written.as_bytes()).unwrap(), retry_header());
    assert_eq!(retry_header().encode(), written);
}

#[test]
fn the_headers_of_a_dead_letter_are_kept() {
    let text = fixture("dead-letter-headers.txt");
    let written: Vec<_> = text.lines().map(|line| line.split_once(": ").unwrap()).collect();
    let read = written.iter().map(|(name, value)| (*name, value.as_bytes()));
    assert_eq!(DeadLetter::from_headers(read).unwrap(), dead_letter());
    let now = dead_letter().to_headers();
    let now: Vec<_> = now.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(now, written);
}

#[test]
fn a_customers_set_is_kept() {
    is_kept(
        "customer-devices",
        customer_devices(),
        |bytes| CustomerDevices::decode(bytes).unwrap(),
        |set| set.encode(),
    );
    let mut seen = Vec::new();
    for_each_device(&bytes("customer-devices"), |entry| {
        seen.push((entry.device_id.to_owned(), entry.bound));
    })
    .unwrap();
    let expected = [("F4N0000AN/dev1", true), ("F4N0000AN/dev2", true), ("F4N0000AN/dev3", false)];
    assert_eq!(seen, expected.map(|(id, bound)| (id.to_owned(), bound)));
}

#[test]
fn a_fact_about_a_device_is_kept() {
    is_kept(
        "device-customers-key",
        (device("dev1"), CustomerId::parse("c_1").unwrap()),
        |bytes| {
            let (device, customer) = device_customers::decode_key(bytes).unwrap();
            (DeviceId::parse(device).unwrap(), customer)
        },
        |(device, customer)| device_customers::encode_key(&device, &customer),
    );
    for (name, fact) in device_customers() {
        let read = |bytes: &[u8]| DeviceCustomer::decode(bytes).unwrap();
        is_kept(&format!("device-customers-{name}"), fact, read, DeviceCustomer::encode);
    }
}

#[test]
fn an_entry_of_the_order_book_is_kept() {
    is_kept(
        "order-book-key",
        ("20210811/1".to_owned(), HOLDER),
        |bytes| {
            let (order_no, holder) = order_book::decode_key(bytes).unwrap();
            (order_no.to_owned(), holder)
        },
        |(order_no, holder)| order_book::encode_key(&order_no, holder),
    );
    is_kept(
        "order-book",
        order_book_entry(),
        |bytes| OrderBookEntry::decode(bytes).unwrap(),
        |entry| entry.encode(),
    );
}

#[test]
fn each_kind_of_receipt_is_kept() {
    for (name, receipt) in receipts() {
        let read = |bytes: &[u8]| Receipt::decode(bytes).unwrap();
        is_kept(&format!("receipt-{name}"), receipt, read, Receipt::encode);
    }
}

#[test]
fn each_kind_of_record_of_a_replay_is_kept() {
    for (name, record) in replay_records() {
        let read = |bytes: &[u8]| ReplayRecord::decode(bytes).unwrap();
        is_kept(&format!("replay-{name}"), record, read, ReplayRecord::encode);
    }
    let name = ReplayName::parse("back-fill.2").unwrap();
    let keys = [
        (ReplayRecordKind::Word, "back-fill.2"),
        (ReplayRecordKind::Claim, "back-fill.2/claim"),
        (ReplayRecordKind::Cancel, "back-fill.2/cancel"),
    ];
    for (kind, key) in keys {
        assert_eq!(replay::decode_key(key.as_bytes()).unwrap(), (name.clone(), kind));
        assert_eq!(replay::encode_key(&name, kind), key.as_bytes());
    }
}
