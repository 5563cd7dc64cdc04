//! Bytes to reports: a platform message, its Base64, the device's own message in it.

use emberline_model::EventTime;
use emberline_wire::device::{DeviceDecoder, DeviceInput};
use serde::de::IgnoredAny;

use super::nanoseconds;
use crate::load;
use crate::report::Row;

const RECORDS: usize = 20_000;

pub(super) fn rows() -> Vec<Row> {
    let records = load::records(RECORDS);
    let mut decoder = DeviceDecoder::new();
    let decode = nanoseconds(
        || (),
        |()| {
            let good = records.iter().filter(|record| {
                let timestamp = EventTime::from_millis(record.timestamp_ms);
                let value = Some(record.value.as_slice());
                decoder.decode(DeviceInput { value, type_name: None, timestamp }).is_ok()
            });
            assert_eq!(good.count(), RECORDS, "every record can be read");
            RECORDS
        },
    );
    let skip = nanoseconds(
        || (),
        |()| {
            let good = records
                .iter()
                .filter(|record| serde_json::from_slice::<IgnoredAny>(&record.value).is_ok());
            good.count()
        },
    );
    vec![
        Row::new("decode", decode, "ns a record")
            .beside_floor(skip)
            .note("limit: serde_json skipping the envelope, payload unread"),
    ]
}
