//! The bindings that a process knows: the table that telemetry is joined with, and, where
//! binding events are worked on, each customer's full set.
//!
//! Both are read from the customer-devices topic, to its end before the first use, and
//! follow it from there.

use std::collections::BTreeSet;
use std::sync::Arc;

use emberline_flow::bindings::BindingsTable;
use emberline_flow::customer_set::CustomerSet;
use emberline_model::{BindingChange, CustomerId, DeviceKey};
use emberline_wire::customer_devices::{BoundDevice, CustomerDevices, for_each_device};
use hashbrown::{HashMap, HashSet};
use metrics::Gauge;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::metrics::BINDINGS_DEVICES;

/// Bindings known to this process.
pub(crate) struct Bindings {
    pub(crate) table: BindingsTable,
    /// Each customer's set, as its bytes on the topic: a tenth of the memory that the sets
    /// themselves would take. `None` where no worker needs them.
    sets: Option<Mutex<Sets>>,
    /// Customers whose set is being made, pushed and written.
    claimed: Arc<Mutex<HashSet<CustomerId>>>,
    changed: watch::Sender<u64>,
    devices: Gauge,
}

/// What is known of the customers' sets beside the table.
#[derive(Default)]
struct Sets {
    by_customer: HashMap<CustomerId, Box<[u8]>>,
    /// Offsets of our own latest writes that are not read back yet.
    written: HashMap<CustomerId, i64>,
    /// Customers whose last record lacks a fact that an earlier one has.
    lacking: BTreeSet<CustomerId>,
}

impl Bindings {
    pub(crate) fn new(keep_sets: bool) -> Self {
        Self {
            table: BindingsTable::default(),
            sets: keep_sets.then(Mutex::default),
            claimed: Arc::default(),
            changed: watch::Sender::new(0),
            devices: metrics::gauge!(BINDINGS_DEVICES),
        }
    }

    /// Takes in a record of the customer-devices topic; `offset` where it was read there.
    pub(crate) fn read(&self, key: Option<&[u8]>, value: Option<&[u8]>, offset: Option<i64>) {
        let customer = key
            .and_then(|key| std::str::from_utf8(key).ok())
            .and_then(|key| CustomerId::parse(key).ok());
        let (Some(customer), Some(value)) = (customer, value) else {
            tracing::warn!("a record on the customer-devices topic has no customer or no value");
            return;
        };
        let reference = self.table.customer(&customer);
        let applied = for_each_device(value, |entry| {
            self.table.apply(reference, DeviceKey::of(entry.device_id), entry.time, entry.bound);
        });
        if let Err(error) = applied {
            tracing::error!(%error, "a record on the customer-devices topic can't be read");
        }
        if let Some(sets) = &self.sets {
            sets.lock().remember(customer, value, offset);
        }
        // To tell nobody costs as much as all else at the start, when millions are read. Who
        // asks to be told looks at the table afterwards.
        if self.changed.receiver_count() > 0 {
            self.changed.send_modify(|version| *version += 1);
        }
    }

    /// Takes in a set that this process has written, at this offset.
    pub(crate) fn apply(&self, customer: &CustomerId, set: &CustomerSet, offset: i64) {
        if let Some(sets) = &self.sets {
            sets.lock().written.insert(customer.clone(), offset);
        }
        self.keep(customer, set);
    }

    /// Takes in a set that is not written anywhere: what one would be.
    pub(crate) fn keep(&self, customer: &CustomerId, set: &CustomerSet) {
        self.read(Some(customer.as_str().as_bytes()), Some(&encode(set)), None);
    }

    /// Customers whose last record lacks facts that are known, with the right to write their
    /// whole set: two processes have each made one from what they knew. Both sets were pushed;
    /// what is missing is only that one record has it all.
    pub(crate) fn take_lacking(&self) -> Vec<(Claim, CustomerSet)> {
        let Some(sets) = &self.sets else { return Vec::new() };
        let lacking = std::mem::take(&mut sets.lock().lacking);
        let mut taken = Vec::new();
        for customer in lacking {
            match self.claim(&customer) {
                Some(claim) => {
                    taken.extend(self.set_of(&customer).map(|set| (claim, set)));
                }
                // Being made anew right now; it is looked at again.
                None => _ = sets.lock().lacking.insert(customer),
            }
        }
        taken
    }

    /// The customer's set is made by the caller alone, until the claim is dropped: of two
    /// workers that add a device each to the same set, the later would take the earlier's
    /// away. `None` while somebody else has the claim.
    pub(crate) fn claim(&self, customer: &CustomerId) -> Option<Claim> {
        let is_free = self.claimed.lock().insert(customer.clone());
        is_free.then(|| Claim { customer: customer.clone(), claimed: Arc::clone(&self.claimed) })
    }

    /// The customer's set as far as it is known; `None` where its record can't be read. Then
    /// none may be made: what the record has would be taken from the customer.
    pub(crate) fn set_of(&self, customer: &CustomerId) -> Option<CustomerSet> {
        let Some(sets) = &self.sets else { return Some(CustomerSet::default()) };
        match sets.lock().by_customer.get(customer) {
            Some(value) => decode(value),
            None => Some(CustomerSet::default()),
        }
    }

    /// The record that makes this the customer's set.
    pub(crate) fn record_of(&self, customer: &CustomerId, set: &CustomerSet) -> Vec<u8> {
        let sets = self.sets.as_ref().map(Mutex::lock);
        let known = sets.as_ref().and_then(|sets| sets.by_customer.get(customer));
        known.map_or_else(|| encode(set), |known| encode_over(set, &[known]))
    }

    /// Whether the device is bound to a customer.
    pub(crate) fn is_bound(&self, device: DeviceKey) -> bool {
        self.table.customer_of(device).is_some()
    }

    /// Tells of changes.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub(crate) fn set_gauge(&self) {
        #[expect(clippy::cast_precision_loss, reason = "a count, shown")]
        self.devices.set(self.table.len() as f64);
    }
}

/// The sole right to make a customer's set, within the process.
#[derive(Debug)]
pub(crate) struct Claim {
    customer: CustomerId,
    claimed: Arc<Mutex<HashSet<CustomerId>>>,
}

impl Claim {
    pub(crate) fn customer(&self) -> &CustomerId {
        &self.customer
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.claimed.lock().remove(&self.customer);
    }
}

impl Sets {
    /// Keeps a customer's set: what was known and what is new, merged. A record may be read
    /// back after a newer one was written.
    fn remember(&mut self, customer: CustomerId, value: &[u8], offset: Option<i64>) {
        let known = self.by_customer.get(&customer);
        let merged = known.filter(|known| ***known != *value).and_then(|known| {
            let (mut set, new) = (decode(known)?, decode(value)?);
            merge(&mut set, value)?;
            // Compared by what they say: a later version may write the same set otherwise.
            let lacks = set != new;
            Some((encode_over(&set, &[value, known]), lacks))
        });
        // What can't be read is kept too, so that nobody makes a set without it.
        let (kept, lacks) = merged.unwrap_or_else(|| (value.to_vec(), false));
        if let Some(offset) = offset
            && self.written.get(&customer).is_none_or(|written| *written <= offset)
        {
            // Nothing that we know is still to be read: what the record lacks, it lacks for good.
            self.written.remove(&customer);
            if lacks {
                self.lacking.insert(customer.clone());
            } else {
                self.lacking.remove(&customer);
            }
        }
        self.by_customer.insert(customer, kept.into());
    }
}

/// `None`: it can't be read.
fn decode(value: &[u8]) -> Option<CustomerSet> {
    let mut set = CustomerSet::default();
    merge(&mut set, value)?;
    Some(set)
}

fn merge(set: &mut CustomerSet, value: &[u8]) -> Option<()> {
    let devices = CustomerDevices::decode(value).ok()?;
    for bound in devices.devices {
        let BoundDevice { device, customer_device_no, product_name, time } = bound;
        set.apply_fact(&device, time, &BindingChange::Bind { customer_device_no, product_name });
    }
    for (device, time) in devices.unbound {
        set.apply_fact(&device, time, &BindingChange::Unbind);
    }
    Some(())
}

/// A set as it stands on the topic.
pub(crate) fn encode(set: &CustomerSet) -> Vec<u8> {
    encode_over(set, &[])
}

/// The same in place of these records.
fn encode_over(set: &CustomerSet, replaced: &[&[u8]]) -> Vec<u8> {
    let devices = set
        .bound()
        .map(|bound| BoundDevice {
            device: bound.device.clone(),
            customer_device_no: bound.customer_device_no.to_owned(),
            product_name: bound.product_name.to_owned(),
            time: bound.time,
        })
        .collect();
    let unbound = set.unbound().map(|(device, time)| (device.clone(), time)).collect();
    CustomerDevices { devices, unbound }.encode_over(replaced)
}

#[cfg(test)]
mod tests {
    use emberline_model::{BindingChange, BindingEvent, CustomerId, DeviceId, EventTime};

    use super::{Bindings, encode};

    fn bind(device: &str, time: i64) -> BindingEvent {
        BindingEvent {
            customer: CustomerId::parse("c_1").unwrap(),
            device: DeviceId::new("P", device).unwrap(),
            time: EventTime::from_millis(time),
            change: BindingChange::Bind {
                customer_device_no: device.into(),
                product_name: "Smoke detector".into(),
            },
        }
    }

    #[test]
    fn a_set_read_back_late_takes_nothing_away() {
        let bindings = Bindings::new(true);
        let customer = CustomerId::parse("c_1").unwrap();
        let mut set = bindings.set_of(&customer).unwrap();
        set.apply(&bind("a", 1));
        let first = encode(&set);
        set.apply(&bind("b", 2));
        bindings.apply(&customer, &set, 1);
        bindings.read(Some(b"c_1"), Some(&first), Some(0));
        assert_eq!(bindings.set_of(&customer).unwrap(), set);
        assert_eq!(bindings.table.len(), 2);
        bindings.read(Some(b"c_1"), Some(&encode(&set)), Some(1));
        assert!(bindings.take_lacking().is_empty(), "nothing is missing");
    }

    #[test]
    fn of_two_sets_made_at_once_the_union_is_written() {
        let (ours, theirs) = (Bindings::new(true), Bindings::new(true));
        let customer = CustomerId::parse("c_1").unwrap();
        let mut a = ours.set_of(&customer).unwrap();
        a.apply(&bind("a", 1));
        let mut b = theirs.set_of(&customer).unwrap();
        b.apply(&bind("b", 2));
        ours.apply(&customer, &a, 10);
        theirs.apply(&customer, &b, 11);
        for process in [&ours, &theirs] {
            process.read(Some(b"c_1"), Some(&encode(&a)), Some(10));
            process.read(Some(b"c_1"), Some(&encode(&b)), Some(11));
            let lacking = process.take_lacking();
            let [(claim, union)] = lacking.as_slice() else { panic!("{lacking:?}") };
            assert_eq!((claim.customer(), union.bound().count()), (&customer, 2));
            assert!(process.claim(&customer).is_none(), "nobody else makes one meanwhile");
        }
        let mut union = a;
        union.apply(&bind("b", 2));
        for process in [&ours, &theirs] {
            process.read(Some(b"c_1"), Some(&encode(&union)), Some(12));
            assert!(process.take_lacking().is_empty(), "mended");
        }
    }

    /// A field that no version has yet, as a later one would write it to a set.
    const MORE: &[u8] = b"\xb2\x06\x04calm";

    fn has_more(record: &[u8]) -> bool {
        record.windows(MORE.len()).any(|part| part == MORE)
    }

    #[test]
    fn a_set_of_a_later_version_is_changed_without_losing_what_only_that_knows() {
        let bindings = Bindings::new(true);
        let customer = CustomerId::parse("c_1").unwrap();
        let mut set = bindings.set_of(&customer).unwrap();
        set.apply(&bind("a", 1));
        bindings.read(Some(b"c_1"), Some(&encode(&set)), Some(0));
        // The same facts and one more, twice, in the order of a later version's choice.
        set.apply(&bind("b", 2));
        bindings.read(Some(b"c_1"), Some(&[MORE, &encode(&set)].concat()), Some(1));
        bindings.read(Some(b"c_1"), Some(&[&encode(&set), MORE].concat()), Some(2));
        assert!(bindings.take_lacking().is_empty(), "two versions would write by turns for ever");
        set.apply(&bind("c", 3));
        let record = bindings.record_of(&customer, &set);
        assert!(has_more(&record));
        bindings.apply(&customer, &set, 3);
        assert!(has_more(&bindings.record_of(&customer, &set)));
    }

    #[test]
    fn nobody_makes_a_set_in_place_of_one_that_cannot_be_read() {
        let bindings = Bindings::new(true);
        let customer = CustomerId::parse("c_1").unwrap();
        let mut set = bindings.set_of(&customer).unwrap();
        set.apply(&bind("a", 1));
        let readable = encode(&set);
        // A device whose id only a later version takes for one.
        let unreadable = [readable.as_slice(), b"\x0a\x08\x0a\x06no one"].concat();
        for before in [None, Some(&readable)] {
            if let Some(before) = before {
                bindings.read(Some(b"c_1"), Some(before), Some(0));
                assert!(bindings.set_of(&customer).is_some());
            }
            bindings.read(Some(b"c_1"), Some(&unreadable), Some(1));
            assert_eq!(bindings.set_of(&customer), None);
            assert!(bindings.take_lacking().is_empty());
        }
        bindings.read(Some(b"c_1"), Some(&readable), Some(2));
        assert_eq!(bindings.set_of(&customer).unwrap(), set);
    }

    #[test]
    fn a_change_is_told() {
        let bindings = Bindings::new(false);
        let mut changes = bindings.changes();
        changes.mark_unchanged();
        let mut set = emberline_flow::customer_set::CustomerSet::default();
        set.apply(&bind("a", 1));
        bindings.read(Some(b"c_1"), Some(&encode(&set)), Some(0));
        assert!(changes.has_changed().unwrap());
        let device = DeviceId::new("P", "a").unwrap().key();
        let customer = bindings.table.customer_of(device).unwrap();
        assert_eq!(bindings.table.customer_id(customer).unwrap().as_str(), "c_1");
    }
}
