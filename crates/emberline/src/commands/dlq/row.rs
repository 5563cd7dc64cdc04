//! A letter in one row of `list`.

use emberline_model::Category;
use emberline_service_api::clean;
use emberline_wire::headers::{Categories, HeaderError};
use serde::Serialize;

use super::letter::Letter;
use super::payload::escaped;
use crate::span::shown;

/// Longest name that is kept of a header.
const MOST_NAME: usize = 249;

/// What a row tells. A field that its letter does not have is not there.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    place: String,
    partition: i32,
    offset: i64,
    /// When the letter was written.
    time: String,
    #[serde(flatten)]
    why: Why,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Why {
    Dead {
        reason: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        part: Option<Vec<&'static str>>,
        attempts: u32,
        origin: Origin,
    },
    NoLetter {
        problem: String,
    },
}

#[derive(Debug, Serialize)]
struct Origin {
    topic: String,
    partition: i32,
    offset: i64,
    time: String,
}

/// The names of the columns.
pub(super) const COLUMNS: [&str; 7] =
    ["PLACE", "WRITTEN", "REASON", "CODE", "ABOUT", "PART", "FROM"];

impl Row {
    pub(super) fn of(letter: &Letter) -> Self {
        let about = &letter.about;
        Self {
            place: letter.place.to_string(),
            partition: letter.place.partition,
            offset: letter.place.offset,
            time: shown(letter.time_ms),
            why: Why::of(letter),
            device: about.device.as_ref().map(|device| device.as_str().to_owned()),
            customer: about.customer.as_ref().map(|customer| customer.as_str().to_owned()),
        }
    }

    /// In the order of [`COLUMNS`].
    pub(super) fn cells(&self) -> [String; COLUMNS.len()] {
        let or_none = |text: Option<&str>| text.unwrap_or("-").to_owned();
        let about = self.device.as_deref().or(self.customer.as_deref());
        let [reason, code, part, from] = match &self.why {
            Why::Dead { reason, code, part, origin, .. } => [
                reason.clone(),
                or_none(code.as_deref()),
                part.as_ref().map_or_else(|| "-".to_owned(), |part| part.join(",")),
                format!("{} {}:{}", origin.topic, origin.partition, origin.offset),
            ],
            Why::NoLetter { problem } => {
                let reason = format!("(no dead letter: {problem})");
                [reason, "-".to_owned(), "-".to_owned(), "-".to_owned()]
            }
        };
        [self.place.clone(), self.time.clone(), reason, code, or_none(about), part, from]
    }
}

impl Why {
    fn of(letter: &Letter) -> Self {
        match &letter.dead {
            Ok(dead) => Self::Dead {
                reason: clean(&dead.reason),
                code: dead.error_code.as_deref().map(clean),
                part: dead.part.map(properties),
                attempts: dead.attempts,
                origin: Origin {
                    topic: name(&dead.topic),
                    partition: dead.partition,
                    offset: dead.offset,
                    time: shown(dead.timestamp_ms),
                },
            },
            Err(problem) => Self::NoLetter { problem: problem_of(problem) },
        }
    }
}

/// Why a record's headers are no dead letter's.
pub(super) fn problem_of(error: &HeaderError) -> String {
    clean(&error.to_string())
}

/// The properties that a letter is about.
pub(super) fn properties(part: Categories) -> Vec<&'static str> {
    part.iter().map(Category::property).collect()
}

/// A topic's name out of a header: it may be longer than a topic's, or hold anything.
pub(super) fn name(topic: &str) -> String {
    escaped(&topic[..topic.floor_char_boundary(MOST_NAME)])
}

#[cfg(test)]
mod tests {
    use emberline_model::Category;
    use emberline_wire::headers::{Categories, DeadLetter};
    use serde_json::json;

    use super::Row;
    use crate::commands::dlq::letter::tests::{Headers, refused};
    use crate::commands::dlq::original::tests::reader;

    fn row(letter: &DeadLetter) -> Row {
        let headers = Headers::of(letter, &[]);
        Row::of(&reader().letter(&headers.record(None)))
    }

    #[test]
    fn a_row_tells_where_why_whom_and_from_where() {
        let part = Some(Categories::from_iter([Category::Smoke, Category::Power]));
        let row = row(&DeadLetter { part, ..refused() });
        assert_eq!(
            row.cells(),
            [
                "1:7",
                "2021-08-11T01:53:11Z",
                "refused",
                "InvalidParameterValue",
                "P/d",
                "power,smoke_state",
                "devices 3:42"
            ]
        );
        let expected = json!({
            "place": "1:7", "partition": 1, "offset": 7, "time": "2021-08-11T01:53:11Z",
            "reason": "refused", "code": "InvalidParameterValue",
            "part": ["power", "smoke_state"], "attempts": 4, "device": "P/d",
            "origin": {
                "topic": "devices", "partition": 3, "offset": 42, "time": "2021-08-11T01:53:03Z",
            },
        });
        assert_eq!(serde_json::to_value(&row).unwrap(), expected);
    }

    #[test]
    fn what_a_header_holds_can_not_move_the_cursor_nor_tell_a_number() {
        let row = row(&DeadLetter {
            topic: "dev\x1b[2J".into(),
            reason: "re\nfused".into(),
            error_code: Some("for 13987654321".into()),
            ..refused()
        });
        let cells = row.cells();
        assert_eq!([&cells[2], &cells[3]], ["re fused", "for ***"]);
        assert_eq!(cells[6], "dev\\u{1b}[2J 3:42");
    }

    #[test]
    fn a_record_that_is_no_dead_letter_has_a_row_that_says_so() {
        let headers = Headers::of(&refused(), &[]);
        let mut record = headers.record(None);
        record.headers.clear();
        let row = Row::of(&reader().letter(&record));
        let said = "(no dead letter: header emberline-dlq-topic is missing)";
        assert_eq!(row.cells()[2], said);
        let json = serde_json::to_value(&row).unwrap();
        assert_eq!(json["problem"], "header emberline-dlq-topic is missing");
        assert_eq!(json.get("reason"), None);
    }
}
