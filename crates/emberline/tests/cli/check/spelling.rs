//! Which spelling the service accepts is found out, in all combinations.

use emberline_sandbox::{
    Action, DataCategoryForm, DataInfoForm, Fault, FaultPlan, FaultRule, NestedSignature,
    SandboxSettings,
};

use super::check;
use crate::far_end::FarEnd;

const KEYS: [&str; 3] = ["nested_signature", "data_info", "data_category"];

#[test]
fn whatever_the_service_wants_is_found_and_the_way_is_walked_with_it() {
    for nested in [NestedSignature::Json, NestedSignature::Flatten, NestedSignature::Omit] {
        for data_info in [DataInfoForm::Array, DataInfoForm::Object] {
            for data_category in [DataCategoryForm::Number, DataCategoryForm::String] {
                let far_end = FarEnd::with(SandboxSettings {
                    nested_signature: vec![nested],
                    data_info,
                    data_category,
                    ..Default::default()
                });
                let wanted = [nested.to_string(), data_info.to_string(), data_category.to_string()];
                let defaults = ["json", "array", "number"];

                let checked = check(&far_end, "", &[]);
                for ((key, wanted), default) in KEYS.iter().zip(&wanted).zip(defaults) {
                    if wanted == default {
                        assert_eq!(checked.detail(key), format!("{wanted}, as set"));
                    } else {
                        let advice = format!("set service.{key} = \"{wanted}\"");
                        assert_eq!(checked.advice(key), advice, "{wanted}");
                    }
                }
                let differ = wanted.iter().zip(defaults).filter(|(it, default)| *it != default);
                let failed = checked.all("failed");
                assert_eq!(failed.len(), differ.count(), "{failed:?}");
                assert_eq!(checked.all("skipped"), [""; 0]);
                assert_eq!(far_end.sandbox.ledger().totals().reports_accepted, 6);

                // Who does as told has a check that is good, and no call that is refused.
                let before = far_end.sandbox.ledger().totals().rejected_calls;
                let [nested, info, category] = &wanted;
                let settings = format!(
                    "nested_signature = \"{nested}\"\ndata_info = \"{info}\"\ndata_category = \"{category}\"\n"
                );
                assert_eq!(check(&far_end, &settings, &[]).run.code, 0, "{settings}");
                assert_eq!(far_end.sandbox.ledger().totals().rejected_calls, before);
            }
        }
    }
}

#[test]
fn a_binding_that_no_reading_helps_ends_the_way() {
    let bad = Fault::error("InvalidParameterValue", "Signature 无效");
    let rule = FaultRule::always(bad).of(Action::BindDevice);
    let far_end =
        FarEnd::with(SandboxSettings { faults: FaultPlan::from(rule), ..Default::default() });
    let checked = check(&far_end, "", &[]);
    assert_eq!(checked.all("failed"), ["binding"]);
    assert_eq!(checked.detail("nested_signature"), "because of the binding");
    assert_eq!(checked.detail("smoke_state"), "because of the binding");
}

#[test]
fn data_that_no_form_helps_is_told_in_the_services_words_and_the_states_go_on() {
    let bad = Fault::error("InvalidParameterValue", "product is not allowed");
    let rule = FaultRule::always(bad).of(Action::ReportDeviceData);
    let far_end =
        FarEnd::with(SandboxSettings { faults: FaultPlan::from(rule), ..Default::default() });
    let checked = check(&far_end, "", &[]);
    assert_eq!(checked.all("failed"), ["voltage_info"]);
    assert!(checked.detail("voltage_info").contains("product is not allowed"));
    assert_eq!((checked.state("power"), checked.state("offline")), ("skipped", "ok"));
}
