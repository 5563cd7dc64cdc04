//! The service: it places whatever order it is told to, as often as it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use emberline_service_client::{HttpAnswer, Phase, Transport, TransportError};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::input::{Order, customer_id, number_in, version};

/// A call, as it stands in its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    CreateCustomer(u8),
    FindCustomer(u8),
    CreateOrder(Order),
    FindOrder(u8),
    /// A page of all orders, from this offset.
    ListOrders(usize),
}

impl Asked {
    fn of(body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).expect("JSON");
        let customer = || number_in(body["CustomerId"].as_str().expect("a customer"));
        let order_no = body["OrderNo"].as_str().and_then(|it| it.parse::<u8>().ok());
        match body["Action"].as_str().expect("an action") {
            "ServiceCreateCustomer" => Self::CreateCustomer(customer()),
            "ServiceGetCustomerList" => Self::FindCustomer(customer()),
            "ServiceCreateOrder" => Self::CreateOrder(Order {
                number: order_no.expect("a number"),
                customer: customer(),
                count: body["ItemNum"].as_u64().and_then(|it| u8::try_from(it).ok()).expect("few"),
                formal: !body["ItemId"].as_str().expect("an item").starts_with("D-"),
            }),
            "ServiceGetOrderList" => match order_no {
                Some(number) => Self::FindOrder(number),
                None => Self::ListOrders(
                    body["Offset"].as_u64().and_then(|it| usize::try_from(it).ok()).unwrap_or(0),
                ),
            },
            other => panic!("{other} is not called here"),
        }
    }
}

/// How a call ends for who made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    Answered,
    Refused,
    UnknownCustomer,
    Status503,
    Unreadable,
    Broken,
    TimedOut,
    NotSent,
    Throttled,
}

/// What it has.
#[derive(Debug, Default)]
pub(super) struct Books {
    pub(super) customers: BTreeSet<u8>,
    pub(super) orders: Vec<Order>,
}

/// Orders on one page of a list.
const PAGE: usize = 3;

impl Books {
    /// What it answers to a question, or to a call that it has acted on.
    fn answer(&self, asked: &Asked) -> Value {
        let orders = |orders: Vec<&Order>, total: usize| {
            let orders: Vec<Value> = orders
                .into_iter()
                .map(|order| {
                    json!({"CustomerId": customer_id(order.customer), "OrderNo": order.number.to_string(),
                        "ItemId": order.item(), "ItemVNO": version(), "ItemNum": order.count})
                })
                .collect();
            json!({"RequestId": "r", "Status": "OK", "Orders": orders, "Total": total})
        };
        match asked {
            Asked::CreateCustomer(_) | Asked::CreateOrder(_) => {
                json!({"RequestId": "r", "Status": "OK"})
            }
            Asked::FindCustomer(customer) => {
                let known: Vec<Value> = (self.customers.contains(customer))
                    .then(|| json!({"CustomerId": customer_id(*customer), "CountryCode": "86", "PhoneNumber": "13900000000"}))
                    .into_iter()
                    .collect();
                json!({"RequestId": "r", "Status": "OK", "Customers": known, "Total": known.len()})
            }
            Asked::FindOrder(number) => {
                let found: Vec<&Order> =
                    self.orders.iter().filter(|order| order.number == *number).collect();
                let total = found.len();
                orders(found, total)
            }
            Asked::ListOrders(from) => {
                orders(self.orders.iter().skip(*from).take(PAGE).collect(), self.orders.len())
            }
        }
    }
}

type Answer = (Ends, Value);

#[derive(Default)]
struct Inner {
    next: u64,
    arrived: Vec<(u64, usize, Asked)>,
    waiting: BTreeMap<u64, oneshot::Sender<Answer>>,
}

/// All calls of a world.
#[derive(Clone, Default)]
pub(super) struct Wires(Arc<Mutex<Inner>>);

impl Wires {
    /// What has arrived since this was last asked: its number, the process, what it says.
    pub(super) fn arrived(&self) -> Vec<(u64, usize, Asked)> {
        std::mem::take(&mut self.0.lock().arrived)
    }

    /// Ends a call; whoever made it may be dead.
    pub(super) fn end(&self, call: u64, ends: Ends, books: &Books, asked: &Asked) {
        if let Some(waiting) = self.0.lock().waiting.remove(&call) {
            let _ = waiting.send((ends, books.answer(asked)));
        }
    }

    pub(super) fn forget(&self, call: u64) {
        self.0.lock().waiting.remove(&call);
    }
}

/// One process' way to the service.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) process: usize,
    pub(super) wires: Wires,
}

impl Transport for Line {
    async fn post(&self, body: Bytes) -> Result<HttpAnswer, TransportError> {
        let (sender, answered) = oneshot::channel();
        {
            let mut inner = self.wires.0.lock();
            inner.next += 1;
            let call = inner.next;
            inner.arrived.push((call, self.process, Asked::of(&body)));
            inner.waiting.insert(call, sender);
        }
        let Ok((ends, answer)) = answered.await else {
            return Err(TransportError::Broken("the world has ended".into()));
        };
        let refused = |code: &str| json!({"Response": {"Error": {"Code": code, "Message": ""}, "RequestId": "r"}});
        let of = |status: u16, body: Value| {
            Ok(HttpAnswer { status, retry_after: None, body: body.to_string().into() })
        };
        match ends {
            Ends::Answered => of(200, json!({"Response": answer})),
            Ends::Refused => of(200, refused("InvalidParameterValue")),
            Ends::UnknownCustomer => {
                of(200, refused("invalid CustomerId or invalid ServiceAppKey"))
            }
            Ends::Unreadable => of(200, Value::Null),
            Ends::Status503 => of(503, Value::Null),
            Ends::Throttled => of(429, Value::Null),
            Ends::Broken => Err(TransportError::Broken("reset".into())),
            Ends::TimedOut => Err(TransportError::TimedOut { phase: Phase::Waiting }),
            Ends::NotSent => Err(TransportError::Connect("refused".into())),
        }
    }
}
