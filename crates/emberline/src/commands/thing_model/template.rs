//! A product's data template against the standard: all problems at once, each with its
//! place.
//!
//! Properties, events and actions outside of the standard are a product's own business.
//! Read [`check`] first; a single value's type, range, step and unit are in `number`.

mod number;

use std::collections::HashMap;

use emberline_model::{Category, Field, ValueKind};
use serde::Serialize;
use serde_json::{Map, Value};

use super::problem::{Problem, meant, shown};
use crate::settings::suggest::nearest;

/// What was found of a template.
#[derive(Debug, Serialize)]
pub(super) struct Verdict {
    /// The standard properties that it has.
    pub(super) standard: Vec<&'static str>,
    /// How many properties it has beside them.
    pub(super) others: usize,
    pub(super) problems: Vec<Problem>,
    pub(super) notes: Vec<Problem>,
}

impl Verdict {
    pub(super) fn conforms(&self) -> bool {
        self.problems.is_empty()
    }

    pub(super) fn summary(&self) -> String {
        let has = match self.standard.as_slice() {
            [] => "no standard property".to_owned(),
            names => names.join(", "),
        };
        let others = match self.others {
            0 => String::new(),
            count => format!(" and {count} of its own"),
        };
        let conforms = if self.conforms() { "conforms" } else { "does not conform" };
        format!("{conforms}; has {has}{others}")
    }
}

/// Compares a template with the standard.
///
/// # Errors
/// What it is instead of a template.
pub(super) fn check(file: &Value) -> Result<Verdict, String> {
    let no_template = "is no data template: export it at the console";
    let properties = file.as_object().ok_or(no_template)?.get("properties");
    let properties = properties.and_then(Value::as_array);
    let properties =
        properties.ok_or_else(|| format!("{no_template}; it has no list \"properties\""))?;

    let mut found = Finder::default();
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (place, property) in properties.iter().enumerate() {
        let Some(property) = property.as_object() else {
            found.problem(&format!("properties[{place}]"), "is not an object", "take it out");
            continue;
        };
        let Some(id) = text(property, "id") else {
            found.problem(
                &format!("properties[{place}]"),
                "has no id",
                "give it one, or take it out",
            );
            continue;
        };
        if let Some(first) = seen.insert(id, place) {
            let advice = format!("keep one; the first is properties[{first}]");
            found.problem(&format!("properties[{place}] {}", shown(id)), "is there twice", &advice);
        }
        found.property(place, id, property);
    }
    if found.standard.is_empty() {
        let names = Category::ALL.map(Category::property).join(", ");
        let advice = format!("add at least one of {names}: emberline thing-model export");
        found.problem("properties", "no standard property is there", &advice);
    }
    let Finder { standard, others, problems, notes } = found;
    Ok(Verdict { standard, others, problems, notes })
}

#[derive(Default)]
struct Finder {
    standard: Vec<&'static str>,
    others: usize,
    problems: Vec<Problem>,
    notes: Vec<Problem>,
}

impl Finder {
    fn problem(&mut self, place: &str, text: &str, advice: &str) {
        self.problems.push(Problem::new(place, text, advice));
    }

    fn property(&mut self, place: usize, id: &str, property: &Map<String, Value>) {
        let here = format!("properties[{place}] {}", shown(id));
        let Some(category) = Category::from_property(&meant(id)) else {
            self.others += 1;
            self.note_likeness(&here, id);
            return;
        };
        if id != category.property() {
            let advice = format!("write {}", category.property());
            self.problem(&here, "the id is misspelt (white space, case or hyphen)", &advice);
        }
        if !self.standard.contains(&category.property()) {
            self.standard.push(category.property());
        }
        match text(property, "mode") {
            Some("r" | "rw") => {}
            Some(mode) => {
                self.problem(&here, &format!("mode is {}", shown(mode)), "write r (or rw)");
            }
            None => self.problem(&here, "mode is missing", "write \"mode\": \"r\""),
        }
        match property.get("define").and_then(Value::as_object) {
            Some(define) if category.is_struct() => self.structure(&here, category, define),
            Some(define) => self.value(&here, &category.fields()[0], define),
            None => {
                let advice = format!("take it from {STANDARD}");
                self.problem(&here, "define is missing, or no object", &advice);
            }
        }
    }

    /// A product's own property may be called anything; one that looks like a standard one
    /// may have been meant to be it.
    fn note_likeness(&mut self, here: &str, id: &str) {
        if let Some(like) = nearest(&meant(id), Category::ALL.iter().map(|it| it.property())) {
            let text = format!("looks like {like}, and is not sent under its own id");
            let advice = format!("if it is meant to be, write {like}");
            self.notes.push(Problem::new(here, text, advice));
        }
    }

    fn structure(&mut self, here: &str, category: Category, define: &Map<String, Value>) {
        let kind = text(define, "type").unwrap_or_default();
        if kind != "struct" {
            let names: Vec<_> = category.fields().iter().map(|field| field.name).collect();
            let advice = format!("make it a struct of {}", names.join(", "));
            return self.problem(here, &wrong_type(kind, "struct"), &advice);
        }
        let Some(specs) = define.get("specs").and_then(Value::as_array) else {
            return self.problem(
                here,
                "specs is missing, or no list",
                &format!("take it from {STANDARD}"),
            );
        };
        let mut there: Vec<&'static str> = Vec::new();
        for (place, spec) in specs.iter().enumerate() {
            let Some(id) = spec.as_object().and_then(|spec| text(spec, "id")) else {
                self.problem(
                    &format!("{here}.specs[{place}]"),
                    "has no id",
                    "give it one, or take it out",
                );
                continue;
            };
            let at = format!("{here}.{}", shown(id));
            let Some(field) = category.fields().iter().find(|field| field.name == meant(id)) else {
                let names = category.fields().iter().map(|field| field.name);
                let advice = nearest(&meant(id), names)
                    .map(|like| format!("if it is meant to be, write {like}"));
                self.notes.push(Problem::new(
                    at,
                    "is not of the standard, and is not sent",
                    advice.unwrap_or_default(),
                ));
                continue;
            };
            if id != field.name {
                let advice = format!("write {}", field.name);
                self.problem(&at, "the id is misspelt (white space, case or hyphen)", &advice);
            }
            if there.contains(&field.name) {
                self.problem(&at, "is there twice", "keep one");
            }
            there.push(field.name);
            match spec.get("dataType").and_then(Value::as_object) {
                Some(define) => self.value(&at, field, define),
                None => self.problem(
                    &at,
                    "dataType is missing, or no object",
                    &format!("take it from {STANDARD}"),
                ),
            }
        }
        for field in category.fields().iter().filter(|field| !there.contains(&field.name)) {
            let advice =
                format!("add {}: all fields of a struct are required", number::shown(field));
            self.problem(&format!("{here}.{}", field.name), "is missing", &advice);
        }
    }

    fn value(&mut self, here: &str, field: &Field, define: &Map<String, Value>) {
        let kind = field.quantity.sub_type.kind();
        let found = text(define, "type").unwrap_or_default();
        if found != kind.name() {
            let advice = format!("make it {}", number::shown(field));
            return self.problem(here, &wrong_type(found, kind.name()), &advice);
        }
        if kind == ValueKind::Bool {
            self.mapping(here, define);
        } else {
            self.problems.extend(number::check(here, field, define));
        }
    }

    /// What 0 and 1 are called is the product's own; that there are these two is not.
    fn mapping(&mut self, here: &str, define: &Map<String, Value>) {
        let Some(mapping) = define.get("mapping").and_then(Value::as_object) else { return };
        let names: Vec<_> = mapping.keys().map(String::as_str).collect();
        if names != ["0", "1"] {
            let text = format!("mapping has {}", shown(&names.join(", ")));
            self.problem(here, &text, "map 0 (normal) and 1 (smoke detected)");
        }
    }
}

const STANDARD: &str = "emberline thing-model export";

fn text<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    object.get(key)?.as_str().filter(|text| !text.is_empty())
}

fn wrong_type(found: &str, expected: &str) -> String {
    if found.is_empty() {
        return format!("type is missing, not {expected}");
    }
    format!("type is {}, not {expected}", shown(found))
}

#[cfg(test)]
mod tests;
