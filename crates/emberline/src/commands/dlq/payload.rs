//! A record's value for people: decoded and indented where it can be, else the bytes
//! themselves; bounded and masked either way.

use std::fmt::Write as _;

use emberline_wire::readable::{Form, readable};
use serde_json::{Value, json};

use super::masking;

/// Most characters of JSON that are shown. `export` has all of it.
const MOST_JSON: usize = 32 * 1024;
/// Most bytes of a value that is neither JSON nor protobuf.
const MOST_BYTES: usize = 512;
/// Bytes a line of a dump.
const A_LINE: usize = 16;

/// A value, ready to be shown.
pub(super) struct Payload {
    /// What it is, in words.
    pub(super) what: String,
    /// It is not all there.
    pub(super) cut: bool,
    content: Content,
}

enum Content {
    Nothing,
    Json(Value),
    Text(String),
    Bytes(Vec<u8>),
}

impl Payload {
    /// Of a value whose protobuf type is told apart from it.
    pub(super) fn of(value: Option<&[u8]>, type_name: Option<&str>) -> Self {
        let Some(value) = value else {
            let what = "none (a tombstone)".to_owned();
            return Self { what, cut: false, content: Content::Nothing };
        };
        let bytes = value.len();
        if let Some(mut read) = readable(value, type_name) {
            masking::json(&mut read.value);
            let what = match read.form {
                Form::Json => format!("JSON, {bytes} bytes"),
                Form::UnpackedJson => {
                    format!("a platform message, {bytes} bytes; its Base64 is unpacked here")
                }
                Form::Protobuf(name) => format!("protobuf {name}, {bytes} bytes"),
            };
            return Self { what, cut: false, content: Content::Json(read.value) };
        }
        let masked = masking::value(value).unwrap_or_else(|| value.to_vec());
        match String::from_utf8(masked) {
            Ok(mut text) => {
                let cut = text.len() > MOST_BYTES;
                text.truncate(text.floor_char_boundary(MOST_BYTES));
                let what = format!("text that is no JSON, {bytes} bytes");
                Self { what, cut, content: Content::Text(text) }
            }
            Err(error) => {
                let mut bytes_shown = error.into_bytes();
                let cut = bytes_shown.len() > MOST_BYTES;
                bytes_shown.truncate(MOST_BYTES);
                let what = match type_name {
                    None => format!("{bytes} bytes, neither JSON nor of a type that is told"),
                    Some(_) => format!("{bytes} bytes, neither JSON nor readable as their type"),
                };
                Self { what, cut, content: Content::Bytes(bytes_shown) }
            }
        }
    }

    /// For people, of several lines; empty if there is nothing.
    pub(super) fn text(&self) -> String {
        let (mut text, cut) = match &self.content {
            Content::Nothing => (String::new(), false),
            Content::Json(value) => {
                let text = format!("{value:#}");
                // JSON escapes some of what a terminal obeys, not all.
                let mut text = text.lines().map(escaped).collect::<Vec<_>>().join("\n");
                let cut = text.len() > MOST_JSON;
                text.truncate(text.floor_char_boundary(MOST_JSON));
                (text, cut)
            }
            Content::Text(text) => {
                (text.lines().map(escaped).collect::<Vec<_>>().join("\n"), self.cut)
            }
            Content::Bytes(bytes) => (dump(bytes), self.cut),
        };
        if cut {
            text.push_str("\n… cut here: `emberline dlq export` has all of it");
        }
        text
    }

    /// As a field of JSON.
    pub(super) fn to_json(&self) -> Value {
        let (form, value) = match &self.content {
            Content::Nothing => ("none", Value::Null),
            Content::Json(value) => ("json", value.clone()),
            Content::Text(text) => ("text", text.as_str().into()),
            Content::Bytes(bytes) => ("hex", hex(bytes).into()),
        };
        json!({ "what": self.what, "form": form, "value": value, "cut": self.cut })
    }
}

/// A line without what would move a terminal's cursor.
pub(super) fn escaped(line: &str) -> String {
    line.chars().fold(String::new(), |mut text, c| {
        if c.is_control() {
            text.extend(c.escape_default());
        } else {
            text.push(c);
        }
        text
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Offsets, bytes and what of them is ASCII.
fn dump(bytes: &[u8]) -> String {
    let line = |(number, line): (usize, &[u8])| {
        let shown = |byte: &u8| if (b' '..=b'~').contains(byte) { char::from(*byte) } else { '.' };
        let hex: Vec<String> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        let ascii: String = line.iter().map(shown).collect();
        format!(
            "{:04x}  {:<width$}  {ascii}",
            number * A_LINE,
            hex.join(" "),
            width = A_LINE * 3 - 1
        )
    };
    bytes.chunks(A_LINE).enumerate().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::{MOST_BYTES, Payload, escaped};

    #[test]
    fn a_platform_message_is_shown_unpacked_and_masked() {
        let value = br#"{"MsgType":"Publish","Payload":"eyJwaG9uZSI6IjEzOTg3NjU0MzIxIn0="}"#;
        let payload = Payload::of(Some(value), None);
        assert!(payload.what.contains("platform message"), "{}", payload.what);
        assert_eq!(
            payload.text(),
            "{\n  \"MsgType\": \"Publish\",\n  \"Payload\": {\n    \"phone\": \"…4321\"\n  }\n}"
        );
    }

    #[test]
    fn bytes_that_can_not_be_read_are_dumped_masked_and_bounded() {
        let payload = Payload::of(Some(b"\x0a\x06c_1001\xff13987654321 and more"), Some("Nothing"));
        assert_eq!(
            payload.text(),
            "0000  0a 06 63 5f 31 30 30 31 ff 2a 2a 2a 2a 2a 2a 2a  ..c_1001.*******\n\
             0010  2a 2a 2a 2a 20 61 6e 64 20 6d 6f 72 65           **** and more"
        );
        let long = Payload::of(Some(&vec![0xff; 100_000]), None);
        assert!(long.cut && long.text().lines().count() == MOST_BYTES / 16 + 1);
        assert!(long.text().ends_with("has all of it"));
    }

    #[test]
    fn text_that_is_no_json_is_shown_without_what_a_terminal_obeys() {
        let payload = Payload::of(Some(b"{\"phone\":\"13987654321\",\n\x1b[31m"), None);
        assert_eq!(payload.text(), "{\"phone\":\"***\",\n\\u{1b}[31m");
        assert_eq!(escaped("a\tb烟"), "a\\tb烟");
    }

    #[test]
    fn a_long_json_is_cut_for_people() {
        let value = format!(r#"{{"a":"{}"}}"#, "x".repeat(100_000));
        let text = Payload::of(Some(value.as_bytes()), None).text();
        assert!(text.len() < 40_000 && text.ends_with("has all of it"));
    }

    #[test]
    fn a_tombstone_is_nothing() {
        let payload = Payload::of(None, None);
        assert_eq!((payload.what.as_str(), payload.text().as_str()), ("none (a tombstone)", ""));
        assert_eq!(payload.to_json()["form"], "none");
    }
}
