//! The service's two lists, read whole, page by page.
//!
//! A list can grow while it is read, and a service may answer fewer than it was asked for:
//! reading goes on by what came, and stops at the `Total`. There is no action that takes
//! something out of a list, so whatever was seen in it is in it.

use std::collections::HashSet;
use std::num::NonZeroU16;

use emberline_service_api::{
    Action, Customer, CustomerList, Order, OrderList, ServiceGetCustomerList, ServiceGetOrderList,
};

/// Times that a list is read from its beginning before it is called incomplete.
const PASSES: u32 = 3;

/// How much longer than at first a list may become while it is read. Beyond it, it is not
/// followed any more: each page could promise another one for ever.
const MOST_GROWTH: u64 = 100_000;

/// A question whose answer is a list.
pub trait ListQuery: Action {
    /// What is listed.
    type Item;

    /// The same question for a part of the list.
    #[must_use]
    fn page(&self, offset: u64, limit: u64) -> Self;

    /// What a part holds, and how many the whole list has.
    fn items(answer: Self::Answer) -> (Vec<Self::Item>, u64);

    /// What no two items of the list share.
    fn id(item: &Self::Item) -> &str;
}

impl ListQuery for ServiceGetCustomerList<'_> {
    type Item = Customer;

    fn page(&self, offset: u64, limit: u64) -> Self {
        Self { offset: Some(offset), limit: Some(limit), ..*self }
    }

    fn items(answer: CustomerList) -> (Vec<Customer>, u64) {
        (answer.customers, answer.total)
    }

    fn id(item: &Customer) -> &str {
        &item.customer_id
    }
}

impl ListQuery for ServiceGetOrderList<'_> {
    type Item = Order;

    fn page(&self, offset: u64, limit: u64) -> Self {
        Self { offset: Some(offset), limit: Some(limit), ..*self }
    }

    fn items(answer: OrderList) -> (Vec<Order>, u64) {
        (answer.orders, answer.total)
    }

    fn id(item: &Order) -> &str {
        &item.order_no
    }
}

/// A list as far as it could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeList<T> {
    /// Each once, in the order in which they came first.
    pub items: Vec<T>,
    /// How many the service said last that there are.
    pub total: u64,
}

impl<T> WholeList<T> {
    /// Whether all of it was seen. It is not where the service answers the same part again,
    /// or nothing before the end that it tells.
    pub fn is_complete(&self) -> bool {
        self.items.len() as u64 >= self.total
    }
}

/// Reads a list whole. `call` makes one call: it keeps to a rate, and repeats what is worth
/// it.
///
/// # Errors
/// The first one of `call`.
pub async fn whole_list<Q: ListQuery, E>(
    query: &Q,
    page_size: NonZeroU16,
    mut call: impl AsyncFnMut(&Q) -> Result<Q::Answer, E>,
) -> Result<WholeList<Q::Item>, E> {
    let limit = u64::from(page_size.get());
    let mut known = HashSet::new();
    let mut list = WholeList { items: Vec::new(), total: 0 };
    for _ in 0..PASSES {
        let mut pass = Pass::default();
        while let Some(offset) = pass.next() {
            let (items, total) = Q::items(call(&query.page(offset, limit)).await?);
            list.total = total;
            let new = items.iter().filter(|item| pass.seen.insert(Q::id(item).to_owned())).count();
            pass.took(items.len() as u64, new as u64, total);
            for item in items {
                if known.insert(Q::id(&item).to_owned()) {
                    list.items.push(item);
                }
            }
        }
        if list.is_complete() {
            break;
        }
    }
    Ok(list)
}

/// One way through a list.
#[derive(Default)]
struct Pass {
    offset: u64,
    seen: HashSet<String>,
    /// Where it is left off at the latest.
    bound: Option<u64>,
    over: bool,
}

impl Pass {
    fn next(&self) -> Option<u64> {
        (!self.over).then_some(self.offset)
    }

    fn took(&mut self, count: u64, new: u64, total: u64) {
        self.offset += count;
        let bound = *self.bound.get_or_insert(total.saturating_add(MOST_GROWTH));
        self.over = new == 0 || self.offset >= total.min(bound);
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::num::NonZeroU16;

    use emberline_service_api::{Order, OrderList, ServiceGetOrderList};

    use super::{MOST_GROWTH, PASSES, WholeList, whole_list};

    fn order(number: u64) -> Order {
        Order {
            customer_id: "c".to_owned(),
            order_no: number.to_string(),
            item_id: "D-FireInsurance2020".to_owned(),
            item_vno: "FireBusiness".to_owned(),
            item_num: 1,
        }
    }

    /// Reads the list of a service that answers so, with the number of calls that it took.
    async fn read(
        mut answer: impl FnMut(u64, u64) -> (std::ops::Range<u64>, u64),
    ) -> (WholeList<Order>, u64) {
        let mut calls = 0;
        let size = NonZeroU16::new(100).unwrap();
        let query = ServiceGetOrderList::default();
        let list = whole_list(&query, size, async |query: &ServiceGetOrderList<'_>| {
            calls += 1;
            let (numbers, total) = answer(query.offset.unwrap(), query.limit.unwrap());
            Ok::<_, Infallible>(OrderList { orders: numbers.map(order).collect(), total })
        });
        (list.await.unwrap(), calls)
    }

    fn part(held: u64, offset: u64, limit: u64) -> (std::ops::Range<u64>, u64) {
        (offset.min(held)..(offset + limit).min(held), held)
    }

    #[tokio::test]
    async fn a_list_is_read_by_what_comes_and_not_by_what_was_asked_for() {
        for (held, most, expected) in [(0, 100, 1), (100, 100, 1), (250, 100, 3), (250, 7, 36)] {
            let (list, calls) = read(|offset, limit| part(held, offset, limit.min(most))).await;
            assert!(list.is_complete());
            assert_eq!((list.items.len() as u64, calls), (held, expected), "{held} by {most}");
        }
    }

    #[tokio::test]
    async fn what_is_added_meanwhile_is_seen_at_either_end() {
        let mut held = 250;
        let (list, _) = read(|offset, limit| {
            held += 1;
            part(held, offset, limit)
        })
        .await;
        assert!(list.is_complete());
        // The newest first: each addition moves all others by one.
        let mut held = 250;
        let (list, _) = read(|offset, limit| {
            held += 1;
            let (part, total) = part(held, offset, limit);
            (held - part.end..held - part.start, total)
        })
        .await;
        assert!(list.items.len() >= 250, "{}", list.items.len());
    }

    #[tokio::test]
    async fn a_service_that_never_gets_to_an_end_is_left_off() {
        // The same page, whatever is asked for.
        let (list, calls) = read(|_, _| (0..20, 1000)).await;
        assert_eq!((list.items.len(), list.is_complete()), (20, false));
        assert_eq!(calls, u64::from(PASSES) * 2);
        // Nothing, though there is said to be something.
        let (list, calls) = read(|_, _| (0..0, 1000)).await;
        assert_eq!((list.items.len(), list.is_complete(), calls), (0, false, u64::from(PASSES)));
        // An end that moves away with every page.
        let (list, _) = read(|offset, _| (offset..offset + 20_000, offset + 40_000)).await;
        assert!(!list.is_complete() && list.items.len() as u64 >= MOST_GROWTH);
    }
}
