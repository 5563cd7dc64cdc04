//! The six kinds of data that the service takes.

/// A report's `DataCategory` (contract: service API, data push). One property of the
/// standard thing model is one category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Category {
    /// `voltage_info`.
    Voltage,
    /// `temperature_info`.
    Temperature,
    /// `current_info`.
    Current,
    /// `residual_current`.
    ResidualCurrent,
    /// `power`.
    Power,
    /// `smoke_state`.
    Smoke,
}

impl Category {
    /// Every category, in the order of their codes.
    pub const ALL: [Self; 6] = [
        Self::Voltage,
        Self::Temperature,
        Self::Current,
        Self::ResidualCurrent,
        Self::Power,
        Self::Smoke,
    ];

    /// The service's number for it.
    pub const fn code(self) -> u16 {
        match self {
            Self::Voltage => 100,
            Self::Temperature => 200,
            Self::Current => 300,
            Self::ResidualCurrent => 310,
            Self::Power => 400,
            Self::Smoke => 500,
        }
    }

    /// The category with this service number.
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.code() == code)
    }

    /// The property identifier in the standard thing model.
    pub const fn property(self) -> &'static str {
        match self {
            Self::Voltage => "voltage_info",
            Self::Temperature => "temperature_info",
            Self::Current => "current_info",
            Self::ResidualCurrent => "residual_current",
            Self::Power => "power",
            Self::Smoke => "smoke_state",
        }
    }

    /// The category of a property identifier, or `None` outside of the standard model.
    pub fn from_property(identifier: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.property() == identifier)
    }

    /// Its place in [`Category::ALL`], for tables and bit sets.
    pub const fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::Category;

    #[test]
    fn codes_and_properties_lead_back_to_their_category() {
        for (index, category) in Category::ALL.into_iter().enumerate() {
            assert_eq!(Category::from_code(category.code()), Some(category));
            assert_eq!(Category::from_property(category.property()), Some(category));
            assert_eq!(category.index(), index);
        }
        assert_eq!(Category::from_code(600), None);
        assert_eq!(Category::from_property("brightness"), None);
    }
}
