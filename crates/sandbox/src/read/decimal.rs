//! Decimal numbers, read exactly from their text.

/// Reads a JSON number as a whole number of steps of 10^-`decimals`; `None` if it is no
/// number, lies between two steps, or is far beyond every range of the thing model.
pub(crate) fn steps(text: &str, decimals: u32) -> Option<i64> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (negative, digits) = match mantissa.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, mantissa),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = fraction.trim_end_matches('0');

    let mut value = 0_i64;
    for digit in whole.bytes().chain(fraction.bytes()) {
        let digit = digit.is_ascii_digit().then(|| i64::from(digit - b'0'))?;
        value = value.checked_mul(10)?.checked_add(digit)?;
    }
    if value == 0 {
        return Some(0);
    }

    let fraction = i32::try_from(fraction.len()).ok()?;
    let shift = exponent.checked_sub(fraction)?.checked_add(i32::try_from(decimals).ok()?)?;
    let scale = 10_i64.checked_pow(shift.unsigned_abs())?;
    let value = if shift >= 0 {
        value.checked_mul(scale)?
    } else if value % scale == 0 {
        value / scale
    } else {
        return None;
    };
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::steps;

    #[test]
    fn a_number_is_read_exactly_or_not_at_all() {
        assert_eq!(steps("220.5", 1), Some(2205));
        assert_eq!(steps("220.50", 1), Some(2205));
        assert_eq!(steps("220", 1), Some(2200));
        assert_eq!(steps("-0.0", 2), Some(0));
        assert_eq!(steps("-327.67", 2), Some(-32767));
        assert_eq!(steps("2.2E2", 1), Some(2200));
        assert_eq!(steps("5e-1", 1), Some(5));
        assert_eq!(steps("2200e-1", 0), Some(220));
        assert_eq!(steps("220.53", 1), None, "between two steps");
        assert_eq!(steps("220.50000000000003", 1), None, "a float's noise");
        for text in ["1e999", "1e-999", "99999999999999999999", "true", "\"1\"", "[1]", "1e", "--1"]
        {
            assert_eq!(steps(text, 1), None, "{text}");
        }
    }

    proptest! {
        /// Any number of steps, written with any number of zeros behind it, reads back.
        #[test]
        fn steps_read_back(value in -70_000_i64..70_000, zeros in 0..4_usize) {
            let text = format!("{}{}.{:03}{}", if value < 0 { "-" } else { "" },
                value.abs() / 1000, value.abs() % 1000, "0".repeat(zeros));
            prop_assert_eq!(steps(&text, 3), Some(value));
        }

        /// No text makes it panic.
        #[test]
        fn any_text_is_read_or_refused(text in "[-+0-9eE.]{0,24}", decimals in 0_u32..4) {
            let _ = steps(&text, decimals);
        }
    }
}
