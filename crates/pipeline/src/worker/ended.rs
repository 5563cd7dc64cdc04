//! Calls become outcomes: the failure table, once.

use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;
use emberline_flow::gate::Ticket;
use emberline_flow::lanes::LaneId;
use emberline_model::{DeadLetterReason, EventTime, Identity, Outcome, ParkReason};
use emberline_service_api::{CallError, FailureClass, RequestId};
use emberline_service_client::Transport;

use super::Worker;
use super::claims::is_claim;
use super::dispatch::Heard;
use super::receipts::Accepted;
use super::set_aside::Written;
use crate::failures::Failed;
use crate::lane::{About, Action, Item, Spent, What, data_key, state_key};
use crate::metrics::CallEnd;
use crate::outbox::WriteEnd;
use crate::records::{Failure, RecordId};
use crate::tap::Sample;
use crate::traffic::CallReport;

/// A call that has ended.
pub(super) struct CallEnded {
    pub(super) lane: LaneId,
    pub(super) action: Action,
    pub(super) ticket: Ticket,
    pub(super) began: Instant,
    pub(super) by: Accepted,
    pub(super) result: Result<Heard, CallError>,
    /// What was sent, if somebody wants to see it.
    pub(super) tapped: Option<Bytes>,
}

impl<T: Transport + Clone> Worker<T> {
    pub(super) fn call_ended(&mut self, end: CallEnded, now: Instant) {
        self.in_calls -= 1;
        self.free_lane(end.lane);
        self.show(&end, now);
        let took = now.saturating_duration_since(end.began);
        let ended = match &end.result {
            Ok(_) => CallEnd::Ok,
            Err(error) => CallEnd::of(error.class()),
        };
        self.metrics.call_ended(end.action, ended, took);
        self.totals.calls.fetch_add(1, Ordering::Relaxed);
        self.totals.rejected_calls.fetch_add(u64::from(end.result.is_err()), Ordering::Relaxed);
        let report = CallReport::of(end.ticket, &end.result, took);
        let counts = self.shared.traffic.call_ended(report, now);
        match end.result {
            Ok(heard) => self.accepted(end.lane, heard, end.by, now),
            Err(error) => {
                let request = end.by.request_id;
                self.failed((end.lane, end.action), &error, request, counts, now);
                self.give_up_failed(now);
            }
        }
    }

    /// Shows a call that has ended to who taps, and its failure to who asks for failures.
    fn show(&self, end: &CallEnded, now: Instant) {
        let (worker, action) = (self.kind.name(), end.action.name());
        let failed = end.result.as_ref().err().map(|error| Failed {
            code: error.code().to_owned(),
            class: error.class().name(),
            message: error.to_string(),
        });
        if let Some(failed) = &failed {
            let request_id = end.by.request_id.to_string();
            let at_ms = self.clock.unix_millis();
            self.status.failures().note((worker, action), failed, request_id, at_ms);
        }
        let Some(body) = &end.tapped else { return };
        let device = match &self.lanes.about(end.lane).about {
            About::Data { device, .. } | About::State { device } | About::Records { device } => {
                Some(device.as_str())
            }
            About::Bindings { .. }
            | About::Customer { .. }
            | About::Orders { .. }
            | About::Set { .. } => None,
        };
        self.status.tap().offer((action, device), now, || Sample {
            at_ms: self.clock.unix_millis(),
            worker,
            action,
            items: self.lanes.in_call(end.lane),
            request_id: end.by.request_id,
            took: now.saturating_duration_since(end.began),
            failed,
            body: body.clone(),
        });
    }

    fn accepted(&mut self, id: LaneId, heard: Heard, by: Accepted, now: Instant) {
        if is_claim(&self.lanes.about(id).about) {
            self.claim_heard(id, heard, now);
            return;
        }
        if matches!(self.lanes.about(id).about, About::Bindings { .. }) {
            if self.all_fenced(id) {
                // The customer's set is another owner's to write: this one may be older.
                self.pushed_sets.remove(&id);
                self.finish(id, Outcome::Delivered, None, now);
            } else {
                // Settled when the customer's set is written, too.
                self.write_set(id, Some(by), now);
            }
            return;
        }
        if matches!(self.lanes.about(id).about, About::State { .. }) {
            self.lanes.about_mut(id).begin_anew();
            match self.is_receipted(Outcome::Delivered, Some(by)) {
                Some(by) => self.write_state_receipt(id, &by, now),
                None => self.state_delivered(id, now),
            }
            return;
        }
        let count = self.lanes.in_call(id);
        let lane = self.lanes.about_mut(id);
        lane.begin_anew();
        lane.hold_until = None;
        let halved = lane.suspects > 0;
        lane.suspects = lane.suspects.saturating_sub(count);
        let key = self.lanes.key(id);
        self.finish(id, Outcome::Delivered, Some(by), now);
        if halved {
            // The rest of the batch has been gathered before.
            self.lanes.promote(key);
        }
    }

    /// The items of the lane's call reach their outcome: where it is delivered `by` a call,
    /// once that call's receipt is written.
    pub(super) fn finish(
        &mut self,
        id: LaneId,
        outcome: Outcome,
        by: Option<Accepted>,
        now: Instant,
    ) {
        self.end_claim(id, now);
        let receipt = self.is_receipted(outcome, by);
        let needs_about = receipt.is_some() || !self.ghosts.is_empty();
        let about = needs_about.then(|| self.lanes.about(id).about.clone());
        let mut done = std::mem::take(&mut self.done);
        self.lanes.finish(id, now, |item| done.push(item));
        let now_ms = self.clock.unix_millis();
        for item in &done {
            if self.records.is_fenced(item.record) {
                self.metrics.late_acknowledgements.increment(1);
            }
            if outcome == Outcome::Delivered {
                let arrival = self.records.get(item.record).arrival;
                let millis = u64::try_from(now_ms.saturating_sub(arrival.millis())).unwrap_or(0);
                self.delivered_after.push(millis);
            }
        }
        match (about, receipt) {
            (Some(about), Some(by)) => self.write_receipt(&about, &done, &by, (now, now_ms)),
            (about, _) => self.end(about.as_ref(), done.drain(..), outcome, now),
        }
        done.clear();
        self.done = done;
        self.metrics.delivered_after(&self.delivered_after);
        self.status.delivered_after(self.delivered_after.drain(..));
    }

    /// Items of a lane reach their outcome.
    pub(super) fn end(
        &mut self,
        about: Option<&About>,
        items: impl Iterator<Item = Item>,
        outcome: Outcome,
        now: Instant,
    ) {
        for item in items {
            if let Some(about) = about.filter(|_| !self.ghosts.is_empty())
                && let Some(identity) = item.identity(about)
            {
                self.ghosts.remove(&identity);
            }
            if let (What::Report { report, .. }, Outcome::Delivered) = (&item.what, outcome) {
                self.records.settles_part(item.record, report.category());
            }
            self.settle(item.record, outcome, 1, now);
        }
    }

    fn failed(
        &mut self,
        (id, action): (LaneId, Action),
        error: &CallError,
        request: RequestId,
        counts: bool,
        now: Instant,
    ) {
        let class = error.class();
        let count = self.lanes.in_call(id);
        let failure = Failure {
            code: error.code().to_owned(),
            message: error.to_string(),
            request_id: request.to_string(),
        };
        tracing::debug!(worker = self.kind.name(), request_id = %request, code = failure.code,
            class = class.name(), items = count, "call failed");
        if class == FailureClass::Defect {
            self.metrics.defects.increment(1);
            tracing::error!(request_id = %request, code = failure.code, message = failure.message,
                "the service calls our request malformed");
        }
        if is_claim(&self.lanes.about(id).about) {
            self.claim_failed((id, action), error, failure, counts, now);
            return;
        }
        self.pushed_sets.remove(&id);
        if self.newer_state_waits(id)
            && !matches!(class, FailureClass::Permanent | FailureClass::Defect)
        {
            // Only a device's newest state matters.
            self.finish(id, Outcome::Superseded, None, now);
            return;
        }
        match class {
            FailureClass::Throttled | FailureClass::Credentials => {
                self.again_or_fence(id, now, now);
            }
            FailureClass::Transient => self.transient(id, &failure, counts, now),
            FailureClass::UnknownCustomer => {
                if matches!(self.lanes.about(id).about, About::State { .. }) {
                    // A state waits in place for its customer, and grows old there.
                    self.transient(id, &failure, true, now);
                } else {
                    self.park_call(id, ParkReason::UnknownCustomer, &failure, now);
                }
            }
            FailureClass::Permanent | FailureClass::Defect => {
                if count > 1 {
                    self.lanes.about_mut(id).suspects = count;
                    self.again_or_fence(id, now, now);
                } else {
                    self.refuse_call(id, &failure, now);
                }
            }
        }
    }

    fn newer_state_waits(&self, id: LaneId) -> bool {
        let is_state = matches!(self.lanes.about(id).about, About::State { .. });
        is_state && self.lanes.len(id) > self.lanes.in_call(id)
    }

    /// Whether no item of the lane's call is ours to settle any more.
    pub(super) fn all_fenced(&self, id: LaneId) -> bool {
        let count = self.lanes.in_call(id);
        self.lanes.items(id).take(count).all(|item| self.records.is_fenced(item.record))
    }

    /// A failure that may pass: again in place, a state for as long as it is not too old,
    /// anything else so many times and within the budget. What is spent then is parked once
    /// it is known that the service is there: see `resolve_spent`.
    pub(super) fn transient(&mut self, id: LaneId, failure: &Failure, counts: bool, now: Instant) {
        let outages = self.shared.traffic.outages();
        let items = self.lanes.in_call(id);
        let lane = self.lanes.about_mut(id);
        if lane.outages != outages {
            lane.outages = outages;
            lane.attempts = 0;
        }
        lane.attempts = lane.attempts.saturating_add(u32::from(counts));
        let attempts = lane.attempts;
        let is_state = matches!(lane.about, About::State { .. });
        if is_state {
            if counts && self.head_is_too_old(id) {
                self.give_up_call(id, DeadLetterReason::TooOld, failure, now);
                return;
            }
            self.lanes.about_mut(id).owes_retry = counts;
        } else if counts {
            let used_up = attempts > self.shared.settings.delivery.in_place;
            if used_up || !self.shared.traffic.take_retry(now) {
                let spent = Spent { at: now, items, failure: failure.clone() };
                self.lanes.about_mut(id).spent = Some(Box::new(spent));
            }
        }
        let delay = self.backoff.delay(attempts.saturating_sub(1), fastrand::u64(..));
        self.again_or_fence(id, now + delay, now);
    }

    fn head_is_too_old(&self, id: LaneId) -> bool {
        let Some(item) = self.lanes.front(id) else { return false };
        let record = self.records.get(item.record);
        // What is pushed again is as old as that, whatever it is about.
        let since = match &record.history {
            Some(history) if self.kind.is_again() => EventTime::from_millis(history.first_seen_ms),
            None if self.kind.is_again() => EventTime::from_millis(self.began_ms),
            _ => record.arrival,
        };
        self.tiers.is_too_old(since, EventTime::from_millis(self.clock.unix_millis()))
    }

    /// The call's items stay at the head for another attempt, except those whose tenure is
    /// over: they are another owner's.
    pub(super) fn again_or_fence(&mut self, id: LaneId, until: Instant, now: Instant) {
        let any_fenced = {
            let count = self.lanes.in_call(id);
            self.lanes.items(id).take(count).any(|item| self.records.is_fenced(item.record))
        };
        if until > now {
            self.lanes.again_at(id, until);
        } else {
            self.lanes.again(id);
        }
        if any_fenced {
            self.give_up_fenced(now);
        }
    }

    /// Tries failed writes again. What is written on for a record of a tenure that is over is given
    /// up: it is the next owner's, and could come behind what that has written. So is a latest
    /// fact that is not the latest any more.
    pub(super) fn retry_writes(&mut self, now: Instant) {
        let (lanes, records, projections) = (&self.lanes, &self.records, &self.projections);
        let join = &self.join;
        let given_up = self.outbox.retry(now, |waiting| {
            let record = match waiting {
                Written::Keyed { lane } => lanes.front(*lane).map(|item| item.record),
                Written::Fact { lane } => projections.record_of(*lane),
                Written::Latest { fact } => return !join.is_awaited(fact),
                _ => None,
            };
            record.is_some_and(|record| records.is_fenced(record))
        });
        for waiting in given_up {
            match waiting {
                Written::Keyed { lane } => self.keyed(lane, now),
                Written::Fact { lane } => self.fact_written(lane, now),
                _ => {}
            }
        }
    }

    /// What waited for a write, once it is durable.
    pub(super) fn write_ended(&mut self, end: WriteEnd, now: Instant) {
        let Some((written, at)) = self.outbox.ended(end, now) else { return };
        match written {
            Written::Items { record, items, outcome, parts } => {
                for category in parts.iter().flat_map(|parts| parts.iter()) {
                    self.records.settles_part(record, category);
                }
                self.settle(record, outcome, items, now);
            }
            Written::Set { lane, set } => self.set_written(lane, *set, at.offset, now),
            Written::Lease { lane } => self.lease_written(lane, at.offset, now),
            Written::Placed { lane, outcome } => self.finish_claim(lane, outcome, now),
            Written::DataReceipt { category, reports } => {
                for (record, identity) in reports {
                    if !self.ghosts.is_empty() {
                        self.ghosts.remove(&identity);
                    }
                    self.records.settles_part(record, category);
                    self.settle(record, Outcome::Delivered, 1, now);
                }
            }
            Written::Receipt { records } => {
                for record in records {
                    self.settle(record, Outcome::Delivered, 1, now);
                }
            }
            Written::StateReceipt { lane } => self.state_delivered(lane, now),
            Written::Keyed { lane } => self.keyed(lane, now),
            Written::Fact { lane } => self.fact_written(lane, now),
            Written::Latest { fact } => self.latest_written(&fact, now),
            Written::Returned => {}
            Written::Mended { set } => {
                let (claim, set) = *set;
                self.shared.bindings.apply(claim.customer(), &set, at.offset);
            }
        }
    }

    /// Items of a record have reached their outcome; what of it waits to be parked is
    /// written now if nothing else is left.
    pub(super) fn settle(&mut self, record: RecordId, outcome: Outcome, count: u16, now: Instant) {
        let ready = self.records.settle(record, outcome, count, &self.metrics);
        if let Some(ready) = ready {
            self.write_retry(ready, now);
        }
    }

    /// The identity of an item that was given up is free again, and held by no call.
    pub(super) fn free_identity(&mut self, about: &About, item: &Item) {
        if self.is_state_in_call(about, item) {
            return;
        }
        self.release_identity(about, item);
        let shadow = matches!(item.what, What::Report { shadow: true, .. });
        if let Some(identity) = item.identity(about).filter(|_| !shadow)
            && self.ghosts.remove(&identity)
        {
            self.end_shadow(about, identity);
        }
    }

    /// Whether a call that goes on brings this very state: then the identity is that call's.
    fn is_state_in_call(&self, about: &About, item: &Item) -> bool {
        let About::State { device } = about else { return false };
        let Some(id) = self.lanes.id_of(state_key(device.key())) else { return false };
        let identity = item.identity(about);
        let mut in_call = self.lanes.items(id).take(self.lanes.in_call(id));
        in_call.any(|other| other.identity(about) == identity)
    }

    /// The call that held this identity is not to deliver it: what waited for that is. It
    /// takes the identity at once. By the time that its lane is ready, a later record of the
    /// same report may have been read.
    fn end_shadow(&mut self, about: &About, identity: Identity) {
        let About::Data { device, category } = about else { return };
        let key = device.key();
        let is_it = |item: &Item| match &item.what {
            What::Report { report, shadow } => *shadow && report.identity(key) == identity,
            _ => false,
        };
        let Some(item) = self.lanes.find_mut(data_key(key, *category), is_it) else { return };
        if let What::Report { shadow, .. } = &mut item.what {
            *shadow = false;
        }
        let record = self.records.get(item.record);
        self.observe(record.partition.slot(), identity, record.arrival);
    }
}
