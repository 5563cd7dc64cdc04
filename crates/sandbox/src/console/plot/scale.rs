//! A scale whose marks are round numbers.

/// From the lowest mark to the highest.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    /// Between two marks.
    step: f64,
    decimals: usize,
}

impl Scale {
    /// A scale with about so many steps around these values, none smaller than `smallest`.
    pub(super) fn around((low, high): (f64, f64), smallest: f64, steps: u8) -> Self {
        // A flat line lies in the middle.
        let (low, high) = if high - low < smallest / 2.0 {
            (low - smallest, high + smallest)
        } else {
            (low, high)
        };
        let step = round_up((high - low) / f64::from(steps)).max(smallest);
        #[expect(clippy::cast_possible_truncation, reason = "a step is 10^-4 at the least")]
        #[expect(clippy::cast_sign_loss, reason = "it is at least 0")]
        let decimals = (-(step + step * 1e-9).log10().floor()).clamp(0.0, 4.0) as usize;
        Self { low: (low / step).floor() * step, high: (high / step).ceil() * step, step, decimals }
    }

    /// Where a value lies: 0 at the lowest mark, 1 at the highest.
    pub(super) fn part(&self, value: f64) -> f64 {
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// The marks, the lowest first.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        #[expect(clippy::cast_possible_truncation, reason = "there are a handful of steps")]
        let steps = ((self.high - self.low) / self.step).round() as i32;
        let tick = |index: i32| {
            let value = self.low + self.step * f64::from(index);
            // Not "-0".
            let value = if value.abs() < self.step / 2.0 { 0.0 } else { value };
            (value, format!("{value:.*}", self.decimals))
        };
        (0..=steps).map(tick).collect()
    }
}

/// The next of 1, 2 and 5 times a power of ten.
fn round_up(step: f64) -> f64 {
    let power = 10.0_f64.powf(step.log10().floor());
    let of_power = step / power;
    // A hair of room for what binary fractions make of round numbers.
    let round = [1.0, 2.0, 5.0].into_iter().find(|round| of_power <= round * (1.0 + 1e-9));
    round.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::Scale;

    fn texts(range: (f64, f64), smallest: f64) -> Vec<String> {
        Scale::around(range, smallest, 3).ticks().into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn marks_are_round_numbers_around_the_values() {
        assert_eq!(texts((218.3, 231.9), 0.1), ["215", "220", "225", "230", "235"]);
        assert_eq!(texts((0.0, 0.6), 0.001), ["0.0", "0.2", "0.4", "0.6"]);
        assert_eq!(texts((-3.0, 3.0), 0.01), ["-4", "-2", "0", "2", "4"]);
        assert_eq!(texts((0.0, 2_400.0), 1.0), ["0", "1000", "2000", "3000"]);
    }

    #[test]
    fn a_flat_line_has_a_scale_too() {
        assert_eq!(texts((1.25, 1.25), 0.01), ["1.24", "1.25", "1.26"]);
        assert_eq!(texts((0.0, 0.0), 0.1), ["-0.1", "0.0", "0.1"]);
    }

    #[test]
    fn a_value_lies_between_the_marks() {
        let scale = Scale::around((1.0, 3.0), 0.1, 3);
        assert!((scale.part(2.0) - 0.5).abs() < 1e-9);
        assert!(scale.part(-100.0).abs() < 1e-9 && (scale.part(100.0) - 1.0).abs() < 1e-9);
    }
}
