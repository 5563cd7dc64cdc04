//! What stands at a worker's edges in a made-up world: the source that it commands, the
//! writer that it writes by.

use std::collections::BTreeMap;
use std::sync::Arc;

use emberline_broker::{BrokerError, Commit, ProduceError, Record};
use parking_lot::Mutex;
use tokio::sync::mpsc::UnboundedSender;

use crate::edges::{LogWriter, Upstream, Writers};
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

/// A record that the worker has handed to its producer.
pub(in crate::worker::tests) struct Handed {
    pub(in crate::worker::tests) token: usize,
    pub(in crate::worker::tests) topic: String,
    pub(in crate::worker::tests) key: Option<Vec<u8>>,
    pub(in crate::worker::tests) value: Option<Vec<u8>>,
    pub(in crate::worker::tests) headers: Vec<(String, Vec<u8>)>,
    pub(in crate::worker::tests) timestamp_ms: Option<i64>,
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
    fn write(&self, record: Record<'_>, token: usize) -> Result<(), ProduceError> {
        let mut desk = self.0.lock();
        let header = |(name, value): &(&str, &[u8])| ((*name).to_owned(), value.to_vec());
        let handed = Handed {
            token,
            topic: record.topic.to_owned(),
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: record.headers.iter().map(header).collect(),
            timestamp_ms: record.timestamp_ms,
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
