//! What devices and customers tell: bytes as they stand in Kafka, and what they mean.

use std::fmt::Write as _;

use emberline_model::{BindingChange, BindingEvent, CustomerId, DeviceId, EventTime};
use emberline_wire::events::encode_binding_json;

use super::super::made_up::clock::{MIDNIGHT, START};
use super::super::made_up::draw::Draw;
use super::kafka::{BINDINGS, DEVICES};

/// The categories in use: a number, another one, and one of several fields.
pub(super) const CATEGORIES: [u16; 3] = [400, 310, 100];

/// One report; no two are told for the same device, category and second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ReportKey {
    pub(super) device: u8,
    pub(super) category: u16,
    pub(super) second: i64,
}

/// What a record holds, one an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fact {
    Report(ReportKey),
    /// A property that can't be sent.
    Impossible(u16),
    /// Nothing to send.
    Nothing,
    Undecodable,
    State {
        device: u8,
        second: i64,
        online: bool,
    },
    Binding {
        customer: u8,
        device: u8,
        second: i64,
        bound: bool,
    },
}

impl Fact {
    /// The category that a header of the pipeline's own names it by.
    pub(super) fn category(&self) -> Option<u16> {
        match self {
            Self::Report(key) => Some(key.category),
            Self::Impossible(category) => Some(*category),
            _ => None,
        }
    }
}

/// A record to be produced.
#[derive(Debug, Clone)]
pub(super) struct Input {
    pub(super) topic: usize,
    pub(super) key: String,
    pub(super) value: Option<Vec<u8>>,
    pub(super) facts: Vec<Fact>,
}

pub(super) fn device_id(device: u8) -> DeviceId {
    DeviceId::new("P", &format!("d{device}")).unwrap()
}

pub(super) fn customer_id(customer: u8) -> CustomerId {
    CustomerId::parse(&format!("c_{customer}")).unwrap()
}

/// The number at the end of an id.
pub(super) fn number_of(id: &str) -> u8 {
    id.bytes().last().map_or(0, |digit| digit - b'0')
}

/// What is told happened a while ago: more is told than there are seconds, and a clock
/// that is ahead is not believed.
const FIRST_SECOND: i64 = START - 3_600;

/// Makes records; each second is told once.
pub(super) struct Producer {
    pub(super) devices: u8,
    second: i64,
}

impl Producer {
    pub(super) fn new(devices: u8) -> Self {
        Self { devices, second: FIRST_SECOND }
    }

    fn next_second(&mut self) -> i64 {
        self.second += 1;
        self.second
    }

    pub(super) fn device(&self, draw: &mut Draw) -> u8 {
        u8::try_from(draw.below(usize::from(self.devices))).unwrap_or(0)
    }

    pub(super) fn telemetry(&mut self, draw: &mut Draw) -> Input {
        let device = self.device(draw);
        let second = self.next_second();
        let first = draw.below(CATEGORIES.len());
        let count = draw.pick(&[1, 1, 1, 2, 3]);
        let (mut params, mut facts) = (String::new(), Vec::new());
        for place in 0..count {
            let category = CATEGORIES[(first + place) % CATEGORIES.len()];
            let possible = !draw.percent(3);
            let (name, value) = match (category, possible) {
                (400, true) => ("power", "1.25"),
                (400, false) => ("power", "99999999"),
                (310, true) => ("residual_current", "0.031"),
                (310, false) => ("residual_current", "\"much\""),
                (_, true) => ("voltage_info", r#"{"amount":1,"voltage":220.5}"#),
                (_, false) => ("voltage_info", r#"{"amount":1}"#),
            };
            let comma = if params.is_empty() { "" } else { "," };
            let _ = write!(params, "{comma}\"{name}\":{value}");
            let report = ReportKey { device, category, second };
            facts.push(if possible { Fact::Report(report) } else { Fact::Impossible(category) });
        }
        if draw.percent(3) {
            let _ = write!(params, ",\"brightness\":3");
            facts.push(Fact::Nothing);
        }
        let value = published(
            device,
            &format!(r#"{{"method":"report","timestamp":{second},"params":{{{params}}}}}"#),
        );
        self.of_device(device, Some(value), facts)
    }

    pub(super) fn state(&mut self, draw: &mut Draw) -> Input {
        let device = self.device(draw);
        let second = self.next_second();
        let online = draw.percent(50);
        let of_day = second - MIDNIGHT;
        let value = format!(
            r#"{{"MsgType":"StatusChange","Event":"{}","ProductId":"P","DeviceName":"d{device}","Time":"2023-11-15 {:02}:{:02}:{:02}"}}"#,
            if online { "Online" } else { "Offline" },
            of_day / 3600,
            of_day / 60 % 60,
            of_day % 60,
        );
        let facts = vec![Fact::State { device, second, online }];
        self.of_device(device, Some(value.into_bytes()), facts)
    }

    /// What is no telemetry, no state, or can't be read at all.
    pub(super) fn odd(&mut self, draw: &mut Draw) -> Input {
        let device = self.device(draw);
        let (value, fact) = match draw.below(6) {
            0 => (None, Fact::Nothing),
            1 => (Some(published(device, r#"{"method":"event_post"}"#)), Fact::Nothing),
            2 => (Some(published(device, r#"{"method":"report","params":{}}"#)), Fact::Nothing),
            3 => (Some(br#"{"MsgType":"Weather"}"#.to_vec()), Fact::Nothing),
            4 => (Some(b"{\"payload\":{\"method\":\"rep".to_vec()), Fact::Undecodable),
            _ => (Some(b"\x01\x02".to_vec()), Fact::Undecodable),
        };
        self.of_device(device, value, vec![fact])
    }

    pub(super) fn binding(&mut self, device: u8, customer: u8, bound: bool, late: bool) -> Input {
        let now = self.next_second();
        // A late event tells of something before all that is known.
        let second = if late { FIRST_SECOND - (now - FIRST_SECOND) } else { now };
        let change = if bound {
            BindingChange::Bind {
                customer_device_no: format!("n{device}"),
                product_name: "Smoke detector".into(),
            }
        } else {
            BindingChange::Unbind
        };
        let event = BindingEvent {
            customer: customer_id(customer),
            device: device_id(device),
            time: EventTime::from_millis(second * 1000),
            change,
        };
        Input {
            topic: BINDINGS,
            key: customer_id(customer).as_str().to_owned(),
            value: Some(encode_binding_json(&event)),
            facts: vec![Fact::Binding { customer, device, second, bound }],
        }
    }

    #[expect(clippy::unused_self, reason = "reads as the others do")]
    fn of_device(&self, device: u8, value: Option<Vec<u8>>, facts: Vec<Fact>) -> Input {
        Input { topic: DEVICES, key: format!("d{device}"), value, facts }
    }
}

fn published(device: u8, message: &str) -> Vec<u8> {
    format!(
        r#"{{"payload":{message},"topic":"$thing/up/property/P/d{device}","devicename":"d{device}","productid":"P"}}"#
    )
    .into_bytes()
}
