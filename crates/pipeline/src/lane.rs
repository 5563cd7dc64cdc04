//! What a lane is about, and what waits in it.
//!
//! One lane is one (device, category), one device's states, or one customer's bindings,
//! data or orders: at most one call of each is in flight. Where records are only written on,
//! keyed by device, a lane is one device, or the customer whose set it is, and writes take a
//! call's place.

use std::time::Instant;

use emberline_flow::lanes::LaneKey;
use emberline_model::{
    BindingEvent, Category, CustomerEvent, CustomerId, DeviceId, DeviceKey, EventTime, Identity,
    OnlineStatus, OrderEvent, Report,
};
use xxhash_rust::xxh3::xxh3_128;

use crate::claim_state::ClaimState;
use crate::records::{Failure, RecordId};

/// The actions that the workers call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    ReportData,
    ReportState,
    BindDevice,
    CreateCustomer,
    ListCustomers,
    CreateOrder,
    ListOrders,
}

impl Action {
    pub(crate) const ALL: [Self; 7] = [
        Self::ReportData,
        Self::ReportState,
        Self::BindDevice,
        Self::CreateCustomer,
        Self::ListCustomers,
        Self::CreateOrder,
        Self::ListOrders,
    ];

    /// The service's name for it (contract: service API).
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::ReportData => "ServiceReportDeviceData",
            Self::ReportState => "ServiceReportDeviceState",
            Self::BindDevice => "ServiceBindDevice",
            Self::CreateCustomer => "ServiceCreateCustomer",
            Self::ListCustomers => "ServiceGetCustomerList",
            Self::CreateOrder => "ServiceCreateOrder",
            Self::ListOrders => "ServiceGetOrderList",
        }
    }
}

/// What a lane is about.
#[derive(Debug, Clone)]
pub(crate) enum About {
    Data {
        device: DeviceId,
        category: Category,
    },
    State {
        device: DeviceId,
    },
    Bindings {
        customer: CustomerId,
    },
    /// A customer to be made known.
    Customer {
        customer: CustomerId,
    },
    /// A customer's orders.
    Orders {
        customer: CustomerId,
    },
    /// A device's records, on their way to the topic that is keyed by device.
    Records {
        device: DeviceId,
    },
    /// A customer's sets, on their way to the topic of their facts.
    Set {
        customer: CustomerId,
    },
}

/// A lane's own state beside its items.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) about: About,
    /// Failed attempts of the items at the head, since the last outage.
    pub(crate) attempts: u32,
    /// Outages known when they were counted.
    pub(crate) outages: u32,
    /// What is to be decided about the items at the head before they are called for again.
    pub(crate) spent: Option<Box<Spent>>,
    /// A retry that the budget has not covered yet.
    pub(crate) owes_retry: bool,
    /// So many items at the head hold one that the service refuses; 0 if none is known.
    pub(crate) suspects: usize,
    /// Until when its unbound device's binding is waited for.
    pub(crate) hold_until: Option<Instant>,
    /// How far the customer or order at the head has come.
    pub(crate) claim: Option<Box<ClaimState>>,
}

impl Lane {
    pub(crate) fn about(about: About) -> Self {
        Self {
            about,
            attempts: 0,
            outages: 0,
            spent: None,
            owes_retry: false,
            suspects: 0,
            hold_until: None,
            claim: None,
        }
    }

    /// The action of its next call, or of the one under way; `None` where what waits is
    /// written, not called for.
    pub(crate) fn action(&self) -> Option<Action> {
        Some(match &self.about {
            About::Data { .. } => Action::ReportData,
            About::State { .. } => Action::ReportState,
            About::Bindings { .. } => Action::BindDevice,
            About::Customer { .. } | About::Orders { .. } => {
                self.claim.as_ref().map_or(Action::ListOrders, |claim| claim.action)
            }
            About::Records { .. } | About::Set { .. } => return None,
        })
    }

    /// The items at the head have been dealt with: what is known of their failures is over.
    pub(crate) fn begin_anew(&mut self) {
        self.attempts = 0;
        self.spent = None;
        self.owes_retry = false;
    }

    /// Most items of the next call, where a call normally has `most`: while a guilty one
    /// is looked for, half of those among which it is.
    pub(crate) fn batch_limit(&self, most: usize) -> usize {
        match self.suspects {
            0 => most,
            suspects => most.min(suspects.div_ceil(2)),
        }
    }
}

/// A call whose attempts in place are used up. Whether it failed of itself or because the
/// service is down shows in what becomes of the calls after it.
#[derive(Debug)]
pub(crate) struct Spent {
    /// When it failed last.
    pub(crate) at: Instant,
    /// Its items, at the lane's head.
    pub(crate) items: usize,
    pub(crate) failure: Failure,
}

/// What waits in a lane.
#[derive(Debug)]
pub(crate) struct Item {
    /// The record that it came of.
    pub(crate) record: RecordId,
    pub(crate) what: What,
}

impl Item {
    /// What makes it the same as another one; `None` for a binding event, whose set knows.
    pub(crate) fn identity(&self, about: &About) -> Option<Identity> {
        match (&self.what, about) {
            (What::Report { report, .. }, About::Data { device, .. }) => {
                Some(report.identity(device.key()))
            }
            (What::State { status, time, .. }, About::State { device }) => {
                Some(state_identity(device.key(), *status, *time))
            }
            _ => None,
        }
    }
}

/// An item's content.
#[derive(Debug)]
pub(crate) enum What {
    Report {
        report: Report,
        /// Its identity is held by a call of an earlier tenure of the partition, whose end
        /// decides whether this one is a duplicate.
        shadow: bool,
    },
    State {
        status: OnlineStatus,
        time: EventTime,
        /// When its call ended, where newer states that came until then are still looked for.
        called_at: Option<Instant>,
    },
    Binding(Box<BindingEvent>),
    Customer(Box<CustomerEvent>),
    Order(Box<OrderEvent>),
    /// The record itself, as it came.
    Record,
}

/// The lane of one (device, category).
pub(crate) fn data_key(device: DeviceKey, category: Category) -> LaneKey {
    // The odd constant is 2^64 divided by the golden ratio: it spreads six small numbers.
    let salt = (category.index() as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    LaneKey([device.0[0] ^ salt, device.0[1]])
}

/// The lane of one device's states.
pub(crate) fn state_key(device: DeviceKey) -> LaneKey {
    LaneKey([!device.0[0], device.0[1]])
}

/// The lane of one device's records, where these are not read but written on.
pub(crate) fn records_key(device: DeviceKey) -> LaneKey {
    LaneKey(device.0)
}

/// The lane of one customer's bindings.
pub(crate) fn customer_key(customer: &CustomerId) -> LaneKey {
    let hash = xxh3_128(customer.as_str().as_bytes());
    #[expect(clippy::cast_possible_truncation, reason = "the two halves of one hash")]
    LaneKey([(hash >> 64) as u64, hash as u64])
}

/// The lane in which a customer is made known.
pub(crate) fn new_customer_key(customer: &CustomerId) -> LaneKey {
    let LaneKey([high, low]) = customer_key(customer);
    LaneKey([!high, low])
}

/// The lane of a customer's orders.
pub(crate) fn orders_key(customer: &CustomerId) -> LaneKey {
    let LaneKey([high, low]) = customer_key(customer);
    LaneKey([high, !low])
}

/// What makes two states of a device the same event.
pub(crate) fn state_identity(device: DeviceKey, status: OnlineStatus, time: EventTime) -> Identity {
    state_identity_of(device, status.code(), time.millis())
}

/// The same, with the service's number of the status, and Unix milliseconds.
pub(crate) fn state_identity_of(device: DeviceKey, status: u8, time_ms: i64) -> Identity {
    let mut bytes = [0_u8; 25];
    bytes[..8].copy_from_slice(&device.0[0].to_le_bytes());
    bytes[8..16].copy_from_slice(&device.0[1].to_le_bytes());
    bytes[16..24].copy_from_slice(&time_ms.to_le_bytes());
    bytes[24] = status;
    Identity(xxh3_128(&bytes))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use emberline_model::{Category, DeviceId};

    use super::{About, Lane, data_key, state_key};

    #[test]
    fn every_category_and_the_state_of_a_device_have_lanes_of_their_own() {
        let device = DeviceId::parse("P/a").unwrap().key();
        let mut keys: HashSet<_> =
            Category::ALL.into_iter().map(|category| data_key(device, category).0).collect();
        keys.insert(state_key(device).0);
        assert_eq!(keys.len(), 7);
    }

    #[test]
    fn a_guilty_report_among_fifty_is_alone_after_six_halvings() {
        let mut lane = Lane::about(About::State { device: DeviceId::parse("P/a").unwrap() });
        let mut calls = vec![];
        lane.suspects = 50;
        while lane.suspects > 1 {
            let limit = lane.batch_limit(100);
            calls.push(limit);
            lane.suspects = limit;
        }
        assert_eq!(calls, [25, 13, 7, 4, 2, 1]);
        assert_eq!(lane.batch_limit(100), 1);
    }
}
