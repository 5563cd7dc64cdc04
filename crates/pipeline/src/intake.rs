//! What happens on the polling thread: records become typed before they cross to the
//! worker, one channel item a batch.

use std::collections::BTreeMap;
use std::sync::Arc;

use emberline_broker::{RecordReader, RecordRef, TopicIndex};
use emberline_model::{
    BindingEvent, CustomerEvent, CustomerId, DeviceId, DeviceKey, DeviceState, EventTime,
    OrderEvent,
};
use emberline_wire::DecodeError;
use emberline_wire::device::{DeviceDecoder, DeviceInput, DeviceRecord};
use emberline_wire::events::{decode_binding, decode_customer, decode_order};
use emberline_wire::headers::{
    Categories, DeadLetter, REDRIVEN_HEADER, RETRY_HEADER, RetryHeader, TYPE_HEADER,
};

use crate::raw::RawRecord;
use crate::replay::{Part, Place, Selection, redriven};
use crate::settings::{Topics, WorkerKind};
use crate::table::Bindings;

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
    /// Of this device, read only to be written to the topic that is keyed by device.
    ToKeyed(DeviceId),
    /// Of this customer, read only to be written on as facts.
    Set(CustomerId),
    /// No customer's: a later version's, or nobody's.
    UnreadableSet,
    Binding(Box<BindingEvent>),
    Customer(Box<CustomerEvent>),
    Order(Box<OrderEvent>),
    Tombstone,
    Undecodable(String),
    /// A replay is not about it.
    NotSelected,
    /// A state that a newer one of the device has replaced since; the newer one, where it is
    /// to be sent after what an earlier run may have sent of this one.
    Superseded(Option<DeviceState>),
    /// A dead letter that was redriven as often as it may be.
    RedrivenTooOften,
    /// A part of it is left that only a later version knows: it goes on waiting for one.
    ForLaterVersion,
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
    /// Device records that are not keyed by device.
    NotKeyed,
    /// Customers' sets.
    Sets,
    Bindings,
    Customers,
    Orders,
    Retry,
    DeadLetters,
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
    /// What is meant of the records, where not all are.
    selecting: Option<Selecting>,
}

/// What a replay or a redrive reads by.
pub(crate) struct Selecting {
    pub(crate) selection: Arc<Selection>,
    /// Whose the devices are.
    pub(crate) bindings: Arc<Bindings>,
    /// When it began, Unix milliseconds: from then on a redriven record ages.
    pub(crate) began_ms: i64,
}

impl Reader {
    pub(crate) fn new(kind: WorkerKind, names: &[String], topics: &Topics) -> Self {
        let topic_kind = |name: &String| match kind {
            WorkerKind::Retries => TopicKind::Retry,
            WorkerKind::Redrive => TopicKind::DeadLetters,
            WorkerKind::Repartition if *name == topics.customer_devices() => TopicKind::Sets,
            WorkerKind::Repartition => TopicKind::NotKeyed,
            WorkerKind::Devices
            | WorkerKind::Bindings
            | WorkerKind::Claims
            | WorkerKind::Replay => TopicKind::of(name, topics),
        };
        let type_of = |types: &BTreeMap<String, String>, name: &String| types.get(name).cloned();
        Self {
            decoder: DeviceDecoder::new(),
            kinds: names.iter().map(topic_kind).collect(),
            types: names.iter().map(|name| type_of(&topics.types, name)).collect(),
            topics: topics.clone(),
            batch: Vec::new(),
            selecting: None,
        }
    }

    /// The same, of what is meant only.
    pub(crate) fn selecting(self, selecting: Option<Selecting>) -> Self {
        Self { selecting, ..self }
    }

    /// Reads a record of the topic of this index, out of its own copy.
    pub(crate) fn intake(
        &mut self,
        topic_index: TopicIndex,
        (epoch, partition, offset, timestamp_ms): (u64, i32, i64, i64),
        raw: RawRecord,
    ) -> Intake {
        let history = match self.kinds[usize::from(topic_index.0)] {
            TopicKind::DeadLetters => {
                let at = (epoch, partition, offset, timestamp_ms);
                return self.dead_letter(topic_index, at, raw);
            }
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
        let left = history.as_ref().and_then(|history| history.categories);
        let content = match broken {
            None if left.is_some_and(Categories::has_unknown) => Content::ForLaterVersion,
            None => self.content(topic_index, &raw, history.as_deref(), arrival),
            Some(error) => Content::Undecodable(error.to_string()),
        };
        let place = Place { partition, offset, timestamp_ms, arrival };
        let content = self.select(content, place, Part(None));
        Intake { epoch, offset, arrival, raw, early: false, history, content }
    }

    /// Reads a dead letter as a record that waits no longer: as the one that it first was.
    fn dead_letter(
        &mut self,
        topic_index: TopicIndex,
        (epoch, partition, offset, timestamp_ms): (u64, i32, i64, i64),
        mut raw: RawRecord,
    ) -> Intake {
        let headers = raw.headers().iter().map(|(name, value)| (&**name, &**value));
        let letter = DeadLetter::from_headers(headers);
        let redriven = redriven(raw.header(REDRIVEN_HEADER));
        raw.set_header(REDRIVEN_HEADER, (redriven + 1).to_string().into_bytes());
        raw.remove_headers(DeadLetter::PREFIX);
        let arrival = EventTime::from_millis(timestamp_ms.max(0));
        let content = Content::NotSelected;
        let left_out = Intake { epoch, offset, arrival, raw, early: false, history: None, content };
        // What is no dead letter of ours is none of our business.
        let Ok(letter) = letter else { return left_out };
        let (part, began_ms, most) = match &self.selecting {
            Some(Selecting { selection, began_ms, .. }) => {
                (selection.part_of(&letter, redriven), *began_ms, selection.most_redriven)
            }
            None => (Some(Part(letter.part)), 0, u32::MAX),
        };
        let Some(part) = part else { return left_out };
        let history = history_of(letter, part, began_ms);
        let arrival = EventTime::from_millis(history.timestamp_ms.max(0));
        let content = self.content(topic_index, &left_out.raw, Some(&history), arrival);
        let place = Place { partition, offset, timestamp_ms, arrival };
        let content = match self.select(content, place, part) {
            Content::NotSelected => Content::NotSelected,
            _ if redriven >= most => Content::RedrivenTooOften,
            content => content,
        };
        Intake { arrival, history: Some(Box::new(history)), content, ..left_out }
    }

    fn select(&self, content: Content, place: Place, part: Part) -> Content {
        match &self.selecting {
            Some(it) => it.selection.of(content, place, part, &it.bindings),
            None => content,
        }
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
            (TopicKind::Retry | TopicKind::DeadLetters, Some(history)) => {
                TopicKind::of(&history.topic, &self.topics)
            }
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
            TopicKind::Bindings | TopicKind::Customers | TopicKind::Orders | TopicKind::Sets
                if value.is_none() =>
            {
                Content::Tombstone
            }
            TopicKind::Sets => set_of(raw.key()),
            TopicKind::Bindings => event(decode_binding(value, type_name), Content::Binding),
            TopicKind::Customers => event(decode_customer(value, type_name), Content::Customer),
            TopicKind::Orders => event(decode_order(value, type_name), Content::Order),
            TopicKind::Devices
            | TopicKind::NotKeyed
            | TopicKind::Retry
            | TopicKind::DeadLetters => {
                let input = DeviceInput { value, type_name, timestamp: arrival };
                match self.decoder.decode(input) {
                    Ok(record) if kind == TopicKind::NotKeyed => to_keyed(record),
                    Ok(record) => Content::Device(record),
                    Err(error) => Content::Undecodable(error.to_string()),
                }
            }
        }
    }
}

/// Where a dead letter came from, as the history of a record that is tried anew.
fn history_of(letter: DeadLetter, Part(part): Part, began_ms: i64) -> RetryHeader {
    RetryHeader {
        attempt: 0,
        first_seen_ms: began_ms,
        due_ms: 0,
        reason: letter.reason,
        class: String::new(),
        code: letter.error_code,
        topic: letter.topic,
        partition: letter.partition,
        offset: letter.offset,
        timestamp_ms: letter.timestamp_ms,
        categories: part,
    }
}

/// Whose a record is decides where it goes; what it says is for whoever reads it there.
fn to_keyed(record: DeviceRecord) -> Content {
    match record.device() {
        Some(device) => Content::ToKeyed(device.clone()),
        None => Content::Device(record),
    }
}

/// What a customer's set says is read when it is written on.
fn set_of(key: Option<&[u8]>) -> Content {
    let customer = key.and_then(|key| std::str::from_utf8(key).ok());
    let customer = customer.and_then(|customer| CustomerId::parse(customer).ok());
    customer.map_or(Content::UnreadableSet, Content::Set)
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
        let at = (record.epoch, record.partition, record.offset, record.timestamp_ms);
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
