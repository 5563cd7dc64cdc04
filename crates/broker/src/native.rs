//! The calls of librdkafka's that rdkafka doesn't wrap: an own queue that partitions
//! are forwarded to, batch reads from it, and the knobs of the mock cluster.
//!
//! The only module with `unsafe`. One rule holds for all of it, and `source::poller`
//! keeps it: a [`ReadQueue`], a [`CommitQueue`], a [`ForwardedPartition`] and a [`RawRecord`] are dropped
//! before the consumer that they come from.
#![expect(unsafe_code, reason = "rdkafka wraps neither queue forwarding nor batch reads")]

use std::ffi::{CStr, CString, c_void};
use std::os::raw::{c_char, c_int};
use std::ptr::{self, NonNull};
use std::thread::Thread;
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{Producer, ProducerContext, ThreadedProducer};
use rdkafka_sys as sys;

/// A queue of librdkafka's.
struct Queue(NonNull<sys::rd_kafka_queue_t>);

// SAFETY: a queue is guarded by its own mutex; all calls below may come from any thread.
unsafe impl Send for Queue {}
// SAFETY: as above.
unsafe impl Sync for Queue {}

impl Queue {
    fn ptr(&self) -> *mut sys::rd_kafka_queue_t {
        self.0.as_ptr()
    }

    fn len(&self) -> usize {
        // SAFETY: the handle is valid until it is dropped.
        unsafe { sys::rd_kafka_queue_length(self.ptr()) }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: the handle is owned, and its consumer still lives (rule of the module).
        unsafe { sys::rd_kafka_queue_destroy(self.ptr()) }
    }
}

/// A queue that wakes a thread when something comes to it.
struct WakingQueue {
    queue: Queue,
    /// What the wake-up callback points at; boxed so that it stays where it is.
    _thread: Box<Thread>,
}

impl WakingQueue {
    fn new<C: ConsumerContext>(consumer: &BaseConsumer<C>, thread: Thread) -> Option<Self> {
        // SAFETY: the client is alive, the result checked for null.
        let raw = unsafe { sys::rd_kafka_queue_new(consumer.client().native_ptr()) };
        let queue = Queue(NonNull::new(raw)?);
        let mut thread = Box::new(thread);
        let opaque = ptr::from_mut(thread.as_mut()).cast::<c_void>();
        // SAFETY: the thread's handle outlives the callback: `Drop` takes that off first.
        unsafe { sys::rd_kafka_queue_cb_event_enable(queue.ptr(), Some(unpark), opaque) };
        Some(Self { queue, _thread: thread })
    }
}

impl Drop for WakingQueue {
    fn drop(&mut self) {
        // SAFETY: librdkafka changes this under the queue's lock, which the callback is
        // called with: after this call nothing points at the thread's handle any more.
        unsafe { sys::rd_kafka_queue_cb_event_enable(self.queue.ptr(), None, ptr::null_mut()) };
    }
}

unsafe extern "C" fn unpark(_: *mut sys::rd_kafka_t, opaque: *mut c_void) {
    // SAFETY: `opaque` is the boxed thread of the queue, alive while this is enabled.
    let thread = unsafe { &*opaque.cast::<Thread>() };
    thread.unpark();
}

/// The queue that all partitions of a source are forwarded to.
pub(crate) struct ReadQueue(WakingQueue);

impl ReadQueue {
    /// An empty queue that wakes `thread` when a record comes to it; `None` when
    /// librdkafka has no memory for it.
    pub(crate) fn new<C: ConsumerContext>(
        consumer: &BaseConsumer<C>,
        thread: Thread,
    ) -> Option<Self> {
        WakingQueue::new(consumer, thread).map(Self)
    }

    /// Operations waiting in it: records, and a few of librdkafka's own.
    pub(crate) fn len(&self) -> usize {
        self.0.queue.len()
    }

    /// Sends the records of a partition here instead of to the consumer's queue. To be
    /// called before the partition is assigned.
    pub(crate) fn forward<C: ConsumerContext>(
        &self,
        consumer: &BaseConsumer<C>,
        topic: &str,
        partition: i32,
    ) -> Option<ForwardedPartition> {
        let topic = CString::new(topic).ok()?;
        // SAFETY: the client is alive, the name ends in a zero; checked for null.
        let raw = unsafe {
            sys::rd_kafka_queue_get_partition(
                consumer.client().native_ptr(),
                topic.as_ptr(),
                partition,
            )
        };
        let queue = Queue(NonNull::new(raw)?);
        // SAFETY: both queues are alive; librdkafka holds its own reference to ours.
        unsafe { sys::rd_kafka_queue_forward(queue.ptr(), self.0.queue.ptr()) };
        Some(ForwardedPartition { queue })
    }

    /// Takes up to `max` records out, waiting at most `wait` until there are that many.
    /// What is left in `buffer` from before is dropped.
    pub(crate) fn read(&self, wait: Duration, max: usize, buffer: &mut RecordBuffer) {
        buffer.clear();
        let room = max.min(buffer.slots.len());
        let wait_ms = c_int::try_from(wait.as_millis()).unwrap_or(c_int::MAX);
        // SAFETY: the buffer has at least `room` slots; what is written there is ours
        // to destroy, which `RecordBuffer` does.
        let read = unsafe {
            sys::rd_kafka_consume_batch_queue(
                self.0.queue.ptr(),
                wait_ms,
                buffer.slots.as_mut_ptr(),
                room,
            )
        };
        buffer.filled = usize::try_from(read).unwrap_or(0);
    }
}

/// Where the answers to commits come in. rdkafka's own asynchronous commit never
/// calls back: librdkafka answers it only where a callback is set in the client's
/// configuration, and rdkafka sets none.
pub(crate) struct CommitQueue(WakingQueue);

/// The answer to a commit.
pub(crate) struct CommitAnswer {
    /// The number that the commit was sent with.
    pub(crate) number: usize,
    /// What failed as a whole.
    pub(crate) error: Option<RDKafkaErrorCode>,
    /// What failed of it: topic, partition and why.
    pub(crate) partitions: Vec<(String, i32, RDKafkaErrorCode)>,
}

impl CommitQueue {
    /// As [`ReadQueue::new`].
    pub(crate) fn new<C: ConsumerContext>(
        consumer: &BaseConsumer<C>,
        thread: Thread,
    ) -> Option<Self> {
        WakingQueue::new(consumer, thread).map(Self)
    }

    /// Sends a commit; the list is copied. An answer with that number comes, unless the
    /// broker has gone.
    pub(crate) fn send<C: ConsumerContext>(
        &self,
        consumer: &BaseConsumer<C>,
        list: &TopicPartitionList,
        number: usize,
    ) -> Result<(), RDKafkaErrorCode> {
        // SAFETY: client, list and queue are alive. The number goes through librdkafka as
        // a pointer that nobody follows.
        let code = unsafe {
            sys::rd_kafka_commit_queue(
                consumer.client().native_ptr(),
                list.ptr(),
                self.0.queue.ptr(),
                None,
                ptr::without_provenance_mut(number),
            )
        };
        checked(code).map_or(Ok(()), Err)
    }

    /// The next answer, waiting for it at most `wait`.
    pub(crate) fn answer(&self, wait: Duration) -> Option<CommitAnswer> {
        let wait_ms = c_int::try_from(wait.as_millis()).unwrap_or(c_int::MAX);
        // SAFETY: the event is checked for null, read, and destroyed once at the end; its
        // list belongs to it, and holds `cnt` elements.
        unsafe {
            let event = sys::rd_kafka_queue_poll(self.0.queue.ptr(), wait_ms);
            if event.is_null() {
                return None;
            }
            let mut answer = CommitAnswer {
                number: sys::rd_kafka_event_opaque(event).addr(),
                error: checked(sys::rd_kafka_event_error(event)),
                partitions: Vec::new(),
            };
            let list = sys::rd_kafka_event_topic_partition_list(event);
            if !list.is_null() {
                for index in 0..usize::try_from((*list).cnt).unwrap_or(0) {
                    let element = &*(*list).elems.add(index);
                    if let Some(code) = checked(element.err) {
                        let topic = CStr::from_ptr(element.topic).to_string_lossy().into_owned();
                        answer.partitions.push((topic, element.partition, code));
                    }
                }
            }
            sys::rd_kafka_event_destroy(event);
            Some(answer)
        }
    }
}

fn checked(code: sys::rd_kafka_resp_err_t) -> Option<RDKafkaErrorCode> {
    (code != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| code.into())
}

/// The events of a consumer: rebalances, errors, commit results.
pub(crate) struct EventQueue(Queue);

impl EventQueue {
    pub(crate) fn of<C: ConsumerContext>(consumer: &BaseConsumer<C>) -> Option<Self> {
        // SAFETY: the client is alive, the result checked for null.
        let raw = unsafe { sys::rd_kafka_queue_get_consumer(consumer.client().native_ptr()) };
        Some(Self(Queue(NonNull::new(raw)?)))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.len() == 0
    }
}

/// A partition whose records go to a [`ReadQueue`]; ends when dropped, which is to
/// happen after the partition was unassigned.
pub(crate) struct ForwardedPartition {
    queue: Queue,
}

impl Drop for ForwardedPartition {
    fn drop(&mut self) {
        // SAFETY: the queue is alive; a null target ends the forwarding.
        unsafe { sys::rd_kafka_queue_forward(self.queue.ptr(), ptr::null_mut()) }
    }
}

/// Space for the records of one batch read, used again for each.
pub(crate) struct RecordBuffer {
    slots: Vec<*mut sys::rd_kafka_message_t>,
    next: usize,
    filled: usize,
}

// SAFETY: the messages are owned by the buffer and may be used from any one thread.
unsafe impl Send for RecordBuffer {}

impl RecordBuffer {
    pub(crate) fn new(slots: usize) -> Self {
        Self { slots: vec![ptr::null_mut(); slots.max(1)], next: 0, filled: 0 }
    }

    /// The next record of the batch.
    pub(crate) fn take(&mut self) -> Option<RawRecord> {
        let raw = *self.slots.get(self.next).filter(|_| self.next < self.filled)?;
        self.next += 1;
        NonNull::new(raw).map(RawRecord)
    }

    fn clear(&mut self) {
        while self.take().is_some() {}
        self.next = 0;
        self.filled = 0;
    }
}

impl Drop for RecordBuffer {
    fn drop(&mut self) {
        self.clear();
    }
}

/// A record in librdkafka's memory.
pub(crate) struct RawRecord(NonNull<sys::rd_kafka_message_t>);

// SAFETY: a message is owned by whom it was given to; librdkafka touches it no more.
unsafe impl Send for RawRecord {}

impl RawRecord {
    fn message(&self) -> &sys::rd_kafka_message_t {
        // SAFETY: valid until destroyed in `Drop`; only read.
        unsafe { self.0.as_ref() }
    }

    /// The error that came in a record's place.
    pub(crate) fn error(&self) -> Option<RDKafkaErrorCode> {
        checked(self.message().err)
    }

    /// A number for its topic: two records with the same one are of the same topic, while
    /// that topic stays assigned.
    pub(crate) fn topic_id(&self) -> usize {
        self.message().rkt as usize
    }

    /// Its topic's name.
    pub(crate) fn topic(&self) -> &str {
        let topic = self.message().rkt;
        if topic.is_null() {
            return "";
        }
        // SAFETY: the message keeps its topic alive; the name ends in a zero.
        unsafe { CStr::from_ptr(sys::rd_kafka_topic_name(topic)) }.to_str().unwrap_or("")
    }

    pub(crate) fn partition(&self) -> i32 {
        self.message().partition
    }

    pub(crate) fn offset(&self) -> i64 {
        self.message().offset
    }

    /// Unix milliseconds, -1 without.
    pub(crate) fn timestamp_ms(&self) -> i64 {
        // SAFETY: the message is valid; the type of the timestamp may be left out.
        unsafe { sys::rd_kafka_message_timestamp(self.0.as_ptr(), ptr::null_mut()) }
    }

    pub(crate) fn key(&self) -> Option<&[u8]> {
        let message = self.message();
        // SAFETY: librdkafka's pointer and length of this message's key.
        unsafe { bytes(message.key, message.key_len) }
    }

    pub(crate) fn value(&self) -> Option<&[u8]> {
        let message = self.message();
        // SAFETY: librdkafka's pointer and length of this message's value.
        unsafe { bytes(message.payload, message.len) }
    }

    /// The header at an index, as name and value.
    pub(crate) fn header(&self, index: usize) -> Option<(&[u8], &[u8])> {
        let mut headers = ptr::null_mut();
        let mut name: *const c_char = ptr::null();
        let mut value: *const c_void = ptr::null();
        let mut len = 0;
        // SAFETY: the message is valid and owned by one thread (headers are parsed in
        // place on the first call); all results are checked before they are used.
        unsafe {
            let found = sys::rd_kafka_message_headers(self.0.as_ptr(), &raw mut headers);
            if found != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                return None;
            }
            let found = sys::rd_kafka_header_get_all(
                headers,
                index,
                &raw mut name,
                &raw mut value,
                &raw mut len,
            );
            if found != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR || name.is_null() {
                return None;
            }
            Some((CStr::from_ptr(name).to_bytes(), bytes(value, len).unwrap_or_default()))
        }
    }
}

impl Drop for RawRecord {
    fn drop(&mut self) {
        // SAFETY: owned, destroyed once, while the consumer lives (rule of the module).
        unsafe { sys::rd_kafka_message_destroy(self.0.as_ptr()) }
    }
}

/// The text committed with the offset at an index of the list. rdkafka's own getter
/// panics where another client left bytes that are no text; here they are replaced.
pub(crate) fn metadata(list: &TopicPartitionList, index: usize) -> String {
    if index >= list.count() {
        return String::new();
    }
    // SAFETY: the list is alive and has an element at `index`; its metadata is null or as
    // long as it says.
    let found = unsafe {
        let element = &*(*list.ptr()).elems.add(index);
        bytes(element.metadata, element.metadata_size)
    };
    String::from_utf8_lossy(found.unwrap_or_default()).into_owned()
}

/// # Safety
/// `start` is null, or `len` bytes from it are readable for as long as `'a`.
unsafe fn bytes<'a>(start: *const c_void, len: usize) -> Option<&'a [u8]> {
    if start.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    Some(unsafe { std::slice::from_raw_parts(start.cast::<u8>(), len) })
}

/// Makes the groups of a mock cluster answer fast: no wait before the first
/// rebalance, and a heartbeat every 100 ms for members of the KIP-848 protocol.
///
/// False when the producer has no mock cluster.
pub(crate) fn hurry_mock_groups<C: ProducerContext>(producer: &ThreadedProducer<C>) -> bool {
    // SAFETY: the client is alive, the cluster belongs to it and is checked for null.
    unsafe {
        let cluster = sys::rd_kafka_handle_mock_cluster(producer.client().native_ptr());
        if cluster.is_null() {
            return false;
        }
        sys::rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, 0);
        sys::rd_kafka_mock_set_group_consumer_heartbeat_interval_ms(cluster, 100);
    }
    true
}
