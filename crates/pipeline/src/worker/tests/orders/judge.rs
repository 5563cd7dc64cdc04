//! What must hold, at each step and at the end.

use std::collections::BTreeMap;

use emberline_wire::headers::DeadLetter;

use super::input::{Order, Told};
use super::world::{PARTS, World};

impl World {
    /// No more formal orders than there are authorisations.
    pub(super) fn check_budget(&mut self) {
        let most = self.settings.delivery.claims.authorisations;
        let others = self.books.orders.iter().filter(|order| order.number == 200).count();
        let ours = self.books.orders.iter().filter(|order| order.formal && order.number < 200);
        let ours = ours.count();
        if ours > 0 && ours + others > most {
            self.breach(format_args!("{ours} formal orders and {others} of others, of {most}"));
        }
    }

    pub(super) fn judge(&mut self) {
        self.everything_is_committed();
        let dead = self.dead_letters();
        let orders: Vec<Order> = self
            .told
            .iter()
            .filter_map(|told| match told {
                Told::Order(order) => Some(*order),
                Told::Customer(_) => None,
            })
            .collect();
        let scarce = self.authorisations_are_scarce(&orders);
        for order in orders {
            let placed = self.books.orders.iter().find(|other| other.number == order.number);
            let reasons = dead.get(&order).cloned().unwrap_or_default();
            let unwanted = self.unwanted.contains(&order.number);
            let is_placed = placed.is_some_and(|placed| *placed == order);
            let is_fair = |reason: &String| match reason.as_str() {
                "refused" => unwanted && placed.is_none(),
                // A copy of it that came later may have found one.
                "authorisations_used_up" => order.formal && scarce,
                "order_conflict" => placed.is_some() && !is_placed,
                _ => false,
            };
            let right = (is_placed || !reasons.is_empty()) && reasons.iter().all(is_fair);
            if !right {
                let placed = placed.copied();
                self.breach(format_args!(
                    "missing, or wrongly given up: {order:?}, placed {placed:?}, dead {reasons:?}"
                ));
            }
        }
        let customers = self.told.iter().filter_map(|told| match told {
            Told::Customer(customer) => Some(*customer),
            Told::Order(_) => None,
        });
        let unknown: Vec<u8> =
            customers.filter(|customer| !self.books.customers.contains(customer)).collect();
        if !unknown.is_empty() {
            self.breach(format_args!("customers are missing: {unknown:?}"));
        }
        let kept: Vec<String> = self
            .members
            .iter()
            .flatten()
            .filter(|member| !member.is_idle() || !member.worker.leased.is_empty())
            .map(super::processes::Member::busy)
            .collect();
        if !kept.is_empty() {
            self.breach(format_args!("kept at rest: {kept:?}"));
        }
    }

    /// Whether one may have had to do without: also where another, refused later, had entered
    /// its lease first.
    fn authorisations_are_scarce(&self, orders: &[Order]) -> bool {
        let mut formal: Vec<u8> =
            orders.iter().filter(|order| order.formal).map(|order| order.number).collect();
        formal.sort_unstable();
        formal.dedup();
        let others = self.books.orders.iter().filter(|order| order.number == 200).count();
        formal.len() + others > self.settings.delivery.claims.authorisations
    }

    fn everything_is_committed(&mut self) {
        for ((topic, partition), _) in PARTS {
            let end = self.logs.get(&(topic.to_owned(), partition)).map_or(0, Vec::len);
            let at = self.committed.get(&(topic, partition)).map_or(0, |(offset, _)| *offset);
            if usize::try_from(at).ok() != Some(end) {
                self.breach(format_args!("{topic}/{partition} rests at {at} of {end}"));
            }
        }
    }

    /// Dead letters, by what they are of.
    fn dead_letters(&self) -> BTreeMap<Order, Vec<String>> {
        let mut dead: BTreeMap<Order, Vec<String>> = BTreeMap::new();
        let log = self.logs.get(&(self.settings.topics.dead_letters(), 0));
        for record in log.into_iter().flatten() {
            let headers = record.headers.iter().map(|(name, value)| (&**name, &**value));
            let letter = DeadLetter::from_headers(headers).expect("headers of ours");
            if let Told::Order(order) = Told::read(record.value.as_deref().expect("its bytes")) {
                dead.entry(order).or_default().push(letter.reason);
            }
        }
        dead
    }
}
