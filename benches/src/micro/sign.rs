//! Reports to a signed body.

use emberline_model::{Category, Measurement, Report, ReportTime};
use emberline_service_api::{
    Credentials, Dialect, RequestId, Secret, ServiceReportDeviceData, Signer, Stamp,
};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::nanoseconds;
use crate::report::Row;

const CALLS: usize = 20_000;

pub(super) fn rows() -> Vec<Row> {
    [("sign + body, 1 report", 1), ("sign + body, 7 reports", 7)]
        .into_iter()
        .map(|(name, count)| row(name, count))
        .collect()
}

fn row(name: &'static str, count: usize) -> Row {
    let app_secret = Secret::new("bench-secret");
    let credentials = Credentials { app_key: "bench".to_owned(), app_secret };
    let signer = Signer::new(&credentials, Dialect::default());
    let reports = reports(count);
    let action = ServiceReportDeviceData {
        device: "F4N0000AN/dev000123",
        customer: "c_000123",
        category: Category::Temperature,
        reports: &reports,
    };
    let mut body = Vec::new();
    let mut stamp =
        Stamp { request_id: RequestId::from_bytes([7; 16]), timestamp: 1_790_000_000, nonce: 1 };
    let sign = nanoseconds(
        || (),
        |()| {
            for _ in 0..CALLS {
                stamp.nonce += 1;
                signer.write(&action, &stamp, &mut body);
            }
            CALLS
        },
    );
    let keyed = Hmac::<Sha1>::new_from_slice(b"bench-secret").expect("a key of any length is one");
    let hash = nanoseconds(
        || (),
        |()| {
            for _ in 0..CALLS {
                let mut mac = keyed.clone();
                mac.update(std::hint::black_box(&body));
                std::hint::black_box(mac.finalize());
            }
            CALLS
        },
    );
    let note = format!("limit: HMAC-SHA1 of its {} bytes", body.len());
    Row::new(name, sign, "ns a call").beside_floor(hash).note(note)
}

fn reports(count: usize) -> Vec<Report> {
    (0..count)
        .filter_map(|place| {
            let time = ReportTime::from_seconds(1_790_000_000 + i64::try_from(place).ok()?)?;
            let measurement = Measurement::new(Category::Temperature, &[1.0, 21.5]).ok()?;
            Some(Report { time, measurement })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_reports_are_valid() {
        assert_eq!(super::reports(7).len(), 7);
    }
}
