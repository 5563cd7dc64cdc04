//! The dead-letter topic, and how it is read: without a group, and nothing is committed.

use std::ops::ControlFlow;
use std::time::Duration;

use anyhow::{Context, bail};
use emberline_broker::{Bounds, BrokerError, KafkaSettings, OffsetRange, Scanner};

use super::filter::Filter;
use super::letter::{Letter, Place, Record};
use super::newest::Newest;
use super::original::OriginalReader;
use crate::app::UsageError;
use crate::output;
use crate::settings::Settings;
use crate::span::{Part, SpanError};
use crate::wiring;

/// Longest silence of the brokers.
const PATIENCE: Duration = Duration::from_secs(30);

/// The topic at its brokers.
pub(super) struct LetterTopic {
    kafka: KafkaSettings,
    pub(super) name: String,
    brokers: String,
    reader: OriginalReader,
}

impl LetterTopic {
    /// The one of the settings.
    ///
    /// # Errors
    /// Settings of Kafka that can't be used.
    pub(super) fn of(settings: &Settings) -> anyhow::Result<Self> {
        let topics = wiring::topics(settings);
        Ok(Self {
            kafka: wiring::kafka(settings)?,
            name: topics.dead_letters(),
            brokers: settings.kafka.brokers.clone(),
            reader: OriginalReader::new(topics),
        })
    }

    /// Which part of it a filter means. What is to be said beforehand goes to stderr.
    ///
    /// # Errors
    /// Bounds that contradict one another or the topic; no topic; no answer.
    pub(super) fn part(&self, filter: &Filter) -> anyhow::Result<Part> {
        let part = match filter.span.look_up(&self.kafka, &self.name) {
            Ok(part) => part,
            Err(SpanError::Wrong(text)) => return Err(UsageError(text).into()),
            Err(SpanError::Broker(error)) => return Err(self.told(error)),
        };
        filter.notes().iter().chain(&part.notes()).for_each(|note| output::notice(note));
        Ok(part)
    }

    /// Reads a part, each partition in order, until `on_record` breaks.
    ///
    /// # Errors
    /// No answer, or no right.
    pub(super) fn read(
        &mut self,
        part: &Part,
        mut on_record: impl FnMut(&Record<'_>, &Letter) -> ControlFlow<()>,
    ) -> anyhow::Result<()> {
        let reader = &mut self.reader;
        let mut scanner = Scanner::new(&self.kafka, &self.name)?;
        let read = scanner.read(&part.ranges, PATIENCE, |record| {
            let record = Record::of(record);
            if !part.takes(record.time_ms) {
                return ControlFlow::Continue(());
            }
            let letter = reader.letter(&record);
            on_record(&record, &letter)
        });
        read.map(|_| ()).map_err(|error| self.told(error))
    }

    /// Reads a part from its newest to its oldest, as far as it is asked for: `row` says what
    /// is handed out of a record, if it is meant, and `on_row` gets the rows, newest first.
    /// Returned is how many offsets were not read.
    ///
    /// # Errors
    /// No answer, or no right; what `on_row` says.
    pub(super) fn read_newest<T>(
        &mut self,
        part: &Part,
        limit: usize,
        mut row: impl FnMut(&Letter) -> Option<T>,
        mut on_row: impl FnMut(T) -> anyhow::Result<ControlFlow<()>>,
    ) -> anyhow::Result<u64> {
        let mut newest = Newest::new(&part.ranges, limit);
        let mut scanner = Scanner::new(&self.kafka, &self.name)?;
        loop {
            let wanted = newest.wanted();
            if wanted.is_empty() {
                let Some(next) = newest.hand_out() else { break };
                if on_row(next)?.is_break() {
                    break;
                }
                continue;
            }
            let reader = &mut self.reader;
            let read = scanner.read(&wanted, PATIENCE, |record| {
                let record = Record::of(record);
                let meant = part.takes(record.time_ms).then(|| row(&reader.letter(&record)));
                newest.took(record.place.partition, record.time_ms, meant.flatten());
                ControlFlow::Continue(())
            });
            read.map_err(|error| self.told(error))?;
        }
        Ok(newest.unread())
    }

    /// Reads the record at a place.
    ///
    /// # Errors
    /// There is none, and why; no answer.
    pub(super) fn read_one<T>(
        &mut self,
        place: Place,
        take: impl FnOnce(&mut OriginalReader, &Record<'_>) -> T,
    ) -> anyhow::Result<T> {
        let bounds = Bounds::new(&self.kafka)?;
        let partitions = bounds.of_topics(std::slice::from_ref(&self.name), PATIENCE);
        let partitions = partitions.map_err(|error| self.told(error))?;
        let Place { partition, offset } = place;
        let name = &self.name;
        let Some(found) = partitions.iter().find(|it| it.partition == partition) else {
            let count = partitions.len();
            bail!("{place} is not there: {name} has {count} partitions, from 0 on");
        };
        if offset < found.low {
            let low = found.low;
            bail!("{place} is gone: partition {partition} of {name} begins at {low} (retention)");
        }
        if offset >= found.high {
            let high = found.high;
            bail!("{place} is not there: partition {partition} of {name} ends before {high}");
        }
        let range = OffsetRange { partition, from: offset, to: offset + 1 };
        let (reader, mut take, mut taken) = (&mut self.reader, Some(take), None);
        let mut scanner = Scanner::new(&self.kafka, &self.name)?;
        let read = scanner.read(&[range], PATIENCE, |record| {
            taken = take.take().map(|take| take(reader, &Record::of(record)));
            ControlFlow::Break(())
        });
        read.map_err(|error| self.told(error))?;
        taken.with_context(|| format!("{place} of {name} holds no record"))
    }

    fn told(&self, error: BrokerError) -> anyhow::Error {
        let text = match &error {
            BrokerError::NoTopic(_) => format!(
                "Kafka at {} (`emberline topics create` makes the topic, and `run` does)",
                self.brokers
            ),
            _ => format!("Kafka at {}", self.brokers),
        };
        anyhow::Error::from(error).context(text)
    }
}
