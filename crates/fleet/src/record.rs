//! What goes into Kafka.

/// Which of the input topics a record belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Telemetry and online/offline events.
    Devices,
    /// Whose device is whose.
    Bindings,
    /// The customers themselves.
    Customers,
    /// What they order.
    Orders,
}

/// One record, ready to be produced.
#[derive(Clone, PartialEq, Eq)]
pub struct FleetRecord {
    /// Where it goes.
    pub topic: Topic,
    /// The device id, or the customer id.
    pub key: Vec<u8>,
    /// The event.
    pub value: Vec<u8>,
    /// Names and values of its headers.
    pub headers: Vec<(&'static str, Vec<u8>)>,
    /// When it is produced, in Unix milliseconds.
    pub timestamp_ms: i64,
}

/// Shows no value: a customer event holds a telephone number.
impl std::fmt::Debug for FleetRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FleetRecord")
            .field("topic", &self.topic)
            .field("key", &String::from_utf8_lossy(&self.key))
            .field("value_bytes", &self.value.len())
            .field("timestamp_ms", &self.timestamp_ms)
            .finish_non_exhaustive()
    }
}
