use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use emberline_model::{CustomerId, DeviceId, DeviceKey, EventTime};
use proptest::prelude::*;

use super::{Applied, BindingsTable};

fn key(device: &str) -> DeviceKey {
    DeviceId::new("P", device).unwrap().key()
}

fn tell(table: &BindingsTable, fact: &Fact) -> Applied {
    let customer = table.customer(&CustomerId::parse(&fact.customer).unwrap());
    table.apply(customer, key(&fact.device), EventTime::from_millis(fact.time), fact.bound)
}

fn owner(table: &BindingsTable, device: &str) -> Option<String> {
    let customer = table.customer_of(key(device))?;
    table.customer_id(customer).map(|id| id.as_str().to_owned())
}

fn table(facts: &[(&str, &str, i64, bool)]) -> BindingsTable {
    let table = BindingsTable::default();
    for (customer, device, time, bound) in facts {
        let (customer, device) = ((*customer).to_owned(), (*device).to_owned());
        tell(&table, &Fact { customer, device, time: *time, bound: *bound });
    }
    table
}

#[test]
fn the_later_binding_wins_whenever_it_is_read() {
    for facts in [
        [("c_1", "dev", 5, true), ("c_2", "dev", 9, true)],
        [("c_2", "dev", 9, true), ("c_1", "dev", 5, true)],
    ] {
        let table = table(&facts);
        assert_eq!(owner(&table, "dev").unwrap(), "c_2");
        assert_eq!(table.len(), 1);
    }
}

#[test]
fn an_unbind_ends_the_binding_and_no_older_bind_brings_it_back() {
    let table =
        table(&[("c_1", "dev", 5, true), ("c_1", "dev", 5, false), ("c_1", "dev", 4, true)]);
    assert_eq!(owner(&table, "dev"), None);
    assert!(table.is_empty());
}

#[test]
fn an_unbind_of_the_former_customer_takes_nothing_from_the_new_one() {
    let table =
        table(&[("c_1", "dev", 1, true), ("c_2", "dev", 5, true), ("c_1", "dev", 7, false)]);
    assert_eq!(owner(&table, "dev").unwrap(), "c_2");
}

#[test]
fn a_device_goes_back_to_the_customer_who_still_has_it_bound() {
    let table =
        table(&[("c_1", "dev", 1, true), ("c_2", "dev", 5, true), ("c_2", "dev", 7, false)]);
    assert_eq!(owner(&table, "dev").unwrap(), "c_1");
}

#[test]
fn a_device_never_told_of_belongs_to_nobody() {
    assert_eq!(table(&[("c_1", "dev", 1, true)]).customer_of(key("other")), None);
}

#[test]
fn many_customers_are_each_found_again() {
    let table = BindingsTable::with_capacity(20_000);
    for n in 0..20_000 {
        let (customer, device) = (format!("customer_{n}"), format!("dev{n}"));
        tell(&table, &Fact { customer, device, time: n, bound: true });
    }
    assert_eq!(table.len(), 20_000);
    for n in (0..20_000).step_by(37) {
        assert_eq!(owner(&table, &format!("dev{n}")).unwrap(), format!("customer_{n}"));
    }
}

#[derive(Debug, Clone)]
struct Fact {
    customer: String,
    device: String,
    time: i64,
    bound: bool,
}

fn facts() -> impl Strategy<Value = Vec<Fact>> {
    let fact = ("c_[123]", "[ab]", 0..6_i64, any::<bool>())
        .prop_map(|(customer, device, time, bound)| Fact { customer, device, time, bound });
    prop::collection::vec(fact, 0..14)
}

/// What a customer's last record lists: its latest fact of each device.
fn compacted(facts: &[Fact]) -> Vec<Fact> {
    let mut latest: BTreeMap<(&str, &str), &Fact> = BTreeMap::new();
    for fact in facts {
        let known = latest.entry((&fact.customer, &fact.device)).or_insert(fact);
        if (fact.time, !fact.bound) > (known.time, !known.bound) {
            *known = fact;
        }
    }
    latest.into_values().cloned().collect()
}

fn owners(facts: &[Fact]) -> (Vec<Option<String>>, usize) {
    owners_in(&BindingsTable::default(), facts)
}

fn owners_in(table: &BindingsTable, facts: &[Fact]) -> (Vec<Option<String>>, usize) {
    for fact in facts {
        tell(table, fact);
    }
    (["a", "b"].map(|device| owner(table, device)).into(), table.len())
}

proptest! {
    /// Any order of the same facts, and their compaction, give the table that the rule
    /// says: the customer who bound it last of those whose latest fact is a binding.
    #[test]
    fn order_and_compaction_change_nothing(
        (facts, shuffled) in facts().prop_flat_map(|facts| (Just(facts.clone()), Just(facts).prop_shuffle())),
    ) {
        let latest = compacted(&facts);
        let rule = ["a", "b"].map(|device| {
            let bound = latest.iter().filter(|fact| fact.device == device && fact.bound);
            bound.max_by_key(|fact| (fact.time, &fact.customer)).map(|fact| fact.customer.clone())
        });
        let expected = (rule.to_vec(), rule.iter().flatten().count());
        prop_assert_eq!(&owners(&facts), &expected);
        prop_assert_eq!(&owners(&shuffled), &expected);
        prop_assert_eq!(&owners(&latest), &expected);
    }

    /// A table of few shards knows the same.
    #[test]
    fn a_small_table_is_no_other(facts in facts()) {
        prop_assert_eq!(owners_in(&BindingsTable::small(), &facts), owners(&facts));
    }

    /// What is said of a fact is what it is to the latest one of its customer and device so far.
    #[test]
    fn each_fact_is_compared_with_the_latest_of_its_customer(facts in facts()) {
        let table = BindingsTable::default();
        let mut latest: BTreeMap<(String, String), (i64, bool)> = BTreeMap::new();
        for fact in &facts {
            let rank = (fact.time, !fact.bound);
            let known = latest.entry((fact.customer.clone(), fact.device.clone()));
            let expected = match known {
                Entry::Occupied(known) if rank < *known.get() => Applied::Older,
                Entry::Occupied(known) if rank == *known.get() => Applied::Known,
                known => {
                    known.insert_entry(rank);
                    Applied::Newer
                }
            };
            prop_assert_eq!(tell(&table, fact), expected);
        }
    }

    /// What each customer told last of each device is known, also where others told of it.
    #[test]
    fn the_latest_fact_of_each_customer_is_known(facts in facts()) {
        let table = BindingsTable::default();
        for fact in &facts {
            tell(&table, fact);
        }
        let latest = compacted(&facts);
        for customer in ["c_1", "c_2", "c_3"] {
            for device in ["a", "b"] {
                let of_them = |fact: &&Fact| fact.customer == customer && fact.device == device;
                let expected = latest.iter().find(of_them).map(|fact| (fact.time, fact.bound));
                let whose = table.customer(&CustomerId::parse(customer).unwrap());
                let known = table.latest(whose, key(device));
                prop_assert_eq!(known.map(|it| (it.time.millis(), it.bound)), expected);
            }
        }
    }
}
