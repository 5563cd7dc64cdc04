//! The order book as a process knows it: read from its topic, and counted against what the
//! service lists.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use emberline_flow::gate::Permission;
use emberline_flow::order_book::{Holder, Mark, OrderBook};
use emberline_service_api::{CallError, OrderList, ServiceGetOrderList, read_answer};
use emberline_service_client::{Transport, fresh_stamp};
use emberline_wire::order_book::{OrderBookEntry, decode_key};
use metrics::Gauge;
use parking_lot::Mutex;

use crate::lane::Action;
use crate::metrics::{AUTHORISATIONS, AUTHORISATIONS_USED};
use crate::traffic::CallReport;
use crate::worker::Shared;

/// Orders asked for at once; the service may answer fewer.
pub(crate) const PAGE: u64 = 100;
/// Before a page that was not answered is asked for again.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// Attempts for one page. Who needs the count asks for it anew.
const ATTEMPTS: u32 = 10;

/// The order book, for all workers of a process.
pub(crate) struct ProcessBook {
    book: Mutex<OrderBook>,
    counting: AtomicBool,
    authorisations: usize,
    /// How many there are, and how many are used.
    gauges: [Gauge; 2],
}

impl ProcessBook {
    pub(crate) fn new(authorisations: usize) -> Self {
        let gauges = [metrics::gauge!(AUTHORISATIONS), metrics::gauge!(AUTHORISATIONS_USED)];
        let counting = AtomicBool::new(false);
        Self { book: Mutex::default(), counting, authorisations, gauges }
    }

    /// Looks at the book.
    pub(crate) fn look<A>(&self, ask: impl FnOnce(&OrderBook) -> A) -> A {
        ask(&self.book.lock())
    }

    /// Takes in a record of the order-book topic.
    pub(crate) fn read(&self, offset: i64, key: Option<&[u8]>, value: Option<&[u8]>, now: Instant) {
        let Ok((order_no, holder)) = decode_key(key.unwrap_or_default()) else {
            tracing::warn!(offset, "a record on the order-book topic has no key of ours");
            return;
        };
        let mark = match value.map(OrderBookEntry::decode).transpose() {
            Ok(entry) => entry.map(|entry| Mark { formal: entry.formal, placed: entry.placed }),
            Err(error) => {
                // Read as a lease of a formal order: too careful, never too bold.
                tracing::error!(offset, %error, "a record on the order-book topic can't be read");
                Some(Mark { formal: true, placed: false })
            }
        };
        self.book.lock().read(offset, (order_no, Holder(holder)), mark, now);
    }

    /// Takes in a count of the service's formal orders that began then.
    pub(crate) fn counted(&self, formal: Vec<Box<str>>, began: Instant) {
        self.book.lock().counted(formal, began);
    }

    /// Tells both: a gauge that nobody sets for a minute is taken for gone.
    pub(crate) fn set_gauges(&self) {
        let counts = [self.authorisations, self.book.lock().used()];
        for (gauge, count) in self.gauges.iter().zip(counts) {
            #[expect(clippy::cast_precision_loss, reason = "a count, shown")]
            gauge.set(count as f64);
        }
    }
}

/// Counts the formal orders that the service lists, unless that is under way.
pub(crate) fn count<T: Transport + Clone>(shared: &Arc<Shared>, transport: &T) {
    if shared.order_book.counting.swap(true, Ordering::AcqRel) {
        return;
    }
    let (counting, transport) = (Counting(Arc::clone(shared)), transport.clone());
    tokio::spawn(async move {
        let shared = &counting.0;
        let began = now();
        if let Some(formal) = all_formal_orders(shared, &transport).await {
            shared.order_book.counted(formal, began);
        }
    });
}

/// A count under way; it is over however it ends.
struct Counting(Arc<Shared>);

impl Drop for Counting {
    fn drop(&mut self) {
        self.0.order_book.counting.store(false, Ordering::Release);
    }
}

/// Tokio's own clock, which a test may move.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The formal orders on the pages of the service's list, as these come.
#[derive(Debug, Default)]
pub(crate) struct FormalOrders {
    numbers: Vec<Box<str>>,
    seen: u64,
}

/// Whether more of a list is to come.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Paging {
    Done,
    /// From this offset on.
    Next(u64),
    /// It ends before its total: who counted what came would count too few.
    Short,
}

impl FormalOrders {
    /// Takes in the next page.
    pub(crate) fn take(&mut self, page: OrderList) -> Paging {
        let came = page.orders.len() as u64;
        self.seen += came;
        let formal = page.orders.into_iter().filter(|order| !order.item_id.starts_with("D-"));
        self.numbers.extend(formal.map(|order| order.order_no.into_boxed_str()));
        match (self.seen >= page.total, came) {
            (true, _) => Paging::Done,
            (false, 0) => {
                let (seen, total) = (self.seen, page.total);
                tracing::warn!(seen, total, "the service lists fewer orders than it counts");
                Paging::Short
            }
            (false, _) => Paging::Next(self.seen),
        }
    }

    pub(crate) fn into_numbers(self) -> Vec<Box<str>> {
        self.numbers
    }
}

async fn all_formal_orders<T: Transport>(shared: &Shared, transport: &T) -> Option<Vec<Box<str>>> {
    let (mut formal, mut from) = (FormalOrders::default(), 0);
    loop {
        match formal.take(page_patiently(shared, transport, from).await?) {
            Paging::Done => return Some(formal.into_numbers()),
            Paging::Next(next) => from = next,
            Paging::Short => return None,
        }
    }
}

async fn page_patiently<T: Transport>(
    shared: &Shared,
    transport: &T,
    offset: u64,
) -> Option<OrderList> {
    for _ in 0..ATTEMPTS {
        match page(shared, transport, offset).await {
            Ok(page) => return Some(page),
            Err(error) => tracing::warn!(%error, "the service's orders can't be counted"),
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
    None
}

/// One page, as a call like any other: it waits for the gate and for a permit of the rate.
async fn page<T: Transport>(
    shared: &Shared,
    transport: &T,
    offset: u64,
) -> Result<OrderList, CallError> {
    let ticket = loop {
        let now = now();
        let wait = match shared.traffic.may_call(Action::ListOrders as usize, now).0 {
            Permission::Go(ticket) => match shared.traffic.take_permit(now) {
                Ok(()) => break ticket,
                Err(wait) => {
                    shared.traffic.not_made(ticket, now);
                    wait
                }
            },
            Permission::Wait(wait) => wait.unwrap_or(ASK_AGAIN),
        };
        tokio::time::sleep(wait.min(ASK_AGAIN)).await;
    };
    let stamp = fresh_stamp();
    let list =
        ServiceGetOrderList { offset: Some(offset), limit: Some(PAGE), ..Default::default() };
    let mut body = Vec::new();
    shared.signer.read().write(&list, &stamp, &mut body);
    let began = now();
    let answer = transport.post(Bytes::from(body)).await.map_err(CallError::from);
    let answer = answer.and_then(|answer| {
        read_answer(answer.status, answer.retry_after.as_deref(), &answer.body, stamp.timestamp)
    });
    shared.traffic.call_ended(CallReport::of(ticket, &answer, now() - began), now());
    answer
}

#[cfg(test)]
mod tests {
    use emberline_service_api::{Order, OrderList};

    use std::time::{Duration, Instant};

    use emberline_flow::order_book::{Holder, OrderBook, Standing};

    use emberline_wire::order_book::{OrderBookEntry, encode_key};

    use super::{FormalOrders, Paging, ProcessBook};

    fn page(items: &[(&str, &str)], total: u64) -> OrderList {
        let order = |(order_no, item_id): &(&str, &str)| Order {
            customer_id: "c_1".into(),
            order_no: (*order_no).into(),
            item_id: (*item_id).into(),
            item_vno: "FireBusiness".into(),
            item_num: 1,
        };
        OrderList { orders: items.iter().map(order).collect(), total }
    }

    #[test]
    fn an_entry_that_only_a_later_version_can_read_holds_its_order() {
        let (book, now) = (ProcessBook::new(1), Instant::now());
        book.counted(Vec::new(), now);
        book.read(0, Some(&encode_key("1", 7)), Some(b"\xff"), now);
        assert_eq!(book.look(OrderBook::used), 1, "too careful, never too bold");
        let mine = ("1", Holder(8));
        let lease =
            OrderBookEntry { customer_id: "c_1".into(), formal: false, placed: false, time_ms: 0 };
        book.read(1, Some(&encode_key("1", 8)), Some(&lease.encode()), now);
        let valid = Duration::from_secs(40);
        let standing = book.look(|book| book.standing(mine, valid, now));
        assert_eq!(standing, Standing::After(now + valid), "its writer may be about to place it");
    }

    #[test]
    fn formal_orders_are_counted_over_all_pages() {
        let mut formal = FormalOrders::default();
        let first = page(&[("1", "FireInsurance2020"), ("2", "D-FireInsurance2020")], 3);
        assert_eq!(formal.take(first), Paging::Next(2));
        assert_eq!(formal.take(page(&[("3", "CarInsurance2021")], 3)), Paging::Done);
        assert_eq!(formal.into_numbers(), ["1".into(), "3".into()]);
    }

    #[test]
    fn a_list_that_ends_too_early_is_no_count() {
        let mut formal = FormalOrders::default();
        assert_eq!(formal.take(page(&[("1", "FireInsurance2020")], 3)), Paging::Next(1));
        assert_eq!(formal.take(page(&[], 3)), Paging::Short);
    }
}
