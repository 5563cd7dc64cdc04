//! The TOML file, with the place of each value.

use std::path::Path;

use toml::Value;
use toml::de::{DeTable, DeValue};

use super::load::{Origin, Values};
use super::{Problem, catalogue, suggest};

/// Reads a file's values; says what in it is no TOML, or no key of the configuration.
pub(super) fn read(path: &Path, values: &mut Values) -> Vec<Problem> {
    match std::fs::read_to_string(path) {
        Ok(text) => read_text(path, &text, values),
        Err(error) => vec![Problem {
            place: path.display().to_string(),
            key: String::new(),
            text: format!("cannot be read: {error}"),
        }],
    }
}

fn read_text(path: &Path, text: &str, values: &mut Values) -> Vec<Problem> {
    let place = |offset: usize| Origin::in_file(path, text, offset);
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        // The error's own display would quote the line, and there may be a secret on it.
        let problem = |error: &toml::de::Error| Problem {
            place: place(error.span().map_or(0, |span| span.start)).to_string(),
            key: String::new(),
            text: format!("not TOML: {}", error.message()),
        };
        return errors.iter().map(problem).collect();
    }
    let mut problems = Vec::new();
    for (section_name, section) in table.get_ref() {
        let at = place(section_name.span().start);
        let name = section_name.get_ref().as_ref();
        let problem = |text| Problem { place: at.to_string(), key: name.to_owned(), text };
        let Some(known) = catalogue::section(name) else {
            problems.push(problem(unknown_section(name)));
            continue;
        };
        let DeValue::Table(keys) = section.get_ref() else {
            problems.push(problem(format!("is a section: write [{name}], and its keys below it")));
            continue;
        };
        for (key_name, value) in keys {
            let at = place(key_name.span().start);
            let key = key_name.get_ref().as_ref();
            if known.key(key).is_some() {
                let path = (name.to_owned(), key.to_owned());
                values.insert(path, (plain(value.get_ref()), at));
            } else {
                problems.push(Problem {
                    place: at.to_string(),
                    key: format!("{name}.{key}"),
                    text: unknown_key(name, key),
                });
            }
        }
    }
    problems
}

/// Says that a section is unknown, and what may have been meant.
pub(super) fn unknown_section(name: &str) -> String {
    let sections = catalogue::SECTIONS.iter();
    if let Some(owner) = sections.clone().find(|section| section.key(name).is_some()) {
        return format!("stands outside of its section: it belongs under [{}]", owner.name);
    }
    match suggest::nearest(name, sections.map(|section| section.name.as_str())) {
        Some(meant) => format!("unknown section; did you mean \"{meant}\"?"),
        None => "unknown section".to_owned(),
    }
}

/// Says that a key is unknown, and what may have been meant: of its own section first.
pub(super) fn unknown_key(section: &str, key: &str) -> String {
    let own = catalogue::section(section).into_iter().flat_map(|section| &section.keys);
    if let Some(meant) = suggest::nearest(key, own.map(|key| key.name.as_str())) {
        return format!("unknown key; did you mean \"{meant}\"?");
    }
    match catalogue::SECTIONS.iter().find(|other| other.key(key).is_some()) {
        Some(other) => format!("unknown key; did you mean \"{key}\" in [{}]?", other.name),
        None => "unknown key".to_owned(),
    }
}

/// The value without its place. A number too large for TOML's 64 bits stays text, and is
/// refused where its type is checked.
fn plain(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => {
            let text = number.as_str();
            let number = i64::from_str_radix(text, number.radix());
            number.map_or_else(|_| Value::String(text.to_owned()), Value::Integer)
        }
        DeValue::Float(number) => {
            let text = number.as_str();
            text.parse().map_or_else(|_| Value::String(text.to_owned()), Value::Float)
        }
        DeValue::Boolean(yes) => Value::Boolean(*yes),
        DeValue::Datetime(time) => Value::Datetime(*time),
        DeValue::Array(items) => {
            Value::Array(items.iter().map(|item| plain(item.get_ref())).collect())
        }
        DeValue::Table(entries) => Value::Table(
            entries
                .iter()
                .map(|(key, value)| (key.get_ref().to_string(), plain(value.get_ref())))
                .collect(),
        ),
    }
}
