//! `EMBERLINE__SECTION__KEY`: any setting from the environment, over the file's.
//!
//! A value is read by its key's kind, so that an app key of digits stays a text: texts as
//! they are, lists as TOML or separated by commas, maps as an inline table. A map's entries
//! go over the file's one by one.

use toml::{Table, Value};

use super::Problem;
use super::catalogue::{self, Key, Kind};
use super::file::{unknown_key, unknown_section};
use super::load::{Origin, Values};

const PREFIX: &str = "EMBERLINE__";

/// Lays the variables over the values; says which name no key, or hold no value.
pub(super) fn overlay(variables: &[(String, String)], values: &mut Values) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, text) in variables {
        let Some(path) = name.strip_prefix(PREFIX) else { continue };
        if let Err((key, text)) = overlay_one(name, &path.to_lowercase(), text, values) {
            problems.push(Problem { place: name.clone(), key, text });
        }
    }
    problems
}

fn overlay_one(
    variable: &str,
    path: &str,
    text: &str,
    values: &mut Values,
) -> Result<(), (String, String)> {
    let Some((section_name, key_name)) = path.split_once("__") else {
        return Err((String::new(), format!("names no key: write {PREFIX}SECTION__KEY")));
    };
    let section = catalogue::section(section_name)
        .ok_or_else(|| (section_name.to_owned(), unknown_section(section_name)))?;
    let dotted = format!("{section_name}.{key_name}");
    let key = section
        .key(key_name)
        .ok_or_else(|| (dotted.clone(), unknown_key(section_name, key_name)))?;
    let mut value = parse(key, text).ok_or_else(|| (dotted, expected(key.kind).to_owned()))?;
    let path = (section_name.to_owned(), key_name.to_owned());
    if let (Value::Table(over), Some((Value::Table(under), _))) = (&mut value, values.get(&path)) {
        for (name, entry) in under {
            over.entry(name).or_insert_with(|| entry.clone());
        }
    }
    values.insert(path, (value, Origin::Environment(variable.to_owned())));
    Ok(())
}

const fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "a text is expected",
        Kind::Integer => "a whole number is expected",
        Kind::Boolean => "true or false is expected",
        Kind::List => "a list is expected: a,b or [\"a\", \"b\"]",
        Kind::Map => "a map is expected: { \"name\" = \"value\" }",
        Kind::Tables => "a list of tables is expected: [{ name = \"value\" }]",
    }
}

fn parse(key: &Key, text: &str) -> Option<Value> {
    let trimmed = text.trim();
    match key.kind {
        // Quotes around a text come from copying a line of the file. A secret's are its own.
        Kind::Text if !key.secret => match toml_value(trimmed) {
            Some(Value::String(inner)) => Some(Value::String(inner)),
            _ => Some(Value::String(text.to_owned())),
        },
        Kind::Text => Some(Value::String(text.to_owned())),
        Kind::Integer => trimmed.parse().ok().map(Value::Integer),
        Kind::Boolean => trimmed.parse().ok().map(Value::Boolean),
        Kind::List if trimmed.starts_with('[') => toml_value(trimmed),
        Kind::List => {
            let items = trimmed.split(',').map(str::trim).filter(|item| !item.is_empty());
            Some(Value::Array(items.map(|item| Value::String(item.to_owned())).collect()))
        }
        Kind::Tables if trimmed.is_empty() => Some(Value::Array(Vec::new())),
        Kind::Tables => toml_value(trimmed)
            .or_else(|| serde_json::from_str(trimmed).ok())
            .filter(|value: &Value| value.is_array()),
        Kind::Map if trimmed.is_empty() => Some(Value::Table(Table::new())),
        Kind::Map => toml_value(trimmed)
            .or_else(|| serde_json::from_str(trimmed).ok())
            .filter(Value::is_table),
    }
}

fn toml_value(text: &str) -> Option<Value> {
    text.parse::<Value>().ok()
}

#[cfg(test)]
mod tests {
    use toml::Value;

    use super::overlay;
    use crate::settings::load::Values;

    fn overlaid(name: &str, text: &str) -> Result<Value, String> {
        let mut values = Values::new();
        let problems = overlay(&[(name.to_owned(), text.to_owned())], &mut values);
        match problems.first() {
            Some(problem) => Err(problem.to_string()),
            None => Ok(values.into_values().next().unwrap().0),
        }
    }

    #[test]
    fn a_value_is_read_by_its_keys_kind() {
        let text = |text: &str| Value::String(text.to_owned());
        assert_eq!(overlaid("EMBERLINE__SERVICE__APP_KEY", "12345"), Ok(text("12345")));
        assert_eq!(overlaid("EMBERLINE__SERVICE__APP_KEY", "\"12345\""), Ok(text("12345")));
        assert_eq!(overlaid("EMBERLINE__SERVICE__APP_KEY", "=a\"b"), Ok(text("=a\"b")));
        assert_eq!(overlaid("EMBERLINE__BATCH__MAX_REPORTS", "7"), Ok(Value::Integer(7)));
        assert_eq!(overlaid("EMBERLINE__CLAIMS__FORMAL_ORDERS", "true"), Ok(Value::Boolean(true)));
        let list = Ok(Value::Array(vec![text("a"), text("b")]));
        assert_eq!(overlaid("EMBERLINE__TOPICS__DEVICES", "a, b"), list);
        assert_eq!(overlaid("EMBERLINE__TOPICS__DEVICES", r#"["a","b"]"#), list);
        for map in [r#"{ "a.b" = "c" }"#, r#"{"a.b":"c"}"#] {
            let map = overlaid("EMBERLINE__KAFKA__PROPERTIES", map).unwrap();
            assert_eq!(map.get("a.b"), Some(&text("c")));
        }
    }

    #[test]
    fn what_names_no_key_or_holds_no_value_is_told() {
        let told = |name, text| overlaid(name, text).unwrap_err();
        assert_eq!(
            told("EMBERLINE__SERVICE__APP_KYE", "k"),
            "EMBERLINE__SERVICE__APP_KYE: service.app_kye: unknown key; did you mean \"app_key\"?"
        );
        assert!(told("EMBERLINE__SERVCE__APP_KEY", "k").contains("did you mean \"service\"?"));
        assert!(told("EMBERLINE__BATCH", "7").contains("EMBERLINE__SECTION__KEY"));
        assert!(told("EMBERLINE__BATCH__MAX_REPORTS", "many").contains("a whole number"));
        assert!(told("EMBERLINE__KAFKA__PROPERTIES", "a=b").contains("a map is expected"));
    }
}
