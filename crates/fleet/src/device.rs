//! One device: its clock, its habits of spelling, and values that walk.
//!
//! Invariant: no two samples of one category are the same within one second of the
//! device's clock, and the clock never goes back. So every report has an identity of
//! its own (device, category, report time in seconds, values), and what the pipeline
//! sees twice was sent twice on purpose.

use arrayvec::ArrayVec;
use emberline_model::{Category, Field, OnlineStatus};

use crate::catalogue::{Climate, Product};
use crate::message::Sample;
use crate::plan::Format;

/// How a device tells the time of its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClockStyle {
    /// As documented.
    Millis,
    /// As in the platform's own examples.
    Seconds,
    /// Not at all: the envelope's time stands.
    Absent,
}

/// What is the same in all of a device's messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Habits {
    pub(crate) format: Format,
    pub(crate) clock: ClockStyle,
    /// Booleans as `true` and `false` instead of 1 and 0.
    pub(crate) boolean_words: bool,
    /// One more decimal than the thing model's step has.
    pub(crate) fine_digits: bool,
}

/// A simulated device.
pub(crate) struct Device {
    pub(crate) habits: Habits,
    /// Unix milliseconds.
    clock_ms: i64,
    /// The second of its last state event.
    state_second: i64,
    online: bool,
    /// The categories that were sampled in the clock's second, as a bit set of
    /// [`Category::index`].
    sampled: u8,
    /// Those of them whose value goes up until the second is over; the others go down.
    rising: u8,
    circuit: u8,
    rated_current: i32,
    /// The main value of each category, in steps.
    values: [i32; Category::ALL.len()],
}

/// The field that moves; the others are the device's own constants.
pub(crate) fn main_field(category: Category) -> &'static Field {
    let fields = category.fields();
    &fields[usize::from(category.is_struct())]
}

impl Device {
    pub(crate) fn new(rng: &mut fastrand::Rng, format: Format, start_ms: i64) -> Self {
        let mut values = [0; Category::ALL.len()];
        for category in Category::ALL {
            let climate = Climate::of(category);
            values[category.index()] = rng.i32(climate.low..=climate.high);
        }
        values[Category::Smoke.index()] = 0;
        let clock = match rng.u8(..10) {
            0..6 => ClockStyle::Millis,
            6..8 => ClockStyle::Seconds,
            _ => ClockStyle::Absent,
        };
        let habits = Habits {
            format,
            clock,
            boolean_words: rng.u8(..4) == 0,
            fine_digits: rng.u8(..4) == 0,
        };
        Self {
            habits,
            clock_ms: start_ms,
            state_second: i64::MIN,
            online: true,
            sampled: 0,
            rising: 0,
            circuit: rng.u8(1..=4),
            rated_current: rng.choice([1_000, 1_600, 3_200, 6_300]).unwrap_or(1_600),
            values,
        }
    }

    /// Its own clock, in Unix milliseconds.
    pub(crate) const fn clock_ms(&self) -> i64 {
        self.clock_ms
    }

    /// Sets the clock forward; an earlier time changes nothing.
    pub(crate) fn advance(&mut self, now_ms: i64) {
        if now_ms <= self.clock_ms {
            return;
        }
        if now_ms.div_euclid(1000) != self.clock_ms.div_euclid(1000) {
            self.sampled = 0;
        }
        self.clock_ms = now_ms;
    }

    /// Measures up to `most` of the product's categories. Where each of them was used
    /// up within this second, the clock goes on to the next one.
    pub(crate) fn sample(
        &mut self,
        rng: &mut fastrand::Rng,
        product: &Product,
        most: usize,
    ) -> ArrayVec<Sample, 6> {
        let mut free = self.free_categories(product);
        if free.is_empty() {
            self.advance((self.clock_ms.div_euclid(1000) + 1) * 1000);
            free = self.free_categories(product);
        }
        rng.shuffle(&mut free);
        free.truncate(most.max(1));
        free.into_iter().map(|category| self.measure(rng, category)).collect()
    }

    /// Its next state: whatever it is not now. `None` if it already told one in this
    /// second: the platform tells whole seconds, and two states within one would leave
    /// open which is the newer.
    pub(crate) fn turn(&mut self, rng: &mut fastrand::Rng) -> Option<OnlineStatus> {
        let second = self.clock_ms.div_euclid(1000);
        if second <= self.state_second {
            return None;
        }
        self.state_second = second;
        self.online = !self.online;
        Some(match (self.online, self.habits.format) {
            (true, _) => OnlineStatus::Online,
            // Only a gateway can say that it does not know.
            (false, Format::Protobuf) if rng.u8(..8) == 0 => OnlineStatus::Unknown,
            (false, _) => OnlineStatus::Offline,
        })
    }

    pub(crate) const fn is_online(&self) -> bool {
        self.online
    }

    /// The categories that can still take a value not told in this second.
    fn free_categories(&self, product: &Product) -> ArrayVec<Category, 6> {
        product.categories.iter().copied().filter(|category| self.is_free(*category)).collect()
    }

    fn is_free(&self, category: Category) -> bool {
        let bit = 1_u8 << category.index();
        if self.sampled & bit == 0 {
            return true;
        }
        let range = main_field(category).quantity;
        let value = self.values[category.index()];
        match category {
            // A forced second value would be an alarm.
            Category::Smoke => false,
            _ if self.rising & bit != 0 => value + Climate::of(category).stride <= range.max,
            _ => value - Climate::of(category).stride >= range.min,
        }
    }

    fn measure(&mut self, rng: &mut fastrand::Rng, category: Category) -> Sample {
        let bit = 1_u8 << category.index();
        let range = main_field(category).quantity;
        let climate = Climate::of(category);
        let value = &mut self.values[category.index()];
        if category == Category::Smoke {
            *value = i32::from(rng.u16(..500) == 0);
        } else if self.sampled & bit == 0 {
            let home = if *value > climate.high {
                -climate.stride
            } else if *value < climate.low {
                climate.stride
            } else {
                0
            };
            *value += home + rng.i32(-climate.stride..=climate.stride);
            *value = (*value).clamp(range.min, range.max);
            if *value < i32::midpoint(range.min, range.max) {
                self.rising |= bit;
            } else {
                self.rising &= !bit;
            }
        } else if self.rising & bit != 0 {
            *value += rng.i32(1..=climate.stride);
        } else {
            *value -= rng.i32(1..=climate.stride);
        }
        self.sampled |= bit;
        let (value, circuit) = (*value, i32::from(self.circuit));
        let steps = match category {
            Category::Voltage | Category::Temperature => [circuit, value, 0],
            Category::Current => [circuit, value, self.rated_current],
            Category::ResidualCurrent | Category::Power | Category::Smoke => [value, 0, 0],
        };
        Sample { category, steps }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::Device;
    use crate::catalogue::Product;
    use crate::plan::Format;

    #[test]
    fn no_value_is_told_twice_within_a_second_however_often_it_is_asked() {
        let mut rng = fastrand::Rng::with_seed(7);
        for product in (0..3).map(Product::of) {
            let mut device = Device::new(&mut rng, Format::Platform, 1_000_000);
            let mut told = HashSet::new();
            let mut samples = 0;
            for _ in 0..20_000 {
                for sample in device.sample(&mut rng, product, 6) {
                    told.insert((device.clock_ms() / 1000, sample.measurement()));
                    samples += 1;
                }
            }
            assert_eq!(told.len(), samples, "{}", product.name);
        }
    }

    #[test]
    fn values_keep_to_their_climate_from_second_to_second() {
        let mut rng = fastrand::Rng::with_seed(8);
        let mut device = Device::new(&mut rng, Format::Platform, 0);
        for second in 1..5_000 {
            device.advance(second * 1000);
            for sample in device.sample(&mut rng, Product::of(1), 6) {
                let climate = super::Climate::of(sample.category);
                let value = sample.steps[usize::from(sample.category.is_struct())];
                let slack = 2 * climate.stride;
                assert!((climate.low - slack..=climate.high + slack).contains(&value));
            }
        }
    }

    #[test]
    fn a_device_tells_one_state_a_second_at_most() {
        let mut rng = fastrand::Rng::with_seed(9);
        let mut device = Device::new(&mut rng, Format::Platform, 5_000);
        assert!(device.turn(&mut rng).is_some());
        device.advance(5_999);
        assert_eq!(device.turn(&mut rng), None);
        device.advance(6_000);
        assert!(device.turn(&mut rng).is_some());
    }
}
