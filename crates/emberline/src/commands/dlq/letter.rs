//! A record of the dead-letter topic, and what its headers say.

use std::fmt;
use std::str::FromStr;

use emberline_broker::ScanRecord;
use emberline_wire::headers::{DeadLetter, HeaderError, TYPE_HEADER};

use super::original::About;

/// Where a letter lies in its topic: what `show` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) partition: i32,
    pub(super) offset: i64,
}

/// Why a text is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a place: write partition:offset as `dlq list` prints it, for example 3:1500")]
pub(super) struct InvalidPlace;

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.partition, self.offset)
    }
}

impl FromStr for Place {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        let (partition, offset) = text.trim().split_once(':').ok_or(InvalidPlace)?;
        let partition: i32 = partition.parse().map_err(|_| InvalidPlace)?;
        let offset: i64 = offset.parse().map_err(|_| InvalidPlace)?;
        if partition < 0 || offset < 0 {
            return Err(InvalidPlace);
        }
        Ok(Self { partition, offset })
    }
}

/// A record of the topic as it lies there.
pub(super) struct Record<'a> {
    pub(super) place: Place,
    /// When it was written, Unix milliseconds.
    pub(super) time_ms: i64,
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: Option<&'a [u8]>,
    pub(super) headers: Vec<(&'a str, &'a [u8])>,
}

impl<'a> Record<'a> {
    pub(super) fn of(record: &'a ScanRecord<'_>) -> Self {
        Self {
            place: Place { partition: record.partition(), offset: record.offset() },
            time_ms: record.timestamp_ms(),
            key: record.key(),
            value: record.value(),
            headers: record.headers().collect(),
        }
    }

    /// The value of the last header of that name, where it is text.
    pub(super) fn header(&self, name: &str) -> Option<&'a str> {
        let (_, value) = self.headers.iter().rfind(|(found, _)| *found == name)?;
        std::str::from_utf8(value).ok()
    }

    /// What names the type of a protobuf value.
    pub(super) fn type_name(&self) -> Option<&'a str> {
        self.header(TYPE_HEADER)
    }

    /// The headers that say why it is here; why they don't.
    pub(super) fn dead_letter(&self) -> Result<DeadLetter, HeaderError> {
        DeadLetter::from_headers(self.headers.iter().copied())
    }

    /// The headers beside those: the original's own, and what a later version adds.
    pub(super) fn other_headers(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        self.headers.iter().copied().filter(|(name, _)| !DeadLetter::HEADERS.contains(name))
    }
}

/// What is known of a record of the topic.
pub(super) struct Letter {
    pub(super) place: Place,
    /// When it was written, Unix milliseconds.
    pub(super) time_ms: i64,
    /// Why it is here. An error: it is no dead letter, or one that this version can't read.
    pub(super) dead: Result<DeadLetter, HeaderError>,
    /// Whom it is about.
    pub(super) about: About,
}

#[cfg(test)]
pub(super) mod tests {
    use emberline_wire::headers::DeadLetter;

    use super::{Place, Record};

    /// A letter of a device record, refused by the service.
    pub(crate) fn refused() -> DeadLetter {
        DeadLetter {
            topic: "devices".into(),
            partition: 3,
            offset: 42,
            timestamp_ms: 1_628_646_783_000,
            reason: "refused".into(),
            error_code: Some("InvalidParameterValue".into()),
            error_message: "value out of range".into(),
            attempts: 4,
            first_failure_ms: 1_628_646_784_000,
            last_failure_ms: 1_628_646_790_000,
            request_id: Some("476c990a-f5b7-1575-987c-4ef70e474932".into()),
            part: None,
        }
    }

    /// The headers of a letter, as they lie in Kafka.
    pub(crate) struct Headers(Vec<(String, Vec<u8>)>);

    impl Headers {
        pub(crate) fn of(letter: &DeadLetter, more: &[(&str, &str)]) -> Self {
            let letter = letter.to_headers();
            let letter = letter.into_iter().map(|(name, text)| (name.to_owned(), text.into()));
            let more = more.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().into()));
            Self(letter.chain(more).collect())
        }

        pub(crate) fn record<'a>(&'a self, value: Option<&'a [u8]>) -> Record<'a> {
            let headers = self.0.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
            Record {
                place: Place { partition: 1, offset: 7 },
                time_ms: 1_628_646_791_000,
                key: Some(b"P/d"),
                value,
                headers: headers.collect(),
            }
        }
    }

    #[test]
    fn a_place_reads_as_it_prints() {
        let place = Place { partition: 3, offset: 1500 };
        assert_eq!(place.to_string().parse(), Ok(place));
        for wrong in ["", "3", "3:", ":1", "-1:5", "1:-5", "1:2:3", "devices 3:5"] {
            let error = wrong.parse::<Place>().unwrap_err().to_string();
            assert!(error.contains("3:1500"), "{wrong}");
        }
    }

    #[test]
    fn the_originals_headers_are_told_from_the_letters() {
        let more = [("traceparent", "00-1"), ("emberline-dlq-mood", "calm")];
        let headers = Headers::of(&refused(), &more);
        let record = headers.record(None);
        assert_eq!(record.dead_letter().unwrap(), refused());
        let others: Vec<_> = record.other_headers().map(|(name, _)| name).collect();
        assert_eq!(others, ["traceparent", "emberline-dlq-mood"]);
    }
}
