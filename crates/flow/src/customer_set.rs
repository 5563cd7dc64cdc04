//! One customer's devices: what a bind push must carry.
//!
//! Absent: how the set is written down. The pipeline turns it into a push and a record.
//!
//! Start at [`CustomerSet::apply`].

use std::cmp::Ordering;
use std::collections::BTreeMap;

use emberline_model::{BindingChange, BindingEvent, DeviceId, EventTime};

/// The devices of one customer, bound and unbound, each by the latest fact about it.
///
/// Of two facts the one with the later time stands; at the same time an unbind stands
/// against a bind, and of two binds the one whose details sort last. So any order of the
/// same facts, each any number of times, gives the same set. Unbound devices stay known:
/// without them a bind that comes late would bring its device back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CustomerSet {
    devices: BTreeMap<DeviceId, Fact>,
    bound: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Fact {
    time: EventTime,
    change: BindingChange,
}

/// What an event did to the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The device is new in the set.
    Added,
    /// The device was in the set; its details or the time of its binding changed.
    Updated,
    /// The device left the set.
    Removed,
    /// A device that wasn't in the set is known to be unbound at this time. The push is
    /// the same as before, but it must be remembered.
    Noted,
    /// A fact that is there already, or an older one: a duplicate.
    Unchanged,
}

/// A device in the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoundDevice<'a> {
    /// Which.
    pub device: &'a DeviceId,
    /// The customer's own number of it.
    pub customer_device_no: &'a str,
    /// `ProductName`.
    pub product_name: &'a str,
    /// When it was bound.
    pub time: EventTime,
}

impl CustomerSet {
    /// Takes an event of this customer in. Whose it is isn't looked at.
    pub fn apply(&mut self, event: &BindingEvent) -> Change {
        self.apply_fact(&event.device, event.time, &event.change)
    }

    /// The same for a fact that is no event of its own, such as a line of the record
    /// that the set was written down in.
    pub fn apply_fact(
        &mut self,
        device: &DeviceId,
        time: EventTime,
        change: &BindingChange,
    ) -> Change {
        let known = self.devices.get_mut(device);
        let was_bound = known.as_ref().is_some_and(|fact| fact.is_bound());
        match known {
            Some(fact) if order(time, change, fact) != Ordering::Greater => {
                return Change::Unchanged;
            }
            Some(fact) => *fact = Fact { time, change: change.clone() },
            None => {
                self.devices.insert(device.clone(), Fact { time, change: change.clone() });
            }
        }
        match (was_bound, matches!(change, BindingChange::Bind { .. })) {
            (false, true) => {
                self.bound += 1;
                Change::Added
            }
            (true, false) => {
                self.bound -= 1;
                Change::Removed
            }
            (true, true) => Change::Updated,
            (false, false) => Change::Noted,
        }
    }

    /// The devices in the set, by id.
    pub fn bound(&self) -> impl Iterator<Item = BoundDevice<'_>> {
        self.devices.iter().filter_map(|(device, fact)| match &fact.change {
            BindingChange::Bind { customer_device_no, product_name } => {
                Some(BoundDevice { device, customer_device_no, product_name, time: fact.time })
            }
            BindingChange::Unbind => None,
        })
    }

    /// The devices known to be unbound, by id, and since when.
    pub fn unbound(&self) -> impl Iterator<Item = (&DeviceId, EventTime)> {
        self.devices
            .iter()
            .filter(|(_, fact)| !fact.is_bound())
            .map(|(device, fact)| (device, fact.time))
    }

    /// Whether a device is in the set.
    pub fn has(&self, device: &DeviceId) -> bool {
        self.devices.get(device).is_some_and(Fact::is_bound)
    }

    /// How many devices are in the set.
    pub fn len(&self) -> usize {
        self.bound
    }

    /// Whether no device is in the set.
    pub fn is_empty(&self) -> bool {
        self.bound == 0
    }
}

impl Fact {
    fn is_bound(&self) -> bool {
        matches!(self.change, BindingChange::Bind { .. })
    }
}

/// Whether the new fact stands against the known one.
fn order(time: EventTime, change: &BindingChange, known: &Fact) -> Ordering {
    time.cmp(&known.time).then_with(|| rank(change).cmp(&rank(&known.change)))
}

fn rank(change: &BindingChange) -> (bool, &str, &str) {
    match change {
        BindingChange::Bind { customer_device_no, product_name } => {
            (false, customer_device_no, product_name)
        }
        BindingChange::Unbind => (true, "", ""),
    }
}

#[cfg(test)]
mod tests {
    use emberline_model::{BindingChange, BindingEvent, CustomerId, DeviceId, EventTime};
    use proptest::prelude::*;

    use super::{Change, CustomerSet};

    fn event(device: &str, time: i64, change: BindingChange) -> BindingEvent {
        BindingEvent {
            customer: CustomerId::parse("c_1").unwrap(),
            device: DeviceId::new("P", device).unwrap(),
            time: EventTime::from_millis(time),
            change,
        }
    }

    fn bind(device: &str, time: i64, number: &str) -> BindingEvent {
        let change = BindingChange::Bind {
            customer_device_no: number.into(),
            product_name: "Smoke detector".into(),
        };
        event(device, time, change)
    }

    fn unbind(device: &str, time: i64) -> BindingEvent {
        event(device, time, BindingChange::Unbind)
    }

    #[test]
    fn each_event_tells_what_it_changed() {
        let mut set = CustomerSet::default();
        assert_eq!(set.apply(&bind("a", 5, "1")), Change::Added);
        assert_eq!(set.apply(&bind("a", 5, "1")), Change::Unchanged);
        assert_eq!(set.apply(&bind("a", 4, "2")), Change::Unchanged);
        assert_eq!(set.apply(&unbind("a", 4)), Change::Unchanged);
        assert_eq!(set.apply(&bind("a", 6, "1")), Change::Updated);
        assert_eq!(set.apply(&unbind("a", 6)), Change::Removed);
        assert!(set.is_empty());
        assert_eq!(set.apply(&bind("a", 6, "3")), Change::Unchanged);
        assert_eq!(set.apply(&unbind("b", 9)), Change::Noted);
        assert_eq!(set.apply(&bind("b", 8, "1")), Change::Unchanged);
        assert_eq!(set.apply(&bind("b", 10, "1")), Change::Added);
        assert_eq!(set.len(), 1);
    }

    #[test]
    fn devices_come_in_the_order_of_their_ids() {
        let mut set = CustomerSet::default();
        for device in ["c", "a", "d", "b"] {
            set.apply(&bind(device, 1, device));
        }
        set.apply(&unbind("c", 2));
        let numbers: Vec<&str> = set.bound().map(|device| device.customer_device_no).collect();
        assert_eq!(numbers, ["a", "b", "d"]);
        let unbound: Vec<&str> = set.unbound().map(|(device, _)| device.as_str()).collect();
        assert_eq!(unbound, ["P/c"]);
    }

    fn events() -> impl Strategy<Value = Vec<BindingEvent>> {
        let bound = ("[ab]", 0..5_i64, "[xy]").prop_map(|(d, time, no)| bind(&d, time, &no));
        let unbound = ("[ab]", 0..5_i64).prop_map(|(device, time)| unbind(&device, time));
        prop::collection::vec(prop_oneof![2 => bound, 1 => unbound], 0..12)
    }

    proptest! {
        /// Any order of the same events, some of them twice, gives the same set, and it
        /// counts what it lists.
        #[test]
        fn order_and_repetition_change_nothing(
            (events, shuffled) in events().prop_flat_map(|events| {
                let twice: Vec<_> = events.iter().chain(&events[..events.len() / 2]).cloned().collect();
                (Just(events), Just(twice).prop_shuffle())
            }),
        ) {
            let (mut one, mut other) = (CustomerSet::default(), CustomerSet::default());
            for event in &events {
                one.apply(event);
            }
            for event in &shuffled {
                other.apply(event);
            }
            prop_assert_eq!(one.len(), one.bound().count());
            prop_assert_eq!(one, other);
        }
    }
}
