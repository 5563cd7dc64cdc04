//! The calls of librdkafka's that rdkafka doesn't wrap: an own queue that partitions
//! are forwarded to, batch reads from it, commits with an answer, a topic that is looked up
//! once, and the knobs of the mock cluster.
//!
//! The only module with `unsafe`. One rule holds for all of it, and `source::poller` and
//! `table` keep it: a [`ReadQueue`], a [`CommitQueue`], a [`ForwardedPartition`] and a
//! [`RawRecord`] are dropped before the consumer that they come from; and `polled` for a
//! [`Topic`] and its producer.
//!
//! Start at [`ReadQueue`].
#![expect(
    unsafe_code,
    reason = "rdkafka wraps neither queue forwarding nor batch reads nor topic handles"
)]

mod commit;
mod mock;
mod queue;
mod record;
mod topic;

use std::ffi::c_void;

use rdkafka::error::RDKafkaErrorCode;
use rdkafka_sys as sys;

pub(crate) use commit::{CommitAnswer, CommitQueue, metadata};
pub(crate) use mock::hurry_mock_groups;
pub(crate) use queue::{EventQueue, ForwardedPartition, ReadQueue};
pub(crate) use record::{RawRecord, RecordBuffer};
pub(crate) use topic::Topic;

fn checked(code: sys::rd_kafka_resp_err_t) -> Option<RDKafkaErrorCode> {
    (code != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| code.into())
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
