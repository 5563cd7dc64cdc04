//! Tables of the own partitions: begun when a partition comes, complete before the first of its
//! records is read, and dropped when it goes. Where the topic that they are read from has an older
//! fact last, who knows the latest writes it.

use std::time::{Duration, Instant};

use emberline_broker::{AssignedPartition, PartsEvent, Record};
use emberline_service_client::Transport;
use hashbrown::HashMap;

use super::Worker;
use super::set_aside::Written;
use crate::PipelineError;
use crate::asked::{PATIENCE, agree, may_pass};
use crate::join::Join;
use crate::outbox::Destination;
use crate::own_tables::LatestFact;
use crate::partitions::PartitionId;
use crate::status::TablesProgress;

/// Latest facts that are being written at a time: where none can be, few fail again and again.
pub(super) const MENDED_AT_ONCE: usize = 100;

/// Tables that are not complete yet.
#[derive(Debug, Default)]
pub(super) struct Incomplete {
    /// When each was begun, by tenure.
    begun: HashMap<u64, Instant>,
    /// When the first of them was begun after all had been complete.
    since: Option<Instant>,
    /// From then until all were complete, the last time.
    took: Option<Duration>,
    /// Since when nothing could be read.
    fails_since: Option<Instant>,
}

impl Incomplete {
    /// All are complete: says how long it took.
    fn end(&mut self, now: Instant) -> Duration {
        self.fails_since = None;
        let since = self.since.take().unwrap_or(now);
        *self.took.insert(now.saturating_duration_since(since))
    }
}

impl<T: Transport + Clone> Worker<T> {
    /// A table for each partition that comes. Its gate is closed until the table is complete.
    pub(super) fn begin_tables(
        &mut self,
        partitions: &[AssignedPartition],
        now: Instant,
    ) -> Result<(), PipelineError> {
        let Join::Own(own) = &self.join else { return Ok(()) };
        let mut parts = Vec::with_capacity(partitions.len());
        for AssignedPartition { at, topic_partitions, .. } in partitions {
            agree(&self.shared.settings.topics, own.tables.partitions(), *topic_partitions)?;
            own.tables.begin(at.partition, at.epoch);
            self.incomplete.begun.insert(at.epoch, now);
            parts.push((at.partition, at.epoch));
        }
        if !parts.is_empty() {
            self.incomplete.since.get_or_insert(now);
            own.reader.read(parts);
        }
        self.tell_tables();
        Ok(())
    }

    /// A table is complete: records of its partition may come. Or it can't be read.
    pub(super) fn table_told(
        &mut self,
        told: PartsEvent,
        now: Instant,
    ) -> Result<(), PipelineError> {
        let Join::Own(own) = &self.join else { return Ok(()) };
        let topics = &self.shared.settings.topics;
        match told {
            PartsEvent::Complete { partition, tenure, end, topic_partitions } => {
                agree(topics, topic_partitions, own.tables.partitions())?;
                self.incomplete.fails_since = None;
                own.tables.complete(partition, tenure, end);
                let begun = self.incomplete.begun.remove(&tenure);
                if let Some(id) = self.records.partitions.of_epoch(tenure) {
                    self.records.partitions[id].open();
                }
                if let Some(begun) = begun {
                    let took = now.saturating_duration_since(begun);
                    self.metrics.bindings_restore_seconds.record(took);
                }
                if begun.is_some() && self.incomplete.begun.is_empty() {
                    let took = self.incomplete.end(now);
                    let (devices, seconds) = (own.tables.devices(), took.as_secs_f64());
                    tracing::info!(devices, seconds, "bindings of the own partitions are read");
                }
                self.tell_tables();
            }
            // A topic that was made a moment ago is not known to every broker at once.
            PartsEvent::Failed(error) => {
                let since = *self.incomplete.fails_since.get_or_insert(now);
                if !may_pass(&error, topics) || now.saturating_duration_since(since) >= PATIENCE {
                    return Err(error.into());
                }
            }
        }
        Ok(())
    }

    /// Drops the tables of tenures that are over. What they are needed for is given up before.
    pub(super) fn end_tables(&mut self, ids: &[PartitionId], now: Instant) {
        let Join::Own(own) = &self.join else { return };
        let some_were_awaited = !self.incomplete.begun.is_empty();
        let ended = ids.iter().map(|id| {
            let at = &self.records.partitions[*id].at;
            (at.partition, at.epoch)
        });
        let ended: Vec<_> = ended.collect();
        for (partition, tenure) in &ended {
            own.tables.end(*partition, *tenure);
            self.incomplete.begun.remove(tenure);
        }
        if !ended.is_empty() {
            own.reader.leave(ended);
        }
        if some_were_awaited && self.incomplete.begun.is_empty() {
            // The others are complete already, and no error is of a table that is still wanted.
            self.incomplete.end(now);
        }
        self.tell_tables();
    }

    /// Writes the latest facts of which an older one came last, and was not put right by whoever
    /// writes facts. Nothing is settled by that.
    pub(super) fn mend_facts(&mut self, now: Instant) {
        let Join::Own(own) = &self.join else { return };
        if self.exit.is_some() {
            return;
        }
        let again = own.tables.take_unnoted();
        if !again.is_empty() {
            own.reader.read(again);
        }
        if !own.tables.some_are_noted() {
            return;
        }
        if self.standstill.is_recent(now) {
            // The partitions may be others', and what put the facts right not be read yet.
            own.tables.wait_anew();
            return;
        }
        let is_one = |written: &&Written| matches!(written, Written::Latest { .. });
        let under_way = self.outbox.waiting().filter(is_one).count();
        let latest = own.tables.take_older(now, MENDED_AT_ONCE.saturating_sub(under_way));
        if !latest.is_empty() {
            let facts = latest.len();
            tracing::info!(facts, "older facts came last of their devices; the latest are written");
        }
        for fact in latest {
            let key = fact.key.clone();
            let write = Record {
                topic: &self.facts_topic,
                partition: Some(fact.partition),
                key: Some(&key),
                value: Some(&fact.fact.encode()),
                headers: &[],
                timestamp_ms: None,
            };
            let waiting = Written::Latest { fact };
            self.outbox.write(Destination::DeviceCustomers, write, waiting, now);
        }
    }

    /// A latest fact is durable: it comes back by the table's reader.
    pub(super) fn latest_written(&mut self, latest: &LatestFact, now: Instant) {
        self.metrics.bindings_facts_mended.increment(1);
        if let Join::Own(own) = &self.join {
            own.tables.latest_written(latest, now);
        }
    }

    /// Tells how far the tables are.
    pub(super) fn tell_tables(&self) {
        let Join::Own(own) = &self.join else { return };
        let Incomplete { begun, took, .. } = &self.incomplete;
        self.status.restores_tables(TablesProgress {
            owned: own.tables.owned(),
            restoring: begun.len(),
            since: begun.values().min().copied(),
            devices: own.tables.devices(),
            took: *took,
        });
    }
}
