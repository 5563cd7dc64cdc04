//! The polling thread: serves the consumer's events for ever and reads records when
//! there is room for them.
//!
//! It sleeps until something happens: a record, an event, a request, room. Each of
//! these unparks it; a pass every 100 ms is the safety net and the pulse.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::Offset;
use rdkafka::consumer::{BaseConsumer, Consumer};
use tokio::sync::mpsc;

use super::context::SourceContext;
use super::control::Control;
use super::events::{SourceError, SourceEvent};
use super::intake::{self, Intake, Trouble};
use super::settings::SourceSettings;
use super::trouble;
use crate::native::{CommitQueue, EventQueue, RawRecord, ReadQueue};
use crate::record::RecordReader;
use crate::room::Room;

/// Longest sleep.
const REST: Duration = Duration::from_millis(100);
/// Sleep when the channel is full: nothing tells when it has a place again.
const CHANNEL_REST: Duration = Duration::from_millis(2);
/// Positions are told this often at most.
const POSITIONS_EVERY: Duration = Duration::from_millis(100);
/// Polled on after the last partition has gone: dropping a consumer while an assignment
/// is still queued can hang for ever.
const SETTLE: Duration = Duration::from_millis(300);

/// What a pass calls for.
pub(super) enum Next {
    /// There may be more.
    Again,
    /// Nothing to do until something happens.
    Rest,
    /// The worker is behind.
    RestBriefly,
}

/// The state of the polling thread. The order of the fields matters: what comes from the
/// consumer is dropped before it.
pub(super) struct Poller<R: RecordReader> {
    intake: Intake<R>,
    queue: Option<Arc<ReadQueue>>,
    event_queue: Option<EventQueue>,
    consumer: BaseConsumer<SourceContext<R::Batch>>,
    settings: SourceSettings,
    room: Arc<Room>,
    events: mpsc::Sender<SourceEvent<R::Batch>>,
    control: Arc<Control>,
    positions_told: Instant,
}

impl<R: RecordReader> Poller<R> {
    /// To be called on the polling thread.
    pub(super) fn new(
        mut consumer: BaseConsumer<SourceContext<R::Batch>>,
        settings: SourceSettings,
        reader: R,
        room: Arc<Room>,
        events: mpsc::Sender<SourceEvent<R::Batch>>,
        control: Arc<Control>,
    ) -> Self {
        let thread = std::thread::current();
        control.attach(thread.clone());
        room.register(thread.clone());
        if let Some(ahead) = &settings.ahead {
            ahead.register(thread.clone());
        }
        let waker = thread.clone();
        consumer.set_nonempty_callback(move || waker.unpark());
        let queue = ReadQueue::new(&consumer, thread.clone()).map(Arc::new);
        let event_queue = EventQueue::of(&consumer);
        let mut tenancy = consumer.context().tenancy.lock();
        tenancy.queue.clone_from(&queue);
        tenancy.desk.queue = CommitQueue::new(&consumer, thread);
        if queue.is_none() || event_queue.is_none() || tenancy.desk.queue.is_none() {
            tenancy.fail(SourceError::ClientFailed("no memory for a queue".to_owned()));
        }
        drop(tenancy);
        Self {
            intake: Intake::new(
                reader,
                settings.batch_max,
                settings.gap_limit,
                settings.ahead.clone(),
            ),
            queue,
            event_queue,
            consumer,
            settings,
            room,
            events,
            control,
            positions_told: Instant::now(),
        }
    }

    /// Until the source is closed or nobody receives its events.
    pub(super) fn run(mut self) {
        while !self.control.stopping() && !self.events.is_closed() {
            match self.pass() {
                Next::Again => {}
                Next::Rest => std::thread::park_timeout(REST),
                Next::RestBriefly => std::thread::park_timeout(CHANNEL_REST),
            }
        }
        self.leave();
    }

    fn pass(&mut self) -> Next {
        self.control.pulse().beat();
        self.serve_events(Duration::ZERO);
        self.serve_commits();
        let (next, troubles) = self.read();
        for trouble in troubles {
            self.meet(&trouble);
        }
        self.tell_positions();
        next
    }

    /// Rebalances, errors and answers to commits, until there are none.
    fn serve_events(&self, wait: Duration) {
        loop {
            // A record out of this queue is of a partition that isn't forwarded: one that
            // came while the source leaves.
            if let Some(Err(error)) = self.consumer.poll(wait) {
                let said = self.consumer.context().said.lock().take();
                self.meet(&Trouble::of_client(&error, said));
            }
            if self.event_queue.as_ref().is_none_or(EventQueue::is_empty) {
                return;
            }
        }
    }

    fn serve_commits(&self) {
        let context = self.consumer.context();
        context.serve_commits(&self.consumer, &mut context.tenancy.lock());
    }

    fn read(&mut self) -> (Next, Vec<Trouble>) {
        let mut tenancy = self.consumer.context().tenancy.lock();
        let Some(queue) = self.queue.as_ref().filter(|_| !tenancy.broken) else {
            return (Next::Rest, Vec::new());
        };
        if !tenancy.outbox.is_empty() {
            return (Next::RestBriefly, Vec::new());
        }
        if self.control.intake_paused() {
            return (Next::Rest, Vec::new());
        }
        let Ok(permit) = self.events.try_reserve() else {
            return (Next::RestBriefly, Vec::new());
        };
        let room = self.room.try_room();
        if room == 0 {
            return (Next::Rest, Vec::new());
        }
        let read = self.intake.read(queue, &mut tenancy.partitions, room);
        intake::pause(&self.consumer, &mut tenancy.partitions, &read.filled);
        intake::leave_alone(&self.consumer, &read.ended);
        intake::resume(&self.consumer, &mut tenancy.partitions, &read.emptied);
        if let Some(batch) = read.batch {
            self.room.charge(read.records - read.early.0, read.bytes - read.early.1);
            if let Some(ahead) = &self.settings.ahead {
                ahead.charge(read.early.0, read.early.1);
            }
            permit.send(SourceEvent::Records(batch));
        }
        (if read.idle { Next::Rest } else { Next::Again }, read.troubles)
    }

    fn meet(&self, trouble: &Trouble) {
        let context = self.consumer.context();
        trouble::meet(&self.consumer, &context.bounds, &mut context.tenancy.lock(), trouble);
    }

    /// Tells how far reading has come where it moved. What is held back has not been
    /// sent: there the position ends.
    fn tell_positions(&mut self) {
        if self.positions_told.elapsed() < POSITIONS_EVERY {
            return;
        }
        self.positions_told = Instant::now();
        let mut tenancy = self.consumer.context().tenancy.lock();
        if tenancy.broken || tenancy.partitions.is_empty() || !tenancy.outbox.is_empty() {
            return;
        }
        let (Ok(list), Ok(permit)) = (self.consumer.position(), self.events.try_reserve()) else {
            return;
        };
        let mut moved = Vec::new();
        for element in list.elements() {
            let Offset::Offset(position) = element.offset() else { continue };
            let found = tenancy.partitions.find(element.topic(), element.partition());
            let Some(partition) = found else { continue };
            let position = partition.held.front().map_or(position, RawRecord::offset);
            let position = position.min(partition.end);
            if position > partition.told {
                partition.told = position;
                moved.push((partition.at.clone(), position));
            }
        }
        if !moved.is_empty() {
            permit.send(SourceEvent::Positions(moved));
        }
    }

    /// Leaves the group in the one order that doesn't hang: unsubscribe, poll until
    /// nothing is assigned, poll on, drop.
    fn leave(&self) {
        self.consumer.unsubscribe();
        let poll = Duration::from_millis(10);
        let limit = Instant::now() + self.settings.drain_deadline + Duration::from_secs(5);
        while Instant::now() < limit {
            self.control.pulse().beat();
            self.serve_events(poll);
            self.consumer.context().tenancy.lock().flush(&self.events);
            let assigned = self.consumer.assignment().map_or(0, |list| list.count());
            if assigned == 0 && self.consumer.context().tenancy.lock().partitions.is_empty() {
                break;
            }
        }
        self.consumer.context().tenancy.lock().closing = true;
        let settled = Instant::now() + SETTLE;
        while Instant::now() < settled {
            self.serve_events(poll);
        }
        self.consumer.context().tenancy.lock().flush(&self.events);
    }
}

impl<R: RecordReader> Drop for Poller<R> {
    fn drop(&mut self) {
        self.room.deregister(&std::thread::current());
        if let Some(ahead) = &self.settings.ahead {
            ahead.deregister(&std::thread::current());
        }
        // Records and queues go before their consumer, also when a reader panicked.
        let mut tenancy = self.consumer.context().tenancy.lock();
        tenancy.closing = true;
        tenancy.partitions.clear();
        tenancy.queue = None;
        tenancy.desk.queue = None;
    }
}
