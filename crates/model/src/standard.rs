//! The standard thing model as a product's data template writes it down: types, units,
//! starting values, and whether a value keeps to its step (contract: thing model).
//!
//! The fields with their ranges and steps themselves are in `measurement`.

use crate::{Decimal, Field, Quantity, SubType};

/// The type that a template gives a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// 0 or 1.
    Bool,
    /// Whole numbers.
    Int,
    /// Numbers with a fraction.
    Float,
}

impl ValueKind {
    /// As a template spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Float => "float",
        }
    }
}

impl SubType {
    /// The type of its value.
    pub const fn kind(self) -> ValueKind {
        match self {
            Self::Smoke => ValueKind::Bool,
            Self::Circuit => ValueKind::Int,
            _ => ValueKind::Float,
        }
    }

    /// The unit of its value; empty where it counts or says yes or no.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Voltage => "V",
            Self::Temperature => "°C",
            Self::Current | Self::RatedCurrent | Self::ResidualCurrent => "A",
            Self::Power => "kW",
            Self::Circuit | Self::Smoke => "",
        }
    }
}

impl Quantity {
    /// Smallest value.
    pub const fn lowest(self) -> Decimal {
        Decimal::new(self.min, self.decimals)
    }

    /// Largest value.
    pub const fn highest(self) -> Decimal {
        Decimal::new(self.max, self.decimals)
    }

    /// The step between two values.
    pub const fn step(self) -> Decimal {
        Decimal::new(1, self.decimals)
    }

    /// What a device has before it first measures. The contract names it for the
    /// temperature alone; the others begin at 0, or at their lowest value above it.
    pub const fn start(self) -> Decimal {
        match self.sub_type {
            SubType::Temperature => Decimal::new(250, self.decimals),
            _ if self.min > 0 => self.lowest(),
            _ => Decimal::new(0, self.decimals),
        }
    }
}

/// How far a value may be from a whole number of steps and still count as one: a value that
/// was a 32-bit float on its way is off by up to 0.004 steps at the far end of a range.
const NOISE: f64 = 0.01;

impl Field {
    /// Whether a value is a whole number of steps, but for the noise of 32-bit floats.
    /// What is not is rounded when it is sent.
    pub fn is_on_step(&self, value: f64) -> bool {
        let steps = value * f64::from(10_u32.pow(u32::from(self.quantity.decimals)));
        (steps - steps.round()).abs() <= NOISE
    }
}

#[cfg(test)]
mod tests {
    use crate::{Category, Field, SubType, ValueKind};

    fn fields() -> impl Iterator<Item = &'static Field> {
        Category::ALL.into_iter().flat_map(Category::fields)
    }

    #[test]
    fn ranges_and_steps_read_as_the_contract_writes_them() {
        let shown: Vec<_> = fields()
            .map(|field| {
                let quantity = field.quantity;
                let (low, high) = (quantity.lowest(), quantity.highest());
                let (kind, unit) = (quantity.sub_type.kind().name(), quantity.sub_type.unit());
                format!("{} {kind} {low} to {high} {unit} by {}", field.name, quantity.step())
            })
            .collect();
        assert_eq!(
            shown,
            [
                "amount int 1 to 63335  by 1",
                "voltage float 0 to 6553.5 V by 0.1",
                "amount int 1 to 63335  by 1",
                "temperature float -16 to 151 °C by 0.1",
                "amount int 1 to 63335  by 1",
                "current float 0 to 655.35 A by 0.01",
                "rated_current float 0 to 655.35 A by 0.01",
                "residual_current float 0 to 65.535 A by 0.001",
                "power float -327.67 to 327.67 kW by 0.01",
                "smoke_state bool 0 to 1  by 1",
            ]
        );
        assert_eq!(SubType::Smoke.kind(), ValueKind::Bool);
    }

    #[test]
    fn every_start_is_a_value_of_its_range() {
        for field in fields() {
            let start = field.quantity.start();
            assert!(field.to_steps(start.to_f64()).is_ok(), "{} {start}", field.name);
        }
    }

    #[test]
    fn a_32_bit_float_on_the_step_is_on_it_and_half_a_step_is_not() {
        for field in fields() {
            for value in [field.quantity.lowest(), field.quantity.highest()] {
                #[expect(clippy::cast_possible_truncation, reason = "the noise that is meant")]
                let noisy = f64::from(value.to_f64() as f32);
                assert!(field.is_on_step(noisy), "{} {noisy}", field.name);
            }
            let half = field.quantity.step().to_f64() / 2.0;
            assert!(!field.is_on_step(field.quantity.start().to_f64() + half), "{}", field.name);
        }
    }
}
