use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use emberline_broker::{Delivered, ProduceError, TopicIndex};
use emberline_flow::bindings::BindingsTable;
use emberline_flow::placing::partition_of;
use emberline_model::{CustomerId, DeviceKey, EventTime};
use emberline_wire::customer_devices::{BoundDevice, CustomerDevices};
use emberline_wire::device_customers::{DeviceCustomer, decode_key};

use super::super::projected::{FACTS_AT_ONCE, FACTS_UNWRITTEN};
use super::made_up::edges::{Handed, SimWriters};
use super::rig::{KEYED_PARTS, Rig, SECOND, delivery, device};
use crate::intake::{Content, Reader};
use crate::raw::RawRecord;
use crate::settings::WorkerKind::Repartition;

/// The partition of customers' sets that the tests' worker owns, and one of devices' records.
const SETS: i32 = 0;
const DEVICES: i32 = 1;

struct Projector {
    rig: Rig,
    writers: SimWriters,
    reader: Reader,
    next: i64,
}

/// A fact as it was handed over.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Fact {
    device: String,
    customer: String,
    second: i64,
    bound: bool,
}

fn fact(device: &str, customer: &str, second: i64, bound: bool) -> Fact {
    let device = format!("P/{device}");
    Fact { device, customer: customer.to_owned(), second, bound }
}

/// Reads what was handed over as a fact, which lies where its device's records do.
fn read(handed: &Handed) -> Fact {
    assert_eq!(handed.topic, "own.device-customers");
    let (device, customer) = decode_key(handed.key.as_deref().unwrap()).unwrap();
    assert_eq!(handed.partition, Some(partition_of(device.as_bytes(), KEYED_PARTS)));
    let DeviceCustomer { time, bound } =
        DeviceCustomer::decode(handed.value.as_deref().unwrap()).unwrap();
    let second = time.millis() / 1_000 - SECOND;
    Fact { device: device.to_owned(), customer: customer.to_string(), second, bound }
}

/// A set of these devices, each since so many seconds.
fn set(bound: &[(&str, i64)], unbound: &[(&str, i64)]) -> CustomerDevices {
    let time = |second: i64| EventTime::from_millis((SECOND + second) * 1_000);
    let bound = bound.iter().map(|(name, second)| BoundDevice {
        device: device(name),
        customer_device_no: "1".into(),
        product_name: "Smoke detector".into(),
        time: time(*second),
    });
    let unbound = unbound.iter().map(|(name, second)| (device(name), time(*second)));
    CustomerDevices { devices: bound.collect(), unbound: unbound.collect() }
}

fn set_of_many(devices: usize) -> CustomerDevices {
    let names: Vec<String> = (0..devices).map(|number| format!("d{number}")).collect();
    let bound: Vec<_> = names.iter().map(|name| (name.as_str(), 0)).collect();
    set(&bound, &[])
}

impl Projector {
    fn new() -> Self {
        let writers = SimWriters::default();
        let mut rig = Rig::writing(Repartition, delivery(), &writers);
        let topics = &rig.worker.shared.settings.topics;
        let names = [topics.customer_devices(), "raw".to_owned()];
        let reader = Reader::new(Repartition, &names, topics);
        rig.assign_of(&names[0], SETS, None, "");
        Self { rig, writers, reader, next: 0 }
    }

    /// The next record of the topic of customers' sets is read.
    fn record(&mut self, key: &[u8], value: Option<&[u8]>) {
        let raw = || RawRecord::new(Some(key), value, Vec::new());
        let at = (0, SETS, self.next, SECOND * 1_000);
        let intake = self.reader.intake(TopicIndex(0), at, raw());
        self.rig.read_raw((SETS, self.next), raw(), None, intake.content);
        self.next += 1;
    }

    fn set(&mut self, customer: &str, set: &CustomerDevices) {
        self.record(customer.as_bytes(), Some(&set.encode()));
    }

    fn handed(&self) -> Vec<Handed> {
        std::mem::take(&mut self.writers.0.lock().handed)
    }

    /// All of these are there.
    fn written(&mut self, handed: Vec<Handed>) {
        for handed in handed {
            let at = Delivered { partition: 0, offset: 7 };
            self.rig.worker.write_ended(handed.ends(Ok(at)), Instant::now());
        }
        self.rig.worker.turn(Instant::now());
    }

    /// Lets it write until nothing is left to be written.
    fn write_all(&mut self) -> Vec<Fact> {
        let mut facts = Vec::new();
        loop {
            let handed = self.handed();
            if handed.is_empty() {
                return facts;
            }
            facts.extend(handed.iter().map(read));
            self.written(handed);
        }
    }
}

#[test]
fn a_set_is_written_on_as_a_fact_a_device_and_settled_when_all_are_there() {
    let mut projector = Projector::new();
    projector.set("c_1", &set(&[("a", 3), ("b", 4)], &[("c", 5)]));
    let mut handed = projector.handed();
    let facts: Vec<_> = handed.iter().map(read).collect();
    let expected = [("a", 3, true), ("b", 4, true), ("c", 5, false)];
    assert_eq!(facts, expected.map(|(name, second, bound)| fact(name, "c_1", second, bound)));

    let last = handed.pop().unwrap();
    projector.written(handed);
    assert_eq!(projector.rig.frontier(SETS), 0, "one fact is not there");
    let failed = last.ends(Err(ProduceError::TimedOut));
    projector.rig.worker.write_ended(failed, Instant::now());
    projector.rig.worker.turn(Instant::now() + Duration::from_secs(1));
    let again = projector.handed();
    assert_eq!(again.iter().map(read).collect::<Vec<_>>(), facts[2..]);
    projector.written(again);
    assert_eq!((projector.rig.count("repartitioned"), projector.rig.frontier(SETS)), (1, 1));
    assert_eq!(projector.rig.worker.records.len(), 0);
    projector.rig.assert_sum();
}

/// As a process does that was suspended for longer than its session lasts: what it wrote now could
/// come behind what the next owner has written.
#[test]
fn who_stood_still_begins_no_fact_until_it_knows_what_it_has_lost() {
    let mut projector = Projector::new();
    projector.set("c_1", &set_of_many(FACTS_AT_ONCE + 1));
    let handed = projector.handed();
    assert_eq!(handed.len(), FACTS_AT_ONCE);
    let later = Instant::now() + Duration::from_secs(10);
    for handed in handed {
        let at = Delivered { partition: 0, offset: 7 };
        projector.rig.worker.write_ended(handed.ends(Ok(at)), later);
    }
    projector.rig.worker.turn(later);
    assert_eq!(projector.handed().len(), 0);
    for tenths in 1..50 {
        projector.rig.worker.turn(later + Duration::from_millis(100 * tenths));
    }
    assert_eq!(projector.handed().len(), 1, "it was not lost");
}

#[test]
fn of_a_customer_one_set_is_under_way_and_other_customers_go_on() {
    let mut projector = Projector::new();
    projector.set("c_1", &set(&[("a", 1)], &[]));
    projector.set("c_1", &set(&[("b", 2)], &[("a", 2)]));
    projector.set("c_2", &set(&[("a", 3)], &[]));
    projector.set("c_3", &set(&[], &[]));
    let first = projector.handed();
    let facts: Vec<_> = first.iter().map(read).collect();
    assert_eq!(facts, [fact("a", "c_1", 1, true), fact("a", "c_2", 3, true)]);
    assert_eq!(projector.rig.count("repartitioned"), 1, "a set of nobody's devices");
    projector.written(first);
    let facts = projector.write_all();
    assert_eq!(facts, [fact("b", "c_1", 2, true), fact("a", "c_1", 2, false)]);
    assert_eq!((projector.rig.count("repartitioned"), projector.rig.frontier(SETS)), (4, 4));
}

#[test]
fn the_facts_give_the_table_that_the_sets_give() {
    let history = [
        ("c_1", set(&[("a", 1), ("b", 1)], &[])),
        ("c_2", set(&[("a", 5)], &[])),
        ("c_1", set(&[("b", 1)], &[("a", 4)])),
        ("c_2", set(&[("c", 6)], &[("a", 7)])),
        ("c_3", set(&[("b", 1), ("d", 2)], &[])),
        ("c_1", set(&[("a", 8)], &[("b", 9)])),
    ];
    let of_sets = BindingsTable::default();
    let mut projector = Projector::new();
    for (customer, set) in &history {
        let whose = of_sets.customer(&CustomerId::parse(customer).unwrap());
        for bound in &set.devices {
            of_sets.apply(whose, bound.device.key(), bound.time, true);
        }
        for (device, time) in &set.unbound {
            of_sets.apply(whose, device.key(), *time, false);
        }
        projector.set(customer, set);
    }
    let of_facts = BindingsTable::default();
    for fact in projector.write_all() {
        let customer = of_facts.customer(&CustomerId::parse(&fact.customer).unwrap());
        let time = EventTime::from_millis((SECOND + fact.second) * 1_000);
        of_facts.apply(customer, DeviceKey::of(&fact.device), time, fact.bound);
    }
    let whose = |table: &BindingsTable, name: &str| {
        let customer = table.customer_of(device(name).key())?;
        Some(table.customer_id(customer)?.to_string())
    };
    let owners = ["a", "b", "c", "d"].map(|name| whose(&of_facts, name));
    assert_eq!(owners, ["a", "b", "c", "d"].map(|name| whose(&of_sets, name)));
    assert_eq!(owners, ["c_1", "c_3", "c_2", "c_3"].map(|id| Some(id.to_owned())));
}

#[test]
fn of_a_large_set_and_of_all_only_so_many_facts_are_under_way() {
    let mut projector = Projector::new();
    let large = FACTS_AT_ONCE * 2 + 500;
    let sets = FACTS_UNWRITTEN / FACTS_AT_ONCE + 3;
    // Of one of those that come after it only one fact has room.
    projector.set("small", &set_of_many(FACTS_AT_ONCE - 1));
    for number in 0..sets {
        projector.set(&format!("c_{number}"), &set_of_many(large));
    }
    let first = projector.handed();
    assert_eq!(first.len(), FACTS_UNWRITTEN);
    let customers: BTreeSet<_> = first.iter().map(|handed| read(handed).customer).collect();
    assert_eq!(customers.len(), FACTS_UNWRITTEN / FACTS_AT_ONCE + 1, "each as many as it may");
    let some = first.into_iter().take(300).collect();
    projector.written(some);
    let more = projector.handed();
    assert_eq!(more.len(), 300, "as many as are there");

    // All of the rest, in the end, and each once.
    let mut projector = Projector::new();
    for number in 0..sets {
        projector.set(&format!("c_{number}"), &set_of_many(large));
    }
    let facts = projector.write_all();
    assert_eq!(facts.len(), sets * large);
    assert_eq!(facts.iter().collect::<BTreeSet<_>>().len(), facts.len());
    assert_eq!(projector.rig.count("repartitioned"), sets as u64);
    assert_eq!(projector.rig.worker.records.len(), 0);
    projector.rig.assert_sum();
}

#[test]
fn of_a_partition_that_goes_what_is_begun_is_finished_and_the_rest_is_the_next_owners() {
    let mut projector = Projector::new();
    let large = FACTS_AT_ONCE + 5;
    projector.set("c_1", &set_of_many(large));
    projector.set("c_1", &set(&[("x", 1)], &[]));
    let answer = projector.rig.revoke(SETS);
    assert!(answer.try_recv().is_err(), "facts are under way");
    assert_eq!(projector.write_all().len(), large);
    let commits = answer.try_recv().expect("an answer");
    assert_eq!(commits.iter().map(|it| it.offset).collect::<Vec<_>>(), [1]);
    assert_eq!(projector.rig.worker.records.len(), 0);
    projector.rig.assert_sum();
}

#[test]
fn of_a_partition_that_was_lost_no_fact_is_begun_any_more() {
    let mut projector = Projector::new();
    projector.set("c_1", &set_of_many(FACTS_AT_ONCE + 5));
    projector.rig.lose(SETS);
    assert_eq!(projector.write_all().len(), FACTS_AT_ONCE, "the next owner may have a newer set");
    assert_eq!((projector.rig.count("repartitioned"), projector.rig.worker.records.len()), (0, 0));
    // It comes back: nothing is left over of its earlier tenure.
    projector.next = 0;
    projector.rig.assign_of("own.customer-devices", SETS, None, "");
    projector.set("c_1", &set(&[("a", 1)], &[]));
    assert_eq!(projector.write_all(), [fact("a", "c_1", 1, true)]);
    assert_eq!(projector.rig.count("repartitioned"), 1);
}

#[test]
fn a_fact_that_failed_is_not_tried_again_for_a_set_that_is_anothers() {
    let mut projector = Projector::new();
    projector.set("c_1", &set(&[("a", 1), ("b", 1)], &[]));
    let handed = projector.handed();
    projector.rig.lose(SETS);
    for handed in handed {
        let failed = handed.ends(Err(ProduceError::TimedOut));
        projector.rig.worker.write_ended(failed, Instant::now());
    }
    projector.rig.worker.turn(Instant::now() + Duration::from_secs(1));
    assert_eq!(projector.handed().len(), 0, "it could come behind a newer one");
    assert_eq!((projector.rig.worker.outbox.len(), projector.rig.worker.records.len()), (0, 0));
    assert_eq!(projector.rig.worker.outbox.unacknowledged(), (0, 0));
    // Nothing of it holds up what comes.
    projector.next = 0;
    projector.rig.assign_of("own.customer-devices", SETS, None, "");
    projector.set("c_1", &set(&[("a", 2)], &[]));
    assert_eq!(projector.write_all(), [fact("a", "c_1", 2, true)]);
}

#[test]
fn what_cant_be_read_of_a_set_is_told_and_holds_nothing_up() {
    let mut projector = Projector::new();
    let good = set(&[("a", 1)], &[]).encode();
    let cut = [&good[..], b"\x0a\x7fcut"].concat();
    let foreign = [&b"\x12\x08\x0a\x06no one"[..], &good].concat();
    projector.record(b"c_1", Some(&cut));
    projector.record(b"c_2", Some(&foreign));
    projector.record(b"no customer", Some(&good));
    projector.record(b"c_3", None);
    projector.record(b"c_4", Some(&good));
    let mut facts = projector.write_all();
    facts.sort();
    assert_eq!(facts, ["c_1", "c_2", "c_4"].map(|customer| fact("a", customer, 1, true)));
    let rig = &projector.rig;
    assert_eq!((rig.count("skipped"), rig.count("repartitioned")), (4, 1));
    assert_eq!((rig.count("dead_lettered"), rig.frontier(SETS)), (0, 5));
    rig.assert_sum();
}

#[test]
fn devices_records_wait_for_no_set() {
    let mut projector = Projector::new();
    projector.rig.assign(DEVICES, None, "");
    // The sets' partition has more to read, by its log's end; the other one has not.
    let to_end = 1_000_000 - 1;
    projector.rig.read(DEVICES, to_end, Content::ToKeyed(device("a")));
    let handed = projector.handed();
    assert_eq!(handed.iter().map(|it| it.topic.as_str()).collect::<Vec<_>>(), ["own.devices"]);
}
