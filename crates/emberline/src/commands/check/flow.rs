//! The way of a user: customer, test order, both lists, page address, binding, a report of
//! each category, online and offline. A step that rests on one that failed is skipped.

mod claims;

use std::time::{SystemTime, UNIX_EPOCH};

use emberline_model::{
    Category, EventTime, Measurement, OnlineStatus, Report as DeviceReport, ReportTime,
};
use emberline_service_api::{
    Dialect, ServiceGetCustomerList, ServiceGetOrderList, ServiceReportDeviceState,
};

use super::fault::Fault;
use super::report::{Group, Report};
use super::spelling;
use super::subject::Subject;
use crate::paced::PacedService;

pub(super) const CUSTOMER: &str = "customer";
pub(super) const CUSTOMER_LIST: &str = "customer list";
pub(super) const ORDER: &str = "test order";
pub(super) const ORDER_LIST: &str = "order list";
pub(super) const PAGE: &str = "page address";
pub(super) const BINDING: &str = "binding";
pub(super) const ONLINE: &str = "online";
pub(super) const OFFLINE: &str = "offline";

/// The keys of `[service]` that are found out.
pub(super) const SPELLINGS: [&str; 3] = ["nested_signature", "data_info", "data_category"];

/// All steps in the order in which they are walked.
fn steps() -> impl Iterator<Item = (Group, &'static str)> {
    let flow = |step: &'static str| (Group::Flow, step);
    let spelling = |step: &'static str| (Group::Spelling, step);
    [CUSTOMER, CUSTOMER_LIST, ORDER, ORDER_LIST, PAGE, BINDING]
        .into_iter()
        .map(flow)
        .chain(SPELLINGS.into_iter().map(spelling))
        .chain(Category::ALL.into_iter().map(Category::property).map(flow))
        .chain([ONLINE, OFFLINE].into_iter().map(flow))
}

/// Skips all that was not come to.
pub(super) fn skip(report: &mut Report, because: &str) {
    for (group, step) in steps() {
        if report.find(group, step).is_none() {
            report.skipped(group, step, because);
        }
    }
}

/// Asks for both lists, and changes nothing.
pub(super) async fn lists_only(service: &PacedService, report: &mut Report) {
    let told = |total: u64| format!("answered; {total} in all");
    let query = ServiceGetCustomerList { limit: Some(1), ..Default::default() };
    let customers = service.read(&query).await.map(|list| told(list.total));
    report.settle(Group::Flow, CUSTOMER_LIST, customers.map_err(Fault::from));
    let query = ServiceGetOrderList { limit: Some(1), ..Default::default() };
    let orders = service.read(&query).await.map(|list| told(list.total));
    report.settle(Group::Flow, ORDER_LIST, orders.map_err(Fault::from));
    skip(report, "--read-only");
}

/// Walks it.
pub(super) async fn walk(service: PacedService, subject: &Subject, report: &mut Report) {
    let created = claims::create_customer(&service, subject).await;
    if !report.settle(Group::Flow, CUSTOMER, created) {
        return skip(report, "the customer");
    }
    report.settle(Group::Flow, CUSTOMER_LIST, claims::find_customer(&service, subject).await);
    if report.settle(Group::Flow, ORDER, claims::place_order(&service, &subject.order).await) {
        report.settle(Group::Flow, ORDER_LIST, claims::find_order(&service, &subject.order).await);
    } else {
        report.skipped(Group::Flow, ORDER_LIST, "the test order");
    }
    report.settle(Group::Flow, PAGE, claims::page_address(&service, subject).await);

    let set = service.dialect();
    let nested_signature = match spelling::bind(&service, subject).await {
        Ok(reading) => reading,
        Err(fault) => {
            report.failed(Group::Flow, BINDING, fault);
            return skip(report, "the binding");
        }
    };
    let pushed = format!("{} of customer {}", subject.device, subject.customer);
    report.ok(Group::Flow, BINDING, pushed);
    spelling::compare(report, SPELLINGS[0], &set.nested_signature, &nested_signature);
    let service = service.speaking(Dialect { nested_signature, ..set });
    data(service.clone(), subject, report).await;
    for (step, status) in [(ONLINE, OnlineStatus::Online), (OFFLINE, OnlineStatus::Offline)] {
        let action = ServiceReportDeviceState { device: subject.device.as_str(), status };
        let sent = service.call(&action).await;
        let outcome = sent.map(|_| "accepted".to_owned()).map_err(Fault::from);
        report.settle(Group::Flow, step, outcome);
    }
}

/// A report of each category. The first one finds out how the service wants them.
async fn data(service: PacedService, subject: &Subject, report: &mut Report) {
    let set = service.dialect();
    let reports = sample_reports(SystemTime::now());
    let [first, rest @ ..] = &reports;
    let property = first.category().property();
    let dialect = match spelling::report(&service, subject, first).await {
        Ok(dialect) => dialect,
        Err(fault) => {
            report.failed(Group::Flow, property, fault);
            let because = format!("{property}: no form is known to be accepted");
            for step in Category::ALL.into_iter().skip(1).map(Category::property) {
                report.skipped(Group::Flow, step, &because);
            }
            for step in &SPELLINGS[1..] {
                report.skipped(Group::Spelling, step, &because);
            }
            return;
        }
    };
    spelling::compare(report, SPELLINGS[1], &set.data_info, &dialect.data_info);
    spelling::compare(report, SPELLINGS[2], &set.data_category, &dialect.data_category);
    report.ok(Group::Flow, property, accepted(first));
    let service = service.speaking(dialect);
    for one in rest {
        let sent = spelling::send(&service, subject, one).await;
        let outcome = sent.map(|()| accepted(one)).map_err(|(_, fault)| fault);
        report.settle(Group::Flow, one.category().property(), outcome);
    }
}

fn accepted(report: &DeviceReport) -> String {
    format!("category {} accepted", report.category().code())
}

/// What a quiet household measures: nothing that raises an alarm.
fn sample_reports(now: SystemTime) -> [DeviceReport; Category::ALL.len()] {
    let millis = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let now = EventTime::from_millis(i64::try_from(millis).unwrap_or(i64::MAX)).report_time();
    // A clock past the year 9999 is told of by the step "clock".
    let time = now.or_else(|| ReportTime::from_seconds(0)).expect("1970 is a time");
    Category::ALL.map(|category| {
        let values: &[f64] = match category {
            Category::Voltage => &[1.0, 220.0],
            Category::Temperature => &[1.0, 25.0],
            Category::Current => &[1.0, 1.0, 10.0],
            Category::ResidualCurrent => &[0.005],
            Category::Power => &[0.22],
            Category::Smoke => &[0.0],
        };
        let measurement = Measurement::new(category, values).expect("each is within its range");
        DeviceReport { time, measurement }
    })
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use emberline_model::Category;

    use super::{sample_reports, steps};

    #[test]
    fn there_is_a_report_of_each_category() {
        let reports = sample_reports(SystemTime::now());
        assert_eq!(reports.map(|report| report.category()), Category::ALL);
    }

    #[test]
    fn no_two_steps_have_one_name() {
        let names: std::collections::HashSet<_> = steps().map(|(_, step)| step).collect();
        assert_eq!(names.len(), steps().count());
    }
}
