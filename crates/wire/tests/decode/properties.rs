//! What comes of single properties: accepted, refused, or outside of the model.

use emberline_model::{Category, Report};
use insta::assert_snapshot;

use crate::support::{decode, forwarded, published, report, shown, telemetry};

fn outcome_of(params: &str) -> String {
    shown(&decode(&published(&report(params))))
}

#[test]
fn reports_stand_in_the_order_of_their_categories() {
    let params = r#"{"smoke_state":0,"power":1,"voltage_info":{"amount":1,"voltage":1}}"#;
    let telemetry = telemetry(&published(&report(params)));
    let categories: Vec<_> = telemetry.reports.iter().map(Report::category).collect();
    assert_eq!(categories, [Category::Voltage, Category::Power, Category::Smoke]);
    assert!(telemetry.refused.is_empty());
}

#[test]
fn a_boolean_travels_as_a_number_or_a_boolean() {
    let values = ["0", "1", "false", "true", "1.0", "-0"].map(|value| {
        let telemetry = telemetry(&published(&report(&format!(r#"{{"smoke_state":{value}}}"#))));
        telemetry.reports[0].measurement.readings().next().unwrap().value.to_string()
    });
    assert_eq!(values, ["0", "1", "0", "1", "1", "0"]);
}

#[test]
fn a_bad_property_is_refused_and_the_others_go_on() {
    assert_snapshot!(outcome_of(
        r#"{"voltage_info":{"voltage":220.5},"temperature_info":{"temperature":151.1,"amount":1},
            "current_info":7,"residual_current":"0.1","power":1.5,"smoke_state":null}"#
    ));
    assert_snapshot!(outcome_of(
        r#"{"voltage_info":{"voltage":"220","amount":1},"temperature_info":{"temperature":20,"amount":0},
            "current_info":{"current":1,"amount":null,"rated_current":true},
            "residual_current":[1],"power":{"power":1},"smoke_state":0.4}"#
    ));
    assert_snapshot!(outcome_of(r#"{"power":true,"smoke_state":2,"residual_current":1e300}"#));
}

#[test]
fn a_number_that_no_float_holds_refuses_its_property_only() {
    let params = r#"{"power":1e999,"voltage_info":{"voltage":-1e999,"amount":1},"smoke_state":1}"#;
    assert_snapshot!(outcome_of(params));
    assert_eq!(
        telemetry(&published(&report(params))).refused,
        telemetry(&forwarded(&report(params))).refused,
    );
}

#[test]
fn what_is_given_twice_is_refused() {
    assert_snapshot!(outcome_of(
        r#"{"power":1,"smoke_state":1,"power":2,"voltage_info":{"amount":1,"voltage":1,"amount":2},"power":3}"#
    ));
    let twice = r#"{"method":"report","params":{"power":1},"params":{"power":2}}"#;
    assert_eq!(shown(&decode(&published(twice))), "error: params: given twice");
    let twice = forwarded(&report("{\"power\":1}, \"x\":0"));
    let twice = String::from_utf8(twice).unwrap().replace("\"seq\"", "\"productid\":\"P\",\"seq\"");
    assert_eq!(
        shown(&decode(twice.as_bytes())),
        "error: the value is not readable as JSON: ProductId is given twice at line 1 column 239",
    );
}

#[test]
fn unknown_properties_are_counted_and_unknown_fields_are_not() {
    let known = telemetry(&published(&report(
        r#"{"brightness":3,"power":1,"mode":{"a":[{}]},"voltage_info":{"amount":1,"voltage":1,"phase":"A"}}"#,
    )));
    assert_eq!((known.reports.len(), known.unknown_properties), (2, 2));
    let unknown = telemetry(&published(&report(r#"{"brightness":3}"#)));
    assert_eq!((unknown.reports.len(), unknown.unknown_properties), (0, 1));
}
