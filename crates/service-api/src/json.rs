//! JSON by hand: texts and exact numbers, appended to a buffer without allocating.
//!
//! The text is the same as `serde_json`'s, so that a service that parses a nested value
//! and writes it again before it checks the signature gets the same bytes.

use emberline_model::Decimal;

/// 0: the byte stands for itself; `u`: `\u00XX`; anything else: the letter after `\`.
const ESCAPES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = b'u';
        byte += 1;
    }
    table[0x08] = b'b';
    table[0x09] = b't';
    table[0x0a] = b'n';
    table[0x0c] = b'f';
    table[0x0d] = b'r';
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table
};

/// Appends a text with its quotes, escaped.
pub(crate) fn push_text(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (place, &byte) in bytes.iter().enumerate() {
        let escape = ESCAPES[usize::from(byte)];
        if escape == 0 {
            continue;
        }
        out.extend_from_slice(&bytes[copied..place]);
        copied = place + 1;
        out.extend_from_slice(&[b'\\', escape]);
        if escape == b'u' {
            let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 0xf)]);
            out.extend_from_slice(&[b'0', b'0', high, low]);
        }
    }
    out.extend_from_slice(&bytes[copied..]);
    out.push(b'"');
}

/// Appends a whole number.
pub(crate) fn push_integer(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends an exact decimal, without floating point and without trailing zeros.
pub(crate) fn push_decimal(out: &mut Vec<u8>, value: Decimal) {
    out.extend_from_slice(DecimalBuffer::default().format(value));
}

/// A place on the stack for a decimal's text: sign, 10 digits and a point fit.
#[derive(Default)]
pub(crate) struct DecimalBuffer([u8; 16]);

impl DecimalBuffer {
    /// The text of a decimal, written from its end.
    pub(crate) fn format(&mut self, value: Decimal) -> &[u8] {
        let mut steps = value.steps().unsigned_abs();
        let mut decimals = value.decimals();
        while decimals > 0 && steps.is_multiple_of(10) {
            (steps, decimals) = (steps / 10, decimals - 1);
        }
        let mut start = self.0.len();
        let mut push = |byte| {
            start -= 1;
            self.0[start] = byte;
        };
        for _ in 0..decimals {
            push(last_digit(steps));
            steps /= 10;
        }
        if decimals > 0 {
            push(b'.');
        }
        push(last_digit(steps));
        while steps >= 10 {
            steps /= 10;
            push(last_digit(steps));
        }
        if value.steps() < 0 {
            push(b'-');
        }
        &self.0[start..]
    }
}

fn last_digit(number: u32) -> u8 {
    b'0' + (number % 10) as u8
}

#[cfg(test)]
mod tests {
    use emberline_model::{Category, Measurement};
    use proptest::prelude::*;

    use super::{push_decimal, push_text};

    proptest! {
        /// Whatever a text holds, it is written as `serde_json` writes it.
        #[test]
        fn a_text_is_written_as_serde_json_writes_it(text in any::<String>()) {
            let mut out = Vec::new();
            push_text(&mut out, &text);
            prop_assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&text).unwrap());
        }

        /// A decimal is written as the model displays it.
        #[test]
        fn a_decimal_is_written_as_the_model_displays_it(value in -16.0..151.0_f64) {
            for category in Category::ALL {
                let values = vec![value; category.fields().len()];
                let Ok(measurement) = Measurement::new(category, &values) else { continue };
                for reading in measurement.readings() {
                    let mut out = Vec::new();
                    push_decimal(&mut out, reading.value);
                    prop_assert_eq!(String::from_utf8(out).unwrap(), reading.value.to_string());
                }
            }
        }
    }

    #[test]
    fn every_control_character_is_escaped_as_serde_json_does() {
        let text: String = (0..0x90_u8).map(char::from).collect();
        let mut out = Vec::new();
        push_text(&mut out, &text);
        assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&text).unwrap());
    }
}
