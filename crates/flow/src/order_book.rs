//! The order book: who may place which order now, and how many authorisations are used up.
//!
//! Every process reads the book from one log with one partition, so that all agree on the
//! order of its entries. Who is about to place an order enters a *lease* of its number first,
//! and places it only where no earlier lease is valid. A formal order that was placed stays
//! in the book for good.
//!
//! Absent: writing. What is entered is written by the caller, and counts once it is read back.

use std::time::{Duration, Instant};

use hashbrown::{HashMap, HashSet};

/// Who has entered a lease: drawn at random for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Holder(pub u128);

/// What an entry says of its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// It uses up an authorisation.
    pub formal: bool,
    /// The service has accepted it.
    pub placed: bool,
}

#[derive(Debug)]
struct Entry {
    holder: Holder,
    offset: i64,
    mark: Mark,
    /// When it was read here first. A lease of a process that is gone ends so long after this.
    seen: Instant,
}

/// Whether a holder may place its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It may: no earlier lease is valid.
    First,
    /// An earlier lease is valid until then, unless it is given back before.
    After(Instant),
    /// The order was placed by another holder.
    Placed,
    /// The holder's lease is not read back yet.
    NotRead,
}

/// The book, as far as it was read.
#[derive(Debug, Default)]
pub struct OrderBook {
    /// Entries of each order number, in the log's order.
    orders: HashMap<Box<str>, Vec<Entry>>,
    read_to: i64,
    /// Formal orders that the service lists, and when they were counted.
    listed: HashSet<Box<str>>,
    counted_at: Option<Instant>,
}

impl OrderBook {
    /// Takes in the entry at this offset; without a mark the holder gives its lease back.
    pub fn read(
        &mut self,
        offset: i64,
        (order_no, holder): (&str, Holder),
        mark: Option<Mark>,
        now: Instant,
    ) {
        self.read_to = self.read_to.max(offset + 1);
        let Some(mark) = mark else {
            if let Some(entries) = self.orders.get_mut(order_no) {
                entries.retain(|entry| entry.holder != holder);
                if entries.is_empty() {
                    self.orders.remove(order_no);
                }
            }
            return;
        };
        let entries = self.orders.entry(order_no.into()).or_default();
        match entries.iter_mut().find(|entry| entry.holder == holder) {
            Some(entry) => entry.mark = mark,
            None => entries.push(Entry { holder, offset, mark, seen: now }),
        }
    }

    /// One past the last offset read.
    pub fn read_to(&self) -> i64 {
        self.read_to
    }

    /// How this holder's lease stands, where leases are valid for `valid` after they were
    /// seen first.
    pub fn standing(
        &self,
        (order_no, holder): (&str, Holder),
        valid: Duration,
        now: Instant,
    ) -> Standing {
        let Some(entries) = self.orders.get(order_no) else { return Standing::NotRead };
        let others = entries.iter().filter(|entry| entry.holder != holder);
        if others.clone().any(|entry| entry.mark.placed) {
            return Standing::Placed;
        }
        let Some(mine) = entries.iter().find(|entry| entry.holder == holder) else {
            return Standing::NotRead;
        };
        let earlier = others.filter(|entry| entry.offset < mine.offset);
        let until = earlier.map(|entry| entry.seen + valid).filter(|until| *until > now).max();
        until.map_or(Standing::First, Standing::After)
    }

    /// Leases of this order that others have left behind: earlier than this holder's.
    pub fn left_behind(&self, order_no: &str, holder: Holder) -> Vec<Holder> {
        let entries = self.orders.get(order_no).map(Vec::as_slice).unwrap_or_default();
        let before = entries.iter().take_while(|entry| entry.holder != holder);
        before.filter(|entry| !entry.mark.placed).map(|entry| entry.holder).collect()
    }

    /// Takes in the numbers of all formal orders that the service lists.
    pub fn counted(&mut self, listed: impl IntoIterator<Item = Box<str>>, now: Instant) {
        self.listed = listed.into_iter().collect();
        self.counted_at = Some(now);
    }

    /// When the service's orders were counted last.
    pub fn counted_at(&self) -> Option<Instant> {
        self.counted_at
    }

    /// Authorisations used up: formal orders that the service lists, that were placed, or
    /// that others are placing.
    pub fn used(&self) -> usize {
        let entered = self.orders.iter().filter(|(_, entries)| entries.iter().any(uses_one));
        let unlisted = entered.filter(|(order_no, _)| !self.listed.contains(&***order_no));
        self.listed.len() + unlisted.count()
    }

    /// Authorisations used up by others before this holder's order, which is in the book: of
    /// two that are placed at once, the one entered later counts the other.
    pub fn used_before(&self, (order_no, holder): (&str, Holder)) -> usize {
        let mine = self
            .orders
            .get(order_no)
            .and_then(|entries| entries.iter().find(|entry| entry.holder == holder))
            .map_or(i64::MAX, |entry| entry.offset);
        let counts = |entry: &Entry| uses_one(entry) && (entry.mark.placed || entry.offset < mine);
        let entered = self.orders.iter().filter(|(_, entries)| entries.iter().any(counts));
        let others = entered.filter(|(other, _)| ***other != *order_no);
        let unlisted = others.filter(|(other, _)| !self.listed.contains(&***other)).count();
        let listed = self.listed.len() - usize::from(self.listed.contains(order_no));
        listed + unlisted
    }

    /// Orders in the book.
    pub fn len(&self) -> usize {
        self.orders.len()
    }

    /// Whether no order is in the book.
    pub fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }
}

fn uses_one(entry: &Entry) -> bool {
    entry.mark.formal
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{Holder, Mark, OrderBook, Standing};
    use crate::test_time::origin;

    const VALID: Duration = Duration::from_secs(50);
    const LEASE: Option<Mark> = Some(Mark { formal: true, placed: false });
    const PLACED: Option<Mark> = Some(Mark { formal: true, placed: true });

    fn name(number: u128) -> (&'static str, Holder) {
        ("1", Holder(number))
    }

    #[test]
    fn the_earliest_lease_goes_first_until_it_is_given_back_or_too_old() {
        let now = origin();
        let mut book = OrderBook::default();
        assert_eq!(book.standing(name(1), VALID, now), Standing::NotRead);
        book.read(4, name(1), LEASE, now);
        book.read(5, name(2), LEASE, now);
        assert_eq!(book.read_to(), 6);
        assert_eq!(book.standing(name(1), VALID, now), Standing::First);
        assert_eq!(book.standing(name(2), VALID, now), Standing::After(now + VALID));
        assert_eq!(book.standing(name(2), VALID, now + VALID), Standing::First);
        assert_eq!(book.left_behind("1", Holder(2)), [Holder(1)]);
        book.read(6, name(1), None, now);
        assert_eq!(book.standing(name(2), VALID, now), Standing::First);
        assert!(book.left_behind("1", Holder(2)).is_empty());
    }

    #[test]
    fn a_late_return_of_a_lease_takes_no_other_away() {
        let now = origin();
        let mut book = OrderBook::default();
        book.read(0, name(1), LEASE, now);
        book.read(1, name(2), LEASE, now);
        book.read(2, name(1), None, now);
        assert_eq!(book.standing(name(2), VALID, now), Standing::First);
        assert_eq!(book.standing(name(3), VALID, now), Standing::NotRead);
    }

    #[test]
    fn an_order_that_was_placed_is_never_placed_again() {
        let now = origin();
        let mut book = OrderBook::default();
        book.read(0, name(1), LEASE, now);
        book.read(1, name(1), PLACED, now);
        book.read(2, name(2), LEASE, now);
        let later = now + VALID * 2;
        assert_eq!(book.standing(name(2), VALID, later), Standing::Placed);
        assert!(book.left_behind("1", Holder(2)).is_empty(), "it stays in the book");
    }

    #[test]
    fn what_the_service_lists_and_what_the_book_has_is_counted_once() {
        let now = origin();
        let mut book = OrderBook::default();
        book.counted(["1".into(), "2".into()], now);
        book.read(0, ("1", Holder(1)), PLACED, now);
        book.read(1, ("3", Holder(2)), LEASE, now);
        book.read(2, ("4", Holder(3)), Some(Mark { formal: false, placed: false }), now);
        assert_eq!(book.used(), 3);
        assert_eq!(book.used_before(("3", Holder(2))), 2);
        assert_eq!(book.used_before(("5", Holder(9))), 3);
    }

    proptest! {
        /// However many place formal orders at once, in whatever order they look: those that
        /// are let through use up no more than there is.
        #[test]
        fn no_more_are_let_through_than_there_are(
            budget in 0..6_usize,
            listed in 0..4_usize,
            looks in prop::collection::vec((0..8_usize, any::<bool>()), 1..60),
        ) {
            let now = origin();
            let mut book = OrderBook::default();
            let listed_already: Vec<Box<str>> = (0..listed).map(|number| format!("l{number}").into()).collect();
            book.counted(listed_already, now);
            let numbers: Vec<String> = (0..8).map(|number| number.to_string()).collect();
            let (mut log, mut entered, mut allowed) = (0, vec![None; 8], vec![false; 8]);
            for (order, gives_up) in looks {
                let holder = *entered[order].get_or_insert_with(|| {
                    log += 1;
                    let holder = Holder(u128::try_from(log).unwrap());
                    book.read(log, (&numbers[order], holder), LEASE, now);
                    holder
                });
                if allowed[order] {
                    continue;
                }
                if book.used_before((&numbers[order], holder)) < budget {
                    // It is placed; that it was may be told much later, or never.
                    allowed[order] = true;
                    if gives_up {
                        log += 1;
                        book.read(log, (&numbers[order], holder), PLACED, now);
                    }
                } else if gives_up {
                    log += 1;
                    book.read(log, (&numbers[order], holder), None, now);
                    entered[order] = None;
                }
            }
            let placed = allowed.iter().filter(|allowed| **allowed).count();
            prop_assert!(listed + placed <= budget.max(listed));
        }
    }
}
