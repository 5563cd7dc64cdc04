//! A customer's bindings: the set is brought up to date, pushed whole (the vendor
//! requires it), then written to the customer-devices topic.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use emberline_broker::Record;
use emberline_flow::customer_set::{Change, CustomerSet};
use emberline_flow::lanes::LaneId;
use emberline_model::{CustomerId, Outcome, ParkReason};
use emberline_service_api::{BoundDevice, ServiceBindDevice};
use emberline_service_client::{Transport, fresh_stamp};

use super::Worker;
use super::dispatch::Call;
use super::receipts::Accepted;
use super::set_aside::Written;
use super::take_in::BINDINGS_AT_ONCE;
use crate::lane::What;
use crate::outbox::Destination;
use crate::records::Failure;
use crate::table::Claim;

/// A customer whose set can't be made yet is looked at again so soon.
const ASK_AGAIN: Duration = Duration::from_millis(20);
/// Pause before sets are read again that could not be.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// A customer's set as the events at the head of its lane leave it.
#[derive(Debug)]
pub(super) struct WrittenSet {
    /// Until this set is written, nobody else of the process makes one of the customer.
    claim: Claim,
    set: CustomerSet,
    /// What each of the events changed, in order.
    changes: Vec<Change>,
    /// The call that pushed it, once it was accepted.
    accepted: Option<Accepted>,
}

impl WrittenSet {
    fn needs_call(&self) -> bool {
        self.changes.iter().any(|change| matches!(change, Change::Added | Change::Updated))
    }

    fn changes_nothing(&self) -> bool {
        self.changes.iter().all(|change| *change == Change::Unchanged)
    }
}

impl<T: Transport + Clone> Worker<T> {
    /// Partitions have come: who had them before may have written sets that are not read
    /// yet. A set made of older ones would take devices from their customer.
    pub(super) fn catch_up_with_sets(&mut self) {
        let Some(reader) = self.shared.reader.get().and_then(Weak::upgrade) else { return };
        self.sets_behind.fetch_add(1, Ordering::AcqRel);
        let behind = Arc::clone(&self.sets_behind);
        tokio::spawn(async move {
            while let Err(error) = reader.read_to_current_end().await {
                tracing::warn!(%error, "customers' sets can't be read; bindings wait");
                tokio::time::sleep(READ_AGAIN).await;
            }
            behind.fetch_sub(1, Ordering::AcqRel);
        });
    }

    /// Brings the customer's set up to date with the events that wait. `false` if there
    /// is nothing to push: then the lane was dealt with.
    pub(super) fn prepare_bindings(&mut self, id: LaneId, now: Instant) -> bool {
        let lane = self.lanes.about(id);
        let crate::lane::About::Bindings { customer } = &lane.about else { return false };
        let customer = customer.clone();
        let most = lane.batch_limit(BINDINGS_AT_ONCE);
        self.prepared_set = None;
        let claim = self.shared.bindings.claim(&customer);
        let Some(claim) = claim.filter(|_| self.sets_behind.load(Ordering::Acquire) == 0) else {
            self.lanes.wait(id, now + ASK_AGAIN);
            return false;
        };
        let Some(mut set) = self.shared.bindings.set_of(&customer) else {
            self.park_unreadable_set(id, &customer, now);
            return false;
        };
        let changes: Vec<Change> = self
            .lanes
            .items(id)
            .take(most)
            .map(|item| match &item.what {
                What::Binding(event) => set.apply(event),
                _ => Change::Unchanged,
            })
            .collect();
        let prepared = WrittenSet { claim, set, changes, accepted: None };
        if prepared.needs_call() {
            self.prepared_set = Some(prepared);
            return true;
        }
        self.lanes.start(id, prepared.changes.len());
        if prepared.changes_nothing() {
            self.finish(id, Outcome::Duplicate, None, now);
        } else {
            // Only unbindings: the service has no call for them.
            self.pushed_sets.insert(id, prepared);
            self.write_set(id, None, now);
        }
        false
    }

    /// The events wait for a worker that can read what the customer has, such as one of a
    /// later version: a set made without it would take the customer's devices away.
    fn park_unreadable_set(&mut self, id: LaneId, customer: &CustomerId, now: Instant) {
        tracing::error!(%customer, "a customer's set can't be read; its bindings wait");
        let failure = Failure::own(
            "UnreadableSet",
            "the customer's record on the customer-devices topic can't be read",
        );
        let all = self.lanes.len(id);
        self.park_front(id, all, ParkReason::Transient, &failure, now);
    }

    /// The push of the set that [`prepare_bindings`](Self::prepare_bindings) has made.
    pub(super) fn bindings_call(&mut self, id: LaneId, customer: &CustomerId) -> Option<Call> {
        let prepared = self.prepared_set.take()?;
        let devices: Vec<BoundDevice<'_>> = prepared
            .set
            .bound()
            .map(|bound| BoundDevice {
                customer_device_no: bound.customer_device_no,
                device: bound.device.as_str(),
                product_name: bound.product_name,
            })
            .collect();
        let action = ServiceBindDevice { customer: customer.as_str(), devices: &devices };
        let stamp = fresh_stamp();
        let mut body = Vec::with_capacity(256 + devices.len() * 96);
        self.shared.signer.read().write(&action, &stamp, &mut body);
        let count = prepared.changes.len();
        self.pushed_sets.insert(id, prepared);
        Some(Call { count, body, request_id: stamp.request_id, customer: None })
    }

    /// The service has accepted the set, or need not know of it: it is written down.
    pub(super) fn write_set(&mut self, id: LaneId, accepted: Option<Accepted>, now: Instant) {
        let Some(mut set) = self.pushed_sets.remove(&id) else { return };
        set.accepted = accepted;
        let customer = set.claim.customer().clone();
        let value = self.shared.bindings.record_of(&customer, &set.set);
        let waiting = Written::Set { lane: id, set: Box::new(set) };
        self.write_set_record(&customer, &value, waiting, now);
    }

    fn write_set_record(
        &mut self,
        customer: &CustomerId,
        value: &[u8],
        waiting: Written,
        now: Instant,
    ) {
        let write = Record {
            topic: &self.shared.settings.topics.customer_devices(),
            partition: None,
            key: Some(customer.as_str().as_bytes()),
            value: Some(value),
            headers: &[],
            timestamp_ms: None,
        };
        self.outbox.write(Destination::CustomerDevices, write, waiting, now);
    }

    /// Writes the sets of which the last record lacks facts.
    pub(super) fn mend_sets(&mut self, now: Instant) {
        if !self.kind.makes_sets() || self.exit.is_some() {
            return;
        }
        for (claim, set) in self.shared.bindings.take_lacking() {
            tracing::info!("a customer's set was made twice at once; the whole is written");
            self.metrics.sets_mended.increment(1);
            let customer = claim.customer().clone();
            let value = self.shared.bindings.record_of(&customer, &set);
            let waiting = Written::Mended { set: Box::new((claim, set)) };
            self.write_set_record(&customer, &value, waiting, now);
        }
    }

    /// The set is durable: telemetry is joined with it from now on, and the events that
    /// made it are settled.
    pub(super) fn set_written(
        &mut self,
        id: LaneId,
        written: WrittenSet,
        offset: i64,
        now: Instant,
    ) {
        let customer = written.claim.customer();
        self.shared.bindings.apply(customer, &written.set, offset);
        let lane = self.lanes.about_mut(id);
        lane.begin_anew();
        lane.suspects = lane.suspects.saturating_sub(written.changes.len());
        let mut events = Vec::with_capacity(written.changes.len());
        let mut changes = written.changes.into_iter();
        self.lanes.finish(id, now, |item| {
            events.push((item, changes.next().unwrap_or(Change::Unchanged)));
        });
        let (same, new): (Vec<_>, Vec<_>) =
            events.into_iter().partition(|(_, change)| *change == Change::Unchanged);
        for (item, _) in same {
            self.settle(item.record, Outcome::Duplicate, 1, now);
        }
        let new = new.into_iter().map(|(item, _)| item);
        match self.is_receipted(Outcome::Delivered, written.accepted) {
            Some(by) => {
                let new: Vec<_> = new.collect();
                self.write_bindings_receipt(customer, (&new, &written.set), &by, now);
            }
            None => self.end(None, new, Outcome::Delivered, now),
        }
    }
}
