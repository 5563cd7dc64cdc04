//! The receipt of a call about reports, written straight from what the call has brought.
//!
//! It says what [`Receipt::encode`](super::Receipt::encode) says of the same; there is one for
//! nearly every call, and to gather its texts and marks first costs more than to write them.

use emberline_model::{Category, ReportTime};
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};

use super::steps;
use crate::delimited::begin;

/// What is the same for all reports of a call.
#[derive(Debug, Clone, Copy)]
pub struct DataReceipt<'a> {
    /// When the answer was there, Unix milliseconds.
    pub time_ms: i64,
    /// The call's `RequestId`.
    pub request_id: &'a str,
    /// Whose they are.
    pub customer_id: &'a str,
    /// Of which device.
    pub device_id: &'a str,
    /// Of what.
    pub category: Category,
}

impl DataReceipt<'_> {
    /// Writes a record's value. Times and marks are those of the same reports, in the order of
    /// the call.
    pub fn encode(
        &self,
        times: impl Iterator<Item = ReportTime> + Clone,
        marks: impl Iterator<Item = u64>,
    ) -> Vec<u8> {
        let steps = steps(times).map(zigzag);
        let (count, steps_len) = steps
            .clone()
            .fold((0, 0), |(count, len), step| (count + 1, len + encoded_len_varint(step)));
        let marks_len = size_of::<u64>() * count;
        let category = u64::from(self.category.code());
        let data_len = bytes_len(1, self.device_id.len())
            + number_len(2, category)
            + bytes_len(3, steps_len)
            + bytes_len(4, marks_len);
        let time = self.time_ms.cast_unsigned();
        let len = number_len(1, time)
            + bytes_len(2, self.request_id.len())
            + bytes_len(3, self.customer_id.len())
            + tagged_len(4, data_len);

        let mut value = Vec::with_capacity(len);
        number(1, time, &mut value);
        text(2, self.request_id, &mut value);
        text(3, self.customer_id, &mut value);
        begin(4, data_len, &mut value);
        text(1, self.device_id, &mut value);
        number(2, category, &mut value);
        if count > 0 {
            begin(3, steps_len, &mut value);
            steps.for_each(|step| encode_varint(step, &mut value));
            begin(4, marks_len, &mut value);
            marks.for_each(|mark| value.extend_from_slice(&mark.to_le_bytes()));
        }
        value
    }
}

/// A number as `sint64` is written.
fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

// What is 0 or empty is not written, as it is by default in this version of protobuf.

fn number(tag: u32, number: u64, value: &mut Vec<u8>) {
    if number != 0 {
        encode_key(tag, WireType::Varint, value);
        encode_varint(number, value);
    }
}

fn number_len(tag: u32, number: u64) -> usize {
    if number == 0 { 0 } else { key_len(tag) + encoded_len_varint(number) }
}

fn text(tag: u32, text: &str, value: &mut Vec<u8>) {
    if !text.is_empty() {
        begin(tag, text.len(), value);
        value.extend_from_slice(text.as_bytes());
    }
}

fn bytes_len(tag: u32, len: usize) -> usize {
    if len == 0 { 0 } else { tagged_len(tag, len) }
}

fn tagged_len(tag: u32, len: usize) -> usize {
    key_len(tag) + encoded_len_varint(len as u64) + len
}

#[cfg(test)]
mod tests {
    use emberline_model::{Category, ReportTime};

    use super::DataReceipt;
    use crate::receipt::{Receipt, Received, ReportMark};

    #[test]
    fn it_says_what_the_receipt_of_the_same_reports_says() {
        let times: [&[i64]; 4] = [
            &[],
            &[0],
            &[1_700_000_000, 1_700_000_060, 1_699_999_999, 0, 253_402_300_799],
            &[1_700_000_000; 300],
        ];
        let ends =
            [(1_700_000_000_123, "request", "c_1", "P/a"), (0, "", "", ""), (-1, "r", "", "P/b")];
        for (times, (time_ms, request_id, customer_id, device_id)) in
            times.iter().flat_map(|times| ends.map(|end| (times, end)))
        {
            let reports: Vec<_> = (0..)
                .zip(*times)
                .map(|(at, seconds)| ReportMark {
                    time: ReportTime::from_seconds(*seconds).unwrap(),
                    mark: u64::MAX / (at + 1),
                })
                .collect();
            let category = Category::Power;
            let head = DataReceipt { time_ms, request_id, customer_id, device_id, category };
            let times = reports.iter().map(|report| report.time);
            let value = head.encode(times, reports.iter().map(|report| report.mark));
            let same = Receipt {
                time_ms,
                request_id: request_id.into(),
                customer_id: customer_id.into(),
                received: Received::Data { device_id: device_id.into(), category, reports },
            };
            assert_eq!(value.capacity(), value.len(), "measured before it is written");
            assert_eq!(value, same.encode());
        }
    }
}
