//! A topic that many records are written to.

use std::ffi::{CString, c_void};
use std::ptr::{self, NonNull};

use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, Producer as _, ProducerContext};
use rdkafka_sys as sys;

/// `RD_KAFKA_PARTITION_UA`: the one that the key decides.
const ANY_PARTITION: i32 = -1;

/// A topic of a producer's. A record's token goes through librdkafka as a pointer that nobody
/// follows: it is for producers whose tokens are numbers.
pub(crate) struct Topic(NonNull<sys::rd_kafka_topic_t>);

// SAFETY: librdkafka guards a topic by its own lock; all calls may come from any thread.
unsafe impl Send for Topic {}
// SAFETY: as above.
unsafe impl Sync for Topic {}

impl Topic {
    /// With the producer's own settings for topics; `None` where librdkafka takes the name for
    /// none.
    pub(crate) fn new<C>(producer: &BaseProducer<C>, name: &str) -> Option<Self>
    where
        C: ProducerContext<DeliveryOpaque = usize>,
    {
        let name = CString::new(name).ok()?;
        // SAFETY: the client is alive, the name ends in a zero; checked for null.
        let raw = unsafe {
            sys::rd_kafka_topic_new(producer.client().native_ptr(), name.as_ptr(), ptr::null_mut())
        };
        NonNull::new(raw).map(Self)
    }

    /// Takes a record, which is copied, for this partition, or the one that its key decides.
    ///
    /// # Errors
    /// It was not taken.
    pub(crate) fn produce(
        &self,
        partition: Option<i32>,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        token: usize,
    ) -> Result<(), KafkaError> {
        let (key, key_len) = parts(key);
        let (value, value_len) = parts(value);
        // SAFETY: the topic is alive; key and value are null or as long as it is said, are
        // copied and not written to.
        let refused = unsafe {
            sys::rd_kafka_produce(
                self.0.as_ptr(),
                partition.unwrap_or(ANY_PARTITION),
                sys::RD_KAFKA_MSG_F_COPY,
                value.cast_mut(),
                value_len,
                key,
                key_len,
                ptr::without_provenance_mut(token),
            )
        };
        if refused == 0 {
            return Ok(());
        }
        // SAFETY: of this thread's last call.
        let code = unsafe { sys::rd_kafka_last_error() };
        Err(KafkaError::MessageProduction(code.into()))
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        // SAFETY: the handle is owned, and its producer still lives (rule of the module).
        unsafe { sys::rd_kafka_topic_destroy(self.0.as_ptr()) }
    }
}

fn parts(bytes: Option<&[u8]>) -> (*const c_void, usize) {
    bytes.map_or((ptr::null(), 0), |bytes| (bytes.as_ptr().cast(), bytes.len()))
}
