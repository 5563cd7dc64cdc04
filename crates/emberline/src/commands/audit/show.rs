//! Receipts as a table, as JSON and as CSV.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;

use super::row::{Order, Row, What, report, status_name};
use crate::commands::table;
use crate::span::shown;

/// For people.
pub(super) fn table(rows: &[Row], out: &mut dyn Write) -> io::Result<()> {
    let head = ["time", "action", "device", "customer", "request id", "what"];
    table::write(out, head, rows, |row| {
        [
            Cow::Owned(row.time()),
            Cow::Borrowed(row.what.action()),
            Cow::Borrowed(row.what.device().unwrap_or_default()),
            Cow::Borrowed(&*row.customer),
            Cow::Borrowed(&*row.request_id),
            row.what.text(),
        ]
    })
}

/// What it comes to.
pub(super) fn summary(rows: &[Row], read: u64) -> String {
    let mut calls = rows.iter().map(|row| &row.request_id).collect::<Vec<_>>();
    calls.dedup();
    let reports: u64 = rows.iter().map(|row| row.what.reports()).sum();
    let (calls, reports) = (counted(calls.len() as u64, "call"), counted(reports, "report"));
    format!("{calls} with {reports}, of {} read", counted(read, "record"))
}

/// So many of them.
pub(super) fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// A receipt's fields under the names that JSON and CSV give them: those of the contract's
/// events where they have one.
#[derive(Debug, Default, Serialize)]
struct Fields<'a> {
    time: String,
    action: &'static str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reports: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_report_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_report_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    devices: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bound: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unbound: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_no: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item_vno: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item_num: Option<u32>,
}

impl<'a> Fields<'a> {
    fn of(row: &'a Row) -> Self {
        let common = Self {
            time: row.time(),
            action: row.what.action(),
            request_id: &row.request_id,
            customer_id: Some(&*row.customer).filter(|id| !id.is_empty()),
            device_id: row.what.device(),
            ..Self::default()
        };
        match &row.what {
            What::Customer => common,
            What::Data { category, reports, first, last, .. } => Self {
                category: Some(category.property()),
                reports: Some(*reports),
                first_report_time: Some(report(*first)),
                last_report_time: Some(report(*last)),
                ..common
            },
            What::State { status, time_ms, .. } => Self {
                state: Some(status_name(*status)),
                state_time: Some(shown(*time_ms)),
                ..common
            },
            What::Bindings { devices, bound, unbound } => Self {
                devices: Some(*devices),
                bound: Some(bound),
                unbound: Some(unbound),
                ..common
            },
            What::Order(order) => {
                let Order { number, item, version, count } = &**order;
                Self {
                    order_no: Some(number),
                    item_id: Some(item),
                    item_vno: Some(version),
                    item_num: Some(*count),
                    ..common
                }
            }
        }
    }

    /// In the order of [`COLUMNS`]. Devices stand side by side: no id has a space.
    fn cells(self) -> [Cow<'a, str>; COLUMNS.len()] {
        let text = |text: Option<&'a str>| Cow::Borrowed(text.unwrap_or_default());
        let time = |time: Option<String>| Cow::Owned(time.unwrap_or_default());
        let number = |it: Option<u32>| Cow::Owned(it.map(|it| it.to_string()).unwrap_or_default());
        let ids = |ids: Option<&[String]>| Cow::Owned(ids.unwrap_or_default().join(" "));
        [
            Cow::Owned(self.time),
            Cow::Borrowed(self.action),
            Cow::Borrowed(self.request_id),
            text(self.customer_id),
            text(self.device_id),
            text(self.category),
            number(self.reports),
            time(self.first_report_time),
            time(self.last_report_time),
            self.state.unwrap_or_default(),
            time(self.state_time),
            number(self.devices),
            ids(self.bound),
            ids(self.unbound),
            text(self.order_no),
            text(self.item_id),
            text(self.item_vno),
            number(self.item_num),
        ]
    }
}

/// A promise to whoever reads the CSV: a column is only ever added at the end.
const COLUMNS: [&str; 18] = [
    "time",
    "action",
    "request_id",
    "customer_id",
    "device_id",
    "category",
    "reports",
    "first_report_time",
    "last_report_time",
    "state",
    "state_time",
    "devices",
    "bound",
    "unbound",
    "order_no",
    "item_id",
    "item_vno",
    "item_num",
];

/// One object a line.
pub(super) fn json(rows: &[Row], out: &mut dyn Write) -> io::Result<()> {
    rows.iter().try_for_each(|row| {
        serde_json::to_writer(&mut *out, &Fields::of(row))?;
        out.write_all(b"\n")
    })
}

/// One line each, after one of names.
pub(super) fn csv(rows: &[Row], out: &mut dyn Write) -> io::Result<()> {
    write_csv(out, COLUMNS, rows.iter().map(|row| Fields::of(row).cells()))
}

/// Writes names and lines as CSV.
///
/// # Errors
/// Those of the writer, as they are.
pub(super) fn write_csv<'a, const N: usize>(
    out: &mut dyn Write,
    names: [&str; N],
    mut lines: impl Iterator<Item = [Cow<'a, str>; N]>,
) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    let io_error = |error: csv::Error| match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    };
    csv.write_record(names).map_err(io_error)?;
    lines.try_for_each(|cells| {
        csv.write_record(cells.iter().map(|cell| cell.as_bytes())).map_err(io_error)
    })?;
    csv.flush()
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};

    use super::super::row::Row;
    use super::super::row::tests::rows;

    fn written(write: fn(&[Row], &mut dyn Write) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&rows(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_kind_of_receipt_is_a_line_of_a_table() {
        insta::assert_snapshot!(written(super::table));
    }

    #[test]
    fn each_kind_of_receipt_is_an_object_of_its_own_fields() {
        insta::assert_snapshot!(written(super::json));
    }

    #[test]
    fn each_kind_of_receipt_is_a_line_of_csv_whose_quotes_and_line_ends_read_back() {
        let text = written(super::csv);
        insta::assert_snapshot!(text);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let records: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert_eq!((records.len(), &records[2][14]), (rows().len(), "o,\"1\"\n"));
        let mut columns = reader.headers().unwrap().iter();
        assert!(columns.all(|name| !name.is_empty()));
    }

    #[test]
    fn calls_are_counted_once_where_each_report_has_a_line() {
        let mut rows = rows();
        rows.push(rows[6].clone());
        assert_eq!(super::summary(&rows, 99), "7 calls with 4 reports, of 99 records read");
    }

    #[test]
    fn no_receipt_is_no_table_and_still_the_names_of_a_csv() {
        let mut out = Vec::new();
        super::table(&[], &mut out).unwrap();
        assert!(out.is_empty());
        super::csv(&[], &mut out).unwrap();
        assert!(out.starts_with(b"time,action,request_id,"));
    }
}
