//! Device to customer.

use emberline_flow::bindings::BindingsTable;
use emberline_model::{CustomerId, DeviceKey, EventTime};
use hashbrown::HashMap;

use super::{BuildAsItIs, nanoseconds};
use crate::report::Row;
use crate::sizes::Sizes;

const LOOK_UPS: usize = 1_000_000;

pub(super) fn rows() -> Vec<Row> {
    let devices: Vec<DeviceKey> = (0..Sizes::LARGE_DEVICES)
        .map(|device| DeviceKey::of(&format!("F4N0000AN/dev{device:06}")))
        .collect();
    let table = BindingsTable::with_capacity(devices.len());
    let mut plain: HashMap<u128, u32, BuildAsItIs> = HashMap::default();
    for (device, key) in (0_u32..).zip(&devices) {
        let Ok(customer) = CustomerId::parse(&format!("c_{:06}", device / 3)) else { continue };
        table.apply(table.customer(&customer), *key, EventTime::from_millis(1), true);
        plain.insert(wide(*key), device / 3);
    }
    let mut rng = fastrand::Rng::with_seed(1);
    let asked: Vec<DeviceKey> =
        (0..LOOK_UPS).map(|_| devices[rng.usize(..devices.len())]).collect();
    let join = nanoseconds(
        || (),
        |()| {
            let found = asked.iter().filter_map(|device| table.customer_of(*device));
            let found = found.filter_map(|customer| table.customer_id(customer)).count();
            assert_eq!(found, LOOK_UPS, "every device is bound");
            found
        },
    );
    let map = nanoseconds(
        || (),
        |()| {
            for device in &asked {
                std::hint::black_box(plain.get(&wide(*device)));
            }
            LOOK_UPS
        },
    );
    vec![
        Row::new("join, device to customer's id", join, "ns a look-up")
            .beside_floor(map)
            .note("100,000 devices; limit: a hash map on one thread, to a number"),
    ]
}

fn wide(key: DeviceKey) -> u128 {
    (u128::from(key.0[1]) << 64) | u128::from(key.0[0])
}
