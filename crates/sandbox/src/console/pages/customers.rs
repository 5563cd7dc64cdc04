//! Customers, and one of them with its orders and devices.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::not_found;
use crate::browse::{Found, Needle, Window};
use crate::console::pager::Pager;
use crate::console::texts::People;
use crate::console::view::{Section, View};
use crate::console::visit::Visit;
use crate::console::{Console, Page};
use crate::registry::{CustomerRow, Order, OrderKind, PushedDevice};

/// Orders that are shown of one customer; the list of orders has all.
const ORDERS_SHOWN: usize = 20;

#[derive(Template)]
#[template(path = "customers.html")]
struct CustomersPage {
    v: View,
    p: &'static People,
    pager: Pager,
    found: Found<CustomerRow>,
}

#[derive(Template)]
#[template(path = "customer.html")]
struct CustomerPage {
    v: View,
    p: &'static People,
    customer: CustomerRow,
    orders: Found<Order>,
    all_orders: String,
    pager: Pager,
    devices: Found<PushedDevice>,
}

pub(in crate::console) async fn list(
    State(console): State<Arc<Console>>,
    visit: Visit,
) -> Response {
    let show = |v: View, console: &Console| {
        let (needle, window) = (v.visit().needle(), v.visit().window());
        let found = console.service.registry.find_customers(&needle, window);
        let (pager, p) = (v.pager(&found), People::of(v.lang));
        Page::of(&CustomersPage { v, p, pager, found })
    };
    console.show(visit, Section::Customers, show).await
}

pub(in crate::console) async fn one(State(console): State<Arc<Console>>, visit: Visit) -> Response {
    console.show(visit, Section::Customers, customer).await
}

fn customer(mut v: View, console: &Console) -> Page {
    let p = People::of(v.lang);
    let registry = &console.service.registry;
    let id = v.visit().get("id").unwrap_or_default();
    let Some(customer) = registry.find_customer(id) else {
        return not_found(v);
    };
    let first = Window::new(1, ORDERS_SHOWN);
    let orders = registry.find_orders(OrderKind::All, Some(id), &Needle::default(), first);
    let (needle, window) = (v.visit().needle(), v.visit().window());
    let devices = registry.find_bindings_of(id, &needle, window);
    let (pager, all_orders) = (v.pager(&devices), v.visit().to("/console/orders", &[("q", id)]));
    v.heading = p.customer;
    Page::of(&CustomerPage { v, p, customer, orders, all_orders, pager, devices })
}
