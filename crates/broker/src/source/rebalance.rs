//! Partitions come and go. Both happen inside librdkafka's callback, on the polling
//! thread, and the whole group waits for it to return.

use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer, RebalanceProtocol};
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::mpsc::error::TrySendError;

use super::context::{SourceContext, Tenancy};
use super::events::{AssignedPartition, Commit, Frontier, Revocation, SourceError, SourceEvent};
use super::look_up::Found;
use super::settings::Committed;
use crate::bounds::PartitionBounds;
use crate::record::PartitionRef;

/// How often commits are looked after while a drain is waited for.
const COMMITS_EVERY: Duration = Duration::from_millis(50);

impl<B: Send + 'static> SourceContext<B> {
    /// Sends the commits that were asked for, and tells what came of those before.
    pub(super) fn serve_commits(&self, consumer: &BaseConsumer<Self>, tenancy: &mut Tenancy<B>) {
        let Tenancy { partitions, desk, outbox, .. } = tenancy;
        desk.add(self.control.take_commits());
        let tell = &mut |event| outbox.push_back(event);
        desk.serve(consumer, partitions, self.commit_deadline, tell);
        tenancy.flush(&self.events);
    }

    /// Takes partitions over: finds out where to start, forwards them to our queue,
    /// then assigns them with that start. (A seek right after it would be refused.)
    pub(super) fn assigned(&self, consumer: &BaseConsumer<Self>, list: &mut TopicPartitionList) {
        let mut tenancy = self.tenancy.lock();
        // An empty list is common: each round of a rebalance brings one.
        if list.count() == 0 || tenancy.closing {
            report("take partitions over", take_over(consumer, list));
            return;
        }
        match self.look_up(consumer, list) {
            Ok(starts) => {
                let told = tenancy.begin(consumer, list, starts);
                report("take partitions over", take_over(consumer, list));
                tenancy.outbox.extend(told);
            }
            Err(error) => {
                report("take partitions over", take_over(consumer, list));
                report("pause partitions", consumer.pause(list));
                tenancy.fail(SourceError::NoStart(error.to_string()));
            }
        }
    }

    /// Gives partitions up: lets the worker drain them, commits what it says, and only
    /// then unassigns. After this call nothing of these tenures is sent or committed.
    pub(super) fn revoked(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) {
        // To be asked before the unassign call, which forgets it.
        let lost = consumer.assignment_lost();
        let mut guard = self.tenancy.lock();
        let tenancy = &mut *guard;
        let names: Vec<(String, i32)> = list
            .elements()
            .iter()
            .map(|element| (element.topic().to_owned(), element.partition()))
            .collect();
        let going: Vec<PartitionRef> = names
            .iter()
            .filter_map(|(topic, partition)| tenancy.partitions.tenure(topic, *partition))
            .collect();
        if !going.is_empty() {
            let commits = self.drain(consumer, tenancy, going.clone(), lost);
            for at in &going {
                tenancy.desk.forget(at.epoch);
            }
            // Lost partitions have other owners, whose commits these would undo.
            if !lost {
                let Tenancy { partitions, desk, outbox, .. } = &mut *tenancy;
                let tell = &mut |event| outbox.push_back(event);
                desk.commit_now(consumer, partitions, commits, self.commit_deadline, tell);
            }
        }
        let ended: Vec<_> = names
            .iter()
            .filter_map(|(topic, partition)| tenancy.partitions.remove(topic, *partition))
            .collect();
        resume(
            consumer,
            ended.iter().filter(|partition| partition.paused || partition.ended).map(|p| &p.at),
        );
        report("give partitions up", give_up(consumer, list));
        // Now that they are unassigned the forwarding may end.
        drop(ended);
    }

    /// Tells the worker and waits for its answer. Lost partitions are told and not
    /// waited for: their new owners read already. Partitions that stay are delivered
    /// meanwhile, and committed: a drain may take long.
    fn drain(
        &self,
        consumer: &BaseConsumer<Self>,
        tenancy: &mut Tenancy<B>,
        partitions: Vec<PartitionRef>,
        lost: bool,
    ) -> Vec<Commit> {
        let (revocation, answer) = Revocation::new(partitions, lost);
        tenancy.outbox.push_back(SourceEvent::Revoking(revocation));
        if lost {
            tenancy.flush(&self.events);
            return Vec::new();
        }
        let deadline = Instant::now() + self.drain_deadline;
        while let Some(event) = tenancy.outbox.pop_front() {
            if !self.send_before(event, deadline) {
                tenancy.fail(SourceError::DrainTimedOut);
                return Vec::new();
            }
        }
        loop {
            self.control.pulse().beat();
            self.serve_commits(consumer, tenancy);
            let left = deadline.saturating_duration_since(Instant::now());
            match answer.recv_timeout(left.min(COMMITS_EVERY)) {
                Ok(commits) => return commits,
                Err(RecvTimeoutError::Disconnected) => return Vec::new(),
                Err(RecvTimeoutError::Timeout) if left.is_zero() => {
                    tenancy.fail(SourceError::DrainTimedOut);
                    return Vec::new();
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Sends one event, waiting for a place in the channel. False when there was none in
    /// time or nobody receives any more.
    fn send_before(&self, event: SourceEvent<B>, deadline: Instant) -> bool {
        let mut event = event;
        loop {
            match self.events.try_send(event) {
                Ok(()) => return true,
                Err(TrySendError::Closed(_)) => return false,
                Err(TrySendError::Full(_)) if Instant::now() >= deadline => return false,
                Err(TrySendError::Full(back)) => {
                    self.control.pulse().beat();
                    event = back;
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        }
    }
}

impl<B: Send + 'static> Tenancy<B> {
    /// Begins the tenures and writes each start into the list.
    fn begin(
        &mut self,
        consumer: &BaseConsumer<SourceContext<B>>,
        list: &mut TopicPartitionList,
        found: Vec<Found>,
    ) -> Vec<SourceEvent<B>> {
        let mut assigned = Vec::with_capacity(found.len());
        let mut alarms = Vec::new();
        for found in found {
            let Found { topic, partition, committed, metadata, bounds } = found;
            let PartitionBounds { low, high, .. } = bounds;
            let wanted = (self.start_of)(&Committed {
                topic: &topic,
                partition,
                offset: committed,
                metadata: &metadata,
                low,
                high,
            });
            let start = wanted.max(low).min(high.max(low));
            let set = list.set_partition_offset(&topic, partition, Offset::Offset(start));
            report("set where to start", set);

            let Some(at) = self.partitions.next_tenure(&topic, partition) else { continue };
            let queue = self.queue.as_ref();
            let forwarded = queue.and_then(|queue| queue.forward(consumer, &topic, partition));
            // Offsets that are read again for their effect alone don't count as a gap.
            let settled = start.max(committed.unwrap_or(start));
            let poller = std::thread::current();
            let frontier = if self.gated {
                Frontier::closed_at(settled, poller)
            } else {
                Frontier::starting_at(settled, poller)
            };
            let at = self.partitions.insert(at, start, frontier.clone(), forwarded);
            if let Some(wanted) = committed.filter(|offset| !(low..=high).contains(offset)) {
                let at = at.clone();
                alarms.push(SourceEvent::OffsetOutOfRange {
                    at,
                    wanted,
                    low,
                    high,
                    resumed_at: start,
                });
            }
            assigned.push(AssignedPartition {
                at,
                committed,
                metadata,
                low,
                high,
                start,
                topic_partitions: bounds.topic_partitions,
                frontier,
            });
        }
        let mut told = vec![SourceEvent::Assigned(assigned)];
        told.append(&mut alarms);
        told
    }
}

/// Lets paused partitions be fetched again.
pub(super) fn resume<'a, B: Send + 'static>(
    consumer: &BaseConsumer<SourceContext<B>>,
    partitions: impl Iterator<Item = &'a PartitionRef>,
) {
    let mut list = TopicPartitionList::new();
    for at in partitions {
        list.add_partition(&at.topic, at.partition);
    }
    if list.count() > 0 {
        report("resume partitions", consumer.resume(&list));
    }
}

fn take_over<B: Send + 'static>(
    consumer: &BaseConsumer<SourceContext<B>>,
    list: &TopicPartitionList,
) -> KafkaResult<()> {
    match consumer.rebalance_protocol() {
        RebalanceProtocol::Cooperative => consumer.incremental_assign(list),
        _ => consumer.assign(list),
    }
}

fn give_up<B: Send + 'static>(
    consumer: &BaseConsumer<SourceContext<B>>,
    list: &TopicPartitionList,
) -> KafkaResult<()> {
    match consumer.rebalance_protocol() {
        RebalanceProtocol::Cooperative => consumer.incremental_unassign(list),
        _ => consumer.unassign(),
    }
}

/// These calls fail when the group is gone already; there is nothing to do about it.
pub(super) fn report(what: &'static str, result: KafkaResult<()>) {
    if let Err(error) = result {
        tracing::warn!(%error, what, "kafka consumer call failed");
    }
}
