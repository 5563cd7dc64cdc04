//! A number's range, step and unit in a template. A template writes numbers as strings;
//! some tools write them as numbers.

use emberline_model::{Decimal, Field};
use serde_json::{Map, Value};

use crate::commands::thing_model::problem::{Problem, shown as shown_text};

/// What differs from the standard.
pub(super) fn check(here: &str, field: &Field, define: &Map<String, Value>) -> Vec<Problem> {
    let quantity = field.quantity;
    let bounds =
        [("min", quantity.lowest()), ("max", quantity.highest()), ("step", quantity.step())];
    let mut problems: Vec<_> =
        bounds.iter().filter_map(|(key, wanted)| differs(here, key, *wanted, define)).collect();
    let wanted = quantity.sub_type.unit();
    let unit = define.get("unit").and_then(Value::as_str).unwrap_or_default().trim();
    if plain(unit) != wanted {
        let text = match unit {
            "" => "unit is missing".to_owned(),
            unit => format!("unit is {}", shown_text(unit)),
        };
        let advice =
            if wanted.is_empty() { "leave it empty".to_owned() } else { format!("write {wanted}") };
        problems.push(Problem::new(here, text, advice));
    }
    problems
}

fn differs(here: &str, key: &str, wanted: Decimal, define: &Map<String, Value>) -> Option<Problem> {
    let advice = format!("write \"{key}\": \"{wanted}\"");
    let text = match define.get(key) {
        None | Some(Value::Null) => format!("{key} is missing"),
        Some(Value::String(text)) if is(text, wanted) => return None,
        Some(Value::Number(number)) if is(&number.to_string(), wanted) => return None,
        Some(Value::String(text)) => format!("{key} is {}", shown_text(text)),
        Some(Value::Number(number)) => format!("{key} is {number}"),
        Some(_) => format!("{key} is no number"),
    };
    Some(Problem::new(here, text, advice))
}

/// Both are the float nearest to what is written, so equal numbers are equal floats,
/// however many zeros one of them is written with.
#[expect(clippy::float_cmp, reason = "two readings of the same decimal are the same float")]
fn is(text: &str, wanted: Decimal) -> bool {
    text.trim().parse::<f64>().is_ok_and(|number| number == wanted.to_f64())
}

/// One sign for degrees Celsius is two characters, the other is one.
fn plain(unit: &str) -> &str {
    if unit == "℃" { "°C" } else { unit }
}

/// A field as the standard has it, in a few words.
pub(super) fn shown(field: &Field) -> String {
    let quantity = field.quantity;
    let unit = quantity.sub_type.unit();
    let space = if unit.is_empty() { "" } else { " " };
    format!(
        "{} {} {} to {}{space}{unit}, step {}",
        field.name,
        quantity.sub_type.kind().name(),
        quantity.lowest(),
        quantity.highest(),
        quantity.step()
    )
}
