//! Receipts gathered, oldest first.
//!
//! Partitions are read at the same time and in no common order, so all that is printed is
//! held; how much is bounded.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

use emberline_model::DeviceId;
use emberline_wire::receipt::{Receipt, Received, ReportMark};

use super::log::Trouble;
use super::row::{Order, Row, What};

/// Most rows, and devices of binding calls, that are held: about 1 GB.
const MOST: usize = 5_000_000;

/// What was found so far.
pub(super) struct List {
    rows: Vec<Row>,
    /// One row a report instead of one a call.
    each_report: bool,
    /// The device that is asked about comes first where a call has many.
    device: Option<DeviceId>,
    names: Names,
    held: usize,
    most: usize,
}

impl List {
    pub(super) fn new(each_report: bool, device: Option<DeviceId>) -> Self {
        let (rows, names) = (Vec::new(), Names::default());
        Self { rows, each_report, device, names, held: 0, most: MOST }
    }

    /// Takes one more.
    ///
    /// # Errors
    /// It would be too many.
    pub(super) fn take(&mut self, receipt: Receipt) -> Result<(), Trouble> {
        self.held += match &receipt.received {
            Received::Data { reports, .. } if self.each_report => reports.len(),
            Received::Bindings { bound, unbound, .. } => 1 + bound.len() + unbound.len(),
            _ => 1,
        };
        if self.held > self.most {
            return Err(Trouble::too_much(self.most, "receipts and reports"));
        }
        let Receipt { time_ms, request_id, customer_id, received } = receipt;
        let request_id: Arc<str> = request_id.into();
        let customer = self.names.of(&customer_id);
        let row = |what| Row {
            time_ms,
            request_id: Arc::clone(&request_id),
            customer: Arc::clone(&customer),
            what,
        };
        match received {
            Received::Data { device_id, category, reports } => {
                let device = self.names.of(&device_id);
                let data = |reports: &[ReportMark]| {
                    let times = || reports.iter().map(|report| report.time);
                    let (first, last) = (times().min()?, times().max()?);
                    let reports = u32::try_from(reports.len()).unwrap_or(u32::MAX);
                    Some(What::Data { device: Arc::clone(&device), category, reports, first, last })
                };
                let a_row = if self.each_report { 1 } else { reports.len().max(1) };
                self.rows.extend(reports.chunks(a_row).filter_map(data).map(row));
            }
            Received::State { device_id, status, time_ms } => {
                let device = self.names.of(&device_id);
                self.rows.push(row(What::State { device, status, time_ms }));
            }
            Received::Bindings { devices, bound, unbound } => {
                let (bound, unbound) = (self.asked_first(bound), self.asked_first(unbound));
                self.rows.push(row(What::Bindings { devices, bound, unbound }));
            }
            Received::Customer => self.rows.push(row(What::Customer)),
            Received::Order { order_no, item, version, count } => {
                let order = Order { number: order_no, item, version, count };
                self.rows.push(row(What::Order(Box::new(order))));
            }
        }
        Ok(())
    }

    /// All of them. Of one time, in the order of the calls' names, so that it is the same
    /// each time; a call's reports stay as they were in it.
    pub(super) fn into_rows(self) -> Vec<Row> {
        let mut rows = self.rows;
        let order = |one: &Row, other: &Row| -> Ordering {
            (one.time_ms, &one.request_id).cmp(&(other.time_ms, &other.request_id))
        };
        rows.sort_by(order);
        rows
    }

    fn asked_first(&self, mut devices: Vec<String>) -> Box<[String]> {
        if let Some(asked) = &self.device
            && let Some(place) = devices.iter().position(|id| id == asked.as_str())
        {
            devices[..=place].rotate_right(1);
        }
        devices.into()
    }
}

/// Texts that many rows share, held once.
#[derive(Default)]
struct Names(HashSet<Arc<str>>);

impl Names {
    fn of(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let name: Arc<str> = text.into();
        self.0.insert(Arc::clone(&name));
        name
    }
}

#[cfg(test)]
mod tests {
    use emberline_model::{Category, DeviceId, ReportTime};
    use emberline_wire::receipt::{Receipt, Received, ReportMark};

    use super::{List, Row, Trouble, What};

    fn receipt(time_ms: i64, request_id: &str, received: Received) -> Receipt {
        Receipt { time_ms, request_id: request_id.into(), customer_id: "c_1".into(), received }
    }

    fn data(times: &[i64]) -> Received {
        let report = |seconds: &i64| ReportMark {
            time: ReportTime::from_seconds(*seconds).unwrap(),
            mark: 7,
        };
        let reports = times.iter().map(report).collect();
        Received::Data { device_id: "P/a".into(), category: Category::Power, reports }
    }

    fn times(rows: &[Row]) -> Vec<(&str, u64, i64, i64)> {
        let times = rows.iter().map(|row| match &row.what {
            What::Data { first, last, .. } => {
                (&*row.request_id, row.what.reports(), first.seconds(), last.seconds())
            }
            other => panic!("{other:?}"),
        });
        times.collect()
    }

    #[test]
    fn receipts_stand_oldest_first_with_the_first_and_last_time_of_their_reports() {
        let mut list = List::new(false, None);
        for (time_ms, id, reports) in
            [(9, "b", &[5_i64, 3, 8][..]), (7, "z", &[1]), (9, "a", &[2, 2])]
        {
            list.take(receipt(time_ms, id, data(reports))).unwrap();
        }
        let rows = list.into_rows();
        assert_eq!(times(&rows), [("z", 1, 1, 1), ("a", 2, 2, 2), ("b", 3, 3, 8)]);
    }

    #[test]
    fn each_report_may_have_a_row_of_its_own_in_the_order_of_the_call() {
        let mut list = List::new(true, None);
        list.take(receipt(9, "b", data(&[5, 3]))).unwrap();
        list.take(receipt(8, "a", data(&[4]))).unwrap();
        let rows = list.into_rows();
        assert_eq!(times(&rows), [("a", 1, 4, 4), ("b", 1, 5, 5), ("b", 1, 3, 3)]);
    }

    #[test]
    fn of_many_devices_the_one_asked_about_comes_first() {
        let mut list = List::new(false, Some(DeviceId::parse("P/c").unwrap()));
        let bound = ["P/a", "P/b", "P/c", "P/d"].map(String::from).to_vec();
        let received = Received::Bindings { devices: 4, bound, unbound: vec!["P/x".into()] };
        list.take(receipt(1, "r", received)).unwrap();
        let What::Bindings { bound, .. } = &list.into_rows()[0].what else { panic!() };
        assert_eq!(bound[..], ["P/c", "P/a", "P/b", "P/d"]);
    }

    #[test]
    fn more_than_is_held_is_told_with_what_to_do() {
        let mut list = List { most: 3, ..List::new(true, None) };
        list.take(receipt(1, "a", data(&[1, 2, 3]))).unwrap();
        let Err(Trouble::TooMuch(text)) = list.take(receipt(2, "b", data(&[4]))) else { panic!() };
        assert!(text.contains("more than 3") && text.contains("--from"), "{text}");
    }
}
