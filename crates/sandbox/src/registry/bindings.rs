//! The devices of one customer.

use std::collections::HashMap;

use serde::Serialize;

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

#[cfg(test)]
mod tests {
    use super::{BoundDevice, DeviceSet};

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
}
