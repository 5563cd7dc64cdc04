//! A real worker, and what stands at its edges: the source that it is fed by, the writer
//! that it writes by.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::Receiver as Answered;
use std::time::Duration;

use emberline_broker::{
    BrokerError, Commit, Frontier, PartitionRef, ProduceError, Record, Room, SourceEvent,
};
use parking_lot::Mutex;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

use super::super::super::Worker;
use super::input::Fact;
use super::kafka::Part;
use super::service::Line;
use crate::edges::{LogWriter, Upstream, Writers};
use crate::intake::{Intake, Reader};
use crate::metrics::Totals;
use crate::outbox::WriteEnd;
use crate::settings::WorkerKind;

/// What the worker has told its source.
#[derive(Default)]
pub(super) struct Control {
    /// By epoch: a later commit replaces an earlier one.
    pub(super) commits: BTreeMap<u64, Commit>,
    /// Commits not looked at by the laws yet.
    pub(super) asked: Vec<Commit>,
    pub(super) paused: bool,
    pub(super) left: bool,
}

pub(super) struct SimSource(pub(super) Arc<Mutex<Control>>);

impl Upstream for SimSource {
    fn commit(&self, commits: Vec<Commit>) {
        let mut control = self.0.lock();
        for commit in commits {
            control.asked.push(commit.clone());
            control.commits.insert(commit.at.epoch, commit);
        }
    }

    fn pause_intake(&self, paused: bool) {
        self.0.lock().paused = paused;
    }

    fn leave(self: Box<Self>) {
        self.0.lock().left = true;
    }
}

/// A record that the worker has handed to its producer.
pub(super) struct Handed {
    pub(super) token: usize,
    pub(super) topic: String,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) headers: Vec<(String, Vec<u8>)>,
}

#[derive(Default)]
pub(super) struct Desk {
    pub(super) handed: Vec<Handed>,
    /// Records that were refused at once.
    pub(super) refused: Vec<Handed>,
    /// The next so many writes are refused at once.
    pub(super) full_for: u32,
    /// Producers made so far.
    pub(super) made: u32,
}

#[derive(Clone, Default)]
pub(super) struct SimWriters(pub(super) Arc<Mutex<Desk>>);

impl Writers for SimWriters {
    fn make(&self, _: UnboundedSender<WriteEnd>) -> Result<Box<dyn LogWriter>, BrokerError> {
        self.0.lock().made += 1;
        Ok(Box::new(self.clone()))
    }
}

impl LogWriter for SimWriters {
    fn write(&self, record: Record<'_>, token: usize) -> Result<(), ProduceError> {
        let mut desk = self.0.lock();
        let header = |(name, value): &(&str, &[u8])| ((*name).to_owned(), value.to_vec());
        let handed = Handed {
            token,
            topic: record.topic.to_owned(),
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: record.headers.iter().map(header).collect(),
        };
        if desk.full_for > 0 {
            desk.full_for -= 1;
            desk.refused.push(handed);
            return Err(ProduceError::QueueFull);
        }
        desk.handed.push(handed);
        Ok(())
    }
}

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
    /// Whether nothing is left to do.
    pub(super) fn is_idle(&self) -> bool {
        self.worker.records.len() == 0
            && self.worker.in_calls == 0
            && self.worker.outbox.len() == 0
            && self.inbox.is_empty()
            && self.going.is_none()
            && self.committing.is_none()
            && self.control.lock().commits.is_empty()
    }
}
