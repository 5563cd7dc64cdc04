//! Every key of the configuration with its text, kind, default and range, taken from the
//! settings' own types, so that nothing said about a key can drift from it.

use std::sync::LazyLock;

use schemars::Schema;
use schemars::generate::SchemaSettings;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::Settings;

/// The sections in the order of their declaration.
pub static SECTIONS: LazyLock<Vec<Section>> = LazyLock::new(sections);

/// One table of the configuration.
#[derive(Debug)]
pub struct Section {
    /// Its name in `[…]`.
    pub name: String,
    /// What it is about.
    pub doc: String,
    /// Its keys in the order of their declaration.
    pub keys: Vec<Key>,
}

impl Section {
    /// The key of this name.
    pub fn key(&self, name: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

/// The section of this name.
pub fn section(name: &str) -> Option<&'static Section> {
    SECTIONS.iter().find(|section| section.name == name)
}

/// One key of a section.
#[derive(Debug)]
pub struct Key {
    /// Its name within the section.
    pub name: String,
    /// Meaning, unit, range, default.
    pub doc: String,
    /// How its value is written.
    pub kind: Kind,
    /// Never to be shown.
    pub secret: bool,
    /// Its default; `None` where there is none.
    pub default: Option<Value>,
    /// How a value could look, where the default does not tell.
    pub example: Option<Value>,
    /// Smallest and largest value of a number.
    pub range: (Option<i64>, Option<i64>),
    /// The keys of each table, where the value is a list of tables.
    pub keys: Vec<Key>,
}

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// In quotes.
    Text,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// `[…]`.
    List,
    /// `{…}`, or a table of its own.
    Map,
    /// `[[…]]`, any number of times: tables with the same keys.
    Tables,
}

/// The JSON schema of the configuration.
pub fn schema() -> Schema {
    let settings = SchemaSettings::draft2020_12().with(|how| how.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<Settings>()
}

/// A JSON object in the order in which it was written, which is that of the declaration;
/// the schema's own objects are sorted by name.
struct InOrder<V>(Vec<(String, V)>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for InOrder<V> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Entries<V>(std::marker::PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Entries<V> {
            type Value = InOrder<V>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(InOrder(entries))
            }
        }
        from.deserialize_map(Entries(std::marker::PhantomData))
    }
}

fn sections() -> Vec<Section> {
    let schema = schema();
    let defaults = serde_json::to_string(&Settings::default())
        .and_then(|text| serde_json::from_str::<InOrder<InOrder<Value>>>(&text));
    // Serialising a tree of plain structs cannot fail; a test below holds the result.
    let Ok(InOrder(sections)) = defaults else { return Vec::new() };
    let section = |(name, InOrder(keys)): (String, InOrder<Value>)| {
        let about = &schema.as_value()["properties"][&name];
        let keys = keys.into_iter();
        let keys = keys.map(|(key, default)| describe(&about["properties"][&key], key, default));
        Section { doc: doc(about), keys: keys.collect(), name }
    };
    sections.into_iter().map(section).collect()
}

fn describe(about: &Value, name: String, default: Value) -> Key {
    let kinds = match &about["type"] {
        Value::Array(kinds) => kinds.first(),
        kind => Some(kind),
    };
    let kind = match kinds.and_then(Value::as_str) {
        Some("integer") => Kind::Integer,
        Some("boolean") => Kind::Boolean,
        Some("array") if about["items"]["type"] == "object" => Kind::Tables,
        Some("array") => Kind::List,
        Some("object") => Kind::Map,
        _ => Kind::Text,
    };
    Key {
        name,
        doc: doc(about),
        kind,
        secret: about["writeOnly"] == true,
        default: Some(default).filter(|default| !default.is_null()),
        example: about["examples"].get(0).cloned(),
        range: (about["minimum"].as_i64(), about["maximum"].as_i64()),
        keys: if kind == Kind::Tables { keys_of_tables(&about["items"]) } else { Vec::new() },
    }
}

/// The needed ones in the order of their declaration, then the others by name.
fn keys_of_tables(about: &Value) -> Vec<Key> {
    let Some(properties) = about["properties"].as_object() else { return Vec::new() };
    let needed = about["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let needed: Vec<&str> = needed.collect();
    let others = properties.keys().map(String::as_str).filter(|name| !needed.contains(name));
    let names = needed.iter().copied().chain(others);
    names.map(|name| describe(&properties[name], name.to_owned(), Value::Null)).collect()
}

fn doc(about: &Value) -> String {
    about["description"]
        .as_str()
        .unwrap_or_default()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::{Kind, SECTIONS, section};

    #[test]
    fn sections_and_keys_stand_in_the_order_of_their_declaration() {
        let names: Vec<_> = SECTIONS.iter().map(|section| section.name.as_str()).collect();
        assert_eq!(names[..4], ["kafka", "topics", "service", "dedupe"]);
        let service = section("service").unwrap();
        assert_eq!(service.keys[0].name, "url");
        assert_eq!(service.keys[3].name, "app_secret_file");
    }

    #[test]
    fn every_key_is_described_and_says_its_default_or_shows_an_example() {
        for section in SECTIONS.iter() {
            assert!(!section.doc.is_empty(), "{}", section.name);
            for key in &section.keys {
                for key in std::iter::once(key).chain(&key.keys) {
                    let told = key.doc.contains("Default") || key.example.is_some();
                    assert!(told, "{}.{}: {}", section.name, key.name, key.doc);
                }
            }
        }
    }

    #[test]
    fn a_keys_kind_range_and_secrecy_come_from_its_type() {
        let reports = section("batch").unwrap().key("max_reports").unwrap();
        assert_eq!((reports.kind, reports.range), (Kind::Integer, (Some(1), Some(1000))));
        let secret = section("service").unwrap().key("app_secret").unwrap();
        assert!(secret.secret && secret.kind == Kind::Text);
        let properties = section("kafka").unwrap().key("properties").unwrap();
        assert_eq!(properties.kind, Kind::Map);
        let plans = section("portal").unwrap().key("plans").unwrap();
        let names: Vec<_> = plans.keys.iter().map(|key| key.name.as_str()).collect();
        assert_eq!((plans.kind, names[..3].join(" ")), (Kind::Tables, "item version name".into()));
    }
}
