//! What a lane knows of the customer or order at its head.

use emberline_flow::claim::Claim;
use emberline_flow::order_book::Holder;
use emberline_service_api::RequestId;

use crate::lane::{Action, Item, What};
use crate::records::Failure;

/// How far a customer or an order has come.
#[derive(Debug)]
pub(crate) struct ClaimState {
    /// What it is of.
    pub(crate) origin: Origin,
    pub(crate) claim: Claim,
    /// Of its next call, or of the one under way.
    pub(crate) action: Action,
    /// Its last call of creation.
    pub(crate) created_by: Option<RequestId>,
    /// Why it can't be delivered, once that is so.
    pub(crate) failure: Failure,
    /// The service does not know the order's customer yet.
    pub(crate) awaits_customer: bool,
}

/// A record of a tenure: its epoch and its offset.
pub(crate) type Origin = (u64, i64);

/// A lease of an order's number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeldLease {
    pub(crate) origin: Origin,
    pub(crate) order_no: String,
    pub(crate) holder: Holder,
}

impl ClaimState {
    pub(crate) fn of(origin: Origin) -> Self {
        Self {
            origin,
            claim: Claim::default(),
            action: Action::ListOrders,
            created_by: None,
            failure: Failure::default(),
            awaits_customer: false,
        }
    }

    /// The lease that this item, of this origin, holds.
    pub(crate) fn lease_of(&self, item: &Item, origin: Origin) -> Option<HeldLease> {
        let What::Order(order) = &item.what else { return None };
        let holder = self.claim.holder().filter(|_| origin == self.origin)?;
        Some(HeldLease { origin, order_no: order.order_no.clone(), holder })
    }
}
