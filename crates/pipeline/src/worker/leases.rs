//! Leases of order numbers: entered in the order book before an order is placed, and given
//! back after it.

use std::time::Instant;

use emberline_broker::Record;
use emberline_flow::lanes::LaneId;
use emberline_flow::order_book::Holder;
use emberline_model::OrderEvent;
use emberline_service_client::Transport;
use emberline_wire::order_book::{OrderBookEntry, encode_key};

use super::Worker;
use super::set_aside::Written;
use crate::claim_state::HeldLease;
use crate::lane::What;
use crate::outbox::Destination;

impl<T: Transport + Clone> Worker<T> {
    /// Whether the order at the head may be leased, or leased anew.
    pub(super) fn may_lease(&self, id: LaneId) -> bool {
        let origin = self.lanes.about(id).claim.as_ref().map(|state| state.origin);
        self.leased.len() < self.shared.settings.delivery.in_flight
            || origin.is_some_and(|origin| self.leased.contains(&origin))
    }

    /// The lease of the order at the lane's head, and the order.
    pub(super) fn lease_at_head(&self, id: LaneId) -> Option<(HeldLease, OrderEvent)> {
        let item = self.lanes.front(id)?;
        let origin = self.records.origin(item.record);
        let lease = self.lanes.about(id).claim.as_ref()?.lease_of(item, origin)?;
        let What::Order(order) = &item.what else { return None };
        Some((lease, (**order).clone()))
    }

    /// Enters a lease of the order's number in the book; the lane is busy with that.
    pub(super) fn lease(&mut self, id: LaneId, now: Instant) {
        let holder = Holder(fastrand::u128(..));
        let Some(What::Order(order)) = self.lanes.front(id).map(|item| &item.what) else { return };
        let (order, order_no) = ((**order).clone(), order.order_no.clone());
        let Some(state) = &mut self.lanes.about_mut(id).claim else { return };
        let origin = state.origin;
        let lease = HeldLease { origin, order_no, holder };
        if let Some(before) = state.claim.lease_begins(holder, now) {
            self.return_lease(&HeldLease { holder: before, ..lease.clone() }, now);
        }
        self.leased.insert(origin);
        self.lanes.start(id, 1);
        self.write_in_book(&lease, Some((&order, false)), Written::Lease { lane: id }, now);
    }

    /// The lease stands in the book.
    pub(super) fn lease_written(&mut self, id: LaneId, offset: i64, now: Instant) {
        if let Some(state) = &mut self.lanes.about_mut(id).claim {
            state.claim.lease_written(offset);
        }
        self.again_or_fence(id, now, now);
    }

    /// Gives a lease back. Nothing waits for it: at worst it ends by itself.
    pub(super) fn return_lease(&mut self, lease: &HeldLease, now: Instant) {
        self.leased.remove(&lease.origin);
        self.write_in_book(lease, None, Written::Returned, now);
    }

    /// The order is another owner's from now on. Where its last call may still be acted on, the
    /// lease stays until it ends by itself: whoever comes next would place the order too early.
    pub(super) fn give_up_lease(&mut self, lease: &HeldLease, in_doubt: bool, now: Instant) {
        if in_doubt {
            self.leased.remove(&lease.origin);
        } else {
            self.return_lease(lease, now);
        }
    }

    /// What is known of the customer or order at the lane's head is over, its lease with it.
    pub(super) fn end_claim(&mut self, id: LaneId, now: Instant) {
        if self.lanes.about(id).claim.is_none() {
            return;
        }
        let lease = self.lease_at_head(id).map(|(lease, _)| lease);
        self.lanes.about_mut(id).claim = None;
        let Some(lease) = lease else { return };
        // Who held it before, and is gone, is done with as well.
        let left =
            self.shared.order_book.look(|book| book.left_behind(&lease.order_no, lease.holder));
        for holder in left {
            self.return_lease(&HeldLease { holder, ..lease.clone() }, now);
        }
        self.return_lease(&lease, now);
    }

    pub(super) fn write_in_book(
        &mut self,
        lease: &HeldLease,
        entry: Option<(&OrderEvent, bool)>,
        waiting: Written,
        now: Instant,
    ) {
        let entry = entry.map(|(order, placed)| {
            let entry = OrderBookEntry {
                customer_id: order.customer.as_str().to_owned(),
                formal: !order.item.test,
                placed,
                time_ms: self.clock.unix_millis(),
            };
            entry.encode()
        });
        let write = Record {
            topic: &self.shared.settings.topics.order_book(),
            partition: None,
            key: Some(&encode_key(&lease.order_no, lease.holder.0)),
            value: entry.as_deref(),
            headers: &[],
            timestamp_ms: None,
        };
        self.outbox.write(Destination::OrderBook, write, waiting, now);
    }
}
