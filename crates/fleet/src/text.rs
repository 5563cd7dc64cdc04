//! Names, numbers and times as text.

use emberline_model::{DeviceId, Field};
use jiff::{Timestamp, tz};

use crate::catalogue::Product;

/// The header that names a protobuf record's message (contract: input events).
pub(crate) const TYPE_HEADER: &str = "emberline-type";

/// Appends a device's id: `F4N0000AN/dev000123`.
pub(crate) fn push_device_id(out: &mut Vec<u8>, device: u32) {
    out.extend_from_slice(Product::of(device).id.as_bytes());
    out.extend_from_slice(b"/dev");
    push_padded(out, u64::from(device), 6);
}

/// A device's id.
pub(crate) fn device_id(device: u32) -> DeviceId {
    DeviceId::new(Product::of(device).id, &format!("dev{device:06}"))
        .expect("a generated device id is valid")
}

/// Appends texts, one after the other.
pub(crate) fn push_all(out: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        out.extend_from_slice(part);
    }
}

/// Appends an unsigned number.
pub(crate) fn push_unsigned(out: &mut Vec<u8>, number: u64) {
    push_padded(out, number, 1);
}

/// Appends an unsigned number of at least `width` digits, at most 20.
pub(crate) fn push_padded(out: &mut Vec<u8>, mut number: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut first = digits.len();
    while number > 0 {
        first -= 1;
        digits[first] += (number % 10) as u8;
        number /= 10;
    }
    first = first.min(digits.len() - width);
    out.extend_from_slice(&digits[first..]);
}

/// Appends the value of a field, given in steps, as a JSON number. With `fine`, a digit
/// below 5, it has one more decimal, which rounds away.
pub(crate) fn push_value(out: &mut Vec<u8>, field: &Field, steps: i32, fine: Option<u8>) {
    let decimals = field.quantity.decimals;
    if steps < 0 {
        out.push(b'-');
    }
    let scale = 10_u32.pow(u32::from(decimals));
    push_unsigned(out, u64::from(steps.unsigned_abs() / scale));
    if decimals == 0 {
        return;
    }
    out.push(b'.');
    push_padded(out, u64::from(steps.unsigned_abs() % scale), usize::from(decimals));
    if let Some(digit) = fine {
        out.push(b'0' + digit);
    }
}

/// Writes the platform's times: China Standard Time, whole seconds. Remembers the last
/// one, as most messages share a second with the one before.
#[derive(Default)]
pub(crate) struct ChinaTime {
    second: Option<i64>,
    text: String,
}

impl ChinaTime {
    /// `2020-06-08 20:03:41`.
    pub(crate) fn format(&mut self, second: i64) -> &[u8] {
        if self.second != Some(second) {
            let timestamp = Timestamp::from_second(second).unwrap_or_default();
            let civil = tz::offset(8).to_datetime(timestamp);
            self.text = civil.strftime("%Y-%m-%d %H:%M:%S").to_string();
            self.second = Some(second);
        }
        self.text.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::{ChinaTime, push_padded, push_unsigned, push_value};
    use crate::device::main_field;
    use emberline_model::Category;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_written_in_full() {
        assert_eq!(text(|out| push_unsigned(out, 0)), "0");
        assert_eq!(text(|out| push_unsigned(out, u64::MAX)), u64::MAX.to_string());
        assert_eq!(text(|out| push_padded(out, 123, 6)), "000123");
        assert_eq!(text(|out| push_padded(out, 1_234_567, 6)), "1234567");
    }

    #[test]
    fn values_are_decimals_of_their_field() {
        let value =
            |category, steps, fine| text(|out| push_value(out, main_field(category), steps, fine));
        assert_eq!(value(Category::Voltage, 2_205, None), "220.5");
        assert_eq!(value(Category::Voltage, 2_205, Some(4)), "220.54");
        assert_eq!(value(Category::Power, -5, None), "-0.05");
        assert_eq!(value(Category::ResidualCurrent, 30, None), "0.030");
        assert_eq!(value(Category::Smoke, 1, Some(4)), "1");
    }

    #[test]
    fn the_platform_tells_the_time_of_china() {
        let mut time = ChinaTime::default();
        assert_eq!(time.format(1_591_617_821), b"2020-06-08 20:03:41");
        assert_eq!(time.format(1_591_617_827), b"2020-06-08 20:03:47");
    }
}
