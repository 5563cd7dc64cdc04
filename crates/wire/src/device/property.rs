//! The value of one property of the thing model: a number, a boolean, or a struct of
//! numbers.

use emberline_model::{Category, Field, Measurement};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess};

use super::refusal::Problem;
use crate::json::{Any, AnyValue, Name, skip_rest};

/// Most fields that a struct has.
const MOST_FIELDS: usize = 3;

const NUMBER: &str = "a number";
const STRUCT: &str = "an object";
const SWITCH: &str = "0, 1, true or false";

/// Makes a measurement of one value a field, in the order of [`Category::fields`].
pub(super) fn measure(category: Category, values: &[Option<f64>]) -> Result<Measurement, Problem> {
    let fields = category.fields();
    let mut complete = [0.0; MOST_FIELDS];
    for ((complete, field), value) in complete.iter_mut().zip(fields).zip(values) {
        *complete = value.ok_or(Problem::Missing { field: field.name })?;
    }
    Measurement::new(category, &complete[..fields.len()]).map_err(Problem::OutOfRange)
}

/// Reads a property's value, of whatever kind. Only text that is no JSON is an error
/// of the reader; what is wrong with the value is in the result.
pub(super) struct PropertySeed(pub(super) Category);

impl<'de> DeserializeSeed<'de> for PropertySeed {
    type Value = Result<Measurement, Problem>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let Self(category) = self;
        let fields = if category.is_struct() { category.fields() } else { &[] };
        let field = category.property();
        Ok(match Any(ValueReader { fields }).deserialize(deserializer)? {
            Value::Struct(Ok(values)) => measure(category, &values[..fields.len()]),
            Value::Struct(Err(problem)) => Err(problem),
            found if category.is_struct() => {
                Err(Problem::WrongKind { field, found: found.kind(), expected: STRUCT })
            }
            Value::Bool(value) if category == Category::Smoke => {
                measure(category, &[Some(f64::from(u8::from(value)))])
            }
            // The model would round 0.4 to 0: no device that means "no smoke" says so.
            Value::Number(value) if category == Category::Smoke && value.fract() != 0.0 => {
                Err(Problem::WrongKind { field, found: "a fraction", expected: SWITCH })
            }
            Value::Number(value) => measure(category, &[Some(value)]),
            found => {
                let expected = if category == Category::Smoke { SWITCH } else { NUMBER };
                Err(Problem::WrongKind { field, found: found.kind(), expected })
            }
        })
    }
}

/// A JSON value, seen as what a property can hold.
enum Value {
    Number(f64),
    Bool(bool),
    /// The fields asked for, or what is wrong with the first bad one.
    Struct(Result<[Option<f64>; MOST_FIELDS], Problem>),
    /// No property holds such a value; the text names its kind.
    Other(&'static str),
}

impl Value {
    fn kind(&self) -> &'static str {
        match self {
            Self::Number(_) => NUMBER,
            Self::Bool(_) => "a boolean",
            Self::Struct(_) => STRUCT,
            Self::Other(kind) => kind,
        }
    }
}

/// Reads a value; of an object the given fields, or none at all if there are none.
#[derive(Clone, Copy)]
struct ValueReader {
    fields: &'static [Field],
}

impl<'de> AnyValue<'de> for ValueReader {
    type Value = Value;

    fn number(self, value: f64) -> Value {
        Value::Number(value)
    }

    fn boolean(self, value: bool) -> Value {
        Value::Bool(value)
    }

    fn other(self, kind: &'static str) -> Value {
        Value::Other(kind)
    }

    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        if self.fields.is_empty() {
            return skip_rest(map).map(|()| Value::Other(STRUCT));
        }
        let mut values = [None; MOST_FIELDS];
        let mut problem = None;
        let place_of = |name: &str| self.fields.iter().position(|field| field.name == name);
        while let Some(place) = map.next_key_seed(Name(place_of))? {
            let Some(place) = place else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let field = self.fields[place].name;
            let found = match map.next_value_seed(Any(Self { fields: &[] }))? {
                Value::Number(_) if values[place].is_some() => Err(Problem::GivenTwice { field }),
                Value::Number(value) => Ok(value),
                found => Err(Problem::WrongKind { field, found: found.kind(), expected: NUMBER }),
            };
            match found {
                Ok(value) => values[place] = Some(value),
                Err(wrong) => problem = problem.or(Some(wrong)),
            }
        }
        Ok(Value::Struct(problem.map_or(Ok(values), Err)))
    }
}
