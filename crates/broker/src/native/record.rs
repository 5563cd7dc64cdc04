//! Records in librdkafka's memory.

use std::ffi::{CStr, c_void};
use std::os::raw::c_char;
use std::ptr::{self, NonNull};

use rdkafka::error::RDKafkaErrorCode;
use rdkafka_sys as sys;

use super::{bytes, checked};

/// Space for the records of one batch read, used again for each.
pub(crate) struct RecordBuffer {
    pub(super) slots: Vec<*mut sys::rd_kafka_message_t>,
    next: usize,
    pub(super) filled: usize,
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

    pub(super) fn clear(&mut self) {
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
