//! Whose a device is: the table that telemetry is joined with.
//!
//! Absent: the devices' ids (their 128-bit keys stand for them), and any trust in the
//! order of facts.
//!
//! Start at [`BindingsTable::customer_of`].

use std::cmp::Ordering;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use emberline_model::{CustomerId, DeviceKey, EventTime};
use hashbrown::HashMap;
use parking_lot::{Mutex, RwLock};

use crate::prehashed::BuildPrehashed;

mod customers;
mod rows;

pub use customers::CustomerRef;
use customers::Customers;
use rows::{Key, Row, Standing};

/// Device to customer, written by the reader of the customer-devices topic while workers
/// look up.
///
/// Each customer's facts about a device (bound or unbound, since when) count by
/// themselves: the latest stands, at the same time an unbind against a bind. The device
/// belongs to the customer who bound it last among those who have it bound. So an
/// unbind of one customer never takes another's device, and any order of the same
/// facts, any compaction of them, gives the same table. At the same time the customer
/// whose id sorts last has it.
///
/// Memory: a row is 24 bytes and a control byte, at worst 57 bytes a device just after
/// the table doubled; a customer costs its id, a length byte and at most 12 bytes of
/// index. With three devices a customer that is 62 bytes a device beyond the ids' text.
/// Only a device that two customers had keeps a list of its own.
#[derive(Debug, Default)]
pub struct BindingsTable {
    rows: DashMap<Key, Row, BuildPrehashed>,
    /// All facts about devices that more than one customer told of.
    contested: Mutex<HashMap<Key, Vec<Claim>, BuildPrehashed>>,
    customers: RwLock<Customers>,
    bound: AtomicUsize,
}

/// Shards of a small table: it is written by one thread and read by another.
const FEW_SHARDS: usize = 4;

/// What a fact changed of what its customer had told of the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It stands from now on.
    Newer,
    /// It stood already.
    Known,
    /// Another one stands: it is later, or an unbind at the same time.
    Older,
}

/// What one customer tells of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fact {
    /// Since when. What a row can't hold is told as the nearest time that it can.
    pub time: EventTime,
    /// Whether the customer has it bound, or unbound.
    pub bound: bool,
}

/// What one customer's latest fact about a device is.
#[derive(Debug, Clone, Copy)]
struct Claim {
    customer: CustomerRef,
    time: EventTime,
    bound: bool,
}

impl BindingsTable {
    /// An empty table with room for so many devices. Growing from empty holds the old
    /// and the new rows of a shard at once, so tell the topic's size where it is known.
    pub fn with_capacity(devices: usize) -> Self {
        let rows = DashMap::with_capacity_and_hasher(devices, BuildPrehashed::default());
        Self { rows, ..Self::default() }
    }

    /// An empty table of few shards, for one of many: shards cost memory and time also where
    /// they are empty.
    pub fn small() -> Self {
        let rows = DashMap::with_hasher_and_shard_amount(BuildPrehashed::default(), FEW_SHARDS);
        Self { rows, ..Self::default() }
    }

    /// The short form of a customer that [`apply`](Self::apply) takes: ask once for all
    /// devices of a record.
    pub fn customer(&self, id: &CustomerId) -> CustomerRef {
        let known = self.customers.read().find(id.as_str());
        known.unwrap_or_else(|| self.customers.write().intern(id.as_str()))
    }

    /// Takes a fact in: at this time the device was bound to the customer, or unbound.
    pub fn apply(
        &self,
        customer: CustomerRef,
        device: DeviceKey,
        time: EventTime,
        bound: bool,
    ) -> Applied {
        let key = Key::of(device);
        // A row keeps fewer bits of time. Every comparison sees the same ones.
        let claim = Claim { customer, time: rows::clamp(time), bound };
        match self.rows.entry(key) {
            Entry::Vacant(place) => {
                place.insert(Row::of(claim, Standing::Alone));
                self.count(false, bound);
                Applied::Newer
            }
            Entry::Occupied(mut place) => {
                let row = *place.get();
                let (after, applied) = self.settle(key, row, claim);
                place.insert(after);
                self.count(row.claim().bound, after.claim().bound);
                applied
            }
        }
    }

    /// Whose the device is now.
    pub fn customer_of(&self, device: DeviceKey) -> Option<CustomerRef> {
        let claim = self.rows.get(&Key::of(device))?.claim();
        claim.bound.then_some(claim.customer)
    }

    /// The latest that the customer told of the device, whoever it belongs to.
    pub fn latest(&self, customer: CustomerRef, device: DeviceKey) -> Option<Fact> {
        let key = Key::of(device);
        let row = *self.rows.get(&key)?;
        let of_customer = |claim: &Claim| claim.customer == customer;
        let claim = match row.standing() {
            Standing::Alone => Some(row.claim()).filter(of_customer),
            Standing::Contested => {
                self.contested.lock().get(&key)?.iter().copied().find(of_customer)
            }
        };
        claim.map(|Claim { time, bound, .. }| Fact { time, bound })
    }

    /// The id behind the short form; `None` for one of another table.
    pub fn customer_id(&self, customer: CustomerRef) -> Option<CustomerId> {
        CustomerId::parse(self.customers.read().text(customer)?).ok()
    }

    /// Devices that belong to somebody.
    pub fn len(&self) -> usize {
        self.bound.load(Relaxed)
    }

    /// Whether no device belongs to anybody.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The row after a fact about a device that was told of before, and what it changed.
    fn settle(&self, key: Key, row: Row, claim: Claim) -> (Row, Applied) {
        let known = row.claim();
        if row.standing() == Standing::Alone && known.customer == claim.customer {
            let (stands, applied) = later(known, claim);
            return (Row::of(stands, Standing::Alone), applied);
        }
        let mut contested = self.contested.lock();
        let claims = contested.entry(key).or_insert_with(|| vec![known]);
        let own = claims.iter_mut().find(|other| other.customer == claim.customer);
        let applied = if let Some(own) = own {
            let (stands, applied) = later(*own, claim);
            *own = stands;
            applied
        } else {
            claims.push(claim);
            Applied::Newer
        };
        let customers = self.customers.read();
        let owner = claims
            .iter()
            .copied()
            .max_by_key(|claim| (claim.bound, claim.time, customers.text(claim.customer)));
        (Row::of(owner.unwrap_or(claim), Standing::Contested), applied)
    }

    fn count(&self, before: bool, after: bool) {
        match (before, after) {
            (false, true) => _ = self.bound.fetch_add(1, Relaxed),
            (true, false) => _ = self.bound.fetch_sub(1, Relaxed),
            _ => {}
        }
    }
}

/// Which of two facts of one customer about one device stands.
fn later(known: Claim, new: Claim) -> (Claim, Applied) {
    match (new.time, !new.bound).cmp(&(known.time, !known.bound)) {
        Ordering::Greater => (new, Applied::Newer),
        Ordering::Equal => (known, Applied::Known),
        Ordering::Less => (known, Applied::Older),
    }
}

#[cfg(test)]
mod tests;
