//! A brand's colour, and how text stays readable on it and in it: contrast as WCAG 2.2
//! defines it.

use std::fmt;
use std::str::FromStr;

/// An opaque sRGB colour, written `#0b6e4f`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour([u8; 3]);

/// Why a text is no colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a colour is written as #0b6e4f: a # and six hexadecimal digits")]
pub struct InvalidColour;

impl Colour {
    /// Black.
    pub const BLACK: Self = Self([0; 3]);
    /// White.
    pub const WHITE: Self = Self([255; 3]);

    /// Least contrast of text that is read easily (WCAG 2.2, 1.4.3).
    const READABLE: f64 = 4.5;

    /// A colour by its channels, each from 0 to 255.
    pub const fn rgb(red: u8, green: u8, blue: u8) -> Self {
        Self([red, green, blue])
    }

    /// Black or white, whichever is read better on this colour. Its contrast is always above
    /// 4.5.
    #[must_use]
    pub fn text_on(self) -> Self {
        let better = |colour| self.contrast(colour);
        if better(Self::WHITE) >= better(Self::BLACK) { Self::WHITE } else { Self::BLACK }
    }

    /// This colour, moved towards black or white as far as it takes to be read on that
    /// background.
    #[must_use]
    pub fn as_text_on(self, background: Self) -> Self {
        const STEPS: u16 = 20;
        let towards = background.text_on();
        let mixed = |step: u16| {
            let mix = |from: u8, to: u8| {
                let sum = u16::from(from) * (STEPS - step) + u16::from(to) * step;
                u8::try_from(sum / STEPS).unwrap_or(u8::MAX)
            };
            Self(std::array::from_fn(|channel| mix(self.0[channel], towards.0[channel])))
        };
        let readable = |colour: &Self| colour.contrast(background) >= Self::READABLE;
        (0..=STEPS).map(mixed).find(readable).unwrap_or(towards)
    }

    /// Contrast with another colour, 1 to 21.
    pub fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// Relative luminance, 0 to 1.
    fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let share = f64::from(channel) / 255.0;
            if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        };
        let [red, green, blue] = self.0.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
}

impl FromStr for Colour {
    type Err = InvalidColour;

    fn from_str(text: &str) -> Result<Self, InvalidColour> {
        let digits = text.strip_prefix('#').ok_or(InvalidColour)?;
        if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(InvalidColour);
        }
        let number = u32::from_str_radix(digits, 16).map_err(|_| InvalidColour)?;
        let [_, red, green, blue] = number.to_be_bytes();
        Ok(Self([red, green, blue]))
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Colour;

    #[test]
    fn only_six_digits_are_a_colour() {
        assert_eq!("#0B6e4f".parse::<Colour>().unwrap().to_string(), "#0b6e4f");
        for bad in ["", "0b6e4f", "#fff", "#0b6e4g", "#0b6e4f0", "red", "#+1+2+3", "#0b6e4f;}"] {
            assert!(bad.parse::<Colour>().is_err(), "{bad}");
        }
    }

    #[test]
    fn contrast_is_as_the_standard_says() {
        assert!((Colour::BLACK.contrast(Colour::WHITE) - 21.0).abs() < 1e-9);
        let grey = Colour::rgb(0x77, 0x77, 0x77);
        assert!((grey.contrast(Colour::WHITE) - 4.478).abs() < 0.001);
    }

    proptest! {
        /// Whatever the brand's colour, text on it and in it can be read.
        #[test]
        fn text_is_readable_on_and_in_any_colour(rgb in any::<[u8; 3]>(), other in any::<[u8; 3]>()) {
            let (colour, background) = (Colour(rgb), Colour(other));
            prop_assert!(colour.contrast(colour.text_on()) >= 4.5);
            prop_assert!(colour.as_text_on(background).contrast(background) >= 4.5);
        }
    }
}
