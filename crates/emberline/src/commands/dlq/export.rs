//! `dlq export`: every letter that matches, whole, as a line of JSON for other tools.
//!
//! Key, value and headers are as they are where nothing in them had to be masked: text where
//! they are UTF-8, else Base64 in a field `…_base64`. What was masked is named in `masked`.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::Context;
use emberline_wire::headers::DeadLetter;
use serde_json::{Map, Value, json};

use super::filter::{Filter, Sieve, counted, keeping};
use super::letter::{Letter, Record};
use super::masking;
use super::row::{problem_of, properties};
use super::topic::LetterTopic;
use crate::app::Exit;
use crate::output::{self, Lines};
use crate::settings::Settings;
use crate::span::{Part, shown};

const EXAMPLES: &str = "\
Examples:
  emberline dlq export > letters.ndjson
  emberline dlq export --reason undecodable | jq -r '.value // .value_base64'
  emberline dlq export --from \"7 days ago\" --unmasked --output letters.ndjson

Each partition is in the topic's order. Unless --unmasked is given, telephone numbers and
secrets are masked; a line names what was masked in it, and all else is as it was written.";

/// Arguments of `dlq export`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    filter: Filter,
    /// Where to write, instead of stdout. A file that is there is replaced.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Leave telephone numbers and secrets in.
    #[arg(long)]
    unmasked: bool,
}

impl Args {
    pub(super) fn run(&self, settings: &Settings) -> anyhow::Result<Exit> {
        let mut topic = LetterTopic::of(settings)?;
        let part = topic.part(&self.filter)?;
        if self.unmasked {
            output::notice(
                "unmasked: what is written holds personal data (telephone numbers); keep it accordingly",
            );
        }
        match &self.output {
            None => self.write(&mut topic, &part, Lines::on_stdout()),
            Some(path) => {
                let shown = path.display();
                let file = create(path).with_context(|| format!("{shown} can't be written"))?;
                let written = self.write(&mut topic, &part, Lines::to(file));
                written.with_context(|| format!("{shown} is not complete"))
            }
        }
    }

    fn write<W: Write>(
        &self,
        topic: &mut LetterTopic,
        part: &Part,
        mut out: Lines<W>,
    ) -> anyhow::Result<Exit> {
        let mut sieve = Sieve::new(&self.filter);
        let (mut failed, mut reader_gone) = (Ok(()), false);
        topic.read(part, |record, letter| {
            if !sieve.takes(letter) {
                return ControlFlow::Continue(());
            }
            let written = out.line(&line(record, letter, !self.unmasked).to_string());
            let next = keeping(written, &mut failed);
            reader_gone |= next.is_break();
            next
        })?;
        failed.context("the result can't be written")?;
        out.end().context("the result can't be written")?;
        if !reader_gone {
            let (matched, looked_at) = (counted(sieve.matched, "record"), sieve.looked_at);
            output::notice(&format!("{matched} written of {looked_at} looked at"));
            sieve.notes().iter().for_each(|note| output::notice(note));
        }
        Ok(Exit::Done)
    }
}

/// A file that only its owner may read, if it is new.
fn create(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A record as JSON.
fn line(record: &Record<'_>, letter: &Letter, mask: bool) -> Value {
    let mut line = Map::new();
    let mut masked = Vec::new();
    line.insert("place".into(), record.place.to_string().into());
    line.insert("partition".into(), record.place.partition.into());
    line.insert("offset".into(), record.place.offset.into());
    line.insert("time".into(), shown(record.time_ms).into());
    line.insert("timestamp_ms".into(), record.time_ms.into());
    match &letter.dead {
        Ok(dead) => {
            let version = record.header(DeadLetter::VERSION_HEADER);
            line.insert("dead_letter".into(), dead_json(dead, version, mask, &mut masked));
        }
        Err(problem) => {
            line.insert("problem".into(), problem_of(problem).into());
        }
    }
    let mut put_masked = |into: &mut Map<String, Value>,
                          (field, name): (&str, String),
                          bytes: Option<&[u8]>,
                          hide: &dyn Fn(&[u8]) -> Option<Vec<u8>>| {
        let hidden = bytes.filter(|_| mask).and_then(hide);
        if hidden.is_some() {
            masked.push(name);
        }
        put(into, field, hidden.as_deref().or(bytes));
    };
    let hide_key = |key: &[u8]| masking::key(key, &letter.about);
    put_masked(&mut line, ("key", "key".into()), record.key, &hide_key);
    put_masked(&mut line, ("value", "value".into()), record.value, &masking::value);
    let mut headers = Vec::new();
    for (name, value) in &record.headers {
        // Without all of a letter's headers, those that are there are headers like any other.
        if letter.dead.is_ok() && DeadLetter::HEADERS.contains(name) {
            continue;
        }
        let mut header = Map::from_iter([("name".to_owned(), Value::from(*name))]);
        let named = ("value", format!("headers.{name}"));
        put_masked(&mut header, named, Some(value), &masking::text_or_bytes);
        headers.push(Value::Object(header));
    }
    line.insert("headers".into(), headers.into());
    if !masked.is_empty() {
        line.insert("masked".into(), masked.into());
    }
    Value::Object(line)
}

/// Puts bytes into a field: as text if they are, else as Base64 in one named after it.
fn put(into: &mut Map<String, Value>, name: &str, bytes: Option<&[u8]>) {
    match bytes.map(|bytes| (bytes, std::str::from_utf8(bytes))) {
        None => into.insert(name.to_owned(), Value::Null),
        Some((_, Ok(text))) => into.insert(name.to_owned(), text.into()),
        Some((bytes, Err(_))) => {
            let base64 = base64_simd::STANDARD.encode_to_string(bytes);
            into.insert(format!("{name}_base64"), base64.into())
        }
    };
}

/// All of a letter's own headers.
fn dead_json(
    dead: &DeadLetter,
    version: Option<&str>,
    mask: bool,
    masked: &mut Vec<String>,
) -> Value {
    let mut foreign = |name: &str, text: &str| {
        let hidden = if mask { masking::text_or_bytes(text.as_bytes()) } else { None };
        match hidden {
            Some(hidden) => {
                masked.push(format!("dead_letter.{name}"));
                String::from_utf8_lossy(&hidden).into_owned()
            }
            None => text.to_owned(),
        }
    };
    json!({
        "version": version,
        "topic": dead.topic,
        "partition": dead.partition,
        "offset": dead.offset,
        "timestamp_ms": dead.timestamp_ms,
        "reason": dead.reason,
        "error_code": dead.error_code.as_deref().map(|code| foreign("error_code", code)),
        "error_message": foreign("error_message", &dead.error_message),
        "attempts": dead.attempts,
        "first_failure_ms": dead.first_failure_ms,
        "last_failure_ms": dead.last_failure_ms,
        "request_id": dead.request_id,
        "part": dead.part.map(properties),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::line;
    use crate::commands::dlq::letter::tests::{Headers, refused};
    use crate::commands::dlq::original::tests::reader;

    const CUSTOMER: &[u8] =
        br#"{"time": 1628646000,"phone_number":"13987654321","customer_id":"c_1"}"#;

    fn exported(more: &[(&str, &str)], value: Option<&[u8]>, mask: bool) -> Value {
        let headers = Headers::of(&refused(), more);
        let record = headers.record(value);
        line(&record, &reader().letter(&record), mask)
    }

    #[test]
    fn a_line_has_all_of_a_letter() {
        let value = br#"{"productid":"P",  "devicename":"d"}"#;
        let line = exported(&[("traceparent", "00-ab"), ("empty", "")], Some(value), true);
        let expected = json!({
            "place": "1:7", "partition": 1, "offset": 7,
            "time": "2021-08-11T01:53:11Z", "timestamp_ms": 1_628_646_791_000_i64,
            "dead_letter": {
                "version": "1", "topic": "devices", "partition": 3, "offset": 42,
                "timestamp_ms": 1_628_646_783_000_i64, "reason": "refused",
                "error_code": "InvalidParameterValue", "error_message": "value out of range",
                "attempts": 4, "first_failure_ms": 1_628_646_784_000_i64,
                "last_failure_ms": 1_628_646_790_000_i64,
                "request_id": "476c990a-f5b7-1575-987c-4ef70e474932", "part": null,
            },
            "key": "P/d", "value": "{\"productid\":\"P\",  \"devicename\":\"d\"}",
            "headers": [
                { "name": "traceparent", "value": "00-ab" }, { "name": "empty", "value": "" },
            ],
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn what_is_no_text_is_base64_and_a_tombstone_is_null() {
        let line = exported(&[], Some(b"\xff\x00"), true);
        assert_eq!((&line["value_base64"], line.get("value")), (&json!("/wA="), None));
        assert_eq!(exported(&[], None, true)["value"], Value::Null);
    }

    #[test]
    fn numbers_are_masked_and_that_is_said_unless_they_are_asked_for() {
        let more = [("caller", "+86 139 8765 4321")];
        let masked = exported(&more, Some(CUSTOMER), true);
        assert_eq!(masked["masked"], json!(["value", "headers.caller"]));
        assert!(!masked.to_string().contains("8765"), "{masked}");
        let value: Value = serde_json::from_str(masked["value"].as_str().unwrap()).unwrap();
        assert_eq!(
            (&value["customer_id"], &value["phone_number"]),
            (&json!("c_1"), &json!("…4321"))
        );

        let whole = exported(&more, Some(CUSTOMER), false);
        assert_eq!(whole["value"].as_str().unwrap().as_bytes(), CUSTOMER);
        assert_eq!(whole["headers"][0]["value"], "+86 139 8765 4321");
        assert_eq!(whole.get("masked"), None);
    }

    #[test]
    fn a_record_that_is_no_dead_letter_keeps_all_its_headers() {
        let headers = Headers::of(&refused(), &[("mood", "calm")]);
        let mut record = headers.record(None);
        record.headers.remove(1);
        let line = line(&record, &reader().letter(&record), true);
        assert_eq!(line["problem"], "header emberline-dlq-topic is missing");
        assert_eq!(line["headers"].as_array().unwrap().len(), record.headers.len());
        assert_eq!(line.get("dead_letter"), None);
    }
}
