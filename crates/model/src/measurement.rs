//! The standard thing model: its fields, their ranges and steps, and a
//! measurement made of them.
//!
//! A value is held as a whole number of steps, so that it is exact: it compares,
//! hashes and prints without floating point.

use std::fmt;

use crate::Category;

/// What a single value of a report means: the service's `SubType` (contract: service
/// API, data push).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SubType {
    /// Circuit number (路数), `amount` in the thing model.
    Circuit,
    /// Volt.
    Voltage,
    /// Degree Celsius.
    Temperature,
    /// Ampere.
    Current,
    /// Ampere.
    RatedCurrent,
    /// Ampere.
    ResidualCurrent,
    /// Kilowatt.
    Power,
    /// 0 normal, 1 smoke detected.
    Smoke,
}

impl SubType {
    /// The service's number for it.
    pub const fn code(self) -> u16 {
        match self {
            Self::Circuit => 1000,
            Self::Voltage => 1001,
            Self::Temperature => 1002,
            Self::Current => 1003,
            Self::RatedCurrent => 1004,
            Self::ResidualCurrent => 1005,
            Self::Power => 1006,
            Self::Smoke => 1007,
        }
    }
}

/// The range and step of one field, in steps (contract: thing model).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantity {
    /// What it measures.
    pub sub_type: SubType,
    /// Smallest value, in steps.
    pub min: i32,
    /// Largest value, in steps.
    pub max: i32,
    /// Decimals of the step: 2 means steps of 0.01.
    pub decimals: u8,
}

/// One field of a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its identifier inside of the property's struct; the property's own for a scalar.
    pub name: &'static str,
    /// Its range and step.
    pub quantity: Quantity,
}

const fn field(name: &'static str, sub_type: SubType, range: (i32, i32), decimals: u8) -> Field {
    Field { name, quantity: Quantity { sub_type, min: range.0, max: range.1, decimals } }
}

/// The vendor's page prints 63335, not 65535; it is taken at its word.
const AMOUNT: Field = field("amount", SubType::Circuit, (1, 63_335), 0);
const VOLTAGE: Field = field("voltage", SubType::Voltage, (0, 65_535), 1);
const TEMPERATURE: Field = field("temperature", SubType::Temperature, (-160, 1_510), 1);
const CURRENT: Field = field("current", SubType::Current, (0, 65_535), 2);
const RATED_CURRENT: Field = field("rated_current", SubType::RatedCurrent, (0, 65_535), 2);
const RESIDUAL: Field = field("residual_current", SubType::ResidualCurrent, (0, 65_535), 3);
const POWER: Field = field("power", SubType::Power, (-32_767, 32_767), 2);
const SMOKE: Field = field("smoke_state", SubType::Smoke, (0, 1), 0);

impl Category {
    /// The fields of the category's property, in the order in which a report carries
    /// them. All of a struct's fields are required (contract: thing model).
    pub const fn fields(self) -> &'static [Field] {
        match self {
            Self::Voltage => &[AMOUNT, VOLTAGE],
            Self::Temperature => &[AMOUNT, TEMPERATURE],
            Self::Current => &[AMOUNT, CURRENT, RATED_CURRENT],
            Self::ResidualCurrent => &[RESIDUAL],
            Self::Power => &[POWER],
            Self::Smoke => &[SMOKE],
        }
    }

    /// Whether the property is a struct (its fields are named) or a scalar.
    pub const fn is_struct(self) -> bool {
        matches!(self, Self::Voltage | Self::Temperature | Self::Current)
    }
}

/// A value that its field's range does not hold.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("{field} is {value}, outside of {min} to {max}")]
pub struct OutOfRange {
    /// The field's identifier.
    pub field: &'static str,
    /// What was reported.
    pub value: f64,
    /// Smallest value allowed.
    pub min: Decimal,
    /// Largest value allowed.
    pub max: Decimal,
}

impl Field {
    /// Rounds a value to the field's step, ties away from zero, and checks its range.
    /// The range is checked after rounding, so that the noise of a device's 32-bit
    /// floats refuses no value at a bound.
    ///
    /// # Errors
    /// [`OutOfRange`], also for a value that is not a number.
    pub fn to_steps(&self, value: f64) -> Result<i32, OutOfRange> {
        let quantity @ Quantity { min, max, decimals, .. } = self.quantity;
        let steps = (value * f64::from(10_u32.pow(u32::from(decimals)))).round();
        if (f64::from(min)..=f64::from(max)).contains(&steps) {
            #[expect(clippy::cast_possible_truncation, reason = "within the range just checked")]
            Ok(steps as i32)
        } else {
            Err(OutOfRange {
                field: self.name,
                value,
                min: quantity.lowest(),
                max: quantity.highest(),
            })
        }
    }
}

/// An exact decimal: `steps` × 10^-`decimals`. Displays without trailing zeros, as a
/// JSON number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal {
    steps: i32,
    decimals: u8,
}

impl Decimal {
    pub(crate) const fn new(steps: i32, decimals: u8) -> Self {
        Self { steps, decimals }
    }

    /// The number of steps of 10^-[`decimals`](Self::decimals).
    pub const fn steps(self) -> i32 {
        self.steps
    }

    /// Decimals of one step, 0 to 3.
    pub const fn decimals(self) -> u8 {
        self.decimals
    }

    /// The nearest floating point number.
    pub fn to_f64(self) -> f64 {
        f64::from(self.steps) / f64::from(10_u32.pow(u32::from(self.decimals)))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = 10_u32.pow(u32::from(self.decimals));
        let (whole, rest) = (self.steps.unsigned_abs() / scale, self.steps.unsigned_abs() % scale);
        let sign = if self.steps < 0 { "-" } else { "" };
        if rest == 0 {
            return write!(f, "{sign}{whole}");
        }
        let digits = format!("{rest:0width$}", width = usize::from(self.decimals));
        write!(f, "{sign}{whole}.{}", digits.trim_end_matches('0'))
    }
}

/// One value of a report: what it means, and the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reading {
    /// The service's `SubType`.
    pub sub_type: SubType,
    /// The service's `Value`.
    pub value: Decimal,
}

/// Most fields of one property.
const MOST_FIELDS: usize = 3;

/// The values of one category, measured together, each within its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Measurement {
    category: Category,
    /// In the order of [`Category::fields`]; the rest is 0.
    steps: [i32; MOST_FIELDS],
}

impl Measurement {
    /// Makes a measurement of one value a field, in the order of [`Category::fields`].
    ///
    /// # Errors
    /// [`OutOfRange`] for the first value that its field does not allow.
    ///
    /// # Panics
    /// If there is not one value for each field.
    pub fn new(category: Category, values: &[f64]) -> Result<Self, OutOfRange> {
        let fields = category.fields();
        assert_eq!(values.len(), fields.len(), "one value a field of {category:?}");
        let mut steps = [0; MOST_FIELDS];
        for ((steps, field), value) in steps.iter_mut().zip(fields).zip(values) {
            *steps = field.to_steps(*value)?;
        }
        Ok(Self { category, steps })
    }

    /// What was measured.
    pub const fn category(&self) -> Category {
        self.category
    }

    /// The values in the order in which a report carries them.
    pub fn readings(&self) -> impl Iterator<Item = Reading> + use<> {
        let steps = self.steps;
        self.category.fields().iter().zip(steps).map(|(field, steps)| Reading {
            sub_type: field.quantity.sub_type,
            value: Decimal::new(steps, field.quantity.decimals),
        })
    }

    /// The numbers of steps, unused places 0: the values' part of a report's identity.
    pub(crate) const fn steps(&self) -> [i32; MOST_FIELDS] {
        self.steps
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Field, Measurement, SubType};
    use crate::Category;

    fn every_field() -> impl Iterator<Item = &'static Field> {
        Category::ALL.into_iter().flat_map(Category::fields)
    }

    fn shown(category: Category, values: &[f64]) -> Vec<String> {
        let measurement = Measurement::new(category, values).unwrap();
        measurement.readings().map(|reading| reading.value.to_string()).collect()
    }

    #[test]
    fn values_are_rounded_to_the_models_step() {
        assert_eq!(shown(Category::Voltage, &[1.0, 220.53]), ["1", "220.5"]);
        assert_eq!(shown(Category::Voltage, &[1.0, 220.0]), ["1", "220"]);
        assert_eq!(shown(Category::Temperature, &[2.0, -15.96]), ["2", "-16"]);
        assert_eq!(shown(Category::Power, &[-0.05]), ["-0.05"]);
        assert_eq!(shown(Category::Power, &[-0.001]), ["0"]);
        assert_eq!(shown(Category::ResidualCurrent, &[0.03]), ["0.03"]);
        assert_eq!(shown(Category::Current, &[1.0, 12.5, 655.35]), ["1", "12.5", "655.35"]);
    }

    #[test]
    fn a_value_beyond_its_range_is_refused_with_the_range() {
        let refused = Measurement::new(Category::Temperature, &[1.0, 151.1]).unwrap_err();
        assert_eq!(refused.to_string(), "temperature is 151.1, outside of -16 to 151");
        assert!(Measurement::new(Category::Voltage, &[0.0, 220.0]).is_err());
        assert!(Measurement::new(Category::Power, &[f64::NAN]).is_err());
        assert!(Measurement::new(Category::Power, &[f64::INFINITY]).is_err());
        assert!(Measurement::new(Category::Smoke, &[2.0]).is_err());
    }

    #[test]
    fn a_bound_reported_as_a_32_bit_float_is_accepted() {
        assert_eq!(shown(Category::Power, &[f64::from(-327.67_f32)]), ["-327.67"]);
        assert_eq!(shown(Category::ResidualCurrent, &[f64::from(65.535_f32)]), ["65.535"]);
    }

    #[test]
    fn sub_types_are_the_contracts() {
        let codes: Vec<_> = Measurement::new(Category::Current, &[1.0, 2.0, 3.0])
            .unwrap()
            .readings()
            .map(|reading| reading.sub_type.code())
            .collect();
        assert_eq!(codes, [1000, 1003, 1004]);
        assert_eq!(SubType::Smoke.code(), 1007);
    }

    proptest! {
        /// What is accepted reads back as the nearest step, within half a step.
        #[test]
        fn an_accepted_value_moves_by_half_a_step_at_most(value in -400.0..7000.0_f64) {
            for field in every_field() {
                if let Ok(steps) = field.to_steps(value) {
                    let scale = f64::from(10_u32.pow(u32::from(field.quantity.decimals)));
                    prop_assert!((f64::from(steps) / scale - value).abs() <= 0.5 / scale + 1e-9);
                }
            }
        }
    }
}
