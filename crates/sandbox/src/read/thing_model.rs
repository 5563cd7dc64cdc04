//! The standard thing model as the service sees it: six categories, the values each
//! must carry, their ranges and steps (contract: thing model; service API, data push).

/// One value of a category.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Quantity {
    pub(crate) sub_type: u32,
    /// For messages.
    pub(crate) name: &'static str,
    /// Smallest and largest value, in steps of 10^-`decimals`.
    pub(crate) min: i64,
    pub(crate) max: i64,
    pub(crate) decimals: u32,
}

/// A `DataCategory`: its code, and the values that all must be there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DataCategory {
    pub(crate) code: u16,
    /// Its place in [`CATEGORIES`].
    pub(crate) index: usize,
    /// By ascending `SubType`.
    pub(crate) quantities: &'static [Quantity],
}

/// Most values of one category.
pub(crate) const MOST_VALUES: usize = 3;

const fn quantity(
    sub_type: u32,
    name: &'static str,
    (min, max): (i64, i64),
    decimals: u32,
) -> Quantity {
    Quantity { sub_type, name, min, max, decimals }
}

/// 路数. The vendor's page prints 63335; it is taken at its word.
const CIRCUIT: Quantity = quantity(1000, "circuit number", (1, 63_335), 0);

/// Every category, by code.
pub(crate) static CATEGORIES: [DataCategory; 6] = [
    DataCategory {
        code: 100,
        index: 0,
        quantities: &[CIRCUIT, quantity(1001, "voltage", (0, 65_535), 1)],
    },
    DataCategory {
        code: 200,
        index: 1,
        quantities: &[CIRCUIT, quantity(1002, "temperature", (-160, 1_510), 1)],
    },
    DataCategory {
        code: 300,
        index: 2,
        quantities: &[
            CIRCUIT,
            quantity(1003, "current", (0, 65_535), 2),
            quantity(1004, "rated current", (0, 65_535), 2),
        ],
    },
    DataCategory {
        code: 310,
        index: 3,
        quantities: &[quantity(1005, "residual current", (0, 65_535), 3)],
    },
    DataCategory {
        code: 400,
        index: 4,
        quantities: &[quantity(1006, "power", (-32_767, 32_767), 2)],
    },
    DataCategory { code: 500, index: 5, quantities: &[quantity(1007, "smoke", (0, 1), 0)] },
];

impl DataCategory {
    /// The category of a `DataCategory` code.
    pub(crate) fn of(code: i64) -> Option<&'static Self> {
        CATEGORIES.iter().find(|category| i64::from(category.code) == code)
    }
}

#[cfg(test)]
mod tests {
    use emberline_model::Category;

    use super::CATEGORIES;

    /// The contract was read twice; both readings must have come to the same.
    #[test]
    fn the_model_crate_reads_the_contract_alike() {
        for (ours, theirs) in CATEGORIES.iter().zip(Category::ALL) {
            assert_eq!(ours.code, theirs.code());
            assert_eq!(ours.index, theirs.index());
            assert_eq!(ours.quantities.len(), theirs.fields().len());
            for (ours, theirs) in ours.quantities.iter().zip(theirs.fields()) {
                let theirs = theirs.quantity;
                assert_eq!(ours.sub_type, u32::from(theirs.sub_type.code()));
                assert_eq!((ours.min, ours.max), (theirs.min.into(), theirs.max.into()));
                assert_eq!(ours.decimals, u32::from(theirs.decimals));
            }
        }
    }
}
