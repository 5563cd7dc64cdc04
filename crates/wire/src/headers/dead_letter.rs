//! The headers of a dead letter: one a fact, as text, so that any Kafka tool shows them.

use std::str::FromStr;

use emberline_model::Category;

use super::{Categories, HeaderError};
use crate::bounded::bounded;

const VERSION: &str = "emberline-dlq-version";
const TOPIC: &str = "emberline-dlq-topic";
const PARTITION: &str = "emberline-dlq-partition";
const OFFSET: &str = "emberline-dlq-offset";
const TIMESTAMP: &str = "emberline-dlq-timestamp";
const REASON: &str = "emberline-dlq-reason";
const ERROR_CODE: &str = "emberline-dlq-error-code";
const ERROR_MESSAGE: &str = "emberline-dlq-error-message";
const ATTEMPTS: &str = "emberline-dlq-attempts";
const FIRST_FAILURE: &str = "emberline-dlq-first-failure";
const LAST_FAILURE: &str = "emberline-dlq-last-failure";
const REQUEST_ID: &str = "emberline-dlq-request-id";
const PART: &str = "emberline-dlq-part";

/// Why a record is in the dead-letter topic, and where it comes from. Its key and bytes
/// there are the original ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The topic that it first stood on.
    pub topic: String,
    /// Its partition there.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
    /// Its time there, Unix milliseconds.
    pub timestamp_ms: i64,
    /// [`DeadLetterReason::name`](emberline_model::DeadLetterReason::name), or that of a
    /// later version.
    pub reason: String,
    /// The service's error code, if it answered with one.
    pub error_code: Option<String>,
    /// What went wrong, for people. Written up to [`DeadLetter::MAX_MESSAGE_BYTES`].
    pub error_message: String,
    /// How many times it was tried; 0 if it could not be read.
    pub attempts: u32,
    /// Unix milliseconds.
    pub first_failure_ms: i64,
    /// Unix milliseconds.
    pub last_failure_ms: i64,
    /// The last request about it, if there was one.
    pub request_id: Option<String>,
    /// The categories that are concerned; `None` for the whole record.
    pub part: Option<Categories>,
}

impl DeadLetter {
    /// Longest error message that is written, in bytes.
    pub const MAX_MESSAGE_BYTES: usize = 1024;

    /// All of its headers, those too that only some have. What else a record of the
    /// dead-letter topic carries is the original's, or a later version's.
    pub const HEADERS: [&str; 13] = [
        VERSION,
        TOPIC,
        PARTITION,
        OFFSET,
        TIMESTAMP,
        REASON,
        ERROR_CODE,
        ERROR_MESSAGE,
        ATTEMPTS,
        FIRST_FAILURE,
        LAST_FAILURE,
        REQUEST_ID,
        PART,
    ];

    /// The header that tells the version of the headers.
    pub const VERSION_HEADER: &'static str = VERSION;

    /// The header that may be emptied where a dead letter is too large: it explains, and
    /// nothing depends on it.
    pub const MESSAGE_HEADER: &'static str = ERROR_MESSAGE;

    /// What the names of its headers begin with.
    pub const PREFIX: &'static str = "emberline-dlq-";

    /// The version that is written. Not looked at when reading: a later one is read as
    /// far as it has these headers.
    const WRITTEN_VERSION: &str = "1";

    /// The headers, by name.
    pub fn to_headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            (VERSION, Self::WRITTEN_VERSION.to_owned()),
            (TOPIC, self.topic.clone()),
            (PARTITION, self.partition.to_string()),
            (OFFSET, self.offset.to_string()),
            (TIMESTAMP, self.timestamp_ms.to_string()),
            (REASON, self.reason.clone()),
            (ERROR_MESSAGE, bounded(self.error_message.clone(), Self::MAX_MESSAGE_BYTES)),
            (ATTEMPTS, self.attempts.to_string()),
            (FIRST_FAILURE, self.first_failure_ms.to_string()),
            (LAST_FAILURE, self.last_failure_ms.to_string()),
        ];
        headers.extend(self.error_code.clone().map(|code| (ERROR_CODE, code)));
        headers.extend(self.request_id.clone().map(|id| (REQUEST_ID, id)));
        headers.extend(self.part.map(|part| {
            let names: Vec<_> = part.iter().map(Category::property).collect();
            (PART, names.join(","))
        }));
        headers
    }

    /// Reads the headers of a dead letter; others among them are left alone. Where a
    /// name comes twice the last one stands.
    ///
    /// # Errors
    /// [`HeaderError`] for the first header that is missing or can't be read.
    pub fn from_headers<'a>(
        headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<Self, HeaderError> {
        let headers = Headers(headers.into_iter().collect());
        Ok(Self {
            topic: headers.text(TOPIC)?,
            partition: headers.number(PARTITION)?,
            offset: headers.number(OFFSET)?,
            timestamp_ms: headers.number(TIMESTAMP)?,
            reason: headers.text(REASON)?,
            error_code: headers.optional(ERROR_CODE)?.map(str::to_owned),
            error_message: headers.text(ERROR_MESSAGE)?,
            attempts: headers.number(ATTEMPTS)?,
            first_failure_ms: headers.number(FIRST_FAILURE)?,
            last_failure_ms: headers.number(LAST_FAILURE)?,
            request_id: headers.optional(REQUEST_ID)?.map(str::to_owned),
            part: headers.optional(PART)?.map(categories).transpose()?,
        })
    }
}

/// Reads property names, separated by commas. One that is not known is an error: to
/// send a dead letter again without one of its parts would lose that part in silence.
fn categories(names: &str) -> Result<Categories, HeaderError> {
    let names = names.split(',').filter(|name| !name.is_empty());
    let categories = names.map(|name| {
        Category::from_property(name).ok_or_else(|| invalid(PART, "a property that is not known"))
    });
    categories.collect()
}

fn invalid(name: &'static str, problem: &str) -> HeaderError {
    HeaderError::Invalid { name, problem: problem.to_owned() }
}

struct Headers<'a>(Vec<(&'a str, &'a [u8])>);

impl<'a> Headers<'a> {
    fn optional(&self, name: &'static str) -> Result<Option<&'a str>, HeaderError> {
        let Some((_, value)) = self.0.iter().rfind(|(found, _)| *found == name) else {
            return Ok(None);
        };
        std::str::from_utf8(value).map(Some).map_err(|_| invalid(name, "not UTF-8"))
    }

    fn required(&self, name: &'static str) -> Result<&'a str, HeaderError> {
        self.optional(name)?.ok_or(HeaderError::Missing { name })
    }

    fn text(&self, name: &'static str) -> Result<String, HeaderError> {
        self.required(name).map(str::to_owned)
    }

    fn number<T: FromStr>(&self, name: &'static str) -> Result<T, HeaderError> {
        self.required(name)?.parse().map_err(|_| invalid(name, "not a number of its range"))
    }
}

#[cfg(test)]
mod tests {
    use emberline_model::Category;

    use super::{Categories, DeadLetter, ERROR_MESSAGE, HeaderError, PART};

    fn letter() -> DeadLetter {
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
            part: Some(Categories::from_iter([Category::Smoke, Category::Current])),
        }
    }

    fn read(headers: &[(&'static str, String)]) -> Result<DeadLetter, HeaderError> {
        DeadLetter::from_headers(headers.iter().map(|(name, text)| (*name, text.as_bytes())))
    }

    #[test]
    fn what_is_written_is_read_back() {
        let bare = DeadLetter { error_code: None, request_id: None, part: None, ..letter() };
        for letter in [letter(), bare] {
            assert_eq!(read(&letter.to_headers()).unwrap(), letter);
        }
    }

    #[test]
    fn its_headers_are_a_promise_to_the_next_version() {
        let headers = letter().to_headers();
        let lines: Vec<_> = headers.iter().map(|(name, text)| format!("{name}: {text}")).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn all_headers_that_are_written_are_listed() {
        let headers = letter().to_headers();
        let mut written: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
        let mut listed = DeadLetter::HEADERS;
        written.sort_unstable();
        listed.sort_unstable();
        assert_eq!(written, listed);
    }

    #[test]
    fn a_long_error_message_is_cut_between_characters() {
        let long = DeadLetter { error_message: "烟".repeat(1000), ..letter() };
        let message = read(&long.to_headers()).unwrap().error_message;
        assert!(message.len() <= DeadLetter::MAX_MESSAGE_BYTES);
        assert!(message.ends_with("烟…"));
    }

    #[test]
    fn other_headers_and_later_versions_are_left_alone() {
        let mut headers = letter().to_headers();
        headers[0].1 = "7".into();
        headers.push(("emberline-dlq-mood", "calm".into()));
        headers.push(("traceparent", String::new()));
        assert_eq!(read(&headers).unwrap(), letter());
    }

    #[test]
    fn a_missing_header_and_an_unknown_part_are_told_by_name() {
        let mut headers = letter().to_headers();
        headers.retain(|(name, _)| *name != ERROR_MESSAGE);
        assert_eq!(read(&headers), Err(HeaderError::Missing { name: ERROR_MESSAGE }));
        let mut headers = letter().to_headers();
        headers.push((PART, "power,humidity".into()));
        assert!(matches!(read(&headers), Err(HeaderError::Invalid { name: PART, .. })));
    }
}
