//! What a source tells its worker, and what the worker answers.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Thread;

use crate::record::PartitionRef;

/// What a source tells, in order: the records of a partition come after its
/// [`SourceEvent::Assigned`] and before its [`SourceEvent::Revoking`].
#[derive(Debug)]
pub enum SourceEvent<B> {
    /// Partitions are now this source's. Their records follow.
    Assigned(Vec<AssignedPartition>),
    /// What the reader made of one batch read.
    Records(B),
    /// Partitions are about to go. None of their records follow. The group waits
    /// for the answer.
    Revoking(Revocation),
    /// Where reading stands, for partitions whose position moved. A position passes
    /// what is no record: transaction markers, holes of compaction. All records
    /// below it have been sent.
    Positions(Vec<(PartitionRef, i64)>),
    /// These commits were accepted.
    Committed(Vec<Commit>),
    /// These commits were not made.
    CommitFailed {
        /// What was to be committed.
        commits: Vec<Commit>,
        /// Why it wasn't.
        error: CommitError,
    },
    /// The offset to read from isn't in the log any more (or not yet): records were
    /// removed before they were read, or the topic was made anew. Reading goes on at
    /// `resumed_at`; someone must know.
    OffsetOutOfRange {
        /// Which partition.
        at: PartitionRef,
        /// The offset that was committed or next to be read.
        wanted: i64,
        /// First offset of the log.
        low: i64,
        /// One past the last offset of the log.
        high: i64,
        /// Where reading goes on.
        resumed_at: i64,
    },
    /// Something is wrong; [`SourceError::is_fatal`] says whether reading has ended.
    Failed(SourceError),
}

/// A partition at the beginning of its tenure.
#[derive(Debug)]
pub struct AssignedPartition {
    /// The partition and its tenure.
    pub at: PartitionRef,
    /// What the group had committed; `None`: nothing yet.
    pub committed: Option<i64>,
    /// The text committed with it, empty without.
    pub metadata: String,
    /// First offset of the log.
    pub low: i64,
    /// One past the last offset of the log (of its closed transactions).
    pub high: i64,
    /// Where reading starts.
    pub start: i64,
    /// How many partitions the topic has.
    pub topic_partitions: i32,
    /// Where the worker tells how far it is, for the cap on the gap, and opens the gate.
    pub frontier: Frontier,
}

/// The worker's frontier of one tenure: the source reads at most
/// [`crate::SourceSettings::gap_limit`] offsets beyond it. While its gate is closed it reads
/// nothing of the partition.
#[derive(Clone)]
pub struct Frontier(Arc<FrontierCell>);

struct FrontierCell {
    offset: AtomicI64,
    waited_for: AtomicBool,
    open: AtomicBool,
    poller: Thread,
}

impl Frontier {
    /// A frontier at this offset, its gate open; `poller` is woken when it moves and is
    /// waited for.
    pub fn starting_at(offset: i64, poller: Thread) -> Self {
        Self::with_gate(true, offset, poller)
    }

    /// A frontier at this offset, its gate closed.
    pub fn closed_at(offset: i64, poller: Thread) -> Self {
        Self::with_gate(false, offset, poller)
    }

    fn with_gate(open: bool, offset: i64, poller: Thread) -> Self {
        let cell = FrontierCell {
            offset: AtomicI64::new(offset),
            waited_for: AtomicBool::new(false),
            open: AtomicBool::new(open),
            poller,
        };
        Self(Arc::new(cell))
    }

    /// Says that everything below `offset` is settled. Cheap: to be called as often as
    /// the frontier moves.
    pub fn set(&self, offset: i64) {
        self.0.offset.store(offset, Ordering::Release);
        if self.0.waited_for.load(Ordering::Relaxed) {
            self.0.poller.unpark();
        }
    }

    /// What was said last.
    pub fn get(&self) -> i64 {
        self.0.offset.load(Ordering::Acquire)
    }

    /// Opens the gate for the rest of the tenure. After the tenure it does nothing.
    pub fn open(&self) {
        self.0.open.store(true, Ordering::Release);
        self.0.poller.unpark();
    }

    /// Whether the gate is open.
    pub fn is_open(&self) -> bool {
        self.0.open.load(Ordering::Acquire)
    }

    pub(super) fn set_waited_for(&self, waited_for: bool) {
        self.0.waited_for.store(waited_for, Ordering::Relaxed);
    }
}

impl fmt::Debug for Frontier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frontier({})", self.get())
    }
}

/// Partitions that are about to go, and the answer that the group waits for.
///
/// Dropped without an answer it counts as answered with no commits.
pub struct Revocation {
    /// The tenures that end.
    pub partitions: Vec<PartitionRef>,
    /// Another member may own them already: nothing can be committed, and nothing waits
    /// for the answer.
    pub lost: bool,
    reply: SyncSender<Vec<Commit>>,
}

impl Revocation {
    /// A revocation, and where its answer comes; the receiver ends without one if the
    /// revocation is dropped.
    pub fn new(partitions: Vec<PartitionRef>, lost: bool) -> (Self, Receiver<Vec<Commit>>) {
        let (reply, answer) = sync_channel(1);
        (Self { partitions, lost, reply }, answer)
    }

    /// Ends the wait. The commits are made before the partitions go, unless they are
    /// lost; a [`SourceEvent::Committed`] or [`SourceEvent::CommitFailed`] follows.
    pub fn done(self, commits: Vec<Commit>) {
        // Fails when the source gave up waiting, and then says so itself.
        let _ = self.reply.try_send(commits);
    }
}

impl fmt::Debug for Revocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocation")
            .field("partitions", &self.partitions)
            .field("lost", &self.lost)
            .finish_non_exhaustive()
    }
}

/// An offset to be committed: where the next owner starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The partition and the tenure that this is known from. After the tenure nothing
    /// of it is committed.
    pub at: PartitionRef,
    /// The offset of the next record to be read.
    pub offset: i64,
    /// Text kept beside it, at most [`Commit::MAX_METADATA`] bytes.
    pub metadata: String,
}

impl Commit {
    /// The broker's default limit (`offset.metadata.max.bytes`). A commit beyond it is
    /// refused here, for the broker would take the other partitions of the request and
    /// not tell which one it left out.
    pub const MAX_METADATA: usize = 4096;
}

/// Why a commit wasn't made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The tenure is over; its new owner has the say.
    #[error("the partition isn't this source's any more")]
    Fenced,
    /// The text is too long.
    #[error("the commit's metadata is longer than {} bytes", Commit::MAX_METADATA)]
    MetadataTooLong,
    /// No answer in time. It may have been made.
    #[error("no answer to the commit in time")]
    TimedOut,
    /// The broker said no.
    #[error("commit refused: {0}")]
    Refused(String),
}

/// What is wrong with a source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The right to the group is missing.
    #[error("no right to read with the group {0}: allow it READ on the group")]
    GroupForbidden(String),
    /// The right to a topic is missing.
    #[error("no right to read a topic: allow READ on {0}")]
    TopicForbidden(String),
    /// A topic doesn't exist. It is read as soon as it does.
    #[error("a topic does not exist: {0}")]
    NoTopic(String),
    /// The broker refuses the credentials. The client goes on trying.
    #[error("kafka refused the credentials: {0}; are sasl.username and sasl.password right?")]
    Credentials(String),
    /// No broker can be reached. The client goes on trying.
    #[error("kafka is out of reach: {0}")]
    Unreachable(String),
    /// The worker did not answer a revocation within the drain deadline: what it had in
    /// flight will be read again by the next owner.
    #[error("no answer to a revocation within the drain deadline")]
    DrainTimedOut,
    /// It could not be learnt where to start reading.
    #[error("the committed offsets or the bounds could not be read: {0}")]
    NoStart(String),
    /// The log of a partition ends before the offset that was read last: the topic was
    /// made anew, or lost records. Reading starts over with a new assignment.
    #[error("{topic}/{partition} ends at {high}, before the offset {wanted} that was to be read")]
    LogCutOff {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The offset that was to be read.
        wanted: i64,
        /// One past the last offset there is.
        high: i64,
    },
    /// Something else that librdkafka reports.
    #[error("kafka: {0}")]
    Other(String),
    /// librdkafka can't go on with this client.
    #[error("kafka client has failed for good: {0}")]
    ClientFailed(String),
}

impl SourceError {
    /// Whether reading has ended: close the source and make a new one.
    pub fn is_fatal(&self) -> bool {
        matches!(
            self,
            Self::GroupForbidden(_)
                | Self::TopicForbidden(_)
                | Self::NoStart(_)
                | Self::LogCutOff { .. }
                | Self::ClientFailed(_)
        )
    }
}
