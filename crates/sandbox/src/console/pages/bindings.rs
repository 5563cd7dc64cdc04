//! Which devices were pushed for which customer.

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
use crate::registry::Binding;

#[derive(Template)]
#[template(path = "bindings.html")]
struct BindingsPage {
    v: View,
    p: &'static People,
    pager: Pager,
    found: Found<Binding>,
}

pub(in crate::console) async fn list(
    State(console): State<Arc<Console>>,
    visit: Visit,
) -> Response {
    let show = |v: View, console: &Console| {
        let (needle, window) = (v.visit().needle(), v.visit().window());
        let found = console.service.registry.find_bindings(&needle, window);
        let (pager, p) = (v.pager(&found), People::of(v.lang));
        Page::of(&BindingsPage { v, p, pager, found })
    };
    console.show(visit, Section::Bindings, show).await
}
