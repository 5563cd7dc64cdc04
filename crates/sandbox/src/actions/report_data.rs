//! `ServiceReportDeviceData`: the hot path. Its parts are read straight into checked
//! reports, each number from its own text.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Books, Dialect};
use crate::answer::Success;
use crate::ledger::{CheckedReport, Topic};
use crate::read::decimal::steps;
use crate::read::ids::{check_customer_id, check_device_id};
use crate::read::object::Object;
use crate::read::params::Params;
use crate::read::thing_model::{DataCategory, MOST_VALUES};
use crate::refusal::Refusal;
use crate::{DataCategoryForm, DataInfoForm};

/// The last second that is taken for one: a later time is in milliseconds.
const MAX_REPORT_TIME: i64 = 99_999_999_999;

/// Reports of one device and category.
#[derive(Debug)]
pub(crate) struct ReportDeviceData<'a> {
    device_id: Cow<'a, str>,
    customer_id: Cow<'a, str>,
    category: &'static DataCategory,
    reports: Vec<CheckedReport>,
}

/// `ReportDeviceData`, nothing checked yet.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct DataInfo<'a> {
    report_time: Option<i64>,
    #[serde(borrow)]
    report_infos: Option<Vec<Object<ReportInfo<'a>>>>,
}

/// One of `ReportInfos`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct ReportInfo<'a> {
    sub_type: Option<u32>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
}

impl<'a> ReportDeviceData<'a> {
    pub(super) fn read(params: &Params<'a>, dialect: Dialect) -> Result<Self, Refusal> {
        params.no_others_than(&["DeviceId", "CustomerId", "DataCategory", "DataInfo"])?;
        let device_id = params.text("DeviceId")?;
        let customer_id = params.text("CustomerId")?;
        let category = read_category(params, dialect.data_category)?;
        let reports = read_reports(params, dialect.data_info, category)?;
        check_device_id(&device_id)?;
        check_customer_id(&customer_id)?;
        Ok(Self { device_id, customer_id, category, reports })
    }

    pub(super) fn topic(&self) -> (&str, Topic) {
        (&self.device_id, Topic::Data(self.category.index))
    }

    pub(super) fn carries_report_of(&self, time: i64) -> bool {
        self.reports.iter().any(|report| report.time == time)
    }

    pub(super) fn carry_out(self, books: &Books<'_>) -> Result<Success, Refusal> {
        books.registry.need_binding(&self.customer_id, &self.device_id)?;
        books.ledger.accept_reports(&self.device_id, self.category.index, &self.reports);
        Ok(Success::Done)
    }
}

fn read_category(
    params: &Params<'_>,
    form: DataCategoryForm,
) -> Result<&'static DataCategory, Refusal> {
    let code = match form {
        DataCategoryForm::Number => params.integer("DataCategory")?,
        DataCategoryForm::String => {
            let text = params.text("DataCategory")?;
            // Not `parse` alone: it also takes "+100" and "0100".
            text.parse().ok().filter(|code: &i64| code.to_string() == text).unwrap_or(-1)
        }
    };
    DataCategory::of(code).ok_or_else(|| Refusal::invalid("DataCategory is unknown"))
}

fn read_reports(
    params: &Params<'_>,
    form: DataInfoForm,
    category: &DataCategory,
) -> Result<Vec<CheckedReport>, Refusal> {
    match form {
        DataInfoForm::Array => {
            let infos: Vec<Object<DataInfo<'_>>> = params.nested("DataInfo")?;
            if infos.is_empty() {
                return Err(Refusal::invalid("DataInfo is empty"));
            }
            infos.iter().map(|Object(info)| info.checked(category)).collect()
        }
        DataInfoForm::Object => {
            let Object(info): Object<DataInfo<'_>> = params.nested("DataInfo")?;
            Ok(vec![info.checked(category)?])
        }
    }
}

impl DataInfo<'_> {
    fn checked(&self, category: &DataCategory) -> Result<CheckedReport, Refusal> {
        let time = self.report_time.ok_or_else(|| Refusal::missing("DataInfo.ReportTime"))?;
        if !(0..=MAX_REPORT_TIME).contains(&time) {
            return Err(Refusal::invalid("DataInfo.ReportTime must be in Unix seconds"));
        }
        let infos = self.report_infos.as_ref();
        let infos = infos.ok_or_else(|| Refusal::missing("DataInfo.ReportInfos"))?;

        let mut found = [None; MOST_VALUES];
        for Object(info) in infos {
            let (place, steps) = info.checked(category)?;
            if found[place].replace(steps).is_some() {
                return Err(Refusal::invalid("a SubType is there twice in one ReportInfos"));
            }
        }
        let mut checked = CheckedReport { time, steps: [0; MOST_VALUES] };
        for ((to, found), quantity) in checked.steps.iter_mut().zip(found).zip(category.quantities)
        {
            *to = found.ok_or_else(|| {
                Refusal::missing(&format!("SubType {} ({})", quantity.sub_type, quantity.name))
            })?;
        }
        Ok(checked)
    }
}

impl ReportInfo<'_> {
    /// Its place among the category's values, and its value in steps.
    fn checked(&self, category: &DataCategory) -> Result<(usize, i32), Refusal> {
        let sub_type = self.sub_type.ok_or_else(|| Refusal::missing("ReportInfos.SubType"))?;
        let value = self.value.ok_or_else(|| Refusal::missing("ReportInfos.Value"))?;
        let place = category.quantities.iter().position(|known| known.sub_type == sub_type);
        let place = place.ok_or_else(|| {
            Refusal::invalid(format!("SubType {sub_type} is not of category {}", category.code))
        })?;
        let quantity = &category.quantities[place];
        let steps = steps(value.get(), quantity.decimals)
            .filter(|steps| (quantity.min..=quantity.max).contains(steps))
            .and_then(|steps| i32::try_from(steps).ok());
        let steps = steps.ok_or_else(|| {
            Refusal::invalid(format!("{} is out of its range or between two steps", quantity.name))
        })?;
        Ok((place, steps))
    }
}

#[cfg(test)]
mod tests {
    use super::ReportDeviceData;
    use crate::actions::Dialect;
    use crate::read::params::Params;
    use crate::refusal::Refusal;
    use crate::{DataCategoryForm, DataInfoForm, Edition};

    const STRICT: Dialect = Dialect {
        data_info: DataInfoForm::Array,
        data_category: DataCategoryForm::Number,
        edition: Edition::Newer,
    };

    fn read(category: &str, info: &str, dialect: Dialect) -> Result<Vec<[i32; 3]>, Refusal> {
        let body = format!(
            r#"{{"DeviceId":"P/a","CustomerId":"c","DataCategory":{category},"DataInfo":{info}}}"#
        );
        let params = Params::read(body.as_bytes()).unwrap();
        let request = ReportDeviceData::read(&params, dialect)?;
        Ok(request.reports.iter().map(|report| report.steps).collect())
    }

    fn values(category: u16, values: &[(u32, &str)]) -> Result<Vec<[i32; 3]>, Refusal> {
        let infos: Vec<_> = values
            .iter()
            .map(|(sub_type, value)| format!(r#"{{"SubType":{sub_type},"Value":{value}}}"#))
            .collect();
        let info = format!(r#"[{{"ReportTime":1,"ReportInfos":[{}]}}]"#, infos.join(","));
        read(&category.to_string(), &info, STRICT)
    }

    #[test]
    fn every_category_takes_its_range_and_nothing_beyond() {
        let edges = [
            (100, 1001, "0", "6553.5", "-0.1", "6553.6"),
            (200, 1002, "-16", "151.0", "-16.1", "151.1"),
            (310, 1005, "0", "65.535", "-0.001", "65.536"),
            (400, 1006, "-327.67", "327.67", "-327.68", "327.68"),
            (500, 1007, "0", "1", "-1", "2"),
        ];
        for (category, sub_type, min, max, below, above) in edges {
            let with = |value| match category {
                100 | 200 => values(category, &[(1000, "1"), (sub_type, value)]),
                _ => values(category, &[(sub_type, value)]),
            };
            assert!(with(min).is_ok() && with(max).is_ok(), "{category}");
            assert!(with(below).is_err() && with(above).is_err(), "{category}");
        }
        let current = |a, b| values(300, &[(1000, "63335"), (1003, a), (1004, b)]);
        assert_eq!(current("655.35", "0.01"), Ok(vec![[63_335, 65_535, 1]]));
        assert!(current("655.36", "0").is_err());
        assert!(current("0", "655.36").is_err());
    }

    #[test]
    fn a_circuit_number_starts_at_one() {
        assert!(values(100, &[(1000, "0"), (1001, "220")]).is_err());
        assert!(values(100, &[(1000, "63336"), (1001, "220")]).is_err());
        assert!(values(100, &[(1000, "1.5"), (1001, "220")]).is_err());
    }

    #[test]
    fn a_value_between_two_steps_is_refused() {
        assert!(values(400, &[(1006, "1.23")]).is_ok());
        assert!(values(400, &[(1006, "1.234")]).is_err());
        assert!(values(500, &[(1007, "true")]).is_err(), "a bool is no number");
        assert!(values(400, &[(1006, "\"1.2\"")]).is_err());
    }

    #[test]
    fn each_required_value_is_there_once_in_any_order() {
        assert!(values(100, &[(1001, "220.5"), (1000, "1")]).is_ok());
        assert!(values(100, &[(1001, "220.5")]).is_err(), "no circuit number");
        assert!(values(100, &[(1000, "1"), (1000, "1"), (1001, "1")]).is_err(), "twice");
        assert!(values(100, &[(1000, "1"), (1001, "1"), (1002, "1")]).is_err(), "not its own");
        assert!(values(600, &[(1006, "1")]).is_err(), "no such category");
    }

    #[test]
    fn only_the_chosen_forms_are_taken() {
        let object = r#"{"ReportTime":1,"ReportInfos":[{"SubType":1006,"Value":1}]}"#;
        let array = format!("[{object},{object}]");
        let older = Dialect {
            data_info: DataInfoForm::Object,
            data_category: DataCategoryForm::String,
            ..STRICT
        };
        assert_eq!(read("400", &array, STRICT).map(|reports| reports.len()), Ok(2));
        assert!(read("400", object, STRICT).is_err());
        assert!(read("\"400\"", &array, STRICT).is_err());
        assert!(read("\"400\"", object, older).is_ok());
        assert!(read("\"400\"", &array, older).is_err());
        let fields = r#"[1,[{"SubType":1006,"Value":1}]]"#;
        assert!(read("\"400\"", fields, older).is_err());
        assert!(read("400", &format!("[{fields}]"), STRICT).is_err());
        assert!(read("400", r#"[{"ReportTime":1,"ReportInfos":[[1006,1]]}]"#, STRICT).is_err());
        assert!(read("\"+400\"", object, older).is_err());
        assert!(read("400", object, older).is_err());
        assert!(read("400", "[]", STRICT).is_err());
    }

    #[test]
    fn a_report_time_is_in_seconds() {
        let at = |time: &str| {
            let info = format!(
                r#"[{{"ReportTime":{time},"ReportInfos":[{{"SubType":1006,"Value":1}}]}}]"#
            );
            read("400", &info, STRICT)
        };
        assert!(at("1628646783").is_ok());
        for wrong in ["1628646783000", "-1", "1.5", "\"1628646783\"", "null"] {
            assert!(at(wrong).is_err(), "{wrong}");
        }
    }
}
