//! A file and the environment become [`Settings`], or a list of all that is wrong with them.
//!
//! Each value is checked by itself, so that one wrong value hides no other.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Table, Value};

use super::catalogue::{self, Key};
use super::{Problem, Problems, Settings, environment, file, validate};

/// Section and key.
pub(super) type KeyPath = (String, String);

/// What was set, and where.
pub(super) type Values = BTreeMap<KeyPath, (Value, Origin)>;

/// Where a value was set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// In the file; line and column count from 1.
    File {
        /// As it was given.
        path: PathBuf,
        /// Line of the key.
        line: usize,
        /// Column of the key, in characters.
        column: usize,
    },
    /// By the environment variable of this name.
    Environment(String),
}

impl Origin {
    pub(super) fn in_file(path: &Path, text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self::File {
            path: path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Self::Environment(name) => f.write_str(name),
        }
    }
}

/// The effective settings, and where each came from.
#[derive(Debug)]
pub struct Loaded {
    /// What holds.
    pub settings: Settings,
    origins: BTreeMap<KeyPath, Origin>,
}

impl Loaded {
    /// Where a key was set; `None` if it has its default.
    pub fn origin(&self, section: &str, key: &str) -> Option<&Origin> {
        self.origins.get(&(section.to_owned(), key.to_owned()))
    }

    /// Gives problems found later the places where their keys were set.
    pub fn locate(&self, problems: &Problems) -> Problems {
        problems.iter().map(|problem| locate(&self.origins, problem.clone())).collect()
    }
}

fn locate(origins: &BTreeMap<KeyPath, Origin>, problem: Problem) -> Problem {
    let mut parts = problem.key.splitn(3, '.').map(str::to_owned);
    let path = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let place = origins.get(&path).map(Origin::to_string).unwrap_or_default();
    Problem { place, ..problem }
}

/// Reads the settings: defaults, then the file, then the environment's variables.
///
/// # Errors
/// Everything that is wrong with them.
pub fn load(file: Option<&Path>, variables: &[(String, String)]) -> Result<Loaded, Problems> {
    let mut values = Values::new();
    let mut problems = Vec::new();
    if let Some(path) = file {
        problems.extend(file::read(path, &mut values));
    }
    problems.extend(environment::overlay(variables, &mut values));

    let mut good = Table::new();
    let mut origins = BTreeMap::new();
    for (path, (value, origin)) in values {
        if let Err(text) = check(&path, &value) {
            let key = format!("{}.{}", path.0, path.1);
            problems.push(Problem { place: origin.to_string(), key, text });
            continue;
        }
        let section = good.entry(&path.0).or_insert_with(|| Value::Table(Table::new()));
        if let Value::Table(section) = section {
            section.insert(path.1.clone(), value);
        }
        origins.insert(path, origin);
    }
    let settings = Settings::deserialize(Value::Table(good)).unwrap_or_else(|error| {
        // Each value has passed by itself, so this is not expected; it is still no panic.
        let text = error.message().to_owned();
        problems.push(Problem { place: String::new(), key: String::new(), text });
        Settings::default()
    });
    problems.extend(validate::findings(&settings).into_iter().map(|it| locate(&origins, it)));
    problems.sort_by_key(place_order);
    Problems::none_in(problems)?;
    Ok(Loaded { settings, origins })
}

/// Files before the environment, and a file's by line: as a reader meets them.
fn place_order(problem: &Problem) -> (bool, Vec<usize>, String) {
    let mut numbers: Vec<usize> =
        problem.place.rsplit(':').map_while(|part| part.parse().ok()).take(2).collect();
    numbers.reverse();
    (numbers.is_empty(), numbers, problem.place.clone())
}

/// Checks one value as if it were the only one set.
fn check((section, name): &KeyPath, value: &Value) -> Result<(), String> {
    let key = catalogue::section(section).and_then(|section| section.key(name));
    if let (Some(Key { range: (min, max), .. }), Value::Integer(number)) = (key, value) {
        let below = min.is_some_and(|min| *number < min);
        let above = max.is_some_and(|max| *number > max);
        if below || above {
            let bound = |bound: &Option<i64>| bound.map_or("…".to_owned(), |it| it.to_string());
            return Err(format!("{number} is outside of {} to {}", bound(min), bound(max)));
        }
    }
    let alone = Table::from_iter([(name.clone(), value.clone())]);
    let alone = Table::from_iter([(section.clone(), Value::Table(alone))]);
    match Settings::deserialize(Value::Table(alone)) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.message().trim().to_owned()),
    }
}
