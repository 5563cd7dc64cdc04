//! The records of the topic `<prefix>.receipts`: the vendor's proof of what the service
//! accepted, one a call.
//!
//! Absent: values. A report is told by its time and a mark, which is enough to know it again.

use emberline_model::{Category, Identity, ReportTime};
use prost::Message;

use crate::{DecodeError, proto};

mod data;

pub use data::DataReceipt;

const MESSAGE: &str = "Receipt";

/// The one field of a [`proto::Receipt`] that tells whose it is.
#[derive(Clone, PartialEq, prost::Message)]
struct Whose {
    #[prost(string, tag = "3")]
    customer_id: String,
}

/// One call that the service accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// When the answer was there, Unix milliseconds.
    pub time_ms: i64,
    /// The call's `RequestId`.
    pub request_id: String,
    /// Whose it is; empty for a state, which the service takes without a customer.
    pub customer_id: String,
    /// What was accepted.
    pub received: Received,
}

/// What a call has brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// Reports of one category of a device.
    Data {
        /// Whose.
        device_id: String,
        /// Of what.
        category: Category,
        /// Which, in the order of the call.
        reports: Vec<ReportMark>,
    },
    /// A device's online status.
    State {
        /// Whose.
        device_id: String,
        /// The service's number of the status.
        status: u8,
        /// When the device changed, Unix milliseconds.
        time_ms: i64,
    },
    /// A customer's whole set of devices.
    Bindings {
        /// How many devices the set had.
        devices: u32,
        /// Those whose binding was new in it.
        bound: Vec<String>,
        /// Those that had left it.
        unbound: Vec<String>,
    },
    /// A customer was made known.
    Customer,
    /// An order was placed.
    Order {
        /// Its number.
        order_no: String,
        /// The insured item as it was sent, with the mark of a test order.
        item: String,
        /// The item's version.
        version: String,
        /// How many.
        count: u32,
    },
}

/// One report of a call: its time, and what tells it from others of the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReportMark {
    /// When it was measured.
    pub time: ReportTime,
    /// The upper half of its [`Identity`].
    pub mark: u64,
}

/// What a receipt tells of an identity: its upper half.
pub const fn mark_of(identity: Identity) -> u64 {
    (identity.0 >> 64) as u64
}

impl ReportMark {
    /// The mark of the report of this time and identity.
    pub const fn of(time: ReportTime, identity: Identity) -> Self {
        Self { time, mark: mark_of(identity) }
    }
}

impl Receipt {
    /// The record's key: a device's receipts lie in one partition, and so do a customer's.
    pub fn key(&self) -> &str {
        self.received.device_id().unwrap_or(&self.customer_id)
    }

    /// Writes a record's value.
    pub fn encode(self) -> Vec<u8> {
        let Self { time_ms, request_id, customer_id, received } = self;
        let received = Some(received.into_proto());
        proto::Receipt { time_ms, request_id, customer_id, received }.encode_to_vec()
    }

    /// Whose it is, without the rest of it being read: for whoever looks for few of many.
    ///
    /// # Errors
    /// [`DecodeError`] if it is no such message. Of what it has brought nothing is checked.
    pub fn customer_of(value: &[u8]) -> Result<String, DecodeError> {
        let whose = Whose::decode(value).map_err(|error| DecodeError::protobuf(MESSAGE, &error))?;
        Ok(whose.customer_id)
    }

    /// Reads a record's value.
    ///
    /// # Errors
    /// [`DecodeError`] if it is no such message, or of a kind that only a later version
    /// writes.
    pub fn decode(value: &[u8]) -> Result<Self, DecodeError> {
        let receipt = proto::Receipt::decode(value)
            .map_err(|problem| DecodeError::protobuf(MESSAGE, &problem))?;
        let received = receipt.received.ok_or(DecodeError::Missing { field: "received" })?;
        Ok(Self {
            time_ms: receipt.time_ms,
            request_id: receipt.request_id,
            customer_id: receipt.customer_id,
            received: Received::from_proto(received)?,
        })
    }
}

impl Received {
    /// The device that it is about, if it is about one.
    pub fn device_id(&self) -> Option<&str> {
        match self {
            Self::Data { device_id, .. } | Self::State { device_id, .. } => Some(device_id),
            Self::Bindings { .. } | Self::Customer | Self::Order { .. } => None,
        }
    }

    fn into_proto(self) -> proto::receipt::Received {
        use proto::receipt::Received as Wire;
        match self {
            Self::Data { device_id, category, reports } => Wire::Data(proto::DataReceipt {
                device_id,
                category: category.code().into(),
                time_steps: steps(reports.iter().map(|report| report.time)).collect(),
                marks: reports.iter().map(|report| report.mark).collect(),
            }),
            Self::State { device_id, status, time_ms } => {
                Wire::State(proto::StateReceipt { device_id, status: status.into(), time_ms })
            }
            Self::Bindings { devices, bound, unbound } => {
                Wire::Bindings(proto::BindingsReceipt { devices, bound, unbound })
            }
            Self::Customer => Wire::Customer(proto::CustomerReceipt {}),
            Self::Order { order_no, item, version, count } => {
                Wire::Order(proto::OrderReceipt { order_no, item, version, count })
            }
        }
    }

    fn from_proto(received: proto::receipt::Received) -> Result<Self, DecodeError> {
        use proto::receipt::Received as Wire;
        Ok(match received {
            Wire::Data(data) => {
                let reports = marks(&data)?;
                let category = u16::try_from(data.category).ok().and_then(Category::from_code);
                let category = category
                    .ok_or_else(|| DecodeError::invalid("category", "not one of the six"))?;
                Self::Data { device_id: data.device_id, category, reports }
            }
            Wire::State(proto::StateReceipt { device_id, status, time_ms }) => {
                let status = u8::try_from(status)
                    .map_err(|_| DecodeError::invalid("status", "not one of the three"))?;
                Self::State { device_id, status, time_ms }
            }
            Wire::Bindings(proto::BindingsReceipt { devices, bound, unbound }) => {
                Self::Bindings { devices, bound, unbound }
            }
            Wire::Customer(proto::CustomerReceipt {}) => Self::Customer,
            Wire::Order(proto::OrderReceipt { order_no, item, version, count }) => {
                Self::Order { order_no, item, version, count }
            }
        })
    }
}

/// The first time, then each one's distance from the one before.
fn steps(times: impl Iterator<Item = ReportTime> + Clone) -> impl Iterator<Item = i64> + Clone {
    times.scan(0, |last, time| {
        let time = time.seconds();
        Some(time - std::mem::replace(last, time))
    })
}

fn marks(data: &proto::DataReceipt) -> Result<Vec<ReportMark>, DecodeError> {
    if data.time_steps.len() != data.marks.len() {
        return Err(DecodeError::invalid("marks", "not as many as times"));
    }
    let mut time = 0_i64;
    let reports = data.time_steps.iter().zip(&data.marks).map(|(step, mark)| {
        time = time.checked_add(*step)?;
        Some(ReportMark { time: ReportTime::from_seconds(time)?, mark: *mark })
    });
    let reports: Option<_> = reports.collect();
    reports.ok_or_else(|| DecodeError::invalid("time_steps", "no time between 1970 and 9999"))
}

#[cfg(test)]
mod tests {
    use emberline_model::{Category, Identity, ReportTime};
    use prost::Message as _;

    use super::{Receipt, Received, ReportMark};
    use crate::proto;

    fn mark(seconds: i64, mark: u64) -> ReportMark {
        ReportMark { time: ReportTime::from_seconds(seconds).unwrap(), mark }
    }

    fn data(reports: Vec<ReportMark>) -> Received {
        Received::Data { device_id: "P/a".into(), category: Category::Power, reports }
    }

    fn receipt(received: Received) -> Receipt {
        Receipt {
            time_ms: 1_700_000_000_123,
            request_id: "476c990a-f5b7-1575-987c-4ef70e474932".into(),
            customer_id: "c_1".into(),
            received,
        }
    }

    #[test]
    fn every_kind_of_receipt_reads_back() {
        let kinds = [
            data(vec![mark(1_700_000_000, 1), mark(1_699_999_940, u64::MAX), mark(0, 0)]),
            Received::State { device_id: "P/a".into(), status: 2, time_ms: 1_700_000_000_000 },
            Received::Bindings { devices: 9, bound: vec!["P/a".into()], unbound: vec![] },
            Received::Customer,
            Received::Order {
                order_no: "o/1".into(),
                item: "D-FireInsurance2020".into(),
                version: "FireMER20W".into(),
                count: 1,
            },
        ];
        for received in kinds {
            let receipt = receipt(received);
            let value = receipt.clone().encode();
            assert_eq!(Receipt::customer_of(&value).unwrap(), receipt.customer_id);
            assert_eq!(Receipt::decode(&value).unwrap(), receipt);
        }
    }

    #[test]
    fn a_receipt_lies_with_its_device_or_else_with_its_customer() {
        assert_eq!(receipt(data(vec![])).key(), "P/a");
        assert_eq!(receipt(Received::Customer).key(), "c_1");
    }

    #[test]
    fn a_hundred_reports_take_about_ten_bytes_each() {
        let reports = (0..100).map(|at| mark(1_700_000_000 + at * 60, 7)).collect();
        let bytes = receipt(data(reports)).encode().len();
        assert!(bytes < 1_100, "{bytes}");
    }

    #[test]
    fn a_mark_is_the_upper_half_of_the_identity() {
        let time = ReportTime::from_seconds(1).unwrap();
        assert_eq!(ReportMark::of(time, Identity(5 << 64 | 9)), mark(1, 5));
    }

    #[test]
    fn what_is_no_receipt_is_refused() {
        let wire = |data| {
            let received = Some(proto::receipt::Received::Data(data));
            proto::Receipt { received, ..Default::default() }.encode_to_vec()
        };
        let good = proto::DataReceipt {
            category: 400,
            time_steps: vec![1],
            marks: vec![2],
            ..Default::default()
        };
        assert!(Receipt::decode(&wire(good.clone())).is_ok());
        let bad = [
            proto::DataReceipt { category: 401, ..good.clone() },
            proto::DataReceipt { marks: vec![], ..good.clone() },
            proto::DataReceipt { time_steps: vec![-1], ..good.clone() },
            proto::DataReceipt { time_steps: vec![i64::MAX, 1], marks: vec![1, 2], ..good },
        ];
        for bad in bad {
            assert!(Receipt::decode(&wire(bad.clone())).is_err(), "{bad:?}");
        }
        // A kind of a later version.
        assert!(Receipt::decode(&[]).is_err());
        assert!(Receipt::decode(&[0xff]).is_err());
        assert!(Receipt::customer_of(&[0xff]).is_err());
    }
}
