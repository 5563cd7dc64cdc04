//! Commits that are answered, and the text that was committed.

use std::ffi::CStr;
use std::os::raw::c_int;
use std::ptr;
use std::thread::Thread;
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka_sys as sys;

use super::queue::WakingQueue;
use super::{bytes, checked};

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
