//! Records become items in lanes, or are settled at once.

use std::time::{Duration, Instant};

use emberline_flow::dedupe::Seen;
use emberline_flow::lanes::Gather;
use emberline_model::{
    BindingEvent, Category, DeadLetterReason, DeviceKey, DeviceState, EventTime, Identity, Outcome,
    ParkReason, Report, SkipReason,
};
use emberline_service_client::Transport;
use emberline_wire::device::{DeviceRecord, Telemetry};
use emberline_wire::headers::{Categories, RetryHeader};

use super::Worker;
use crate::intake::{Content, Intake};
use crate::lane::{About, Item, Lane, What, customer_key, data_key, state_identity, state_key};
use crate::partitions::PartitionId;
use crate::records::{Failure, RecordId};
use crate::settings::WorkerKind;

/// Most binding events that one push carries the changes of.
pub(super) const BINDINGS_AT_ONCE: usize = 20_000;
/// How often what waits for a binding is looked through at most.
const LOOK_AT_WAITING_EVERY: Duration = Duration::from_secs(1);

/// A record of a retry topic that is not due yet.
pub(super) struct Waiting {
    pub(super) record: RecordId,
    pub(super) items: u16,
    settled: Categories,
    content: Content,
}

/// What of a record is still to be done: not what an earlier tenure has settled, and of a
/// record that comes from a retry topic only what was left of it then.
#[derive(Debug, Clone, Copy)]
struct Left {
    /// It comes from a retry topic, whose header may name categories.
    again: bool,
    /// What of it can't be sent became a dead letter before, and it is not redriven as such.
    refusals_told: bool,
    categories: Option<Categories>,
    settled: Categories,
}

impl Left {
    fn of(history: Option<&RetryHeader>, settled: Categories, kind: WorkerKind) -> Self {
        let categories = history.and_then(|history| history.categories);
        let again = history.is_some();
        let refusals_told = again && kind != WorkerKind::Redrive;
        Self { again, refusals_told, categories, settled }
    }

    /// Whether the report or refused property of this category is to be dealt with.
    fn has(self, category: Category) -> bool {
        !self.settled.contains(category)
            && self.categories.is_none_or(|categories| categories.contains(category))
    }

    /// Whether the record is new: of one that comes from a retry topic only its reports are left.
    fn is_first(self) -> bool {
        !self.again
    }

    /// How many items the record makes; at least one.
    fn items(self, content: &Content) -> u16 {
        let count = match content {
            Content::Device(DeviceRecord::Telemetry(telemetry)) => {
                let reports = telemetry.reports.iter();
                let left = reports.filter(|report| self.has(report.category())).count();
                let refused = telemetry.refused.iter();
                let refused = refused.filter(|refusal| self.has(refusal.category)).count();
                let unknown = usize::from(counted_unknown(telemetry));
                let refused = if self.refusals_told { 0 } else { refused };
                let unknown = if self.is_first() { unknown } else { 0 };
                left + refused + unknown
            }
            _ => 1,
        };
        u16::try_from(count.max(1)).unwrap_or(u16::MAX)
    }
}

/// The categories that a record is about: of one that comes from a retry topic those that its
/// header names, whatever else it holds.
fn parts_of(content: &Content, history: Option<&RetryHeader>) -> Categories {
    let Content::Device(DeviceRecord::Telemetry(telemetry)) = content else {
        return Categories::default();
    };
    let named = history.and_then(|history| history.categories);
    let reports = telemetry.reports.iter().map(Report::category);
    let refused = telemetry.refused.iter().map(|refusal| refusal.category);
    let all = reports.chain(refused);
    all.filter(|category| named.is_none_or(|named| named.contains(*category))).collect()
}

/// Properties outside of the standard model, counted as far as items can be counted: a
/// record may name more of them than it is worth counting.
fn counted_unknown(telemetry: &Telemetry) -> u16 {
    telemetry.unknown_properties.min(u16::MAX / 2)
}

/// Whether a record waits for its device's binding.
fn is_unbound(history: &RetryHeader) -> bool {
    history.reason == ParkReason::Unbound.name()
}

impl<T: Transport + Clone> Worker<T> {
    pub(super) fn take_in(&mut self, batch: Vec<Intake>, now: Instant) {
        let mut tenure: Option<(u64, PartitionId)> = None;
        for intake in batch {
            let id = match tenure {
                Some((epoch, id)) if epoch == intake.epoch => id,
                _ => {
                    let Some(id) = self.records.partitions.of_epoch(intake.epoch) else {
                        self.records.refuse(intake.early, intake.raw.bytes());
                        continue;
                    };
                    tenure = Some((intake.epoch, id));
                    id
                }
            };
            let partition = &mut self.records.partitions[id];
            partition.note(intake.offset, intake.arrival);
            if partition.was_settled_before(intake.offset) {
                if let Some(device) = intake.content.device() {
                    partition.note_device(intake.offset, device);
                }
                self.seed(&intake, id);
            } else {
                self.take_in_one(intake, id, now);
            }
        }
    }

    /// A record settled in an earlier tenure: what it says is a duplicate from now on. Not
    /// so in a retry topic: there it may have been settled by going on to the next one.
    fn seed(&mut self, intake: &Intake, partition: PartitionId) {
        self.metrics.records_seeded.increment(1);
        match &intake.content {
            _ if !self.parks_for_good() => {}
            Content::Device(DeviceRecord::Telemetry(telemetry)) => {
                let device = telemetry.device.key();
                for report in &telemetry.reports {
                    self.dedupe.observe(partition.slot(), report.identity(device), intake.arrival);
                }
            }
            Content::Device(DeviceRecord::State(state)) => {
                let device = state.device.key();
                let identity = state_identity(device, state.status, state.time);
                self.dedupe.observe(partition.slot(), identity, intake.arrival);
                self.newest_states.observe(device, state.time, intake.arrival);
            }
            _ => {}
        }
        self.records.refuse(intake.early, intake.raw.bytes());
    }

    fn take_in_one(&mut self, intake: Intake, partition: PartitionId, now: Instant) {
        let Intake { offset, arrival, raw, early, history, content, .. } = intake;
        let waits = history.as_ref().map(|history| (history.due_ms, is_unbound(history)));
        self.look_for_spread(&content, partition);
        let device = content.device();
        let parts = parts_of(&content, history.as_deref());
        let settled = device.map_or(Categories::default(), |device| {
            let partition = &mut self.records.partitions[partition];
            partition.parts_settled_before(offset, device).and(parts)
        });
        let items = Left::of(history.as_deref(), settled, self.kind).items(&content);
        let record = self.records.deliver(
            partition,
            offset,
            arrival,
            (raw, history, early),
            items,
            &self.metrics,
        );
        if let Some(device) = device {
            self.records.is_telemetry(record, device, (parts, settled));
        }
        let Some((due_ms, unbound)) = waits else {
            return self.distribute(record, content, (items, settled), now);
        };
        let device = device.filter(|_| unbound);
        let wait_ms = due_ms.saturating_sub(self.clock.unix_millis());
        let bound = device.is_some_and(|device| self.shared.bindings.is_bound(device));
        match u64::try_from(wait_ms) {
            Ok(wait_ms @ 1..) if !bound => {
                let wait = Duration::from_millis(wait_ms).min(self.tiers.longest_wait());
                let due = now + wait;
                self.waiting.push(due, device, Waiting { record, items, settled, content });
            }
            _ => self.work_on(Waiting { record, items, settled, content }, now),
        }
    }

    /// Takes in the records of retry topics whose time has come.
    pub(super) fn take_in_due(&mut self, now: Instant) {
        while let Some(waiting) = self.waiting.pop_due(now) {
            self.work_on(waiting, now);
        }
        if self.bindings_changed && now >= self.next_look_at_waiting {
            self.bindings_changed = false;
            self.next_look_at_waiting = now + LOOK_AT_WAITING_EVERY;
            let bindings = &self.shared.bindings;
            for waiting in self.waiting.release(|device| bindings.is_bound(device)) {
                self.work_on(waiting, now);
            }
        }
    }

    fn work_on(&mut self, waiting: Waiting, now: Instant) {
        let Waiting { record, items, settled, content } = waiting;
        self.records.is_due(record);
        self.distribute(record, content, (items, settled), now);
    }

    fn distribute(
        &mut self,
        record: RecordId,
        content: Content,
        (items, settled): (u16, Categories),
        now: Instant,
    ) {
        match content {
            Content::Device(DeviceRecord::Telemetry(telemetry)) => {
                self.telemetry(record, telemetry, (items, settled), now);
            }
            Content::Device(DeviceRecord::State(state)) => self.state(record, state, now),
            Content::Device(DeviceRecord::Skipped(reason)) => {
                self.settle(record, Outcome::Skipped(reason), 1, now);
            }
            Content::ToKeyed(device) => {
                let at = self.records.get(record);
                self.in_time.push(at.partition, at.arrival, (record, device));
            }
            Content::Set(customer) => self.queue_for_customer(record, &customer, now),
            Content::UnreadableSet => self.unreadable_set(record, now),
            Content::Tombstone => {
                self.settle(record, Outcome::Skipped(SkipReason::Tombstone), 1, now);
            }
            Content::NotSelected => {
                self.settle(record, Outcome::Skipped(SkipReason::NotSelected), 1, now);
            }
            Content::RedrivenTooOften => {
                self.settle(record, Outcome::Skipped(SkipReason::RedrivenTooOften), 1, now);
            }
            Content::ForLaterVersion => self.leave_to_later_version(record, now),
            Content::Superseded(None) => self.settle(record, Outcome::Superseded, 1, now),
            Content::Superseded(Some(newest)) => self.state(record, newest, now),
            Content::Binding(event) => self.binding(record, event, now),
            Content::Customer(event) => self.customer(record, event, now),
            Content::Order(event) => self.order(record, event, now),
            Content::Undecodable(message) => {
                let failure = Failure::own("Undecodable", message);
                self.dead_letter(record, None, DeadLetterReason::Undecodable, &failure, now);
            }
        }
    }

    fn telemetry(
        &mut self,
        record: RecordId,
        telemetry: Telemetry,
        (items, settled): (u16, Categories),
        now: Instant,
    ) {
        let unknown_properties = counted_unknown(&telemetry);
        let Telemetry { device, reports, refused, .. } = telemetry;
        let (arrival, slot, left) = {
            let record = self.records.get(record);
            let left = Left::of(record.history.as_deref(), settled, self.kind);
            (record.arrival, record.partition.slot(), left)
        };
        let key = device.key();
        let settings = &self.shared.settings.delivery;
        let gather = Gather { linger: settings.linger, full_at: settings.batch_max_reports };
        let mut made = 0;
        for report in reports {
            let category = report.category();
            let identity = report.identity(key);
            if !left.has(category) {
                if settled.contains(category) {
                    // Settled before: what comes again of it is a duplicate.
                    self.observe(slot, identity, arrival);
                }
                continue;
            }
            made += 1;
            let shadow = match self.observe(slot, identity, arrival) {
                Seen::New => false,
                Seen::Duplicate if self.ghosts.contains(&identity) => true,
                Seen::Duplicate => {
                    self.settle(record, Outcome::Duplicate, 1, now);
                    continue;
                }
            };
            let item = Item { record, what: What::Report { report, shadow } };
            self.lanes.push(data_key(key, category), item, gather, now, || {
                Lane::about(About::Data { device: device.clone(), category })
            });
        }
        if left.is_first() {
            if unknown_properties > 0 {
                let outcome = Outcome::Skipped(SkipReason::UnknownProperty);
                self.settle(record, outcome, unknown_properties, now);
            }
            made += unknown_properties;
        }
        if !left.refusals_told {
            for refusal in refused.into_iter().filter(|refusal| left.has(refusal.category)) {
                made += 1;
                let failure = Failure::own("ImpossibleValue", refusal.reason);
                let reason = DeadLetterReason::ImpossibleValue;
                self.dead_letter(record, Some(refusal.category), reason, &failure, now);
            }
        }
        if made < items {
            // A record whose retry header names what it does not hold.
            self.settle(record, Outcome::Skipped(SkipReason::NoProperty), items - made, now);
        }
    }

    fn state(&mut self, record: RecordId, state: DeviceState, now: Instant) {
        let DeviceState { device, status, time } = state;
        let (arrival, slot, since_regained) = {
            let record = self.records.get(record);
            let partition = &self.records.partitions[record.partition];
            (record.arrival, record.partition.slot(), record.offset >= partition.regained_up_to)
        };
        let key = device.key();
        let identity = state_identity(key, status, time);
        let seen = self.observe(slot, identity, arrival);
        // A state that a call of an earlier tenure may not have brought is sent again: twice
        // the same state does no harm. Likewise one that we delivered before the partition was
        // another's: that may have sent an older one since, and knew of ours by its commit only.
        let delivered = since_regained && !self.ghosts.contains(&identity);
        if seen == Seen::Duplicate && (delivered || self.state_waits(key, identity)) {
            self.settle(record, Outcome::Duplicate, 1, now);
            return;
        }
        if !self.newest_states.observe(key, time, arrival) {
            self.settle(record, Outcome::Superseded, 1, now);
            return;
        }
        let gather = Gather { linger: Duration::ZERO, full_at: 1 };
        let item = Item { record, what: What::State { status, time, called_at: None } };
        let about = || Lane::about(About::State { device: device.clone() });
        if let Some(older) = self.lanes.push_replacing(state_key(key), item, gather, now, about) {
            self.settle(older.record, Outcome::Superseded, 1, now);
        }
    }

    /// Whether this very state waits to be sent. The record that it is of is the one to be
    /// settled by that; replaced by this one, it would be settled before.
    fn state_waits(&self, device: DeviceKey, identity: Identity) -> bool {
        let Some(id) = self.lanes.id_of(state_key(device)) else { return false };
        let about = &self.lanes.about(id).about;
        let mut waiting = self.lanes.items(id).skip(self.lanes.in_call(id));
        waiting.any(|item| item.identity(about) == Some(identity))
    }

    fn binding(&mut self, record: RecordId, event: Box<BindingEvent>, now: Instant) {
        let linger = self.shared.settings.delivery.bindings_linger;
        let gather = Gather { linger, full_at: BINDINGS_AT_ONCE };
        let customer = event.customer.clone();
        let item = Item { record, what: What::Binding(event) };
        self.lanes.push(customer_key(&customer), item, gather, now, || {
            Lane::about(About::Bindings { customer: customer.clone() })
        });
    }

    /// Whether a report or state arrived before; always new where duplicates are not removed.
    pub(super) fn observe(&mut self, slot: usize, identity: Identity, arrival: EventTime) -> Seen {
        if self.shared.settings.delivery.dedupe_window.is_zero() {
            return Seen::New;
        }
        self.dedupe.observe(slot, identity, arrival)
    }

    /// An item that is given up is no duplicate when it comes again.
    pub(super) fn release_identity(&mut self, about: &About, item: &Item) {
        if matches!(item.what, What::Report { shadow: true, .. }) {
            // The identity is the call's that it waits for.
            return;
        }
        let arrival: EventTime = self.records.get(item.record).arrival;
        if let Some(identity) = item.identity(about) {
            self.dedupe.release(identity, arrival);
        }
    }

    /// Whether a second record of this kind of worker's topics may mean the same report.
    pub(super) fn parks_for_good(&self) -> bool {
        !self.kind.reads_set_aside()
    }
}
