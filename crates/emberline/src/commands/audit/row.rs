//! A line of the list: a receipt, or one report of it, without what isn't shown.
//!
//! Some hundred bytes each, for a customer may have a million. Of a call's reports only
//! their number and the first and last time are kept.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use emberline_model::{Category, OnlineStatus, Report, ReportTime};
use emberline_service_api::{
    Action, ServiceBindDevice, ServiceCreateCustomer, ServiceCreateOrder, ServiceReportDeviceData,
    ServiceReportDeviceState,
};

use crate::span::shown;

/// Most devices of a call that are named in a table. JSON and CSV have all.
const MOST_NAMED: usize = 3;

/// What was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// When, Unix milliseconds.
    pub(super) time_ms: i64,
    pub(super) request_id: Arc<str>,
    /// Empty for a state.
    pub(super) customer: Arc<str>,
    pub(super) what: What,
}

/// What a call has brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    Data { device: Arc<str>, category: Category, reports: u32, first: ReportTime, last: ReportTime },
    State { device: Arc<str>, status: u8, time_ms: i64 },
    Bindings { devices: u32, bound: Box<[String]>, unbound: Box<[String]> },
    Customer,
    Order(Box<Order>),
}

/// An order as it was placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) number: String,
    pub(super) item: String,
    pub(super) version: String,
    pub(super) count: u32,
}

impl Row {
    pub(super) fn time(&self) -> String {
        shown(self.time_ms)
    }
}

impl What {
    /// The service's name of the call.
    pub(super) const fn action(&self) -> &'static str {
        match self {
            Self::Data { .. } => ServiceReportDeviceData::<Report>::NAME,
            Self::State { .. } => ServiceReportDeviceState::NAME,
            Self::Bindings { .. } => ServiceBindDevice::NAME,
            Self::Customer => ServiceCreateCustomer::NAME,
            Self::Order(_) => ServiceCreateOrder::NAME,
        }
    }

    pub(super) fn device(&self) -> Option<&str> {
        match self {
            Self::Data { device, .. } | Self::State { device, .. } => Some(device),
            Self::Bindings { .. } | Self::Customer | Self::Order(_) => None,
        }
    }

    /// How many reports it has brought.
    pub(super) fn reports(&self) -> u64 {
        match self {
            Self::Data { reports, .. } => u64::from(*reports),
            _ => 0,
        }
    }

    /// In words.
    pub(super) fn text(&self) -> Cow<'static, str> {
        let mut text = String::new();
        let _ = match self {
            Self::Customer => return Cow::Borrowed("made known"),
            Self::Data { category, reports, first, last, .. } => {
                let (property, first, last) = (category.property(), report(*first), report(*last));
                match reports {
                    1 => write!(text, "{property}, 1 report, {first}"),
                    _ => write!(text, "{property}, {reports} reports, {first}..{last}"),
                }
            }
            Self::State { status, time_ms, .. } => {
                write!(text, "{}, {}", status_name(*status), shown(*time_ms))
            }
            Self::Bindings { devices, bound, unbound } => {
                let _ = write!(text, "set of {devices}");
                named(&mut text, "bound", bound);
                named(&mut text, "unbound", unbound);
                Ok(())
            }
            Self::Order(order) => {
                let Order { number, item, version, count } = &**order;
                write!(text, "{number}: {item}, {version}, {count}")
            }
        };
        Cow::Owned(text)
    }
}

fn named(text: &mut String, what: &str, devices: &[String]) {
    if devices.is_empty() {
        return;
    }
    let first = devices.iter().take(MOST_NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let _ = write!(text, "; {what} {first}");
    if let Some(more) = devices.len().checked_sub(MOST_NAMED).filter(|more| *more > 0) {
        let _ = write!(text, " and {more} more");
    }
}

/// A report's time as it is printed.
pub(super) fn report(time: ReportTime) -> String {
    shown(time.seconds().saturating_mul(1000))
}

/// A status by its number at the service.
pub(super) fn status_name(code: u8) -> Cow<'static, str> {
    let all = [OnlineStatus::Offline, OnlineStatus::Online, OnlineStatus::Unknown];
    match all.into_iter().find(|status| status.code() == code) {
        Some(OnlineStatus::Offline) => Cow::Borrowed("offline"),
        Some(OnlineStatus::Online) => Cow::Borrowed("online"),
        Some(OnlineStatus::Unknown) => Cow::Borrowed("unknown"),
        None => Cow::Owned(format!("status {code}")),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use emberline_model::{Category, ReportTime};

    use super::{Order, Row, What};

    pub(crate) fn rows() -> Vec<Row> {
        let time = |seconds| ReportTime::from_seconds(seconds).unwrap();
        let data = |reports, last| What::Data {
            device: "P/a".into(),
            category: Category::ResidualCurrent,
            reports,
            first: time(1_700_000_000),
            last: time(last),
        };
        let order = Order {
            number: "o,\"1\"\n".to_owned(),
            item: "D-FireInsurance2020".to_owned(),
            version: "FireMER20W".to_owned(),
            count: 1,
        };
        let bound: Vec<_> = ["a", "b", "c", "d"].iter().map(|name| format!("P/{name}")).collect();
        let whats = [
            ("c_1", What::Customer),
            ("c_1", What::Bindings { devices: 4, bound: bound.into(), unbound: Box::default() }),
            ("c_1", What::Order(Box::new(order))),
            ("c_1", data(3, 1_700_000_120)),
            ("c_1", data(1, 1_700_000_000)),
            ("", What::State { device: "P/a".into(), status: 1, time_ms: 1_700_000_000_250 }),
            (
                "c_1",
                What::Bindings {
                    devices: 0,
                    bound: Box::default(),
                    unbound: ["P/a".into()].into(),
                },
            ),
        ];
        let row = |(number, (customer, what)): (i64, (&str, What))| Row {
            time_ms: 1_700_000_000_123 + number * 1000,
            request_id: format!("request-{number}").into(),
            customer: customer.into(),
            what,
        };
        (0..).zip(whats).map(row).collect()
    }

    #[test]
    fn a_status_of_a_later_version_is_told_by_its_number() {
        let names = [0, 1, 2, 7].map(|code| super::status_name(code).into_owned());
        assert_eq!(names, ["offline", "online", "unknown", "status 7"]);
    }
}
