//! Items become calls: which lane may call now, and what its call carries.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use emberline_flow::dedupe::Seen;
use emberline_flow::gate::{GateState, Permission, Ticket};
use emberline_flow::lanes::LaneId;
use emberline_model::{Category, CustomerId, DeviceId, Outcome, ParkReason};
use emberline_service_api::{
    Action as ApiAction, CallError, CustomerList, DataInfoForm, OrderList, RequestId,
    ServiceReportDeviceData, ServiceReportDeviceState, check_answer, read_answer,
};
use emberline_service_client::{HttpAnswer, Transport, TransportError, fresh_stamp};

use super::claims::is_claim;
use super::ended::CallEnded;
use super::receipts::Accepted;
use super::{RELEASE_EVERY, Worker};
use crate::lane::{About, Action, Item, What, data_key};
use crate::records::Failure;

/// Room for a body without its reports, in bytes.
const BODY_HEAD: usize = 384;
/// Room for one report in a body.
const BODY_A_REPORT: usize = 128;
/// A lane of which another worker has a call in flight is looked at again so soon.
const ASK_OTHER_WORKER: Duration = Duration::from_millis(5);
/// A report of which the receipt is being written is looked at again so soon.
const ASK_FOR_RECEIPT: Duration = Duration::from_millis(20);
/// A closed gate that does not say when it opens is asked again so soon.
const ASK_GATE_AGAIN: Duration = Duration::from_millis(100);
/// A gate that is not closed is asked again after so long, whatever it says: it is the whole
/// process', and others move it too.
const LONGEST_GATE_WAIT: Duration = Duration::from_millis(250);
/// A permit of the rate is asked for again after so long, whatever it says: the rate may be
/// another by then.
const LONGEST_RATE_WAIT: Duration = Duration::from_secs(1);
/// A retry that the budget does not cover yet is looked at again so soon.
const ASK_BUDGET_AGAIN: Duration = Duration::from_secs(1);

/// A call ready to be made, with the first so many items of its lane.
pub(super) struct Call {
    pub(super) count: usize,
    pub(super) body: Vec<u8>,
    pub(super) request_id: RequestId,
    /// Whose data it brings.
    pub(super) customer: Option<CustomerId>,
}

impl<T: Transport + Clone> Worker<T> {
    /// Starts as many calls as are allowed and due.
    pub(super) fn dispatch(&mut self, now: Instant) {
        if let Some(until) = self.standstill.turn(now) {
            if self.no_call_before != Some(until) {
                let worker = self.kind.name();
                tracing::warn!(worker, "stood still; no call goes until it is known what was lost");
            }
            self.no_call_before = Some(until);
            return;
        }
        if self.no_call_before.is_some_and(|until| now < until) {
            return;
        }
        self.no_call_before = None;
        self.go_on_projecting(now);
        while self.calls_may_go() {
            let Some(id) = self.lanes.next_ready() else { return };
            if !self.prepare_lane(id, now) {
                continue;
            }
            let Some(action) = self.lanes.about(id).action() else {
                self.write_on(id, now);
                continue;
            };
            let ticket = match self.shared.traffic.may_call(action as usize, now) {
                (Permission::Go(ticket), _) => ticket,
                // This action alone is throttled: others may go.
                (Permission::Wait(wait), GateState::Closed) => {
                    self.prepared_set = None;
                    self.lanes.wait(id, now + wait.unwrap_or(ASK_GATE_AGAIN));
                    continue;
                }
                (Permission::Wait(wait), _) => {
                    self.prepared_set = None;
                    self.lanes.put_back(id);
                    // Another worker's probe may have opened the gate by then.
                    let wait = wait.unwrap_or(ASK_GATE_AGAIN).min(LONGEST_GATE_WAIT);
                    self.no_call_before = Some(now + wait);
                    return;
                }
            };
            // Before a permit is taken: a lane that waits for another worker's call is asked
            // often, and would use up the rate.
            if !self.claim_lane(id) {
                self.shared.traffic.not_made(ticket, now);
                self.lanes.wait(id, now + ASK_OTHER_WORKER);
                continue;
            }
            let permit = self.shared.traffic.take_permit(now);
            if let Err(wait) = permit {
                self.prepared_set = None;
                self.free_lane(id);
                self.shared.traffic.not_made(ticket, now);
                self.lanes.put_back(id);
                self.no_call_before = Some(now + wait.min(LONGEST_RATE_WAIT));
                return;
            }
            if let Some(call) = self.ready_call(id) {
                let lane = self.lanes.about(id);
                if lane.attempts == 0 && lane.suspects == 0 {
                    self.shared.traffic.first_call();
                }
                self.call((id, action), ticket, call, now);
                self.promote_siblings(id);
            } else {
                self.free_lane(id);
                self.shared.traffic.not_made(ticket, now);
            }
        }
    }

    /// Writes what the lane's first item is on to another topic.
    fn write_on(&mut self, id: LaneId, now: Instant) {
        match self.lanes.about(id).about {
            About::Set { .. } => self.project(id, now),
            _ => self.write_keyed(id, now),
        }
    }

    /// Whether one more call may be in flight. What pushes something again counts a call until
    /// its receipt is durable: what a kill repeats is no more than that.
    pub(super) fn calls_may_go(&self) -> bool {
        let unwritten = if self.kind.is_again() { self.outbox.unacknowledged().0 } else { 0 };
        self.in_calls + unwritten < self.shared.settings.delivery.in_flight
    }

    /// Takes the right to call for this lane, where another worker of the process may have
    /// items of the same device: those that come back from the retry topics.
    fn claim_lane(&self, id: LaneId) -> bool {
        let Some(lanes) = &self.shared.lanes_in_calls else { return true };
        lanes.lock().insert(self.lanes.key(id))
    }

    /// Gives it back.
    pub(super) fn free_lane(&self, id: LaneId) {
        if let Some(lanes) = &self.shared.lanes_in_calls {
            lanes.lock().remove(&self.lanes.key(id));
        }
    }

    /// Intake stops while nothing but probes goes out: lag grows, memory does not. Where
    /// nothing is left to probe with (its partition went), it goes on until there is.
    pub(super) fn gate_may_have_moved(&mut self) {
        let (shut, state) = self.shared.traffic.intake_paused();
        let paused = shut && self.kind.calls_service() && self.lanes.items_len() > 0;
        if paused == self.intake_paused {
            return;
        }
        self.intake_paused = paused;
        let worker = self.kind.name();
        if paused {
            tracing::error!(worker, ?state, "calls are stopped; probing");
        } else if shut {
            tracing::info!(worker, ?state, "calls are stopped; reading on for one to probe with");
        } else {
            tracing::info!(worker, ?state, "calls go on");
        }
        if let Some(source) = self.source.as_ref().filter(|_| self.exit.is_none()) {
            source.pause_intake(paused);
        }
        // Whoever waits for the gate may ask again at once.
        self.no_call_before = None;
    }

    /// The device's other categories go next: a record that is half delivered for long is
    /// one that a crash sends again.
    fn promote_siblings(&mut self, id: LaneId) {
        let About::Data { device, category } = &self.lanes.about(id).about else { return };
        let (key, sent) = (device.key(), *category);
        for category in Category::ALL.into_iter().filter(|category| *category != sent) {
            self.lanes.promote(data_key(key, category));
        }
    }

    /// Looks whether the lane has a call to make; where it has not, it is dealt with.
    fn prepare_lane(&mut self, id: LaneId, now: Instant) -> bool {
        if is_claim(&self.lanes.about(id).about) {
            return self.prepare_claim(id, now);
        }
        // In this order: behind what is parked there may be a shadow.
        if !self.resolve_spent(id, now) || !self.resolve_shadows(id, now) {
            return false;
        }
        match &self.lanes.about(id).about {
            About::Data { device, .. } => {
                let bound = self.join.is_bound(device);
                if !bound {
                    self.hold_or_park(id, now);
                }
                bound
            }
            About::State { .. } => self.prepare_state(id, now),
            About::Bindings { .. } => self.prepare_bindings(id, now),
            About::Customer { .. } | About::Orders { .. } => false,
            About::Records { .. } | About::Set { .. } => true,
        }
    }

    /// Items whose identity a call of an earlier tenure held: that call has ended, because
    /// this lane is ready, so now it is known whether they are duplicates; once the receipt
    /// of the call is there. `false` if nothing is left, or it is not.
    fn resolve_shadows(&mut self, id: LaneId, now: Instant) -> bool {
        while let Some(item) = self.lanes.front(id) {
            let What::Report { report, shadow: true } = item.what else { return true };
            let About::Data { device, .. } = &self.lanes.about(id).about else { return true };
            let identity = report.identity(device.key());
            let record = item.record;
            if self.ghosts.contains(&identity) {
                self.lanes.wait(id, now + ASK_FOR_RECEIPT);
                return false;
            }
            let (slot, arrival) = {
                let record = self.records.get(record);
                (record.partition.slot(), record.arrival)
            };
            if self.observe(slot, identity, arrival) == Seen::New {
                if let Some(item) = self.lanes.front_mut(id)
                    && let What::Report { shadow, .. } = &mut item.what
                {
                    *shadow = false;
                }
                return true;
            }
            let last = self.lanes.len(id) == 1;
            self.lanes.pop_front(id);
            self.settle(record, Outcome::Duplicate, 1, now);
            if last {
                return false;
            }
        }
        false
    }

    /// A call whose attempts in place are used up: it is parked once a call that began after
    /// its last failure was answered. Until then it may have failed because the service is
    /// down, and goes again; likewise where calls were stopped since, because then it did.
    /// `false` if nothing is left to be called for.
    pub(super) fn resolve_spent(&mut self, id: LaneId, now: Instant) -> bool {
        let lane = self.lanes.about_mut(id);
        let outages_then = lane.outages;
        if let Some(spent) = lane.spent.take()
            && self.shared.traffic.outages() == outages_then
            && self.shared.traffic.answered_since(spent.at)
        {
            // Items of a tenure that is over have gone from the lane. What waits for another call
            // was not in this one.
            let was_in_it = |item: &&Item| !matches!(item.what, What::Report { shadow: true, .. });
            let items = self.lanes.items(id).take(spent.items).take_while(was_in_it).count();
            let all = items == self.lanes.len(id);
            self.lanes.about_mut(id).begin_anew();
            self.park_front(id, items, ParkReason::Transient, &spent.failure, now);
            return !all;
        }
        if self.lanes.about(id).owes_retry {
            if !self.shared.traffic.take_retry(now) {
                self.lanes.wait(id, now + ASK_BUDGET_AGAIN);
                return false;
            }
            self.lanes.about_mut(id).owes_retry = false;
        }
        true
    }

    /// An unbound device: its reports wait in memory for a while, then in a retry topic.
    fn hold_or_park(&mut self, id: LaneId, now: Instant) {
        let wait = self.shared.settings.delivery.join_wait;
        let until = *self.lanes.about_mut(id).hold_until.get_or_insert(now + wait);
        if now < until && !self.room.is_blocked() {
            self.lanes.hold(id, until);
            return;
        }
        let failure = Failure::own("Unbound", "the device has no binding yet");
        let all = self.lanes.len(id);
        self.park_front(id, all, ParkReason::Unbound, &failure, now);
    }

    /// Bindings have changed: held lanes whose device is bound now are ready.
    pub(super) fn release_bound(&mut self, now: Instant) {
        self.next_release = now + RELEASE_EVERY;
        self.bindings_changed = self.waiting.has_unbound();
        let join = &self.join;
        self.lanes.release_held(|lane| match &lane.about {
            About::Data { device, .. } => join.is_bound(device),
            About::State { .. }
            | About::Bindings { .. }
            | About::Records { .. }
            | About::Set { .. } => true,
            // Their customer releases them.
            About::Customer { .. } | About::Orders { .. } => false,
        });
    }

    fn ready_call(&mut self, id: LaneId) -> Option<Call> {
        match self.lanes.about(id).about.clone() {
            About::Data { device, category } => self.data_call(id, &device, category),
            About::State { device } => self.state_call(id, &device),
            About::Bindings { customer } => self.bindings_call(id, &customer),
            About::Customer { .. } | About::Orders { .. } => self.claim_call(id),
            About::Records { .. } | About::Set { .. } => None,
        }
    }

    fn data_call(&mut self, id: LaneId, device: &DeviceId, category: Category) -> Option<Call> {
        let Some(customer) = self.join.customer_of(device) else {
            // Unbound since the look a moment ago: the next turn holds it.
            self.lanes.put_back(id);
            return None;
        };
        let most = match self.shared.settings.dialect.data_info {
            DataInfoForm::Array => self.shared.settings.delivery.batch_max_reports,
            DataInfoForm::Object => 1,
        };
        let most = self.lanes.about(id).batch_limit(most);
        self.reports.clear();
        for item in self.lanes.items(id).take(most) {
            let What::Report { report, shadow: false } = item.what else { break };
            self.reports.push(report);
        }
        let action = ServiceReportDeviceData {
            device: device.as_str(),
            customer: customer.as_str(),
            category,
            reports: &self.reports,
        };
        let call = self.sign(&action, self.reports.len());
        Some(Call { customer: Some(customer), ..call })
    }

    fn state_call(&mut self, id: LaneId, device: &DeviceId) -> Option<Call> {
        let What::State { status, .. } = self.lanes.front(id)?.what else { return None };
        Some(self.sign(&ServiceReportDeviceState { device: device.as_str(), status }, 1))
    }

    pub(super) fn sign<A: ApiAction>(&self, action: &A, count: usize) -> Call {
        let stamp = fresh_stamp();
        let mut body = Vec::with_capacity(BODY_HEAD + count * BODY_A_REPORT);
        self.shared.signer.read().write(action, &stamp, &mut body);
        Call { count, body, request_id: stamp.request_id, customer: None }
    }

    fn call(&mut self, (lane, action): (LaneId, Action), ticket: Ticket, call: Call, now: Instant) {
        let Call { count, body, request_id, customer } = call;
        self.lanes.start(lane, count);
        self.in_calls += 1;
        let transport = self.transport.clone();
        let sender = self.call_ended.clone();
        let body = Bytes::from(body);
        let tapped = self.status.tap().is_open().then(|| body.clone());
        tokio::spawn(async move {
            let result = read(action, transport.post(body).await);
            let by = Accepted { request_id, customer };
            let end = CallEnded { lane, action, ticket, began: now, by, result, tapped };
            // The worker outlives its calls; were it gone, nobody would wait for the end.
            let _ = sender.send(end);
        });
    }
}

/// What a call that was accepted has brought.
pub(super) enum Heard {
    /// That it was.
    Accepted,
    Customers(CustomerList),
    Orders(OrderList),
}

fn read(action: Action, answer: Result<HttpAnswer, TransportError>) -> Result<Heard, CallError> {
    let HttpAnswer { status, retry_after, body } = answer?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let retry_after = retry_after.as_deref();
    match action {
        Action::ListCustomers => read_answer(status, retry_after, &body, now).map(Heard::Customers),
        Action::ListOrders => read_answer(status, retry_after, &body, now).map(Heard::Orders),
        _ => check_answer(status, retry_after, &body, now).map(|()| Heard::Accepted),
    }
}
