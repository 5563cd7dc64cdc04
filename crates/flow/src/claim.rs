//! One customer to be made known, or one order to be placed: which step comes next.
//!
//! A customer is created, and the service is asked only where it is in doubt whether that was
//! done: to do it twice costs nothing. An order is money. Its number is leased in the
//! [`OrderBook`] first, then the service is asked whether it has the order, and only if it has
//! not, it is placed; after an answer that did not say what was done, all of it anew.
//!
//! Start at [`Claim::next`]; the caller performs the step and says what came of it.

use std::time::{Duration, Instant};

use crate::order_book::{Holder, OrderBook, Standing};

/// An answer that the service lacks an order is good for so long. A process that stood still
/// since must ask again: another may have placed the order meanwhile.
const ANSWER_IS_FRESH: Duration = Duration::from_secs(5);
/// What can't go on for reasons of others is looked at again so soon.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// Longest that an earlier lease is waited for without a look.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// What is claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject<'a> {
    /// A customer.
    Customer,
    /// An order of this number; `formal` if it uses up an authorisation.
    Order {
        /// Unique in the user's own application.
        number: &'a str,
        /// Whether it uses up an authorisation.
        formal: bool,
    },
}

/// What may be spent, and how long is waited where it is unknown what was done.
#[derive(Debug, Clone)]
pub struct ClaimRules {
    /// Whether formal orders are placed at all.
    pub formal_orders: bool,
    /// Most authorisations that formal orders may use up.
    pub authorisations: usize,
    /// How long after an answer that was lost the service may still act on the call.
    pub doubt: Duration,
    /// How long a lease of an order's number is valid. Orders are placed only in its first
    /// half, so the other half must outlast a call and its doubt.
    pub lease: Duration,
    /// How old the count of the service's orders may be.
    pub recount: Duration,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing before this instant.
    Wait(Instant),
    /// Enter a lease of the order's number in the book: see [`Claim::lease_begins`].
    Lease,
    /// Count the service's formal orders, unless that is under way, and look again.
    Count,
    /// Ask the service whether it has the customer or the order.
    Ask,
    /// Create the customer, or place the order.
    Create,
    /// It is at the service: done.
    There,
    /// The service has another order of this number.
    Conflict,
    /// The service has refused it for good.
    Refused,
    /// A formal order where none may be placed.
    FormalOrdersOff,
    /// A formal order for which no authorisation is left.
    AuthorisationsUsedUp,
}

/// What the service answered when it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// It has it not.
    Nothing,
    /// It has it, just so.
    Same,
    /// It has another one of this id or number.
    Other,
}

#[derive(Debug, Clone, Copy)]
struct Lease {
    holder: Holder,
    begun: Instant,
    /// Where in the book it stands, once that is known.
    offset: Option<i64>,
}

/// How far one claim has come.
#[derive(Debug, Default)]
pub struct Claim {
    lease: Option<Lease>,
    /// A call may still be acted on until then.
    doubt_until: Option<Instant>,
    found: Option<(Found, Instant)>,
    refused: bool,
    /// A call to create it was made.
    tried: bool,
}

impl Claim {
    /// The next step. `book` is needed for orders.
    pub fn next(
        &self,
        subject: Subject<'_>,
        rules: &ClaimRules,
        book: &OrderBook,
        now: Instant,
    ) -> Step {
        if let Some(until) = self.doubt_until.filter(|until| *until > now) {
            return Step::Wait(until);
        }
        match subject {
            Subject::Customer => self.next_of_customer(),
            Subject::Order { number, formal } => {
                self.next_of_order((number, formal), rules, book, now)
            }
        }
    }

    fn next_of_customer(&self) -> Step {
        match self.found {
            // An id that is known is a success, whatever else the service has of it.
            Some((Found::Same | Found::Other, _)) => Step::There,
            Some((Found::Nothing, _)) if self.refused => Step::Refused,
            None if self.refused || self.doubt_until.is_some() => Step::Ask,
            None | Some((Found::Nothing, _)) => Step::Create,
        }
    }

    fn next_of_order(
        &self,
        (number, formal): (&str, bool),
        rules: &ClaimRules,
        book: &OrderBook,
        now: Instant,
    ) -> Step {
        match self.found {
            Some((Found::Same, _)) => return Step::There,
            Some((Found::Other, _)) => return Step::Conflict,
            Some((Found::Nothing, _)) if self.refused => return Step::Refused,
            _ => {}
        }
        let asked = self.found.is_some_and(|(_, at)| now < at + ANSWER_IS_FRESH);
        if formal && !rules.formal_orders {
            // It may have been placed while they were.
            return if asked { Step::FormalOrdersOff } else { Step::Ask };
        }
        let Some(lease) = self.lease.filter(|lease| now < lease.begun + rules.lease / 2) else {
            return Step::Lease;
        };
        if lease.offset.is_none_or(|offset| book.read_to() <= offset) {
            return Step::Wait(now + LOOK_AGAIN);
        }
        let entry = (number, lease.holder);
        match book.standing(entry, rules.lease, now) {
            Standing::First => {}
            Standing::After(until) => return Step::Wait(until.min(now + LONGEST_WAIT)),
            // The service may not list it at once.
            Standing::Placed if asked => return Step::There,
            Standing::Placed => return Step::Ask,
            Standing::NotRead => return Step::Lease,
        }
        if !asked {
            return Step::Ask;
        }
        if formal {
            if book.counted_at().is_none_or(|at| at + rules.recount <= now) {
                return Step::Count;
            }
            if book.used_before(entry) >= rules.authorisations {
                return Step::AuthorisationsUsedUp;
            }
        }
        Step::Create
    }

    /// A lease begins to be written under this name. One that was held before is to be given
    /// back: it is returned.
    pub fn lease_begins(&mut self, holder: Holder, now: Instant) -> Option<Holder> {
        self.found = None;
        let before = self.lease.replace(Lease { holder, begun: now, offset: None });
        before.map(|lease| lease.holder)
    }

    /// The lease stands in the book at this offset.
    pub fn lease_written(&mut self, offset: i64) {
        if let Some(lease) = &mut self.lease {
            lease.offset = Some(offset);
        }
    }

    /// Gives the lease up, and tells whose it was.
    pub fn take_lease(&mut self) -> Option<Holder> {
        self.lease.take().map(|lease| lease.holder)
    }

    /// The holder of the lease.
    pub fn holder(&self) -> Option<Holder> {
        self.lease.map(|lease| lease.holder)
    }

    /// The service was asked, and has answered.
    pub fn answered(&mut self, found: Found, now: Instant) {
        self.doubt_until = None;
        self.found = Some((found, now));
    }

    /// A call to create it begins.
    pub fn create_begins(&mut self) {
        self.tried = true;
    }

    /// Whether a call to create it was made.
    pub fn was_tried(&self) -> bool {
        self.tried
    }

    /// It may have been created or not: nothing goes before `until`, then the service is asked.
    pub fn in_doubt(&mut self, until: Instant) {
        self.doubt_until = Some(until);
        self.found = None;
    }

    /// It is known that the last call was not acted on.
    pub fn out_of_doubt(&mut self) {
        self.doubt_until = None;
    }

    /// Whether it is not known what became of the last call.
    pub fn is_in_doubt(&self) -> bool {
        self.doubt_until.is_some()
    }

    /// The service has refused to create it. It may be because it has it already.
    pub fn create_refused(&mut self) {
        self.refused = true;
        self.found = None;
    }

    /// The service did not create it, for a reason that may pass.
    pub fn not_created(&mut self) {
        self.found = None;
    }
}

#[cfg(test)]
mod tests;
