//! The bindings of the devices in the partitions that a worker owns: a table a partition, read
//! from the device-customers topic, and dropped as a whole.
//!
//! Absent: when a table is complete, and which partitions are owned. The worker knows both, and
//! tells them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use emberline_broker::TableRecord;
use emberline_flow::bindings::{Applied, BindingsTable};
use emberline_flow::older_facts::{OlderFacts, Pair};
use emberline_flow::placing::partition_of;
use emberline_model::{CustomerId, DeviceId, DeviceKey};
use emberline_wire::device_customers::{DeviceCustomer, decode_key};
use metrics::Gauge;
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use self::older::Noted;
use crate::metrics::BINDINGS_DEVICES;

mod older;

pub(crate) use self::older::LatestFact;
#[cfg(test)]
pub(crate) use self::older::MOST_NOTED;

/// Written by the thread that reads the topic, asked by the worker.
pub(crate) struct OwnTables {
    /// By partition of the topic; `None`: another worker's.
    parts: RwLock<Vec<Option<Part>>>,
    partitions: i32,
    changed: watch::Sender<u64>,
    facts_older: AtomicU64,
    noted: Noted,
    devices: Gauge,
}

/// The table of one tenure.
struct Part {
    tenure: u64,
    is_complete: bool,
    /// One past the last offset of the topic that is in it.
    position: AtomicI64,
    table: BindingsTable,
    /// Of what the topic has an older fact last.
    older: Mutex<OlderFacts>,
    /// Some of these found no room: it is to be read again.
    some_are_not_noted: AtomicBool,
    /// Records that are no facts are told of once.
    some_are_odd: AtomicBool,
}

impl OwnTables {
    /// Of a topic of so many partitions, none of which is owned.
    pub(crate) fn new(partitions: i32) -> Arc<Self> {
        let places = usize::try_from(partitions).unwrap_or(0);
        Arc::new(Self {
            parts: RwLock::new((0..places).map(|_| None).collect()),
            partitions,
            changed: watch::Sender::new(0),
            facts_older: AtomicU64::new(0),
            noted: Noted::default(),
            devices: metrics::gauge!(BINDINGS_DEVICES),
        })
    }

    /// How many partitions the topic has.
    pub(crate) fn partitions(&self) -> i32 {
        self.partitions
    }

    /// An empty table for a tenure that begins.
    pub(crate) fn begin(&self, partition: i32, tenure: u64) {
        let part = Part {
            tenure,
            is_complete: false,
            position: AtomicI64::new(0),
            table: BindingsTable::small(),
            older: Mutex::default(),
            some_are_not_noted: false.into(),
            some_are_odd: false.into(),
        };
        self.replace(partition, Some(part));
    }

    /// The table of a tenure has all that its topic held when it was begun, up to this end.
    pub(crate) fn complete(&self, partition: i32, tenure: u64, end: i64) {
        let mut parts = self.parts.write();
        let part = usize::try_from(partition).ok().and_then(|index| parts.get_mut(index)?.as_mut());
        if let Some(part) = part.filter(|part| part.tenure == tenure) {
            part.is_complete = true;
            // The last offsets may have no record: those before may be compacted away.
            part.position.fetch_max(end, Ordering::Relaxed);
        }
    }

    /// Drops the table of a tenure that is over.
    pub(crate) fn end(&self, partition: i32, tenure: u64) {
        let is_it = |part: &Part| part.tenure == tenure;
        if index(partition, &self.parts.read()).is_some_and(is_it) {
            self.replace(partition, None);
        }
    }

    fn replace(&self, partition: i32, part: Option<Part>) {
        let mut parts = self.parts.write();
        let place = usize::try_from(partition).ok().and_then(|index| parts.get_mut(index));
        let before = place.and_then(|place| std::mem::replace(place, part));
        // What takes time is done when others may go on.
        drop(parts);
        if let Some(before) = before {
            self.noted.forget(before);
        }
    }

    /// Takes in a record of the device-customers topic. What comes of a partition that is not
    /// owned any more is passed over.
    pub(crate) fn read(&self, record: TableRecord<'_>) {
        let parts = self.parts.read();
        let Some(part) = index(record.partition, &parts) else { return };
        part.position.store(record.offset + 1, Ordering::Relaxed);
        let record_key = record.key.unwrap_or_default();
        let known = record.key.zip(record.value).and_then(|(key, value)| {
            let (device, customer) = decode_key(key).ok()?;
            Some((device, customer, DeviceCustomer::decode(value).ok()?))
        });
        let Some((device, customer, fact)) = known else {
            self.noted.put_right(part, record_key);
            let TableRecord { partition, offset, .. } = record;
            if !part.some_are_odd.swap(true, Ordering::Relaxed) {
                tracing::warn!(partition, offset, "no fact; such records are passed over");
            }
            return;
        };
        let pair = Pair { device: DeviceKey::of(device), customer: part.table.customer(&customer) };
        let applied = part.table.apply(pair.customer, pair.device, fact.time, fact.bound);
        if applied == Applied::Older {
            // While a table is being read it meets what the topic has held for long.
            self.facts_older.fetch_add(u64::from(part.is_complete), Ordering::Relaxed);
            self.noted.note(part, record_key, pair);
            return;
        }
        self.noted.put_right(part, record_key);
        if applied == Applied::Newer {
            self.changed.send_modify(|version| *version += 1);
        }
    }

    /// Whose the device is now, as far as its partition is owned.
    pub(crate) fn customer_of(&self, device: &DeviceId) -> Option<CustomerId> {
        let parts = self.parts.read();
        let table = &self.part_of(device, &parts)?.table;
        table.customer_id(table.customer_of(device.key())?)
    }

    /// Whether the device is bound to a customer, and its partition owned.
    pub(crate) fn is_bound(&self, device: &DeviceId) -> bool {
        let parts = self.parts.read();
        let part = self.part_of(device, &parts);
        part.is_some_and(|part| part.table.customer_of(device.key()).is_some())
    }

    /// By the device's own hash: a device's lane outlives the tenure that its records came by.
    fn part_of<'a>(&self, device: &DeviceId, parts: &'a [Option<Part>]) -> Option<&'a Part> {
        index(partition_of(device.as_str().as_bytes(), self.partitions), parts)
    }

    /// Tells of changes.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// How far the topic is read, of partitions that have a complete table.
    pub(crate) fn positions(&self) -> Vec<(i32, i64)> {
        let parts = self.parts.read();
        let complete = (0..).zip(parts.iter()).filter_map(|(partition, part)| {
            let part = part.as_ref().filter(|part| part.is_complete)?;
            Some((partition, part.position.load(Ordering::Relaxed)))
        });
        complete.collect()
    }

    /// How many partitions are owned.
    pub(crate) fn owned(&self) -> usize {
        self.parts.read().iter().flatten().count()
    }

    /// Each table's partition and tenure.
    #[cfg(test)]
    pub(crate) fn tenures(&self) -> Vec<(i32, u64)> {
        let parts = self.parts.read();
        let tenures = parts.iter().map(|part| part.as_ref().map(|part| part.tenure));
        (0..).zip(tenures).filter_map(|(partition, tenure)| Some((partition, tenure?))).collect()
    }

    /// Devices that belong to somebody, of the partitions that are owned.
    pub(crate) fn devices(&self) -> usize {
        self.parts.read().iter().flatten().map(|part| part.table.len()).sum()
    }

    /// Facts that came to a complete table although it knew a later one.
    pub(crate) fn facts_older(&self) -> u64 {
        self.facts_older.load(Ordering::Relaxed)
    }

    pub(crate) fn set_gauge(&self) {
        #[expect(clippy::cast_precision_loss, reason = "a count, shown")]
        self.devices.set(self.devices() as f64);
    }
}

fn index(partition: i32, parts: &[Option<Part>]) -> Option<&Part> {
    parts.get(usize::try_from(partition).ok()?)?.as_ref()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use emberline_broker::TableRecord;
    use emberline_flow::bindings::BindingsTable;
    use emberline_flow::placing::partition_of;
    use emberline_model::{CustomerId, DeviceId, EventTime};
    use emberline_wire::device_customers::{DeviceCustomer, encode_key};
    use proptest::prelude::*;

    use super::OwnTables;

    pub(super) const PARTITIONS: i32 = 3;

    #[derive(Debug, Clone)]
    pub(super) struct Fact {
        pub(super) device: DeviceId,
        pub(super) customer: CustomerId,
        pub(super) says: DeviceCustomer,
    }

    pub(super) fn fact(device: &str, customer: &str, time: i64, bound: bool) -> Fact {
        Fact {
            device: DeviceId::new("P", device).unwrap(),
            customer: CustomerId::parse(customer).unwrap(),
            says: DeviceCustomer { time: EventTime::from_millis(time), bound },
        }
    }

    impl Fact {
        pub(super) fn partition(&self) -> i32 {
            partition_of(self.device.as_str().as_bytes(), PARTITIONS)
        }

        pub(super) fn read_by(&self, tables: &OwnTables) {
            let key = encode_key(&self.device, &self.customer);
            tables.read(TableRecord {
                partition: self.partition(),
                offset: 0,
                timestamp_ms: 0,
                key: Some(&key),
                value: Some(&self.says.encode()),
            });
        }
    }

    /// Tables of all partitions, each of the tenure 1.
    fn all() -> std::sync::Arc<OwnTables> {
        let tables = OwnTables::new(PARTITIONS);
        (0..PARTITIONS).for_each(|partition| tables.begin(partition, 1));
        tables
    }

    fn facts() -> impl Strategy<Value = Vec<Fact>> {
        let fact = ("[a-f]", "c_[123]", 0..6_i64, any::<bool>())
            .prop_map(|(device, customer, time, bound)| fact(&device, &customer, time, bound));
        prop::collection::vec(fact, 0..30)
    }

    proptest! {
        /// The facts of a topic, read by partitions, some of them twice, give the owners that
        /// one table of all of them gives.
        #[test]
        fn the_tables_together_know_what_one_table_knows(
            facts in facts(), again in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let (whole, tables) = (BindingsTable::default(), all());
            for Fact { device, customer, says } in &facts {
                whole.apply(whole.customer(customer), device.key(), says.time, says.bound);
            }
            let mut by_partition: BTreeMap<i32, Vec<&Fact>> = BTreeMap::new();
            for fact in &facts {
                by_partition.entry(fact.partition()).or_default().push(fact);
            }
            by_partition.values().flatten().for_each(|fact| fact.read_by(&tables));
            for fact in again.iter().filter(|_| !facts.is_empty()) {
                facts[fact.index(facts.len())].read_by(&tables);
            }
            for Fact { device, .. } in &facts {
                let owner = whole.customer_of(device.key());
                let owner = owner.and_then(|owner| whole.customer_id(owner));
                prop_assert_eq!(tables.is_bound(device), owner.is_some());
                prop_assert_eq!(tables.customer_of(device), owner);
            }
            prop_assert_eq!(tables.devices(), whole.len());
        }
    }

    #[test]
    fn a_table_ends_with_its_tenure_and_with_no_other() {
        let tables = OwnTables::new(PARTITIONS);
        let bound = fact("a", "c_1", 1, true);
        bound.read_by(&tables);
        assert!(!tables.is_bound(&bound.device), "nobody's partition");
        tables.begin(bound.partition(), 1);
        bound.read_by(&tables);
        assert!(tables.is_bound(&bound.device));

        // Lost and regained: the end of the first is told after the second has begun.
        tables.begin(bound.partition(), 2);
        assert!(!tables.is_bound(&bound.device), "read anew");
        bound.read_by(&tables);
        tables.end(bound.partition(), 1);
        assert_eq!(tables.customer_of(&bound.device), Some(bound.customer.clone()));
        tables.end(bound.partition(), 2);
        assert_eq!((tables.is_bound(&bound.device), tables.devices()), (false, 0));
    }

    #[test]
    fn a_fact_is_older_once_its_table_is_complete() {
        let tables = OwnTables::new(PARTITIONS);
        let (bound, unbound) = (fact("a", "c_1", 1, true), fact("a", "c_1", 2, false));
        let others = fact("a", "c_2", 0, true);
        let partition = bound.partition();
        let counted = |facts: &[&Fact]| {
            for fact in facts {
                fact.read_by(&tables);
            }
            tables.facts_older()
        };
        tables.begin(partition, 7);
        assert_eq!(counted(&[&unbound, &bound]), 0, "the topic held it");
        tables.complete(partition, 6, 2);
        assert_eq!(counted(&[&bound]), 0, "another tenure's table is complete");
        tables.complete(partition, 7, 2);
        assert_eq!(counted(&[&unbound]), 0, "known");
        assert_eq!(counted(&[&others]), 0, "another customer's first");
        assert_eq!(counted(&[&bound]), 1);
        tables.begin(partition, 8);
        assert_eq!(counted(&[&unbound, &bound]), 1, "read anew");
    }

    #[test]
    fn a_complete_table_says_how_far_its_topic_is_read() {
        let tables = OwnTables::new(PARTITIONS);
        tables.begin(2, 1);
        let bound = fact("a", "c_1", 1, true);
        let key = encode_key(&bound.device, &bound.customer);
        let value = bound.says.encode();
        let record = |offset| TableRecord {
            partition: 2,
            offset,
            timestamp_ms: 0,
            key: Some(&key),
            value: Some(&value),
        };
        tables.read(record(4));
        assert_eq!(tables.positions(), [], "not complete");
        tables.complete(2, 1, 7);
        assert_eq!(tables.positions(), [(2, 7)], "nothing is left of the offsets at the end");
        tables.read(record(7));
        assert_eq!(tables.positions(), [(2, 8)]);
        // The topic was deleted and made again.
        tables.read(record(0));
        assert_eq!(tables.positions(), [(2, 1)]);
        tables.end(2, 1);
        assert_eq!(tables.positions(), []);
    }

    #[test]
    fn what_is_no_fact_is_passed_over_and_only_news_are_told() {
        let tables = all();
        let mut changes = tables.changes();
        let record =
            |key, value| TableRecord { partition: 0, offset: 0, timestamp_ms: 0, key, value };
        for (key, value) in [
            (None, Some(&b""[..])),
            (Some(&b"P/a c_1"[..]), None),
            (Some(&b"P/a c_1 more"[..]), Some(&b""[..])),
            (Some(&b"P/a c_1"[..]), Some(&b"\xff"[..])),
        ] {
            tables.read(record(key, value));
        }
        tables.read(TableRecord { partition: 99, ..record(Some(b"P/a c_1"), Some(b"")) });
        assert_eq!((tables.devices(), changes.has_changed().unwrap()), (0, false));
        let bound = fact("a", "c_1", 1, true);
        bound.read_by(&tables);
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        bound.read_by(&tables);
        fact("a", "c_1", 0, false).read_by(&tables);
        assert!(!changes.has_changed().unwrap(), "known, and older");
    }
}
