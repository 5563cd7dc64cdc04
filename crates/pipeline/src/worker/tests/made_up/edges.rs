//! What stands at a worker's edges in a made-up world: the source that it commands, the
//! writer that it writes by, the reader of its own tables.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use emberline_broker::{
    BrokerError, Commit, Delivered, OwnedRecord, ProduceError, Record, Unwritten,
};
use parking_lot::Mutex;
use tokio::sync::mpsc::UnboundedSender;

use crate::edges::{LogWriter, PartsUpstream, Upstream, Writers};
use crate::outbox::WriteEnd;

/// What the worker has told its source.
#[derive(Default)]
pub(in crate::worker::tests) struct Control {
    /// By epoch: a later commit replaces an earlier one.
    pub(in crate::worker::tests) commits: BTreeMap<u64, Commit>,
    /// Commits not looked at by the laws yet.
    pub(in crate::worker::tests) asked: Vec<Commit>,
    pub(in crate::worker::tests) paused: bool,
    pub(in crate::worker::tests) left: bool,
}

pub(in crate::worker::tests) struct SimSource(pub(in crate::worker::tests) Arc<Mutex<Control>>);

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

/// What a worker asks of the reader of its own tables: partitions, each with its tenure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::worker::tests) enum Asked {
    Read(Vec<(i32, u64)>),
    Leave(Vec<(i32, u64)>),
}

/// A reader of own tables that notes what it is asked.
#[derive(Clone, Default)]
pub(in crate::worker::tests) struct SimParts(pub(in crate::worker::tests) Arc<Mutex<Vec<Asked>>>);

impl PartsUpstream for SimParts {
    fn read(&self, parts: Vec<(i32, u64)>) {
        self.0.lock().push(Asked::Read(parts));
    }

    fn leave(&self, parts: Vec<(i32, u64)>) {
        self.0.lock().push(Asked::Leave(parts));
    }

    fn end(self: Box<Self>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(std::future::ready(()))
    }
}

/// A record that the worker has handed to its producer.
pub(in crate::worker::tests) struct Handed {
    pub(in crate::worker::tests) token: usize,
    pub(in crate::worker::tests) topic: String,
    pub(in crate::worker::tests) partition: Option<i32>,
    pub(in crate::worker::tests) key: Option<Vec<u8>>,
    pub(in crate::worker::tests) value: Option<Vec<u8>>,
    pub(in crate::worker::tests) headers: Vec<(String, Vec<u8>)>,
    pub(in crate::worker::tests) timestamp_ms: Option<i64>,
}

impl Handed {
    /// Its write ends so.
    pub(in crate::worker::tests) fn ends(
        self,
        result: Result<Delivered, ProduceError>,
    ) -> WriteEnd {
        let Self { token, topic, key, value, headers, .. } = self;
        let record = OwnedRecord { topic, key, value, headers };
        (token, result.map_err(|error| Box::new(Unwritten { error, record })))
    }
}

#[derive(Default)]
pub(in crate::worker::tests) struct Desk {
    pub(in crate::worker::tests) handed: Vec<Handed>,
    /// Records that were refused at once.
    pub(in crate::worker::tests) refused: Vec<Handed>,
    /// The next so many writes are refused at once.
    pub(in crate::worker::tests) full_for: u32,
    /// Producers made so far.
    pub(in crate::worker::tests) made: u32,
}

#[derive(Clone, Default)]
pub(in crate::worker::tests) struct SimWriters(pub(in crate::worker::tests) Arc<Mutex<Desk>>);

impl Writers for SimWriters {
    fn make(&self, _: UnboundedSender<WriteEnd>) -> Result<Box<dyn LogWriter>, BrokerError> {
        self.0.lock().made += 1;
        Ok(Box::new(self.clone()))
    }
}

impl LogWriter for SimWriters {
    fn write(&mut self, record: Record<'_>, token: usize) -> Result<(), ProduceError> {
        let mut desk = self.0.lock();
        let Record { partition, timestamp_ms, .. } = record;
        let OwnedRecord { topic, key, value, headers } = OwnedRecord::of(record);
        let handed = Handed { token, topic, partition, key, value, headers, timestamp_ms };
        if desk.full_for > 0 {
            desk.full_for -= 1;
            desk.refused.push(handed);
            return Err(ProduceError::QueueFull);
        }
        desk.handed.push(handed);
        Ok(())
    }

    /// The world tells the ends.
    fn ask(&self) {}
}
