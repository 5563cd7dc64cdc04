//! Commits under way: one request at a time, each with a deadline of ours, because the
//! answer may never come when the broker has gone.
//!
//! All commits are asynchronous. librdkafka's synchronous one waits without a limit;
//! within a revocation the answer is waited for here instead.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};

use super::events::{Commit, CommitError, SourceEvent};
use super::partitions::Partitions;
use crate::native::{CommitAnswer, CommitQueue};

/// What is to be committed and what is being committed.
#[derive(Default)]
pub(super) struct CommitDesk {
    pub(super) queue: Option<CommitQueue>,
    /// The latest commit of each partition, by its tenure.
    waiting: HashMap<u64, Commit>,
    under_way: Option<UnderWay>,
    last_number: usize,
}

struct UnderWay {
    number: usize,
    commits: Vec<Commit>,
    until: Instant,
}

impl CommitDesk {
    /// Takes commits in; a later one of the same tenure replaces an earlier one.
    pub(super) fn add(&mut self, commits: Vec<Commit>) {
        for commit in commits {
            self.waiting.insert(commit.at.epoch, commit);
        }
    }

    /// What waits of this tenure is not to be committed any more: its last commit comes
    /// with the answer to the revocation.
    pub(super) fn forget(&mut self, epoch: u64) {
        self.waiting.remove(&epoch);
    }

    /// Takes answers and sends what waits when nothing is under way.
    pub(super) fn serve<B, C: ConsumerContext>(
        &mut self,
        consumer: &BaseConsumer<C>,
        partitions: &Partitions,
        deadline: Duration,
        tell: &mut impl FnMut(SourceEvent<B>),
    ) {
        if self.under_way.is_some() {
            self.take_answers(Duration::ZERO, tell);
            if self.under_way.as_ref().is_some_and(|asked| asked.until <= Instant::now()) {
                self.give_up(tell);
            }
        }
        if !self.waiting.is_empty() && self.under_way.is_none() {
            let commits = self.waiting.drain().map(|(_, commit)| commit).collect();
            self.send(consumer, partitions, commits, deadline, tell);
        }
    }

    /// Commits within a revocation and waits for the answer, at most until the deadline.
    pub(super) fn commit_now<B, C: ConsumerContext>(
        &mut self,
        consumer: &BaseConsumer<C>,
        partitions: &Partitions,
        commits: Vec<Commit>,
        deadline: Duration,
        tell: &mut impl FnMut(SourceEvent<B>),
    ) {
        // What is under way was sent before on the same connection: it is answered first
        // and can't undo what follows.
        let limit = Instant::now() + deadline;
        self.await_answer(limit, tell);
        self.send(consumer, partitions, commits, deadline, tell);
        self.await_answer(limit, tell);
    }

    fn await_answer<B>(&mut self, limit: Instant, tell: &mut impl FnMut(SourceEvent<B>)) {
        while self.under_way.is_some() {
            let left = limit.saturating_duration_since(Instant::now());
            self.take_answers(left, tell);
            if left.is_zero() {
                self.give_up(tell);
            }
        }
    }

    fn send<B, C: ConsumerContext>(
        &mut self,
        consumer: &BaseConsumer<C>,
        partitions: &Partitions,
        commits: Vec<Commit>,
        deadline: Duration,
        tell: &mut impl FnMut(SourceEvent<B>),
    ) {
        let commits = sift(commits, partitions, tell);
        let Some(queue) = self.queue.as_ref().filter(|_| !commits.is_empty()) else { return };
        // 0 would be the null pointer, which stands for no number.
        self.last_number = self.last_number.wrapping_add(1).max(1);
        let number = self.last_number;
        let sent = offsets(&commits)
            .map_err(|error| error.to_string())
            .and_then(|list| queue.send(consumer, &list, number).map_err(|code| code.to_string()));
        match sent {
            Ok(()) => {
                let until = Instant::now() + deadline;
                self.under_way = Some(UnderWay { number, commits, until });
            }
            Err(text) => {
                tell(SourceEvent::CommitFailed { commits, error: CommitError::Refused(text) });
            }
        }
    }

    fn take_answers<B>(&mut self, wait: Duration, tell: &mut impl FnMut(SourceEvent<B>)) {
        let mut wait = wait;
        while let Some(answer) = self.queue.as_ref().and_then(|queue| queue.answer(wait)) {
            wait = Duration::ZERO;
            // An answer to what was given up is late, and nobody's.
            if let Some(asked) = self.under_way.take_if(|asked| asked.number == answer.number) {
                settle(asked.commits, &answer, tell);
            }
        }
    }

    fn give_up<B>(&mut self, tell: &mut impl FnMut(SourceEvent<B>)) {
        if let Some(UnderWay { commits, .. }) = self.under_way.take() {
            tell(SourceEvent::CommitFailed { commits, error: CommitError::TimedOut });
        }
    }
}

/// Tells what was committed and what wasn't: the broker may take one partition of a
/// request and refuse another.
fn settle<B>(commits: Vec<Commit>, answer: &CommitAnswer, tell: &mut impl FnMut(SourceEvent<B>)) {
    let refused = |commit: &Commit| {
        answer.partitions.iter().find(|(topic, partition, _)| {
            **topic == *commit.at.topic && *partition == commit.at.partition
        })
    };
    let (made, failed): (Vec<_>, Vec<_>) = if answer.partitions.is_empty() {
        if answer.error.is_none() { (commits, Vec::new()) } else { (Vec::new(), commits) }
    } else {
        commits.into_iter().partition(|commit| refused(commit).is_none())
    };
    if let Some(first) = failed.first() {
        let code = refused(first).map(|(_, _, code)| *code).or(answer.error);
        let error = CommitError::Refused(code.map_or_else(String::new, |code| code.to_string()));
        tell(SourceEvent::CommitFailed { commits: failed, error });
    }
    if !made.is_empty() {
        tell(SourceEvent::Committed(made));
    }
}

/// Keeps what may be committed and tells what may not.
fn sift<B>(
    commits: Vec<Commit>,
    partitions: &Partitions,
    tell: &mut impl FnMut(SourceEvent<B>),
) -> Vec<Commit> {
    let (commits, fenced): (Vec<_>, Vec<_>) =
        commits.into_iter().partition(|commit| partitions.has(&commit.at));
    let (commits, long): (Vec<_>, Vec<_>) =
        commits.into_iter().partition(|commit| commit.metadata.len() <= Commit::MAX_METADATA);
    for (commits, error) in [(fenced, CommitError::Fenced), (long, CommitError::MetadataTooLong)] {
        if !commits.is_empty() {
            tell(SourceEvent::CommitFailed { commits, error });
        }
    }
    commits
}

fn offsets(commits: &[Commit]) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(commits.len());
    for commit in commits {
        let mut element = list.add_partition(&commit.at.topic, commit.at.partition);
        element.set_offset(Offset::Offset(commit.offset))?;
        element.set_metadata(&commit.metadata);
    }
    Ok(list)
}
