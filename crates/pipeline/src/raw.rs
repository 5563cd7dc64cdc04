//! A record's own bytes, kept until it is settled: what a retry or dead letter carries.

use emberline_broker::{RecordRef, ScanRecord};

/// Key, value and headers as they came. Key and value lie in one allocation: there is one
/// of these for each record in flight.
#[derive(Debug)]
pub(crate) struct RawRecord {
    /// The key, if there is one, then the value, if there is one.
    bytes: Box<[u8]>,
    /// Length of the key.
    key: Option<u32>,
    has_value: bool,
    /// None of most records.
    headers: Option<Box<Headers>>,
}

type Headers = Vec<(Box<str>, Box<[u8]>)>;

impl RawRecord {
    /// A copy of a record that is being read.
    pub(crate) fn of(record: &RecordRef<'_>) -> Self {
        let headers = record.headers.iter().map(|(name, value)| {
            (String::from_utf8_lossy(name).into_owned().into_boxed_str(), Box::from(value))
        });
        Self::new(record.key, record.value, headers.collect())
    }

    /// The same of a record that is read outside of a group.
    pub(crate) fn of_scan(record: &ScanRecord<'_>) -> Self {
        let headers = record.headers().map(|(name, value)| (name.into(), value.into()));
        Self::new(record.key(), record.value(), headers.collect())
    }

    /// A copy of these parts.
    pub(crate) fn new(key: Option<&[u8]>, value: Option<&[u8]>, headers: Headers) -> Self {
        let (key_bytes, value_bytes) = (key.unwrap_or_default(), value.unwrap_or_default());
        let mut bytes = Vec::with_capacity(key_bytes.len() + value_bytes.len());
        bytes.extend_from_slice(key_bytes);
        bytes.extend_from_slice(value_bytes);
        Self {
            bytes: bytes.into_boxed_slice(),
            // Kafka's own limit of a record is below 2 GiB.
            key: key.map(|key| u32::try_from(key.len()).unwrap_or(u32::MAX)),
            has_value: value.is_some(),
            headers: Some(headers).filter(|headers| !headers.is_empty()).map(Box::new),
        }
    }

    /// The key.
    pub(crate) fn key(&self) -> Option<&[u8]> {
        self.key.map(|_| &self.bytes[..self.key_len()])
    }

    /// The value.
    pub(crate) fn value(&self) -> Option<&[u8]> {
        self.has_value.then(|| &self.bytes[self.key_len()..])
    }

    /// The headers in order.
    pub(crate) fn headers(&self) -> &[(Box<str>, Box<[u8]>)] {
        self.headers.as_deref().map_or(&[], Vec::as_slice)
    }

    /// The value of a header, the last one of that name.
    pub(crate) fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers().iter().rev().find(|(key, _)| &**key == name).map(|(_, value)| &**value)
    }

    /// Adds a header, in place of others of that name.
    pub(crate) fn set_header(&mut self, name: &str, value: Vec<u8>) {
        let headers = self.headers.get_or_insert_default();
        headers.retain(|(key, _)| &**key != name);
        headers.push((name.into(), value.into_boxed_slice()));
    }

    /// Removes the headers whose names begin so.
    pub(crate) fn remove_headers(&mut self, prefix: &str) {
        if let Some(headers) = &mut self.headers {
            headers.retain(|(key, _)| !key.starts_with(prefix));
        }
    }

    /// Bytes that it takes of the in-flight budget: as the source charged it.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    fn key_len(&self) -> usize {
        self.key.map_or(0, |len| len as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::RawRecord;

    #[test]
    fn an_empty_part_is_not_a_missing_one() {
        let parts: [Option<&[u8]>; 3] = [None, Some(b""), Some(b"abc")];
        for key in parts {
            for value in parts {
                let raw = RawRecord::new(key, value, Vec::new());
                assert_eq!((raw.key(), raw.value()), (key, value));
                assert_eq!(raw.bytes(), key.map_or(0, <[u8]>::len) + value.map_or(0, <[u8]>::len));
            }
        }
    }
}
