//! Whether a topic of device records is keyed by device: if it is, each device's records lie in
//! one partition.

use std::collections::{HashMap, HashSet};

use emberline_broker::ScanRecord;
use emberline_model::{DeviceId, DeviceKey, EventTime};
use emberline_wire::device::{DeviceDecoder, DeviceInput};
use emberline_wire::headers::TYPE_HEADER;

use crate::commands::check::fault::Fault;

/// Records looked at, of all partitions together.
pub(super) const SAMPLE: u64 = 2_000;

/// Where the devices of a sample of records were seen.
pub(super) struct Keys {
    decoder: DeviceDecoder,
    /// The type of the topic's protobuf records that do not say it themselves.
    configured: Option<String>,
    first_in: HashMap<DeviceKey, i32>,
    in_several: HashSet<DeviceKey>,
    /// One of these, and two partitions that it is in.
    example: Option<(DeviceId, i32, i32)>,
}

impl Keys {
    pub(super) fn new(configured: Option<String>) -> Self {
        Self {
            decoder: DeviceDecoder::new(),
            configured,
            first_in: HashMap::new(),
            in_several: HashSet::new(),
            example: None,
        }
    }

    /// Takes a record. One that can't be read tells nothing here.
    pub(super) fn take(&mut self, record: &ScanRecord<'_>) {
        let header = record.header(TYPE_HEADER).map(String::from_utf8_lossy);
        let input = DeviceInput {
            value: record.value(),
            type_name: header.as_deref().or(self.configured.as_deref()),
            timestamp: EventTime::from_millis(record.timestamp_ms().max(0)),
        };
        let Ok(read) = self.decoder.decode(input) else { return };
        if let Some(device) = read.device() {
            self.seen(device.clone(), record.partition());
        }
    }

    fn seen(&mut self, device: DeviceId, partition: i32) {
        let first = *self.first_in.entry(device.key()).or_insert(partition);
        if first != partition {
            self.in_several.insert(device.key());
            self.example.get_or_insert((device, first, partition));
        }
    }

    /// How many devices there are, each in one partition.
    ///
    /// # Errors
    /// One is in several.
    pub(super) fn devices(&self) -> Result<usize, Fault> {
        let Some((device, one, other)) = &self.example else { return Ok(self.first_in.len()) };
        let (several, all) = (self.in_several.len(), self.first_in.len());
        let text = format!(
            "is not keyed by device: {several} of the {all} devices in its newest records are in \
             several partitions, {device} in {one} and {other}, so their order is not kept"
        );
        let advice = "write it keyed by device, or list it in topics.repartition and run a \
                      repartition worker";
        Err(Fault::new(text, advice))
    }
}

#[cfg(test)]
mod tests {
    use emberline_model::DeviceId;

    use super::Keys;

    #[test]
    fn a_device_in_two_partitions_is_told_with_what_to_do_about_it() {
        let mut keys = Keys::new(None);
        for (device, partition) in [("P/a", 0), ("P/b", 1), ("P/a", 0), ("P/b", 1)] {
            keys.seen(DeviceId::parse(device).unwrap(), partition);
        }
        assert_eq!(keys.devices().unwrap(), 2);
        keys.seen(DeviceId::parse("P/b").unwrap(), 2);
        let fault = keys.devices().unwrap_err();
        assert!(fault.detail.contains("1 of the 2 devices"), "{fault:?}");
        assert!(fault.detail.contains("P/b in 1 and 2"), "{fault:?}");
        assert!(fault.advice.contains("topics.repartition"), "{fault:?}");
    }
}
