//! A real worker, and the group's view of it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::Receiver as Answered;
use std::time::Duration;

use emberline_broker::{Commit, Frontier, PartitionRef, Room, SourceEvent};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::super::super::Worker;
use super::super::made_up::edges::{Control, Desk};
use super::input::Fact;
use super::kafka::Part;
use super::own::OwnSide;
use super::service::Line;
use crate::intake::{Intake, Reader};
use crate::metrics::Totals;
use crate::settings::WorkerKind;

/// A partition as the source has it.
pub(super) struct Tenure {
    pub(super) at: PartitionRef,
    /// Offset of the next record to be handed over.
    pub(super) next: i64,
    /// The last position told.
    pub(super) told: i64,
    pub(super) frontier: Frontier,
    /// Its gap is full.
    pub(super) full: bool,
}

/// Partitions that the worker was asked to give up.
pub(super) struct Going {
    pub(super) parts: Vec<Part>,
    pub(super) answer: Answered<Vec<Commit>>,
    pub(super) told: Option<Duration>,
    pub(super) asked: Duration,
}

#[expect(clippy::struct_excessive_bools, reason = "each is a matter of its own")]
pub(super) struct Member {
    pub(super) process: usize,
    pub(super) kind: WorkerKind,
    pub(super) worker: Worker<Line>,
    pub(super) totals: Arc<Totals>,
    pub(super) room: Arc<Room>,
    pub(super) ahead: Arc<Room>,
    pub(super) control: Arc<Mutex<Control>>,
    pub(super) desk: Arc<Mutex<Desk>>,
    pub(super) released: watch::Receiver<u64>,
    pub(super) reader: Reader,
    pub(super) inbox: VecDeque<SourceEvent<Vec<Intake>>>,
    pub(super) owned: BTreeMap<Part, Tenure>,
    /// Where it joins by the bindings of its own partitions.
    pub(super) own: Option<OwnSide>,
    pub(super) going: Option<Going>,
    pub(super) committing: Option<Vec<Commit>>,
    /// In the group, as the coordinator sees it.
    pub(super) joined: bool,
    /// Its session is over and it has not heard of it.
    pub(super) stale: bool,
    /// Its session was over, and its worker has not heard of it.
    pub(super) losing: bool,
    /// What it has begun to write and was not told to be durable, by token.
    pub(super) unwritten: BTreeMap<usize, Vec<Fact>>,
    /// Ends of the customer-devices topic that must be read before sets are made.
    pub(super) sets_awaited: Vec<i64>,
    pub(super) tick_due: bool,
    /// The number of the wake-up that counts.
    pub(super) wake: u64,
    /// Something has happened that a commit may tell of.
    pub(super) dirty: bool,
    /// It has been told to leave.
    pub(super) leaving: bool,
    /// What its items had come to when that was last told.
    pub(super) outcomes: BTreeMap<&'static str, u64>,
}

impl Member {
    /// Whether it waits until it may write later facts behind older ones.
    pub(super) fn mends(&self) -> bool {
        self.own.as_ref().is_some_and(|own| own.tables.some_are_noted())
    }

    /// Whether nothing is left to do.
    pub(super) fn is_idle(&self) -> bool {
        self.worker.records.len() == 0
            && self.worker.in_calls == 0
            && self.worker.outbox.len() == 0
            && self.inbox.is_empty()
            && self.going.is_none()
            && self.committing.is_none()
            && self.control.lock().commits.is_empty()
            && !self.mends()
    }
}
