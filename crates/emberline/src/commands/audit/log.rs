//! Topics, read once each: what is told of it beforehand, what can't be read, and where
//! there is too much.

use std::ops::ControlFlow;
use std::time::Duration;

use emberline_broker::{BrokerError, KafkaSettings, ScanRecord, Scanner};
use emberline_wire::DecodeError;
use emberline_wire::headers::HeaderError;

use crate::app::UsageError;
use crate::output;
use crate::settings::Settings;
use crate::span::{Part, Span, SpanError};
use crate::wiring;

/// Longest silence of the brokers.
const PATIENCE: Duration = Duration::from_secs(30);

/// Most records that can't be read whose places are told.
const MOST_PLACES: usize = 10;

/// The brokers.
pub(super) struct Log {
    kafka: KafkaSettings,
    brokers: String,
}

/// What came of a topic.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// How many records were looked at.
    pub(super) records: u64,
    pub(super) unreadable: Unreadable,
}

/// Records that can't be read.
#[derive(Debug, Default)]
pub(super) struct Unreadable {
    pub(super) count: u64,
    /// The first of them: where, and why.
    places: Vec<String>,
}

/// What is wrong with a record.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It is counted, and reading goes on.
    Unreadable(String),
    /// It would be more than is held in memory: reading ends.
    TooMuch(String),
}

impl Trouble {
    /// More than `most` of these.
    pub(super) fn too_much(most: usize, what: &str) -> Self {
        Self::TooMuch(format!("more than {most} {what}: narrow the range with --from and --to"))
    }
}

impl From<DecodeError> for Trouble {
    fn from(error: DecodeError) -> Self {
        Self::Unreadable(error.to_string())
    }
}

impl From<HeaderError> for Trouble {
    fn from(error: HeaderError) -> Self {
        Self::Unreadable(error.to_string())
    }
}

impl Log {
    /// # Errors
    /// Settings of Kafka that can't be used.
    pub(super) fn new(settings: &Settings) -> anyhow::Result<Self> {
        Ok(Self { kafka: wiring::kafka(settings)?, brokers: settings.kafka.brokers.clone() })
    }

    /// The part of a topic that is looked up for a span, wider than it; what is to be said
    /// about it is told, and of what is gone only what the span itself has lost.
    ///
    /// # Errors
    /// The span contradicts itself, the topic is not there, no answer.
    pub(super) fn part(&self, topic: &str, span: &Span, wide: &Span) -> anyhow::Result<Part> {
        let look_up = |span: &Span| {
            span.look_up(&self.kafka, topic).map_err(|error| match error {
                SpanError::Wrong(text) => UsageError(text).into(),
                SpanError::Broker(error) => self.failed(error),
            })
        };
        let part = Part { cut: look_up(span)?.cut, ..look_up(wide)? };
        for note in part.notes() {
            output::notice(&format!("{topic}: {note}"));
        }
        Ok(part)
    }

    /// As [`part`](Self::part) of a topic that only explains; `None`, and a word of it, where
    /// it is not there.
    ///
    /// # Errors
    /// No answer.
    pub(super) fn part_if_there(&self, topic: &str, span: &Span) -> anyhow::Result<Option<Part>> {
        match span.look_up(&self.kafka, topic) {
            Ok(part) => Ok(Some(part)),
            Err(SpanError::Broker(error @ BrokerError::NoTopic(_))) => {
                output::notice(&format!("{error}: it is left out"));
                Ok(None)
            }
            Err(SpanError::Broker(error)) => Err(self.failed(error)),
            Err(SpanError::Wrong(text)) => Err(UsageError(text).into()),
        }
    }

    /// Reads a part.
    ///
    /// # Errors
    /// No answer, or more than is held.
    pub(super) fn read(
        &self,
        topic: &str,
        part: &Part,
        mut take: impl FnMut(&ScanRecord<'_>) -> Result<(), Trouble>,
    ) -> anyhow::Result<Read> {
        output::notice(&format!("reading {} records of {topic} …", part.len()));
        let mut unreadable = Unreadable::default();
        let mut too_much = None;
        let mut scanner = Scanner::new(&self.kafka, topic).map_err(|error| self.failed(error))?;
        let records = scanner.read(&part.ranges, PATIENCE, |record| {
            if !part.takes(record.timestamp_ms()) {
                return ControlFlow::Continue(());
            }
            match take(record) {
                Ok(()) => {}
                Err(Trouble::Unreadable(why)) => {
                    unreadable.add(record.partition(), record.offset(), &why);
                }
                Err(Trouble::TooMuch(text)) => {
                    too_much = Some(text);
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        });
        let records = records.map_err(|error| self.failed(error))?;
        match too_much {
            None => Ok(Read { records, unreadable }),
            Some(text) => Err(UsageError(text).into()),
        }
    }

    fn failed(&self, error: BrokerError) -> anyhow::Error {
        let advice = match error {
            BrokerError::NoTopic(_) => "; emberline topics create makes the pipeline's own",
            _ => "",
        };
        anyhow::Error::from(error).context(format!("Kafka at {}{advice}", self.brokers))
    }
}

impl Unreadable {
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn add(&mut self, partition: i32, offset: i64, why: &str) {
        self.count += 1;
        if self.places.len() < MOST_PLACES {
            self.places.push(format!("{partition}:{offset}: {why}"));
        }
    }

    /// Says which there are, if there are any.
    pub(super) fn tell(&self, what: &str) {
        if self.is_empty() {
            return;
        }
        output::notice(&format!("{what} that can't be read: {}", self.count));
        for place in &self.places {
            output::notice(&format!("  {place}"));
        }
    }
}
