//! Customers and their orders: made known, and placed, once each.
//!
//! A customer's orders wait for the customer: for its event where it is at hand, and in a
//! retry topic where the service does not know it yet. What is done next with a customer or
//! an order is decided in `flow::claim`; here it is done.

use std::time::{Duration, Instant};

use emberline_flow::claim::{Found, Step, Subject};
use emberline_flow::lanes::{Gather, LaneId};
use emberline_model::{
    CustomerEvent, CustomerId, DeadLetterReason, OrderEvent, Outcome, ParkReason,
};
use emberline_service_api::{
    CallError, FailureClass, ServiceCreateCustomer, ServiceCreateOrder, ServiceGetCustomerList,
    ServiceGetOrderList,
};
use emberline_service_client::Transport;

use super::Worker;
use super::dispatch::{Call, Heard};
use super::receipts::Accepted;
use super::set_aside::Written;
use crate::claim_state::ClaimState;
use crate::finding::{find_customer, find_order};
use crate::lane::{About, Action, Item, Lane, What, new_customer_key, orders_key};
use crate::order_book;
use crate::records::{Failure, RecordId};

/// Orders whose customer is being made known are looked at again so soon at the latest.
const LOOK_FOR_CUSTOMER: Duration = Duration::from_secs(1);
/// While as many orders are being placed as calls may be in flight.
const LOOK_FOR_LEASE: Duration = Duration::from_millis(250);
/// While the service's orders are counted.
const LOOK_FOR_COUNT: Duration = Duration::from_millis(50);

/// Nothing is gathered.
const AT_ONCE: Gather = Gather { linger: Duration::ZERO, full_at: 1 };

/// Whether a lane is about customers or orders.
pub(super) fn is_claim(about: &About) -> bool {
    matches!(about, About::Customer { .. } | About::Orders { .. })
}

impl<T: Transport + Clone> Worker<T> {
    pub(super) fn customer(&mut self, record: RecordId, event: Box<CustomerEvent>, now: Instant) {
        let customer = event.customer.clone();
        let item = Item { record, what: What::Customer(event) };
        self.lanes.push(new_customer_key(&customer), item, AT_ONCE, now, || {
            Lane::about(About::Customer { customer: customer.clone() })
        });
    }

    pub(super) fn order(&mut self, record: RecordId, event: Box<OrderEvent>, now: Instant) {
        let customer = event.customer.clone();
        let item = Item { record, what: What::Order(event) };
        self.lanes.push(orders_key(&customer), item, AT_ONCE, now, || {
            Lane::about(About::Orders { customer: customer.clone() })
        });
    }

    /// Looks what is to be done with the customer or order at the lane's head. `false` where
    /// that is no call: then it was dealt with.
    pub(super) fn prepare_claim(&mut self, id: LaneId, now: Instant) -> bool {
        if self.waits_for_customer(id, now) {
            return false;
        }
        let Some(item) = self.lanes.front(id) else { return false };
        let origin = self.records.origin(item.record);
        let lane = self.lanes.about_mut(id);
        if lane.claim.as_ref().is_none_or(|state| state.origin != origin) {
            lane.claim = Some(Box::new(ClaimState::of(origin)));
        }
        let in_doubt = lane.claim.as_ref().is_some_and(|state| state.claim.is_in_doubt());
        let step = self.next_step(id, now);
        // Not set aside before it is known what became of its last call.
        let goes_on = matches!(step, Step::Lease | Step::Count | Step::Ask | Step::Create);
        if goes_on && !in_doubt {
            if !self.resolve_spent(id, now) {
                return false;
            }
            if self.lanes.about(id).claim.is_none() {
                // It was set aside: what comes next is looked at on its own.
                self.lanes.put_back(id);
                return false;
            }
        }
        self.do_step(id, step, now)
    }

    fn next_step(&self, id: LaneId, now: Instant) -> Step {
        let rules = &self.shared.settings.delivery.claims;
        let (Some(state), Some(item)) = (&self.lanes.about(id).claim, self.lanes.front(id)) else {
            return Step::Wait(now);
        };
        let subject = match &item.what {
            What::Order(order) => {
                Subject::Order { number: &order.order_no, formal: !order.item.test }
            }
            _ => Subject::Customer,
        };
        self.shared.order_book.look(|book| state.claim.next(subject, rules, book, now))
    }

    fn do_step(&mut self, id: LaneId, step: Step, now: Instant) -> bool {
        let is_order = matches!(self.lanes.about(id).about, About::Orders { .. });
        match step {
            Step::Wait(until) => self.lanes.wait(id, until),
            // What is leased is to be placed soon: the lease does not last.
            Step::Lease if !self.may_lease(id) => {
                self.lanes.wait(id, now + LOOK_FOR_LEASE);
            }
            Step::Lease => self.lease(id, now),
            Step::Count => {
                order_book::count(&self.shared, &self.transport);
                self.lanes.wait(id, now + LOOK_FOR_COUNT);
            }
            Step::Ask => {
                let action = if is_order { Action::ListOrders } else { Action::ListCustomers };
                return self.will_call(id, action);
            }
            Step::Create => {
                let action = if is_order { Action::CreateOrder } else { Action::CreateCustomer };
                return self.will_call(id, action);
            }
            Step::There => {
                let tried = self.lanes.about(id).claim.as_ref();
                let tried = tried.is_some_and(|state| state.claim.was_tried());
                let outcome = if tried { Outcome::Delivered } else { Outcome::Duplicate };
                self.lanes.start(id, 1);
                self.placed(id, outcome, now);
            }
            Step::Conflict => self.give_up_claim(id, DeadLetterReason::OrderConflict, now),
            Step::Refused => self.give_up_claim(id, DeadLetterReason::Refused, now),
            Step::FormalOrdersOff => {
                let message = "a formal order, and claims.formal_orders is off: it was not sent";
                self.cannot_be_placed(id, DeadLetterReason::FormalOrdersOff, message.into(), now);
            }
            Step::AuthorisationsUsedUp => {
                let most = self.shared.settings.delivery.claims.authorisations;
                let message = format!(
                    "a formal order, and the {most} of claims.authorisations are used up: it was not sent"
                );
                let reason = DeadLetterReason::AuthorisationsUsedUp;
                self.cannot_be_placed(id, reason, message, now);
            }
        }
        false
    }

    fn will_call(&mut self, id: LaneId, action: Action) -> bool {
        if let Some(state) = &mut self.lanes.about_mut(id).claim {
            state.action = action;
        }
        true
    }

    /// The call that [`prepare_claim`](Self::prepare_claim) has chosen.
    pub(super) fn claim_call(&mut self, id: LaneId) -> Option<Call> {
        let action = self.lanes.about(id).action();
        let call = match (&self.lanes.front(id)?.what, action) {
            (What::Customer(event), Some(Action::ListCustomers)) => {
                let customer = Some(event.customer.as_str());
                self.sign(&ServiceGetCustomerList { customer, ..Default::default() }, 1)
            }
            (What::Customer(event), _) => self.sign(
                &ServiceCreateCustomer {
                    customer: event.customer.as_str(),
                    country_code: &event.country_code,
                    phone_number: &event.phone_number,
                },
                1,
            ),
            (What::Order(order), Some(Action::CreateOrder)) => self.sign(
                &ServiceCreateOrder {
                    customer: order.customer.as_str(),
                    order_no: &order.order_no,
                    item: order.item,
                    version: order.version,
                    count: order.count,
                },
                1,
            ),
            (What::Order(order), _) => {
                let order_no = Some(order.order_no.as_str());
                self.sign(&ServiceGetOrderList { order_no, ..Default::default() }, 1)
            }
            _ => return None,
        };
        if matches!(action, Some(Action::CreateOrder | Action::CreateCustomer))
            && let Some(state) = &mut self.lanes.about_mut(id).claim
        {
            state.claim.create_begins();
            state.created_by = Some(call.request_id);
        }
        Some(call)
    }

    /// A call for a customer or an order was answered.
    pub(super) fn claim_heard(&mut self, id: LaneId, heard: Heard, now: Instant) {
        let found = match (heard, self.lanes.front(id).map(|item| &item.what)) {
            (Heard::Accepted, _) => {
                self.placed(id, Outcome::Delivered, now);
                return;
            }
            (Heard::Orders(list), Some(What::Order(order))) => {
                find_order(order, &list.orders, list.total)
            }
            (Heard::Customers(list), Some(What::Customer(event))) => {
                find_customer(event, &list.customers, list.total)
            }
            _ => Err("the service's answer is not about what it was asked for"),
        };
        match found {
            Ok((found, difference)) => {
                if let Some(state) = &mut self.lanes.about_mut(id).claim {
                    state.claim.answered(found, now);
                    if found == Found::Other {
                        state.failure = Failure::own("OrderConflict", difference);
                    }
                }
                self.again_or_fence(id, now, now);
            }
            Err(problem) => {
                let failure = Failure::own("UnreadableAnswer", problem);
                self.transient(id, &failure, true, now);
            }
        }
    }

    /// A call for a customer or an order has failed.
    pub(super) fn claim_failed(
        &mut self,
        (id, action): (LaneId, Action),
        error: &CallError,
        failure: Failure,
        counts: bool,
        now: Instant,
    ) {
        let creates = matches!(action, Action::CreateCustomer | Action::CreateOrder);
        let doubt = self.shared.settings.delivery.claims.doubt;
        let class = error.class();
        let refused = matches!(class, FailureClass::Permanent | FailureClass::Defect);
        if let Some(state) = self.lanes.about_mut(id).claim.as_mut().filter(|_| creates) {
            if refused {
                state.claim.create_refused();
                state.failure = failure.clone();
            } else if error.is_ambiguous() {
                state.claim.in_doubt(now + doubt);
            } else {
                state.claim.not_created();
            }
        }
        match class {
            FailureClass::Throttled | FailureClass::Credentials => {
                self.again_or_fence(id, now, now);
            }
            FailureClass::Transient => self.transient(id, &failure, counts, now),
            FailureClass::UnknownCustomer if action == Action::CreateOrder => {
                if let Some(state) = &mut self.lanes.about_mut(id).claim {
                    state.awaits_customer = true;
                    state.failure = failure;
                }
                self.again_or_fence(id, now, now);
            }
            FailureClass::UnknownCustomer => {
                self.park_call(id, ParkReason::UnknownCustomer, &failure, now);
            }
            FailureClass::Permanent | FailureClass::Defect if creates => {
                self.again_or_fence(id, now, now);
            }
            FailureClass::Permanent | FailureClass::Defect => {
                self.refuse_call(id, &failure, now);
            }
        }
    }

    /// Whether the orders of the lane are to wait for their customer: for its event, which is
    /// at hand, or, for a while, for the service to know it.
    fn waits_for_customer(&mut self, id: LaneId, now: Instant) -> bool {
        let About::Orders { customer } = &self.lanes.about(id).about else { return false };
        if self.lanes.id_of(new_customer_key(customer)).is_some() {
            self.lanes.hold(id, now + LOOK_FOR_CUSTOMER);
            return true;
        }
        let Some(state) = self.lanes.about(id).claim.as_ref().filter(|it| it.awaits_customer)
        else {
            return false;
        };
        let failure = state.failure.clone();
        let wait = self.shared.settings.delivery.join_wait;
        let until = *self.lanes.about_mut(id).hold_until.get_or_insert(now + wait);
        if now < until && !self.room.is_blocked() {
            self.lanes.hold(id, until);
            return true;
        }
        let all = self.lanes.len(id);
        self.park_front(id, all, ParkReason::UnknownCustomer, &failure, now);
        true
    }

    /// The customer is known to the service from now on: its orders go.
    fn release_orders(&mut self, customer: &CustomerId) {
        let key = orders_key(customer);
        let Some(id) = self.lanes.id_of(key) else { return };
        let lane = self.lanes.about_mut(id);
        lane.hold_until = None;
        if let Some(state) = &mut lane.claim {
            state.awaits_customer = false;
        }
        self.lanes.release(key);
    }

    /// The customer or order of the lane's call is at the service.
    fn placed(&mut self, id: LaneId, outcome: Outcome, now: Instant) {
        self.lanes.about_mut(id).begin_anew();
        if let About::Customer { customer } = &self.lanes.about(id).about {
            let customer = customer.clone();
            self.finish_claim(id, outcome, now);
            self.release_orders(&customer);
            return;
        }
        let Some((lease, order)) = self.lease_at_head(id) else {
            self.finish_claim(id, outcome, now);
            return;
        };
        if order.item.test {
            self.finish_claim(id, outcome, now);
            return;
        }
        if let Some(state) = &mut self.lanes.about_mut(id).claim {
            // It stays in the book.
            state.claim.take_lease();
        }
        self.leased.remove(&lease.origin);
        let waiting = Written::Placed { lane: id, outcome };
        self.write_in_book(&lease, Some((&order, true)), waiting, now);
    }

    /// The customer or order at the lane's head reaches its outcome: delivered by its last
    /// call of creation, whose answer may have been lost.
    pub(super) fn finish_claim(&mut self, id: LaneId, outcome: Outcome, now: Instant) {
        let claim = self.lanes.about(id).claim.as_ref();
        let created = claim.and_then(|state| state.created_by);
        let by = created.map(|request_id| Accepted { request_id, customer: None });
        self.finish(id, outcome, by, now);
    }

    /// A formal order that may not be placed.
    fn cannot_be_placed(
        &mut self,
        id: LaneId,
        reason: DeadLetterReason,
        message: String,
        now: Instant,
    ) {
        if let Some(state) = &mut self.lanes.about_mut(id).claim {
            state.failure = Failure::own(reason.name(), message);
        }
        self.give_up_claim(id, reason, now);
    }

    /// The customer or order at the lane's head is dead-lettered, for its known reason.
    fn give_up_claim(&mut self, id: LaneId, reason: DeadLetterReason, now: Instant) {
        let failure = self.lanes.about(id).claim.as_ref().map(|state| state.failure.clone());
        let failure = failure.unwrap_or_default();
        let customer = match &self.lanes.about(id).about {
            About::Customer { customer } => Some(customer.clone()),
            _ => None,
        };
        self.lanes.about_mut(id).begin_anew();
        self.lanes.start(id, 1);
        self.give_up_call(id, reason, &failure, now);
        // Its orders need wait no longer for this event.
        if let Some(customer) = customer {
            self.release_orders(&customer);
        }
    }
}
