//! The products that the fleet's devices are of, and how their values behave.

use emberline_model::Category;

/// A product: what a device of it measures.
pub(crate) struct Product {
    /// The platform's `ProductId`.
    pub(crate) id: &'static str,
    /// The service's `ProductName`.
    pub(crate) name: &'static str,
    /// What its data template holds.
    pub(crate) categories: &'static [Category],
}

/// Every product; together they cover all categories.
const PRODUCTS: [Product; 3] = [
    Product {
        id: "F4N0000AN",
        name: "Smoke detector",
        categories: &[Category::Smoke, Category::Temperature],
    },
    Product {
        id: "DEP0000AS4",
        name: "Circuit breaker",
        categories: &[
            Category::Voltage,
            Category::Current,
            Category::ResidualCurrent,
            Category::Power,
            Category::Temperature,
        ],
    },
    Product {
        id: "0WUKPUCOTC",
        name: "Smart socket",
        categories: &[Category::Power, Category::Voltage, Category::Current],
    },
];

impl Product {
    /// The product of a device, by the device's number.
    pub(crate) fn of(device: u32) -> &'static Self {
        &PRODUCTS[device as usize % PRODUCTS.len()]
    }
}

/// How a category's main value moves from one second to the next, in steps of the
/// thing model.
pub(crate) struct Climate {
    /// Where it usually lies.
    pub(crate) low: i32,
    /// Where it usually lies.
    pub(crate) high: i32,
    /// How far it moves at most.
    pub(crate) stride: i32,
}

impl Climate {
    pub(crate) const fn of(category: Category) -> Self {
        match category {
            // 215 to 238 V.
            Category::Voltage => Self { low: 2_150, high: 2_380, stride: 6 },
            // -12 to 48 °C.
            Category::Temperature => Self { low: -120, high: 480, stride: 3 },
            // 0 to 28 A.
            Category::Current => Self { low: 0, high: 2_800, stride: 25 },
            // 0 to 30 mA: where a breaker trips.
            Category::ResidualCurrent => Self { low: 0, high: 30, stride: 2 },
            // -3 (a roof that feeds in) to 6 kW.
            Category::Power => Self { low: -300, high: 600, stride: 12 },
            Category::Smoke => Self { low: 0, high: 1, stride: 1 },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use emberline_model::Category;

    use super::{Climate, PRODUCTS, Product};
    use crate::device::main_field;

    #[test]
    fn three_devices_in_a_row_measure_every_category() {
        let measured: BTreeSet<_> =
            (7..10).flat_map(|device| Product::of(device).categories).copied().collect();
        assert_eq!(measured, Category::ALL.into_iter().collect());
        assert!(PRODUCTS.iter().all(|product| product.id.len() <= 10), "the platform's limit");
    }

    #[test]
    fn every_climate_lies_within_the_thing_model() {
        for category in Category::ALL {
            let (climate, range) = (Climate::of(category), main_field(category).quantity);
            assert!(range.min <= climate.low && climate.high <= range.max, "{category:?}");
        }
    }
}
