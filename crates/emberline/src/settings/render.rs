//! The settings as text: what holds now, and the example of every key.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::Loaded;
use super::catalogue::{Key, Kind, SECTIONS};

/// Widest comment line of the example, in characters.
const WIDTH: usize = 92;

/// Every section and key with its text and default, as a TOML file. What has no default is
/// commented out.
pub fn example() -> String {
    let mut out = String::from(
        "# Every setting of Emberline with its default. Any of them can also come from the\n\
         # environment, as EMBERLINE__SECTION__KEY.\n",
    );
    for section in SECTIONS.iter() {
        out.push('\n');
        comment(&mut out, &section.doc);
        let _ = writeln!(out, "[{}]", section.name);
        // What follows tables would belong to the last of them.
        let (tables, plain): (Vec<_>, Vec<_>) =
            section.keys.iter().partition(|key| key.kind == Kind::Tables);
        for key in plain {
            comment(&mut out, &key.doc);
            line_of_example(&mut out, key);
        }
        for key in tables {
            comment(&mut out, &key.doc);
            let _ = writeln!(out, "# [[{}.{}]]", section.name, key.name);
            for key in &key.keys {
                comment(&mut out, &key.doc);
                line_of_example(&mut out, key);
            }
        }
    }
    out
}

fn line_of_example(out: &mut String, key: &Key) {
    let shown = key.default.as_ref().filter(|default| !is_empty(default));
    let (mark, value) = match (shown, &key.example) {
        (Some(default), _) => ("", default),
        (None, Some(example)) => ("# ", example),
        (None, None) => ("", key.default.as_ref().unwrap_or(&Value::Null)),
    };
    let _ = writeln!(out, "{mark}{} = {}", key.name, toml_text(value));
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

fn comment(out: &mut String, text: &str) {
    let mut line = String::from("#");
    for word in text.split(' ') {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(out, "{line}");
            line.truncate(1);
        }
        line.push(' ');
        line.push_str(word);
    }
    let _ = writeln!(out, "{line}");
}

/// What holds, as TOML; behind each value where it was set. Secrets are masked.
pub fn show_toml(loaded: &Loaded) -> String {
    let values = effective(loaded);
    let mut out = String::new();
    for section in SECTIONS.iter() {
        let _ = writeln!(out, "{}[{}]", if out.is_empty() { "" } else { "\n" }, section.name);
        for key in &section.keys {
            let value = &values[&section.name][&key.name];
            let origin = loaded.origin(&section.name, &key.name);
            let origin = origin.map_or("default".to_owned(), ToString::to_string);
            if value.is_null() {
                let _ = writeln!(out, "# {} is not set", key.name);
            } else {
                let _ = writeln!(out, "{} = {}  # {origin}", key.name, toml_text(value));
            }
        }
    }
    out
}

/// What holds, as JSON: `{section: {key: {value, source}}}`. Secrets are masked.
pub fn show_json(loaded: &Loaded) -> Value {
    let values = effective(loaded);
    let section = |section: &super::catalogue::Section| {
        let key = |key: &Key| {
            let origin = loaded.origin(&section.name, &key.name).map(ToString::to_string);
            let value = &values[&section.name][&key.name];
            let source = origin.unwrap_or_else(|| "default".to_owned());
            (key.name.clone(), json!({ "value": value, "source": source }))
        };
        (section.name.clone(), Value::Object(section.keys.iter().map(key).collect()))
    };
    Value::Object(SECTIONS.iter().map(section).collect())
}

fn effective(loaded: &Loaded) -> Value {
    // Secrets mask themselves when serialised; a tree of plain structs cannot fail to.
    serde_json::to_value(&loaded.settings).unwrap_or_default()
}

/// A JSON value on one line of TOML.
fn toml_text(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(toml_text).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(entries) if entries.is_empty() => "{}".to_owned(),
        Value::Object(entries) => {
            let entry = |(key, value): (&String, &Value)| {
                format!("{} = {}", toml_text(&Value::String(key.clone())), toml_text(value))
            };
            let entries: Vec<_> = entries.iter().map(entry).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        Value::String(text) => toml::Value::String(text.clone()).to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::{SECTIONS, example, is_empty, show_json, show_toml, toml_text};
    use crate::settings::{Loaded, load};

    fn loaded(text: &str, variables: &[(&str, &str)]) -> Loaded {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("emberline.toml");
        std::fs::write(&path, text).unwrap();
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let variables: Vec<_> = variables.iter().map(own).collect();
        load(Some(&path), &variables).unwrap_or_else(|problems| panic!("{problems}\n{text}"))
    }

    #[test]
    fn the_example_loads_and_changes_nothing() {
        let example = loaded(&example(), &[]);
        let default = serde_json::to_value(crate::settings::Settings::default()).unwrap();
        assert_eq!(serde_json::to_value(&example.settings).unwrap(), default);
    }

    #[test]
    fn the_example_loads_with_every_comment_mark_removed_too() {
        let mut text = example();
        for either in ["app_secret", "token_key", "cookie_key"] {
            let (line, not) = (format!("\n# {either} = "), format!("\n# and not {either} = "));
            text = text.replace(&line, &not);
        }
        let uncommented: String = text
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(rest) if rest.split(' ').nth(1) == Some("=") => format!("{rest}\n"),
                Some(rest) if rest.starts_with("[[") => format!("{rest}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        let settings = loaded(&uncommented, &[]).settings;
        assert_eq!(settings.service.app_key.as_deref(), Some("your-app-key"));
        assert!(!settings.kafka.properties.is_empty());
        assert_eq!(settings.portal.plans[0].version, "FireMER20W");
    }

    #[test]
    fn what_a_keys_text_says_of_its_default_is_its_default() {
        for section in SECTIONS.iter() {
            for key in section.keys.iter().filter(|key| key.name != "url") {
                let Some(default) = key.default.as_ref().filter(|it| !is_empty(it)) else {
                    continue;
                };
                let written = default.as_str().map_or_else(|| toml_text(default), str::to_owned);
                let told = [format!("Default `{written}`."), format!("Default {written}.")];
                let agrees = told.iter().any(|told| key.doc.ends_with(told));
                assert!(agrees, "{}.{}: {}", section.name, key.name, key.doc);
            }
        }
    }

    #[test]
    fn what_is_shown_has_no_secret_and_tells_where_each_value_came_from() {
        let text = "[service]\napp_secret = \"hunter2\"\n[kafka.properties]\n\"sasl.password\" = \"hunter3\"\n";
        let loaded = loaded(text, &[("EMBERLINE__BATCH__LINGER", "3s")]);
        for shown in [show_toml(&loaded), show_json(&loaded).to_string()] {
            assert!(!shown.contains("hunter"), "{shown}");
        }
        let shown = show_toml(&loaded);
        assert!(shown.contains("emberline.toml:2:1\n"), "{shown}");
        assert!(shown.contains("linger = \"3s\"  # EMBERLINE__BATCH__LINGER\n"), "{shown}");
        assert!(shown.contains("in_place = 3  # default\n"), "{shown}");
    }
}
