//! The header of a record that waits in a retry topic.

use serde::{Deserialize, Serialize};

use super::{Categories, HeaderError, RETRY_HEADER};

/// Where a waiting record comes from and what it waits for. One header, written anew
/// at each hop; the record's key and bytes stay as they were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryHeader {
    /// How many times it was written to a retry topic, from 1.
    pub attempt: u32,
    /// When its first attempt failed, Unix milliseconds. Its maximum age counts from here.
    pub first_seen_ms: i64,
    /// Not to be tried before, Unix milliseconds.
    pub due_ms: i64,
    /// Why it waits: [`ParkReason::name`](emberline_model::ParkReason::name).
    pub reason: String,
    /// The failure class of the last attempt.
    pub class: String,
    /// The service's error code, if it answered with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The topic that it first stood on.
    pub topic: String,
    /// Its partition there.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
    /// Its time there, Unix milliseconds.
    pub timestamp_ms: i64,
    /// The categories still to be sent; `None` for all that the record has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub categories: Option<Categories>,
}

impl RetryHeader {
    /// The version that is written. Not looked at when reading: a later one is read
    /// as far as it has these fields.
    const VERSION: u8 = 1;

    /// The header's value: JSON text.
    pub fn encode(&self) -> String {
        #[derive(Serialize)]
        struct Versioned<'a> {
            v: u8,
            #[serde(flatten)]
            header: &'a RetryHeader,
        }
        serde_json::to_string(&Versioned { v: Self::VERSION, header: self })
            .expect("texts and numbers are always JSON")
    }

    /// Reads the header's value.
    ///
    /// # Errors
    /// [`HeaderError::Invalid`] if a field that must be there is not, or can't be read.
    pub fn decode(value: &[u8]) -> Result<Self, HeaderError> {
        serde_json::from_slice(value).map_err(|problem| HeaderError::Invalid {
            name: RETRY_HEADER,
            problem: crate::bounded::bounded(problem.to_string(), 200),
        })
    }
}

#[cfg(test)]
mod tests {
    use emberline_model::Category;

    use super::{Categories, RetryHeader};

    fn header() -> RetryHeader {
        RetryHeader {
            attempt: 2,
            first_seen_ms: 1_628_646_783_000,
            due_ms: 1_628_646_813_000,
            reason: "unbound".into(),
            class: "unbound".into(),
            code: None,
            topic: "devices".into(),
            partition: 3,
            offset: 42,
            timestamp_ms: 1_628_646_782_999,
            categories: Some(Categories::from_iter([Category::Power, Category::Voltage])),
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let with_code = RetryHeader { code: Some("InternalError".into()), ..header() };
        for header in [header(), with_code, RetryHeader { categories: None, ..header() }] {
            assert_eq!(RetryHeader::decode(header.encode().as_bytes()).unwrap(), header);
        }
    }

    #[test]
    fn its_text_is_a_promise_to_the_next_version() {
        insta::assert_snapshot!(header().encode(), @r#"{"v":1,"attempt":2,"first_seen_ms":1628646783000,"due_ms":1628646813000,"reason":"unbound","class":"unbound","topic":"devices","partition":3,"offset":42,"timestamp_ms":1628646782999,"categories":17}"#);
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        let later = header().encode().replacen("\"v\":1", "\"v\":9,\"mood\":[\"calm\"]", 1);
        assert_eq!(RetryHeader::decode(later.as_bytes()).unwrap(), header());
        let later = later.replace("\"categories\":17", "\"categories\":145");
        let categories = RetryHeader::decode(later.as_bytes()).unwrap().categories.unwrap();
        assert!(categories.iter().eq([Category::Voltage, Category::Power]));
    }

    #[test]
    fn what_is_no_header_is_an_error() {
        for value in [&b""[..], b"{}", b"\xff", b"{\"attempt\":-1}"] {
            assert!(RetryHeader::decode(value).is_err());
        }
    }
}
