//! The devices of one customer.

use std::collections::HashMap;
use std::ops::Range;

use serde::Serialize;

use crate::browse::Needle;

/// A bound device, as `ServiceBindDevice` names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BoundDevice {
    /// `DeviceId`.
    pub device_id: String,
    /// `CustomerDeviceNo`.
    pub customer_device_no: String,
    /// `ProductName`.
    pub product_name: String,
}

/// What was pushed for a customer, each list sorted by device id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bindings {
    /// How many pushes came.
    pub pushes: u64,
    /// The devices of the last push: the vendor requires that it carries all of them.
    pub last_push: Vec<BoundDevice>,
    /// The devices of all pushes together.
    pub all: Vec<BoundDevice>,
}

/// A device that was pushed for a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PushedDevice {
    pub(crate) device: BoundDevice,
    /// Whether the customer's last push carried it.
    pub(crate) in_last_push: bool,
}

#[derive(Default)]
pub(super) struct DeviceSet {
    pushes: u64,
    devices: HashMap<String, Row>,
}

struct Row {
    customer_device_no: String,
    product_name: String,
    /// The number of the last push that carried it, from 1.
    push: u64,
}

impl DeviceSet {
    pub(super) fn contains(&self, device: &str) -> bool {
        self.devices.contains_key(device)
    }

    pub(super) fn len(&self) -> usize {
        self.devices.len()
    }

    pub(super) fn push(&mut self, devices: Vec<BoundDevice>) {
        self.pushes += 1;
        for BoundDevice { device_id, customer_device_no, product_name } in devices {
            let row = Row { customer_device_no, product_name, push: self.pushes };
            self.devices.insert(device_id, row);
        }
    }

    pub(super) fn pushes(&self) -> u64 {
        self.pushes
    }

    pub(super) fn get(&self, device: &str) -> Option<PushedDevice> {
        let (device_id, row) = self.devices.get_key_value(device)?;
        Some(self.pushed(device_id, row))
    }

    /// How many devices have the text in their id, number or product's name.
    pub(super) fn count(&self, needle: &Needle) -> usize {
        if needle.is_empty() {
            return self.devices.len();
        }
        self.devices.iter().filter(|(id, row)| row.has(id, needle)).count()
    }

    /// A range of these devices, in the order of their ids.
    pub(super) fn part(&self, needle: &Needle, range: Range<usize>) -> Vec<PushedDevice> {
        let mut rows: Vec<_> =
            self.devices.iter().filter(|(id, row)| row.has(id, needle)).collect();
        // Sorted only as far as it is asked for.
        let end = range.end.min(rows.len());
        if end < rows.len() {
            rows.select_nth_unstable_by_key(end, |(device_id, _)| *device_id);
            rows.truncate(end);
        }
        rows.sort_unstable_by_key(|(device_id, _)| *device_id);
        rows.into_iter().skip(range.start).map(|(id, row)| self.pushed(id, row)).collect()
    }

    fn pushed(&self, device_id: &str, row: &Row) -> PushedDevice {
        PushedDevice {
            device: BoundDevice {
                device_id: device_id.to_owned(),
                customer_device_no: row.customer_device_no.clone(),
                product_name: row.product_name.clone(),
            },
            in_last_push: row.push == self.pushes,
        }
    }

    pub(super) fn shown(&self) -> Bindings {
        let mut rows: Vec<_> = self.devices.iter().collect();
        rows.sort_unstable_by_key(|(device_id, _)| *device_id);
        let shown = |(device_id, row): &(&String, &Row)| BoundDevice {
            device_id: (*device_id).clone(),
            customer_device_no: row.customer_device_no.clone(),
            product_name: row.product_name.clone(),
        };
        Bindings {
            pushes: self.pushes,
            last_push: rows.iter().filter(|(_, row)| row.push == self.pushes).map(shown).collect(),
            all: rows.iter().map(shown).collect(),
        }
    }
}

impl Row {
    fn has(&self, device_id: &str, needle: &Needle) -> bool {
        needle.is_in(device_id)
            || needle.is_in(&self.customer_device_no)
            || needle.is_in(&self.product_name)
    }
}

#[cfg(test)]
mod tests {
    use super::{BoundDevice, DeviceSet};
    use crate::browse::Needle;

    fn device(id: &str, product_name: &str) -> BoundDevice {
        BoundDevice {
            device_id: id.to_owned(),
            customer_device_no: "SN".to_owned(),
            product_name: product_name.to_owned(),
        }
    }

    #[test]
    fn the_last_push_and_the_union_are_told_apart() {
        let mut set = DeviceSet::default();
        set.push(vec![device("P/a", "old"), device("P/b", "old")]);
        set.push(vec![device("P/b", "new"), device("P/c", "new")]);
        let shown = set.shown();
        assert_eq!(shown.pushes, 2);
        assert_eq!(shown.last_push, [device("P/b", "new"), device("P/c", "new")]);
        assert_eq!(shown.all, [device("P/a", "old"), device("P/b", "new"), device("P/c", "new")]);
    }

    #[test]
    fn a_part_is_sorted_however_much_is_left_out() {
        let mut set = DeviceSet::default();
        set.push((0..50).rev().map(|n| device(&format!("P/{n:02}"), "x")).collect());
        set.push(vec![device("Q/1", "smoke")]);
        let ids = |needle: &str, range| -> Vec<String> {
            let part = set.part(&Needle::new(needle), range);
            part.into_iter().map(|pushed| pushed.device.device_id).collect()
        };
        assert_eq!(ids("", 3..5), ["P/03", "P/04"]);
        assert_eq!(ids("", 49..60), ["P/49", "Q/1"]);
        assert_eq!(ids("SMOKE", 0..9), ["Q/1"]);
        assert_eq!((set.count(&Needle::new("p/1")), set.count(&Needle::default())), (10, 51));
        assert!(set.get("Q/1").unwrap().in_last_push && !set.get("P/01").unwrap().in_last_push);
    }
}
