//! Receipts: what the service accepted, one record a call, written before it is settled.
//!
//! A lane goes on meanwhile, except a device's states: of two, the older must not be left
//! unsettled when the newer one is settled. After a crash it would be sent again, alone.
//!
//! What waits for its receipt holds its identity: where its partition is lost and comes back,
//! the record that is read again waits for the receipt, too.

use std::collections::BTreeSet;
use std::time::Instant;

use emberline_broker::Record;
use emberline_flow::customer_set::CustomerSet;
use emberline_flow::lanes::LaneId;
use emberline_model::{Category, CustomerId, DeviceId, Identity, Outcome, Report};
use emberline_service_api::RequestId;
use emberline_service_client::Transport;
use emberline_wire::receipt::{DataReceipt, Receipt, Received, mark_of};
use smallvec::SmallVec;

use super::Worker;
use super::set_aside::Written;
use crate::lane::{About, Item, What};
use crate::outbox::Destination;
use crate::records::RecordId;

/// A call that was accepted.
#[derive(Debug, Clone)]
pub(super) struct Accepted {
    pub(super) request_id: RequestId,
    /// Whose data it brought.
    pub(super) customer: Option<CustomerId>,
}

impl<T: Transport + Clone> Worker<T> {
    /// Whether the items of a call that ends so wait for a receipt.
    pub(super) fn is_receipted(&self, outcome: Outcome, by: Option<Accepted>) -> Option<Accepted> {
        by.filter(|_| self.shared.settings.delivery.receipts && outcome == Outcome::Delivered)
    }

    /// Writes the receipt of a call about data, a customer or an order; the items are settled
    /// once it is durable.
    pub(super) fn write_receipt(
        &mut self,
        about: &About,
        items: &[Item],
        by: &Accepted,
        (now, now_ms): (Instant, i64),
    ) {
        for item in items {
            self.records.write_begins(item.record);
        }
        let customer = match about {
            About::Data { device, category } => {
                return self.write_data_receipt((device, *category), items, by, (now, now_ms));
            }
            About::State { .. } | About::Records { .. } | About::Set { .. } => None,
            About::Bindings { customer }
            | About::Customer { customer }
            | About::Orders { customer } => Some(customer),
        };
        let received = received(about, items);
        let waiting = Written::Receipt { records: items.iter().map(|item| item.record).collect() };
        self.receipt((customer, received), by.request_id, waiting, now);
    }

    fn write_data_receipt(
        &mut self,
        (device, category): (&DeviceId, Category),
        items: &[Item],
        by: &Accepted,
        (now, time_ms): (Instant, i64),
    ) {
        let key = device.key();
        let reports = || items.iter().filter_map(|item| Some((item.record, report_of(item)?)));
        let waiting: SmallVec<[(RecordId, Identity); 1]> =
            reports().map(|(record, report)| (record, report.identity(key))).collect();
        let receipt = DataReceipt {
            time_ms,
            request_id: by.request_id.as_str(),
            customer_id: by.customer.as_ref().map_or("", CustomerId::as_str),
            device_id: device.as_str(),
            category,
        };
        let mut value = std::mem::take(&mut self.receipt);
        value.clear();
        let marks = waiting.iter().map(|(_, identity)| mark_of(*identity));
        receipt.encode(reports().map(|(_, report)| report.time), marks, &mut value);
        let waiting = Written::DataReceipt { category, reports: waiting };
        self.write_value(device.as_str(), &value, waiting, now);
        self.receipt = value;
    }

    /// Writes the receipt of a state's call. The lane is busy with that.
    pub(super) fn write_state_receipt(&mut self, id: LaneId, by: &Accepted, now: Instant) {
        let Some(item) = self.lanes.front(id) else { return };
        let received = received(&self.lanes.about(id).about, std::slice::from_ref(item));
        self.records.write_begins(item.record);
        self.receipt((None, received), by.request_id, Written::StateReceipt { lane: id }, now);
    }

    /// Writes the receipt of a push of a customer's set, which these events have changed.
    pub(super) fn write_bindings_receipt(
        &mut self,
        customer: &CustomerId,
        (events, set): (&[Item], &CustomerSet),
        by: &Accepted,
        now: Instant,
    ) {
        // A device may have come and gone again before the push.
        let devices: BTreeSet<_> = events.iter().filter_map(device_of).collect();
        let (bound, unbound): (Vec<_>, Vec<_>) =
            devices.into_iter().partition(|device| set.has(device));
        let texts = |devices: Vec<&DeviceId>| devices.iter().map(ToString::to_string).collect();
        let received = Received::Bindings {
            devices: u32::try_from(set.len()).unwrap_or(u32::MAX),
            bound: texts(bound),
            unbound: texts(unbound),
        };
        for event in events {
            self.records.write_begins(event.record);
        }
        let records = events.iter().map(|event| event.record).collect();
        let waiting = Written::Receipt { records };
        self.receipt((Some(customer), received), by.request_id, waiting, now);
    }

    fn receipt(
        &mut self,
        (customer, received): (Option<&CustomerId>, Received),
        request_id: RequestId,
        waiting: Written,
        now: Instant,
    ) {
        let receipt = Receipt {
            time_ms: self.clock.unix_millis(),
            request_id: request_id.to_string(),
            customer_id: customer.map_or_else(String::new, ToString::to_string),
            received,
        };
        let key = receipt.key().to_owned();
        self.write_value(&key, &receipt.encode(), waiting, now);
    }

    fn write_value(&mut self, key: &str, value: &[u8], waiting: Written, now: Instant) {
        let write = Record {
            topic: &self.receipts_topic,
            partition: None,
            key: Some(key.as_bytes()),
            value: Some(value),
            headers: &[],
            timestamp_ms: None,
        };
        self.outbox.write(Destination::Receipts, write, waiting, now);
    }
}

fn report_of(item: &Item) -> Option<&Report> {
    match &item.what {
        What::Report { report, .. } => Some(report),
        _ => None,
    }
}

fn device_of(item: &Item) -> Option<&DeviceId> {
    match &item.what {
        What::Binding(event) => Some(&event.device),
        _ => None,
    }
}

/// What a call about a state, a customer or an order has brought.
fn received(about: &About, items: &[Item]) -> Received {
    match (about, items.first().map(|item| &item.what)) {
        (About::State { device }, Some(What::State { status, time, .. })) => Received::State {
            device_id: device.to_string(),
            status: status.code(),
            time_ms: time.millis(),
        },
        (_, Some(What::Order(order))) => Received::Order {
            order_no: order.order_no.clone(),
            item: order.item.to_string(),
            version: order.version.as_str().to_owned(),
            count: order.count,
        },
        _ => Received::Customer,
    }
}
