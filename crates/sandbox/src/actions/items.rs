//! `ItemId` and `ItemVNO` (contract: service API, service claim).

use crate::refusal::Refusal;

const FIRE: [&str; 7] = [
    "FireBusiness",
    "FireMER20W",
    "FireMER50W",
    "FireMER100W",
    "FirePRO20W",
    "FirePRO50W",
    "FirePRO100W",
];
const TWO_WHEELER: [&str; 3] = ["AutoBase", "AutoUpgrade", "AutoVIP"];

/// Every `ItemId` that the contract has.
pub(crate) const ITEM_IDS: [&str; 4] =
    ["D-FireInsurance2020", "FireInsurance2020", "D-CarInsurance2021", "CarInsurance2021"];

/// An `ItemId` that the contract has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Item {
    /// A test order's item.
    pub(crate) test: bool,
    /// Its `ItemVNO`s.
    pub(crate) versions: &'static [&'static str],
}

impl Item {
    pub(crate) fn read(item_id: &str) -> Result<Self, Refusal> {
        let (test, formal_id) = match item_id.strip_prefix("D-") {
            Some(formal_id) => (true, formal_id),
            None => (false, item_id),
        };
        match formal_id {
            "FireInsurance2020" => Ok(Self { test, versions: &FIRE }),
            "CarInsurance2021" => Ok(Self { test, versions: &TWO_WHEELER }),
            _ => Err(Refusal::invalid("ItemId is unknown")),
        }
    }

    /// Refuses an `ItemVNO` of another family.
    pub(crate) fn check_version(self, item_vno: &str) -> Result<(), Refusal> {
        if self.versions.contains(&item_vno) {
            return Ok(());
        }
        Err(Refusal::invalid("ItemVNO is no version of this ItemId"))
    }
}

#[cfg(test)]
mod tests {
    use super::{ITEM_IDS, Item};

    #[test]
    fn an_item_has_the_versions_of_its_family_only() {
        let fire = Item::read("D-FireInsurance2020").unwrap();
        assert!(fire.test && fire.check_version("FirePRO100W").is_ok());
        assert!(fire.check_version("AutoBase").is_err());
        let car = Item::read("CarInsurance2021").unwrap();
        assert!(!car.test && car.check_version("AutoVIP").is_ok());
        assert!(car.check_version("FireBusiness").is_err());
        assert!(ITEM_IDS.into_iter().all(|item_id| Item::read(item_id).is_ok()));
        for unknown in ["", "D-", "D-D-FireInsurance2020", "fireinsurance2020", "FireInsurance"] {
            assert!(Item::read(unknown).is_err(), "{unknown}");
        }
    }
}
