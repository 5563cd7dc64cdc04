//! What a record holds that only a later version knows, so that it can be written on.

use std::collections::HashMap;

use emberline_model::EventTime;

use super::{DEVICES, Field, FieldValue, Fields, UNBOUND, entry, last_field_of};

/// Fields that are not known, by where they stand. Of a record that can't be read it has none.
#[derive(Debug, Default)]
pub(super) struct Later<'a> {
    of_set: Vec<u8>,
    /// By the list that the device stands in, its id, and the time of the fact about it.
    of_devices: HashMap<(u32, &'a str, EventTime), Vec<u8>>,
}

impl<'a> Later<'a> {
    /// Those of these records. Where several have some in the same place, the first counts.
    pub(super) fn of(records: &[&'a [u8]]) -> Self {
        let mut all = Self::default();
        for record in records {
            let Some(later) = Self::of_one(record) else { continue };
            if all.of_set.is_empty() {
                all.of_set = later.of_set;
            }
            for (place, bytes) in later.of_devices {
                all.of_devices.entry(place).or_insert(bytes);
            }
        }
        all
    }

    fn of_one(record: &'a [u8]) -> Option<Self> {
        let mut later = Self::default();
        for field in Fields::of(record) {
            let Field { number, value, bytes } = field.ok()?;
            match (number, value) {
                (DEVICES | UNBOUND, FieldValue::Bytes(device)) => later.add(device, number)?,
                _ => later.of_set.extend_from_slice(bytes),
            }
        }
        Some(later)
    }

    fn add(&mut self, device: &'a [u8], list: u32) -> Option<()> {
        let mut unknown = Vec::new();
        for field in Fields::of(device) {
            let Field { number, bytes, .. } = field.ok()?;
            if number > last_field_of(list) {
                unknown.extend_from_slice(bytes);
            }
        }
        if !unknown.is_empty() {
            let entry = entry(device, list).ok()?;
            self.of_devices.insert((list, entry.device_id, entry.time), unknown);
        }
        Some(())
    }

    /// The set's own.
    pub(super) fn of_set(&self) -> &[u8] {
        &self.of_set
    }

    /// A device's, about which this fact stands.
    pub(super) fn of_device<'s>(
        &'s self,
        list: u32,
        device_id: &'s str,
        time: EventTime,
    ) -> &'s [u8] {
        let found = self.of_devices.get(&(list, device_id, time));
        found.map(Vec::as_slice).unwrap_or_default()
    }
}
