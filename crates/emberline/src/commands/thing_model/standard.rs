//! The standard data template, made of the model's own fields (contract: thing model, the
//! data template file).

use emberline_model::{Category, Field, SubType, ValueKind};
use serde::Serialize;
use serde_json::{Value, json};

/// A data template. Its keys stand in the order in which the console writes them.
#[derive(Debug, Serialize)]
pub(super) struct Template {
    version: &'static str,
    properties: Vec<Property>,
    events: [Value; 0],
    actions: [Value; 0],
}

#[derive(Debug, Serialize)]
struct Property {
    id: &'static str,
    name: &'static str,
    desc: &'static str,
    required: bool,
    /// Devices measure these; nobody sets them.
    mode: &'static str,
    define: Define,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Define {
    Struct {
        r#type: &'static str,
        specs: Vec<Spec>,
    },
    Bool {
        r#type: &'static str,
        mapping: Value,
    },
    Number {
        r#type: &'static str,
        min: String,
        max: String,
        start: String,
        step: String,
        unit: &'static str,
    },
}

#[derive(Debug, Serialize)]
struct Spec {
    id: &'static str,
    name: &'static str,
    #[serde(rename = "dataType")]
    data_type: Define,
}

/// The whole standard. A product may have any part of it.
pub(super) fn template() -> Template {
    let properties = Category::ALL.map(|category| Property {
        id: category.property(),
        name: property_name(category),
        desc: "",
        required: false,
        mode: "r",
        define: define(category),
    });
    Template { version: "1.0", properties: properties.into(), events: [], actions: [] }
}

fn define(category: Category) -> Define {
    if !category.is_struct() {
        return value(&category.fields()[0]);
    }
    // What is measured first, then which circuit it was measured on.
    let (counted, measured): (Vec<&Field>, Vec<_>) =
        category.fields().iter().partition(|field| field.quantity.sub_type == SubType::Circuit);
    let specs = measured.into_iter().chain(counted).map(|field| Spec {
        id: field.name,
        name: value_name(field.quantity.sub_type),
        data_type: value(field),
    });
    Define::Struct { r#type: "struct", specs: specs.collect() }
}

fn value(field: &Field) -> Define {
    let quantity = field.quantity;
    let kind = quantity.sub_type.kind();
    if kind == ValueKind::Bool {
        let mapping = json!({ "0": "正常", "1": "有烟雾" });
        return Define::Bool { r#type: kind.name(), mapping };
    }
    Define::Number {
        r#type: kind.name(),
        min: quantity.lowest().to_string(),
        max: quantity.highest().to_string(),
        start: quantity.start().to_string(),
        step: quantity.step().to_string(),
        unit: quantity.sub_type.unit(),
    }
}

const fn property_name(category: Category) -> &'static str {
    match category {
        Category::Voltage => "电压",
        Category::Temperature => "温度",
        Category::Current => "电流",
        Category::ResidualCurrent => "剩余电流",
        Category::Power => "功率",
        Category::Smoke => "烟雾状态",
    }
}

const fn value_name(sub_type: SubType) -> &'static str {
    match sub_type {
        SubType::Circuit => "路数",
        SubType::Voltage => "电压值",
        SubType::Temperature => "温度值",
        SubType::Current => "电流值",
        SubType::RatedCurrent => "额定电流",
        SubType::ResidualCurrent => "剩余电流",
        SubType::Power => "功率",
        SubType::Smoke => "烟雾状态",
    }
}

#[cfg(test)]
mod tests {
    use super::template;
    use crate::commands::thing_model::template::check;

    #[test]
    fn the_standard_is_what_the_contract_shows() {
        insta::assert_json_snapshot!(template());
    }

    #[test]
    fn the_standard_conforms_to_itself() {
        let verdict = check(&serde_json::to_value(template()).unwrap()).unwrap();
        assert!(verdict.problems.is_empty() && verdict.notes.is_empty(), "{verdict:?}");
        assert_eq!(verdict.standard.len(), 6);
    }
}
