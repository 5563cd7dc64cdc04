//! Orders: test ones with their mark, formal ones with what they cost.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::browse::Found;
use crate::console::pager::Pager;
use crate::console::texts::People;
use crate::console::view::{Section, View};
use crate::console::visit::Visit;
use crate::console::{Console, Page};
use crate::registry::{Order, OrderKind};

#[derive(Template)]
#[template(path = "orders.html")]
struct OrdersPage {
    v: View,
    p: &'static People,
    kinds: Vec<Kind>,
    pager: Pager,
    found: Found<Order>,
}

/// A choice of which orders are listed.
struct Kind {
    href: String,
    text: &'static str,
    is_here: bool,
}

pub(in crate::console) async fn list(
    State(console): State<Arc<Console>>,
    visit: Visit,
) -> Response {
    console.show(visit, Section::Orders, page).await
}

fn page(v: View, console: &Console) -> Page {
    let p = People::of(v.lang);
    let visit = v.visit();
    let kind = match visit.get("kind") {
        Some("test") => OrderKind::Test,
        Some("formal") => OrderKind::Formal,
        _ => OrderKind::All,
    };
    let found = console.service.registry.find_orders(kind, None, &visit.needle(), visit.window());
    let choice = |of: OrderKind, name: Option<&str>, text| Kind {
        href: visit.again("kind", name),
        text,
        is_here: of == kind,
    };
    let kinds = vec![
        choice(OrderKind::All, None, p.kind_all),
        choice(OrderKind::Test, Some("test"), p.kind_test),
        choice(OrderKind::Formal, Some("formal"), p.kind_formal),
    ];
    let pager = v.pager(&found);
    Page::of(&OrdersPage { v, p, kinds, pager, found })
}
