//! The devices that are asked about: one, or a customer's.
//!
//! A customer's are those that the table of its devices names, once bound ones too, and
//! those that its receipts name.

use std::collections::BTreeSet;

use anyhow::bail;
use emberline_model::{CustomerId, DeviceId};
use emberline_wire::customer_devices::for_each_device;
use emberline_wire::receipt::Received;

use super::super::asked::Asked;
use super::super::log::Log;
use crate::settings::Settings;
use crate::span::{Part, Span};
use crate::wiring;

/// In the order of their ids; a device's number is its place.
pub(super) struct Devices(Vec<String>);

impl Devices {
    /// # Errors
    /// Kafka gives no answer, or no such device is known.
    pub(super) fn of(
        log: &Log,
        settings: &Settings,
        asked: &Asked,
        receipts: &str,
        part: &Part,
    ) -> anyhow::Result<Self> {
        let device = asked.device.as_ref().map(DeviceId::as_str);
        let Some(customer) = &asked.customer else {
            return Ok(Self(device.into_iter().map(str::to_owned).collect()));
        };
        let mut ids = BTreeSet::new();
        of_table(log, settings, customer, &mut ids)?;
        of_receipts(log, customer, receipts, part, &mut ids)?;
        let Some(device) = device else {
            if ids.is_empty() {
                bail!("no device of customer {} is known", customer.as_str());
            }
            return Ok(Self(ids.into_iter().collect()));
        };
        if !ids.contains(device) {
            bail!("{device} is not known as a device of customer {}", customer.as_str());
        }
        Ok(Self(vec![device.to_owned()]))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// A device's number.
    pub(super) fn place(&self, id: &str) -> Option<u32> {
        let place = self.0.binary_search_by(|other| other.as_str().cmp(id)).ok()?;
        u32::try_from(place).ok()
    }

    /// Whether a record's key is one of them.
    pub(super) fn has_key(&self, key: &[u8]) -> bool {
        self.0.binary_search_by(|other| other.as_bytes().cmp(key)).is_ok()
    }

    /// The id of a number.
    pub(super) fn id(&self, place: u32) -> &str {
        usize::try_from(place).ok().and_then(|place| self.0.get(place)).map_or("", String::as_str)
    }

    #[cfg(test)]
    pub(super) fn with_ids(ids: &[&str]) -> Self {
        Self(ids.iter().map(ToString::to_string).collect())
    }
}

/// What the table holds of it; of earlier records too, where these are not compacted yet.
fn of_table(
    log: &Log,
    settings: &Settings,
    customer: &CustomerId,
    ids: &mut BTreeSet<String>,
) -> anyhow::Result<()> {
    let topic = wiring::topics(settings).customer_devices();
    let Some(part) = log.part_if_there(&topic, &Span::default())? else { return Ok(()) };
    let read = log.read(&topic, &part, |record| {
        let is_its = record.key() == Some(customer.as_str().as_bytes());
        let Some(value) = record.value().filter(|_| is_its) else { return Ok(()) };
        for_each_device(value, |entry| {
            ids.insert(entry.device_id.to_owned());
        })?;
        Ok(())
    })?;
    read.unreadable.tell(&format!("records of {topic}"));
    Ok(())
}

/// What its receipts name. That a receipt can't be read is told when its marks are read.
fn of_receipts(
    log: &Log,
    customer: &CustomerId,
    receipts: &str,
    part: &Part,
    ids: &mut BTreeSet<String>,
) -> anyhow::Result<()> {
    let asked = Asked { customer: Some(customer.clone()), ..Asked::default() };
    log.read(receipts, part, |record| {
        let found = asked.find(record.key(), record.value())?;
        match found.map(|receipt| receipt.received) {
            Some(Received::Data { device_id, .. }) if !ids.contains(&device_id) => {
                ids.insert(device_id);
            }
            Some(Received::Bindings { bound, unbound, .. }) => {
                ids.extend(bound.into_iter().chain(unbound));
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(())
}
