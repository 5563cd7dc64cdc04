//! Where an order is placed: on a topic, at the service, or wherever else. The portal only
//! says what is ordered, and shows what became of it.

use std::fmt;
use std::time::Duration;

use emberline_model::{CustomerId, OrderEvent};

use crate::BoxFuture;

/// How a customer is reached. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Contact {
    /// For example `86`.
    pub country_code: String,
    /// Digits only.
    pub phone_number: String,
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Contact(***)")
    }
}

/// An order, and who must be known to the service before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchase {
    /// Who orders.
    pub customer: CustomerId,
    /// How to reach them; `None` where the app did not tell.
    pub contact: Option<Contact>,
    /// What. The same press of a button, on whichever replica and however often, has the same
    /// number and time.
    pub order: OrderEvent,
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placed {
    /// It was taken, and will be there soon. Also when it was taken before.
    OnItsWay,
    /// The service has it.
    There,
    /// It will not be placed.
    Refused(RefusedOrder),
    /// It may not have been placed; to try again is safe.
    TryLater {
        /// How long to wait, where that is known.
        after: Option<Duration>,
    },
}

/// Why an order is not placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusedOrder {
    /// Formal orders are switched off.
    NotOnSale,
    /// All authorisations that may be used are used up.
    SoldOut,
    /// The service does not accept the telephone number.
    Contact,
    /// The service does not accept the order.
    Order,
}

/// Places orders. The same order number is placed once, however often it is asked for.
pub trait OrderDesk: Send + Sync + 'static {
    /// Places an order and its customer, or finds it placed. Ends within some seconds.
    fn place<'a>(&'a self, purchase: &'a Purchase) -> BoxFuture<'a, Placed>;
}
