//! The service: what is offered, what of it is paid for and used, and how calls are checked.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::pace;
use crate::actions::{ITEM_IDS, Item};
use crate::console::figure::{Fact, Figure};
use crate::console::texts::{Calls, Service};
use crate::console::view::{Section, View};
use crate::console::visit::Visit;
use crate::console::words::{grouped, service_name};
use crate::console::{Console, Page};
use crate::registry::Standing;
use crate::service::Mode;

#[derive(Template)]
#[template(path = "service.html")]
struct ServicePage {
    v: View,
    s: &'static Service,
    c: &'static Calls,
    standing: Standing,
    counts: Vec<Count>,
    items: Vec<ItemRow>,
    mode: Vec<Fact>,
    pace: Option<Figure>,
}

/// A number that leads to more about it.
struct Count {
    name: &'static str,
    text: String,
    href: String,
}

/// An `ItemId` in the list of services.
struct ItemRow {
    name: &'static str,
    item_id: &'static str,
    test: bool,
    versions: String,
    orders: String,
    accepted: bool,
}

pub(in crate::console) async fn show(
    State(console): State<Arc<Console>>,
    visit: Visit,
) -> Response {
    console.show(visit, Section::Service, page).await
}

fn page(v: View, console: &Console) -> Page {
    let (s, c) = (Service::of(v.lang), Calls::of(v.lang));
    let service = &console.service;
    let standing = service.registry.standing();
    let totals = service.ledger.totals();
    let count =
        |name, count: u64, path: &str| Count { name, text: grouped(count), href: v.to(path) };
    let orders = standing.orders.values().sum();
    Page::of(&ServicePage {
        counts: vec![
            count(v.t.customers, standing.customers, "/console/customers"),
            count(v.t.orders, orders, "/console/orders"),
            count(s.bound_devices, standing.bound_devices, "/console/bindings"),
            count(s.heard_devices, totals.devices_reported, "/console/devices"),
            count(s.reports_accepted, totals.reports_accepted, "/console/calls"),
        ],
        items: items(&standing, s),
        mode: mode(&service.mode, s),
        pace: pace::figure(&service.ledger, &v, c),
        standing,
        v,
        s,
        c,
    })
}

fn items(standing: &Standing, s: &'static Service) -> Vec<ItemRow> {
    let row = |item_id: &'static str| {
        let item = Item::read(item_id).ok()?;
        Some(ItemRow {
            name: service_name(item_id, s),
            item_id,
            test: item.test,
            versions: item.versions.join(", "),
            orders: grouped(standing.orders.get(item_id).copied().unwrap_or(0)),
            accepted: item.test || standing.published,
        })
    };
    ITEM_IDS.into_iter().filter_map(row).collect()
}

fn mode(mode: &Mode, s: &'static Service) -> Vec<Fact> {
    let readings: Vec<String> = mode.nested_signature.iter().map(ToString::to_string).collect();
    let rate = mode.rate_limit.map(|rate| format!("{rate} {}", s.per_second));
    let fact = |name, text: String| Fact { name, text };
    let choice = |yes: bool, if_yes: &str, if_no: &str| if yes { if_yes } else { if_no }.to_owned();
    vec![
        fact(s.app_key, mode.app_key.clone()),
        fact(s.nested_signature, readings.join(", ")),
        fact(s.data_info, mode.data_info.to_string()),
        fact(s.data_category, mode.data_category.to_string()),
        fact(s.envelope, mode.envelope.to_string()),
        fact(s.edition, mode.edition.to_string()),
        fact(s.rate_limit, rate.unwrap_or_else(|| s.no_limit.to_owned())),
        fact(
            s.unknown_customers,
            choice(mode.auto_create_customers, s.created_on_the_way, s.refused),
        ),
        fact(s.unbound_devices, choice(mode.require_binding, s.refused, s.accepted)),
    ]
}
