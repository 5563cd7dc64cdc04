//! What happens on the polling thread: records become typed before they cross to the
//! worker, one channel item a batch.

use std::collections::BTreeMap;

use emberline_broker::{RecordReader, RecordRef, TopicIndex};
use emberline_model::{BindingEvent, CustomerEvent, DeviceKey, EventTime, OrderEvent};
use emberline_wire::DecodeError;
use emberline_wire::device::{DeviceDecoder, DeviceInput, DeviceRecord};
use emberline_wire::events::{decode_binding, decode_customer, decode_order};
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
    Customer(Box<CustomerEvent>),
    Order(Box<OrderEvent>),
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
    Customers,
    Orders,
    Retry,
}

impl TopicKind {
    /// Of an input topic of this name.
    fn of(name: &str, topics: &Topics) -> Self {
        let is_in = |names: &[String]| names.iter().any(|other| other == name);
        match () {
            () if is_in(&topics.bindings) => Self::Bindings,
            () if is_in(&topics.customers) => Self::Customers,
            () if is_in(&topics.orders) => Self::Orders,
            () => Self::Devices,
        }
    }
}

/// Reads the records of one worker's topics.
pub(crate) struct Reader {
    decoder: DeviceDecoder,
    /// By the source's topic index.
    kinds: Vec<TopicKind>,
    /// Type of a topic's protobuf records without a header, by the source's topic index.
    types: Vec<Option<String>>,
    topics: Topics,
    batch: Vec<Intake>,
}

impl Reader {
    pub(crate) fn new(kind: WorkerKind, names: &[String], topics: &Topics) -> Self {
        let topic_kind = |name: &String| match kind {
            WorkerKind::Retries => TopicKind::Retry,
            WorkerKind::Devices | WorkerKind::Bindings | WorkerKind::Claims => {
                TopicKind::of(name, topics)
            }
        };
        let type_of = |types: &BTreeMap<String, String>, name: &String| types.get(name).cloned();
        Self {
            decoder: DeviceDecoder::new(),
            kinds: names.iter().map(topic_kind).collect(),
            types: names.iter().map(|name| type_of(&topics.types, name)).collect(),
            topics: topics.clone(),
            batch: Vec::new(),
        }
    }

    /// Reads a record of the topic of this index, out of its own copy.
    pub(crate) fn intake(
        &mut self,
        topic_index: TopicIndex,
        (epoch, offset, timestamp_ms): (u64, i64, i64),
        raw: RawRecord,
    ) -> Intake {
        let history = match self.kinds[usize::from(topic_index.0)] {
            TopicKind::Retry => raw.header(RETRY_HEADER).map(RetryHeader::decode),
            _ => None,
        };
        let (history, broken) = match history.transpose() {
            Ok(history) => (history.map(Box::new), None),
            Err(error) => (None, Some(error)),
        };
        // Dedupe and the fallback of a report's time mean the original record's time.
        let timestamp = history.as_ref().map_or(timestamp_ms, |history| history.timestamp_ms);
        let arrival = EventTime::from_millis(timestamp.max(0));
        let content = match broken {
            None => self.content(topic_index, &raw, history.as_deref(), arrival),
            Some(error) => Content::Undecodable(error.to_string()),
        };
        Intake { epoch, offset, arrival, raw, early: false, history, content }
    }

    fn content(
        &mut self,
        topic_index: TopicIndex,
        raw: &RawRecord,
        history: Option<&RetryHeader>,
        arrival: EventTime,
    ) -> Content {
        let index = usize::from(topic_index.0);
        let kind = match (self.kinds[index], history) {
            (TopicKind::Retry, Some(history)) => TopicKind::of(&history.topic, &self.topics),
            (kind, _) => kind,
        };
        let value = raw.value();
        // JSON names its own type; a header costs a look only where it is needed.
        let is_json = value.is_some_and(|value| value.first() == Some(&b'{'));
        let header = if is_json { None } else { raw.header(TYPE_HEADER) };
        let type_name = header
            .and_then(|name| std::str::from_utf8(name).ok())
            .or(self.types.get(index).and_then(Option::as_deref));
        match kind {
            TopicKind::Bindings | TopicKind::Customers | TopicKind::Orders if value.is_none() => {
                Content::Tombstone
            }
            TopicKind::Bindings => event(decode_binding(value, type_name), Content::Binding),
            TopicKind::Customers => event(decode_customer(value, type_name), Content::Customer),
            TopicKind::Orders => event(decode_order(value, type_name), Content::Order),
            TopicKind::Devices | TopicKind::Retry => {
                let input = DeviceInput { value, type_name, timestamp: arrival };
                match self.decoder.decode(input) {
                    Ok(record) => Content::Device(record),
                    Err(error) => Content::Undecodable(error.to_string()),
                }
            }
        }
    }
}

/// One of the user's own events.
fn event<E>(
    decoded: Result<Option<E>, DecodeError>,
    content: impl Fn(Box<E>) -> Content,
) -> Content {
    match decoded {
        Ok(Some(event)) => content(Box::new(event)),
        Ok(None) => Content::Tombstone,
        Err(error) => Content::Undecodable(error.to_string()),
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
        let at = (record.epoch, record.offset, record.timestamp_ms);
        let intake = self.intake(record.topic_index, at, RawRecord::of(&record));
        self.batch.push(Intake { early: record.early, ..intake });
    }

    fn finish(&mut self) -> Option<Self::Batch> {
        if self.batch.is_empty() {
            return None;
        }
        let capacity = self.batch.len();
        Some(std::mem::replace(&mut self.batch, Vec::with_capacity(capacity)))
    }
}
