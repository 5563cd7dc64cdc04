//! Nested values: their JSON in the body, and their leaves in a flattened signature.

use emberline_model::Report;
use std::borrow::Borrow;

use crate::action::BoundDevice;
use crate::json::{push_decimal, push_integer, push_text};
use crate::signer::Message;

/// A value that is not a scalar.
pub(crate) trait Nested {
    /// Appends its compact JSON, names in ascending order at every level: a service that
    /// writes the parsed value again gets the same text, whether it sorts or not.
    fn write_json(&self, out: &mut Vec<u8>);

    /// Feeds its leaves as parameters, in ascending byte order of their full names.
    fn flatten(&self, name: &str, message: &mut Message);
}

/// `DeviceInfos`.
pub(crate) struct DeviceInfos<'a>(pub(crate) &'a [BoundDevice<'a>]);

impl Nested for DeviceInfos<'_> {
    fn write_json(&self, out: &mut Vec<u8>) {
        write_array(out, self.0, |out, device| {
            out.extend_from_slice(b"{\"CustomerDeviceNo\":");
            push_text(out, device.customer_device_no);
            out.extend_from_slice(b",\"DeviceId\":");
            push_text(out, device.device);
            out.extend_from_slice(b",\"ProductName\":");
            push_text(out, device.product_name);
            out.push(b'}');
        });
    }

    fn flatten(&self, name: &str, message: &mut Message) {
        for index in in_byte_order(self.0.len()) {
            let BoundDevice { customer_device_no, device, product_name } = self.0[index];
            let leaves = [
                (".CustomerDeviceNo=", customer_device_no),
                (".DeviceId=", device),
                (".ProductName=", product_name),
            ];
            for (field, value) in leaves {
                message.feed_all(&["&", name, "."]);
                message.feed_integer(index);
                message.feed_all(&[field, value]);
            }
        }
    }
}

/// `DataInfo` as an array.
pub(crate) struct ReportArray<'a, R>(pub(crate) &'a [R]);

impl<R: Borrow<Report>> Nested for ReportArray<'_, R> {
    fn write_json(&self, out: &mut Vec<u8>) {
        write_array(out, self.0, |out, report| write_report(out, report.borrow()));
    }

    fn flatten(&self, name: &str, message: &mut Message) {
        for index in in_byte_order(self.0.len()) {
            flatten_report(self.0[index].borrow(), name, Some(index), message);
        }
    }
}

/// `DataInfo` as one object.
pub(crate) struct ReportObject<'a>(pub(crate) &'a Report);

impl Nested for ReportObject<'_> {
    fn write_json(&self, out: &mut Vec<u8>) {
        write_report(out, self.0);
    }

    fn flatten(&self, name: &str, message: &mut Message) {
        flatten_report(self.0, name, None, message);
    }
}

fn write_array<T>(out: &mut Vec<u8>, items: &[T], mut write: impl FnMut(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

fn write_report(out: &mut Vec<u8>, report: &Report) {
    out.extend_from_slice(b"{\"ReportInfos\":[");
    for (index, reading) in report.measurement.readings().enumerate() {
        out.extend_from_slice(if index > 0 { b",{\"SubType\":" } else { b"{\"SubType\":" });
        push_integer(out, reading.sub_type.code());
        out.extend_from_slice(b",\"Value\":");
        push_decimal(out, reading.value);
        out.push(b'}');
    }
    out.extend_from_slice(b"],\"ReportTime\":");
    push_integer(out, report.time.seconds());
    out.push(b'}');
}

fn flatten_report(report: &Report, name: &str, index: Option<usize>, message: &mut Message) {
    let prefix = |message: &mut Message| {
        message.feed_all(&["&", name, "."]);
        if let Some(index) = index {
            message.feed_integer(index);
            message.feed_all(&["."]);
        }
    };
    // At most three readings, so their order is that of their numbers' text, too.
    for (place, reading) in report.measurement.readings().enumerate() {
        prefix(message);
        message.feed_all(&["ReportInfos."]);
        message.feed_integer(place);
        message.feed_all(&[".SubType="]);
        message.feed_integer(reading.sub_type.code());
        prefix(message);
        message.feed_all(&["ReportInfos."]);
        message.feed_integer(place);
        message.feed_all(&[".Value="]);
        message.feed_decimal(reading.value);
    }
    prefix(message);
    message.feed_all(&["ReportTime="]);
    message.feed_integer(report.time.seconds());
}

/// The numbers below `count`, in ascending byte order of their decimal text: 0, 1, 10,
/// 11, 2, …. It is what sorting the flattened names gives, without a list to sort.
fn in_byte_order(count: usize) -> impl Iterator<Item = usize> {
    std::iter::successors((count > 0).then_some(0), move |&last| {
        if last > 0 && last * 10 < count {
            return Some(last * 10);
        }
        let mut number = last;
        while number % 10 == 9 || number + 1 >= count {
            number /= 10;
            if number == 0 {
                return None;
            }
        }
        Some(number + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::in_byte_order;

    #[test]
    fn numbers_come_in_the_byte_order_of_their_text() {
        for count in (0..1200).chain([20_000]) {
            let mut sorted: Vec<_> = (0..count).collect();
            sorted.sort_by_key(ToString::to_string);
            assert_eq!(in_byte_order(count).collect::<Vec<_>>(), sorted, "below {count}");
        }
    }
}
