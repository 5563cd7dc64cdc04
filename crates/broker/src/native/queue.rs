//! Queues of librdkafka's: our own, which partitions are forwarded to, and the one of a
//! consumer's events.

use std::ffi::{CString, c_void};
use std::os::raw::c_int;
use std::ptr::{self, NonNull};
use std::thread::Thread;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka_sys as sys;

use super::record::RecordBuffer;

/// A queue of librdkafka's.
pub(super) struct Queue(NonNull<sys::rd_kafka_queue_t>);

// SAFETY: a queue is guarded by its own mutex; all calls below may come from any thread.
unsafe impl Send for Queue {}
// SAFETY: as above.
unsafe impl Sync for Queue {}

impl Queue {
    pub(super) fn ptr(&self) -> *mut sys::rd_kafka_queue_t {
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
pub(super) struct WakingQueue {
    pub(super) queue: Queue,
    /// What the wake-up callback points at; boxed so that it stays where it is.
    _thread: Box<Thread>,
}

impl WakingQueue {
    pub(super) fn new<C: ConsumerContext>(
        consumer: &BaseConsumer<C>,
        thread: Thread,
    ) -> Option<Self> {
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
