//! A record's own bytes, kept until it is settled: what a retry or dead letter carries.

use emberline_broker::RecordRef;

/// Key, value and headers as they came.
#[derive(Debug, Default)]
pub(crate) struct RawRecord {
    pub(crate) key: Option<Box<[u8]>>,
    pub(crate) value: Option<Box<[u8]>>,
    pub(crate) headers: Vec<(Box<str>, Box<[u8]>)>,
}

impl RawRecord {
    /// A copy of a record that is being read.
    pub(crate) fn of(record: &RecordRef<'_>) -> Self {
        let headers = record.headers.iter().map(|(name, value)| {
            (String::from_utf8_lossy(name).into_owned().into_boxed_str(), Box::from(value))
        });
        Self {
            key: record.key.map(Box::from),
            value: record.value.map(Box::from),
            headers: headers.collect(),
        }
    }

    /// The value of a header, the last one of that name.
    pub(crate) fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().rev().find(|(key, _)| &**key == name).map(|(_, value)| &**value)
    }

    /// Bytes that it takes of the in-flight budget: as the source charged it.
    pub(crate) fn bytes(&self) -> usize {
        self.key.as_deref().map_or(0, <[u8]>::len) + self.value.as_deref().map_or(0, <[u8]>::len)
    }
}
