//! `dlq show`: one letter, its headers in words, and what the record says.

use std::fmt::Write as _;

use emberline_service_api::clean;
use emberline_wire::headers::{DeadLetter, TYPE_HEADER};
use serde_json::{Value, json};

use super::advice::explained;
use super::letter::{Place, Record};
use super::masking;
use super::original::OriginalReader;
use super::payload::{Payload, escaped};
use super::row::{name, problem_of, properties};
use super::topic::LetterTopic;
use crate::app::Exit;
use crate::output;
use crate::settings::Settings;
use crate::span::shown;

/// Most characters of a key or of a header of the original.
const MOST_TEXT: usize = 200;
/// Most headers of the original.
const MOST_HEADERS: usize = 50;

const EXAMPLES: &str = "\
Examples:
  emberline dlq show 3:1500                 the place is what `dlq list` prints first
  emberline dlq show 3:1500 --json | jq .payload

Secrets and telephone numbers are masked. `dlq export --unmasked` has the bytes as they are.";

/// Arguments of `dlq show`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Where the letter lies in the dead-letter topic.
    #[arg(value_name = "PARTITION:OFFSET")]
    place: Place,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(super) fn run(&self, settings: &Settings) -> anyhow::Result<Exit> {
        let mut topic = LetterTopic::of(settings)?;
        let found = topic.read_one(self.place, Found::of)?;
        if self.json {
            output::pretty_json(&found.to_json())?;
        } else {
            output::text(&found.text())?;
        }
        Ok(Exit::Done)
    }
}

/// A letter as it is shown: nothing in it is secret any more.
struct Found {
    place: Place,
    time_ms: i64,
    /// Why it is here; what is wrong with the headers.
    dead: Result<DeadLetter, String>,
    /// Of the headers, where there is one.
    version: Option<String>,
    key: Option<String>,
    headers: Vec<(String, String)>,
    headers_left_out: usize,
    payload: Payload,
    /// What the record says to this version's decoder.
    reads_as: Option<Result<String, String>>,
}

impl Found {
    fn of(reader: &mut OriginalReader, record: &Record<'_>) -> Self {
        let dead = record.dead_letter();
        let reads_as = dead.as_ref().ok().map(|dead| {
            let content = reader.content(dead, record);
            content.map(|it| it.described()).map_err(|error| clean(&error.to_string()))
        });
        let about = reader.letter(record).about;
        let others: Vec<_> = record.other_headers().collect();
        let header =
            |(name, value): &(&str, &[u8])| (brief(name.as_bytes()), header_text(name, value));
        Self {
            place: record.place,
            time_ms: record.time_ms,
            version: record.header(DeadLetter::VERSION_HEADER).map(clean),
            key: record.key.map(|key| {
                let masked = masking::key(key, &about);
                one_line(masked.as_deref().unwrap_or(key))
            }),
            headers: others.iter().take(MOST_HEADERS).map(header).collect(),
            headers_left_out: others.len().saturating_sub(MOST_HEADERS),
            payload: Payload::of(record.value, record.type_name()),
            reads_as,
            dead: dead.map_err(|error| problem_of(&error)),
        }
    }

    fn text(&self) -> String {
        let mut text = format!("record {}, written {}\n", self.place, shown(self.time_ms));
        let mut line = |label: &str, said: &str| {
            let _ = writeln!(text, "  {label:<15} {said}");
        };
        match &self.dead {
            Ok(dead) => {
                for (label, said) in in_words(dead) {
                    line(label, &said);
                }
            }
            Err(problem) => {
                line("no dead letter", problem);
                line(
                    "what to do",
                    "see what else writes to this topic, or look at it with a later version",
                );
            }
        }
        if let Some(version) = self.version.as_ref().filter(|version| *version != "1") {
            line("version", &format!("{version} of the headers: a later version may tell more"));
        }
        line("key", self.key.as_deref().unwrap_or("none"));
        if let Some(reads_as) = &self.reads_as {
            match reads_as {
                Ok(said) => line("reads as", said),
                Err(problem) => line("can't be read", problem),
            }
        }
        if !self.headers.is_empty() {
            text.push_str("\nother headers: the original's own\n");
            for (name, value) in &self.headers {
                let _ = writeln!(text, "  {name}: {value}");
            }
            if self.headers_left_out > 0 {
                let _ = writeln!(text, "  … and {} more", self.headers_left_out);
            }
        }
        let _ = writeln!(text, "\nvalue: {}", self.payload.what);
        for line in self.payload.text().lines() {
            let _ = writeln!(text, "  {line}");
        }
        text
    }

    fn to_json(&self) -> Value {
        let (dead, problem) = match &self.dead {
            Ok(dead) => (Some(dead_json(dead)), None),
            Err(problem) => (None, Some(problem)),
        };
        let (reads_as, can_not_be_read) = match &self.reads_as {
            Some(Ok(said)) => (Some(said), None),
            Some(Err(problem)) => (None, Some(problem)),
            None => (None, None),
        };
        let header = |(name, value): &(String, String)| json!({ "name": name, "value": value });
        json!({
            "place": self.place.to_string(),
            "partition": self.place.partition,
            "offset": self.place.offset,
            "time": shown(self.time_ms),
            "dead_letter": dead,
            "problem": problem,
            "version": self.version,
            "key": self.key,
            "headers": self.headers.iter().map(header).collect::<Vec<_>>(),
            "reads_as": reads_as,
            "can_not_be_read": can_not_be_read,
            "payload": self.payload.to_json(),
        })
    }
}

/// The headers, each with what it means.
fn in_words(dead: &DeadLetter) -> Vec<(&'static str, String)> {
    let why = explained(&dead.reason);
    let message = clean(&dead.error_message);
    let error = match &dead.error_code {
        Some(code) if message.is_empty() => clean(code),
        Some(code) => format!("{}: {message}", clean(code)),
        None if message.is_empty() => "none was told".to_owned(),
        None => message,
    };
    let attempts = match dead.attempts {
        0 => "0: it never went out".to_owned(),
        1 => "1: it was tried once".to_owned(),
        count => format!("{count}: how often it was tried"),
    };
    let mut lines = vec![
        ("reason", format!("{}: {}", clean(&dead.reason), why.meaning)),
        ("what to do", why.advice.to_owned()),
        ("error", error),
        ("attempts", attempts),
        ("first failure", shown(dead.first_failure_ms)),
        ("last failure", shown(dead.last_failure_ms)),
    ];
    if let Some(id) = &dead.request_id {
        lines.push((
            "last request",
            format!("{}: by it the service's operator finds the call", id_text(id)),
        ));
    }
    let part = dead.part.map_or_else(
        || "the whole record".to_owned(),
        |part| {
            let properties = properties(part).join(", ");
            format!("{properties} alone: the record's other properties went on")
        },
    );
    lines.push(("what of it", part));
    let (partition, offset, time) = (dead.partition, dead.offset, shown(dead.timestamp_ms));
    let from =
        format!("topic {}, partition {partition}, offset {offset}, of {time}", name(&dead.topic));
    lines.push(("came from", from));
    lines
}

fn dead_json(dead: &DeadLetter) -> Value {
    let why = explained(&dead.reason);
    json!({
        "reason": clean(&dead.reason),
        "meaning": why.meaning,
        "advice": why.advice,
        "error_code": dead.error_code.as_deref().map(clean),
        "error_message": clean(&dead.error_message),
        "attempts": dead.attempts,
        "first_failure": shown(dead.first_failure_ms),
        "last_failure": shown(dead.last_failure_ms),
        "request_id": dead.request_id.as_deref().map(id_text),
        "part": dead.part.map(properties),
        "origin": {
            "topic": name(&dead.topic),
            "partition": dead.partition,
            "offset": dead.offset,
            "time": shown(dead.timestamp_ms),
        },
    })
}

/// An id of a request: digits and letters, which look like no number to be hidden. Where it
/// is anything else, it is text.
fn id_text(id: &str) -> String {
    let is_id = id.len() <= 64
        && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
        && id.bytes().any(|byte| byte.is_ascii_alphabetic());
    if is_id { id.to_owned() } else { clean(id) }
}

fn header_text(name: &str, value: &[u8]) -> String {
    if name == TYPE_HEADER { escaped(&String::from_utf8_lossy(value)) } else { brief(value) }
}

/// Foreign bytes in a line.
fn brief(bytes: &[u8]) -> String {
    one_line(masking::text_or_bytes(bytes).as_deref().unwrap_or(bytes))
}

fn one_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let cut: String = text.chars().take(MOST_TEXT).collect();
    let mark = if cut.len() < text.len() { "…" } else { "" };
    format!("{}{mark}", escaped(&cut))
}

#[cfg(test)]
mod tests {
    use emberline_model::Category;
    use emberline_wire::headers::{Categories, DeadLetter};
    use serde_json::json;

    use super::Found;
    use crate::commands::dlq::letter::tests::{Headers, refused};
    use crate::commands::dlq::original::tests::reader;

    fn found(letter: &DeadLetter, more: &[(&str, &str)], value: &[u8]) -> Found {
        let headers = Headers::of(letter, more);
        Found::of(&mut reader(), &headers.record(Some(value)))
    }

    #[test]
    fn a_letter_is_explained_with_its_record() {
        let letter = DeadLetter {
            reason: "impossible_value".into(),
            part: Some(Categories::from_iter([Category::Power])),
            error_code: Some("ImpossibleValue".into()),
            error_message: "power is 999, beyond 327.67".into(),
            request_id: None,
            attempts: 0,
            ..refused()
        };
        // {"method":"report","timestamp":1628646783,"params":{"power":999,"smoke_state":0}}
        let value = br#"{"MsgType":"Publish","Topic":"$thing/up/property/P/d","ProductId":"P","DeviceName":"d","Time":"2021-08-11 09:53:03","Payload":"eyJtZXRob2QiOiJyZXBvcnQiLCJ0aW1lc3RhbXAiOjE2Mjg2NDY3ODMsInBhcmFtcyI6eyJwb3dlciI6OTk5LCJzbW9rZV9zdGF0ZSI6MH19"}"#;
        insta::assert_snapshot!(found(&letter, &[("traceparent", "00-ab-cd-01")], value).text());
    }

    #[test]
    fn a_customers_record_is_shown_without_its_number_or_a_secret() {
        let letter = DeadLetter {
            topic: "customers".into(),
            error_message: "invalid phone 13987654321".into(),
            ..refused()
        };
        let value = br#"{"customer_id":"c_1001","country_code":"86","phone_number":"13987654321","token":"s3cret","time":1628646000}"#;
        let found = found(&letter, &[("x-caller", "+86 139 8765 4321")], value);
        for text in [found.text(), found.to_json().to_string()] {
            assert!(text.contains("c_1001") && text.contains("…4321"), "{text}");
            for hidden in ["13987654321", "139 8765", "s3cret"] {
                assert!(!text.contains(hidden), "{text}");
            }
        }
    }

    #[test]
    fn a_record_that_can_not_be_read_shows_why_and_a_part_of_it() {
        let letter = DeadLetter { reason: "undecodable".into(), ..refused() };
        let found =
            found(&letter, &[("emberline-type", "DeviceTelemetry")], b"\xff\xfe\x07garbage");
        let text = found.text();
        assert!(text.contains("can't be read   the value is not readable as a protobuf"), "{text}");
        assert!(text.contains("ff fe 07 67 61 72 62"), "{text}");
        assert_eq!(found.to_json()["payload"]["form"], "hex");
    }

    #[test]
    fn a_record_without_the_headers_is_shown_all_the_same() {
        let headers = Headers::of(&refused(), &[]);
        let mut record = headers.record(Some(b"{\"a\":1}"));
        record.headers.truncate(1);
        record.headers.push(("mood", b"calm"));
        let found = Found::of(&mut reader(), &record);
        let text = found.text();
        assert!(text.contains("no dead letter  header emberline-dlq-topic is missing"), "{text}");
        assert!(text.contains("mood: calm") && text.contains("\"a\": 1"), "{text}");
        assert_eq!(found.to_json()["dead_letter"], json!(null));
    }

    #[test]
    fn later_headers_are_shown_as_they_are() {
        let text = found(
            &refused(),
            &[("emberline-dlq-version", "2"), ("emberline-dlq-mood", "calm")],
            b"{}",
        )
        .text();
        assert!(text.contains("2 of the headers: a later version may tell more"), "{text}");
        assert!(text.contains("emberline-dlq-mood: calm"), "{text}");
    }
}
