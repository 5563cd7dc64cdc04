//! What can't be delivered now, or ever: retry and dead letters.

use std::time::Instant;

use emberline_broker::Record;
use emberline_flow::customer_set::CustomerSet;
use emberline_flow::lanes::LaneId;
use emberline_model::{Category, DeadLetterReason, EventTime, Identity, Outcome, ParkReason};
use emberline_service_client::Transport;
use emberline_wire::headers::{Categories, DeadLetter, RETRY_HEADER, RetryHeader, TYPE_HEADER};
use smallvec::SmallVec;

use super::Worker;
use super::bindings::WrittenSet;
use crate::lane::{About, Item, What};
use crate::outbox::{Destination, borrowed};
use crate::own_tables::LatestFact;
use crate::records::{Failure, ReadyToPark, Record as InFlight, RecordId};
use crate::table::Claim;

/// What waits for a write to be durable.
pub(super) enum Written {
    /// Items of a record reach this outcome.
    Items { record: RecordId, items: u16, outcome: Outcome, parts: Option<Categories> },
    /// A customer's set counts, and the events that made it are settled.
    Set { lane: LaneId, set: Box<WrittenSet> },
    /// An order's lease is in the book.
    Lease { lane: LaneId },
    /// A formal order is in the book as placed, and settled.
    Placed { lane: LaneId, outcome: Outcome },
    /// The receipt of a call about reports is there, and they are delivered.
    DataReceipt { category: Category, reports: SmallVec<[(RecordId, Identity); 1]> },
    /// Another call's receipt is there, and the items of these records are delivered.
    Receipt { records: Vec<RecordId> },
    /// The receipt of a lane's state is there.
    StateReceipt { lane: LaneId },
    /// A device's record is in the topic that is keyed by device.
    Keyed { lane: LaneId },
    /// One of the facts of the lane's set is in the topic of facts.
    Fact { lane: LaneId },
    /// A lease was given back: nothing waits for it.
    Returned,
    /// The latest fact of a device and a customer stands behind an older one.
    Latest { fact: LatestFact },
    /// A customer's set has all facts again.
    Mended { set: Box<(Claim, CustomerSet)> },
}

/// Where a record first stood.
pub(super) struct Origin {
    pub(super) topic: String,
    partition: i32,
    offset: i64,
    pub(super) timestamp_ms: i64,
    attempts: u32,
    first_seen_ms: i64,
}

impl<T: Transport + Clone> Worker<T> {
    pub(super) fn origin(&self, record: &InFlight, now_ms: i64) -> Origin {
        if let Some(history) = &record.history {
            return Origin {
                topic: history.topic.clone(),
                partition: history.partition,
                offset: history.offset,
                timestamp_ms: history.timestamp_ms,
                attempts: history.attempt,
                first_seen_ms: history.first_seen_ms,
            };
        }
        let at = &self.records.partitions[record.partition].at;
        Origin {
            topic: at.topic.to_string(),
            partition: at.partition,
            offset: record.offset,
            timestamp_ms: record.arrival.millis(),
            attempts: 0,
            first_seen_ms: now_ms,
        }
    }

    /// The record's own headers, with the type that its topic is configured for where the
    /// record does not say it itself.
    pub(super) fn own_headers(&self, record: &InFlight, origin: &Origin) -> Vec<(String, Vec<u8>)> {
        let mut headers: Vec<_> = record
            .raw
            .headers()
            .iter()
            .filter(|(name, _)| &**name != RETRY_HEADER)
            .map(|(name, value)| (name.to_string(), value.to_vec()))
            .collect();
        let configured = self.shared.settings.topics.types.get(&origin.topic);
        if let (Some(name), None) = (configured, record.raw.header(TYPE_HEADER)) {
            headers.push((TYPE_HEADER.to_owned(), name.clone().into_bytes()));
        }
        headers
    }

    /// The first items of a lane that is in no call are parked.
    pub(super) fn park_front(
        &mut self,
        id: LaneId,
        items: usize,
        reason: ParkReason,
        failure: &Failure,
        now: Instant,
    ) {
        self.end_claim(id, now);
        let about = self.lanes.about(id).about.clone();
        let count = items.min(self.lanes.len(id));
        for _ in 0..count {
            if let Some(item) = self.lanes.pop_front(id) {
                self.park(&about, &item, reason, failure, now);
            }
        }
    }

    /// The items of the lane's call are parked.
    pub(super) fn park_call(
        &mut self,
        id: LaneId,
        reason: ParkReason,
        failure: &Failure,
        now: Instant,
    ) {
        let lane = self.lanes.about_mut(id);
        lane.begin_anew();
        lane.suspects = 0;
        for (about, item) in self.take_call(id, now) {
            self.park(&about, &item, reason, failure, now);
        }
    }

    /// The one item of the lane's call is refused for good.
    pub(super) fn refuse_call(&mut self, id: LaneId, failure: &Failure, now: Instant) {
        let lane = self.lanes.about_mut(id);
        lane.begin_anew();
        lane.suspects = 0;
        let key = self.lanes.key(id);
        self.give_up_call(id, DeadLetterReason::Refused, failure, now);
        // What was in a batch with it has been gathered before.
        self.lanes.promote(key);
    }

    /// The items of the lane's call are dead-lettered.
    pub(super) fn give_up_call(
        &mut self,
        id: LaneId,
        reason: DeadLetterReason,
        failure: &Failure,
        now: Instant,
    ) {
        for (about, item) in self.take_call(id, now) {
            self.free_identity(&about, &item);
            self.dead_letter(item.record, category_of(&item), reason, failure, now);
        }
    }

    fn take_call(&mut self, id: LaneId, now: Instant) -> Vec<(About, Item)> {
        self.end_claim(id, now);
        let about = self.lanes.about(id).about.clone();
        let mut items = Vec::with_capacity(self.lanes.in_call(id));
        self.lanes.finish(id, now, |item| items.push((about.clone(), item)));
        items
    }

    fn park(
        &mut self,
        about: &About,
        item: &Item,
        reason: ParkReason,
        failure: &Failure,
        now: Instant,
    ) {
        if self.records.is_fenced(item.record) {
            self.free_identity(about, item);
            self.records.hand_over(item.record, 1, &self.metrics);
            return;
        }
        // A parked report is durable, so another one of the same identity stays a duplicate;
        // except for who reads it back from the retry topic.
        let reserved = item.identity(about).filter(|_| self.parks_for_good());
        if reserved.is_none() {
            self.free_identity(about, item);
        }
        if self.is_too_old(item.record) {
            self.free_identity(about, item);
            let reason = DeadLetterReason::TooOld;
            self.dead_letter(item.record, category_of(item), reason, failure, now);
        } else if let Some(ready) =
            self.records.park(item.record, (category_of(item), reserved), reason, failure)
        {
            self.write_retry(ready, now);
        }
    }

    fn is_too_old(&self, record: RecordId) -> bool {
        let now_ms = self.clock.unix_millis();
        let first_seen = self.origin(self.records.get(record), now_ms).first_seen_ms;
        self.tiers.is_too_old(EventTime::from_millis(first_seen), EventTime::from_millis(now_ms))
    }

    /// A record of a retry topic of which something is left that only a later version knows
    /// goes back as it is: who sent the rest of it would settle what it can't send.
    pub(super) fn leave_to_later_version(&mut self, id: RecordId, now: Instant) {
        let failure =
            Failure::own("LaterVersion", "a category is left that only a later version knows");
        if self.records.is_fenced(id) {
            return self.records.hand_over(id, 1, &self.metrics);
        }
        if self.is_too_old(id) {
            return self.dead_letter(id, None, DeadLetterReason::TooOld, &failure, now);
        }
        let left = self.records.get(id).history.as_ref().and_then(|history| history.categories);
        let reason = ParkReason::Transient;
        if let Some(ready) = self.records.park(id, (None, None), reason, &failure) {
            self.write_retry(ReadyToPark { categories: left, ..ready }, now);
        }
    }

    /// Writes what is left of a record to the retry topic of its next tier.
    pub(super) fn write_retry(&mut self, ready: ReadyToPark, now: Instant) {
        let now_ms = self.clock.unix_millis();
        let record = self.records.get(ready.record);
        let origin = self.origin(record, now_ms);
        let attempt = origin.attempts;
        let tier = self.tiers.tier_for(attempt);
        let delay = self.tiers.delays()[tier];
        let due = self.tiers.due(tier, EventTime::from_millis(now_ms), fastrand::u64(..));
        let mut headers = self.own_headers(record, &origin);
        let header = RetryHeader {
            attempt: attempt + 1,
            first_seen_ms: origin.first_seen_ms,
            due_ms: due.millis(),
            reason: ready.reason.name().to_owned(),
            class: ready.reason.name().to_owned(),
            code: Some(ready.failure.code).filter(|code| !code.is_empty()),
            topic: origin.topic,
            partition: origin.partition,
            offset: origin.offset,
            timestamp_ms: origin.timestamp_ms,
            categories: ready.categories,
        };
        headers.push((RETRY_HEADER.to_owned(), header.encode().into_bytes()));
        let write = Record {
            topic: &self.shared.settings.topics.retry(delay),
            partition: None,
            key: record.raw.key(),
            value: record.raw.value(),
            headers: &borrowed(&headers),
            timestamp_ms: None,
        };
        let outcome = Outcome::Parked(ready.reason);
        let (id, items) = (ready.record, ready.items);
        let waiting = Written::Items { record: id, items, outcome, parts: ready.categories };
        self.outbox.write(Destination::Retry, write, waiting, now);
        self.records.write_begins(id);
    }

    /// Writes a record to the dead letters, for one of its items.
    pub(super) fn dead_letter(
        &mut self,
        id: RecordId,
        category: Option<Category>,
        reason: DeadLetterReason,
        failure: &Failure,
        now: Instant,
    ) {
        if self.records.is_fenced(id) {
            self.records.hand_over(id, 1, &self.metrics);
            return;
        }
        let now_ms = self.clock.unix_millis();
        let record = self.records.get(id);
        let origin = self.origin(record, now_ms);
        let mut headers = self.own_headers(record, &origin);
        let optional = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let letter = DeadLetter {
            topic: origin.topic,
            partition: origin.partition,
            offset: origin.offset,
            timestamp_ms: origin.timestamp_ms,
            reason: reason.name().to_owned(),
            error_code: optional(&failure.code),
            error_message: failure.message.clone(),
            attempts: origin.attempts + u32::from(!failure.request_id.is_empty()),
            first_failure_ms: origin.first_seen_ms,
            last_failure_ms: now_ms,
            request_id: optional(&failure.request_id),
            part: category.map(|category| Categories::from_iter([category])),
        };
        let letter = letter.to_headers();
        headers.extend(letter.into_iter().map(|(name, text)| (name.to_owned(), text.into_bytes())));
        let write = Record {
            topic: &self.shared.settings.topics.dead_letters(),
            partition: None,
            key: record.raw.key(),
            value: record.raw.value(),
            headers: &borrowed(&headers),
            timestamp_ms: None,
        };
        let outcome = Outcome::DeadLettered(reason);
        let parts = category.map(|category| Categories::from_iter([category]));
        let waiting = Written::Items { record: id, items: 1, outcome, parts };
        self.outbox.write(Destination::DeadLetters, write, waiting, now);
        self.records.write_begins(id);
    }
}

fn category_of(item: &Item) -> Option<Category> {
    match &item.what {
        What::Report { report, .. } => Some(report.category()),
        What::State { .. }
        | What::Binding(_)
        | What::Customer(_)
        | What::Order(_)
        | What::Record => None,
    }
}
