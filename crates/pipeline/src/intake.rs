//! What happens on the polling thread: records become typed before they cross to the
//! worker, one channel item a batch.

use std::collections::BTreeMap;

use emberline_broker::{RecordReader, RecordRef};
use emberline_model::{BindingEvent, DeviceKey, EventTime};
use emberline_wire::device::{DeviceDecoder, DeviceInput, DeviceRecord};
use emberline_wire::events::decode_binding;
use emberline_wire::headers::{RETRY_HEADER, RetryHeader, TYPE_HEADER};

use crate::raw::RawRecord;
use crate::settings::{Topics, WorkerKind};

/// One record, read.
#[derive(Debug)]
pub(crate) struct Intake {
    /// The tenure that it was read in.
    pub(crate) epoch: u64,
    pub(crate) offset: i64,
    /// Its Kafka timestamp.
    pub(crate) arrival: EventTime,
    pub(crate) raw: RawRecord,
    /// Read before it is due.
    pub(crate) early: bool,
    /// What happened to it before, if it comes from a retry topic.
    pub(crate) history: Option<Box<RetryHeader>>,
    pub(crate) content: Content,
}

/// What a record holds.
#[derive(Debug)]
pub(crate) enum Content {
    Device(DeviceRecord),
    Binding(Box<BindingEvent>),
    Tombstone,
    Undecodable(String),
}

impl Content {
    /// The device that it is telemetry of.
    pub(crate) fn device(&self) -> Option<DeviceKey> {
        match self {
            Self::Device(DeviceRecord::Telemetry(telemetry)) => Some(telemetry.device.key()),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TopicKind {
    Devices,
    Bindings,
    Retry,
}

/// Reads the records of one worker's topics.
pub(crate) struct Reader {
    decoder: DeviceDecoder,
    /// By the source's topic index.
    kinds: Vec<TopicKind>,
    /// Type of a topic's protobuf records without a header, by the source's topic index.
    types: Vec<Option<String>>,
    binding_topics: Vec<String>,
    batch: Vec<Intake>,
}

impl Reader {
    pub(crate) fn new(kind: WorkerKind, names: &[String], topics: &Topics) -> Self {
        let topic_kind = match kind {
            WorkerKind::Devices => TopicKind::Devices,
            WorkerKind::Bindings => TopicKind::Bindings,
            WorkerKind::Retries => TopicKind::Retry,
        };
        let type_of = |types: &BTreeMap<String, String>, name: &String| types.get(name).cloned();
        Self {
            decoder: DeviceDecoder::new(),
            kinds: vec![topic_kind; names.len()],
            types: names.iter().map(|name| type_of(&topics.types, name)).collect(),
            binding_topics: topics.bindings.clone(),
            batch: Vec::new(),
        }
    }

    fn content(
        &mut self,
        record: &RecordRef<'_>,
        history: Option<&RetryHeader>,
        arrival: EventTime,
    ) -> Content {
        let index = usize::from(record.topic_index.0);
        let binding = match (self.kinds[index], history) {
            (TopicKind::Devices, _) | (TopicKind::Retry, None) => false,
            (TopicKind::Bindings, _) => true,
            (TopicKind::Retry, Some(history)) => self.binding_topics.contains(&history.topic),
        };
        // JSON names its own type; a header costs a look only where it is needed.
        let is_json = record.value.is_some_and(|value| value.first() == Some(&b'{'));
        let header = if is_json { None } else { record.headers.find(TYPE_HEADER) };
        let type_name = header
            .and_then(|name| std::str::from_utf8(name).ok())
            .or(self.types.get(index).and_then(Option::as_deref));
        if binding {
            let Some(value) = record.value else { return Content::Tombstone };
            match decode_binding(Some(value), type_name) {
                Ok(Some(event)) => Content::Binding(Box::new(event)),
                Ok(None) => Content::Tombstone,
                Err(error) => Content::Undecodable(error.to_string()),
            }
        } else {
            let input = DeviceInput { value: record.value, type_name, timestamp: arrival };
            match self.decoder.decode(input) {
                Ok(record) => Content::Device(record),
                Err(error) => Content::Undecodable(error.to_string()),
            }
        }
    }
}

impl RecordReader for Reader {
    type Batch = Vec<Intake>;

    fn due(&mut self, record: &RecordRef<'_>) -> Option<i64> {
        if self.kinds[usize::from(record.topic_index.0)] != TopicKind::Retry {
            return None;
        }
        let header = RetryHeader::decode(record.headers.find(RETRY_HEADER)?).ok()?;
        Some(header.due_ms)
    }

    fn read(&mut self, record: RecordRef<'_>) {
        let history = match self.kinds[usize::from(record.topic_index.0)] {
            TopicKind::Retry => record.headers.find(RETRY_HEADER).map(RetryHeader::decode),
            TopicKind::Devices | TopicKind::Bindings => None,
        };
        let (history, broken) = match history.transpose() {
            Ok(history) => (history.map(Box::new), None),
            Err(error) => (None, Some(error)),
        };
        // Dedupe and the fallback of a report's time mean the original record's time.
        let timestamp =
            history.as_ref().map_or(record.timestamp_ms, |history| history.timestamp_ms);
        let arrival = EventTime::from_millis(timestamp.max(0));
        let content = match broken {
            None => self.content(&record, history.as_deref(), arrival),
            Some(error) => Content::Undecodable(error.to_string()),
        };
        self.batch.push(Intake {
            epoch: record.epoch,
            offset: record.offset,
            arrival,
            raw: RawRecord::of(&record),
            early: record.early,
            history,
            content,
        });
    }

    fn finish(&mut self) -> Option<Self::Batch> {
        if self.batch.is_empty() {
            return None;
        }
        let capacity = self.batch.len();
        Some(std::mem::replace(&mut self.batch, Vec::with_capacity(capacity)))
    }
}
