//! Publishing: a warning, and a second confirmation.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::console::posted::Posted;
use crate::console::texts::Service;
use crate::console::view::{Section, View};
use crate::console::visit::Visit;
use crate::console::{Console, Page};

#[derive(Template)]
#[template(path = "publish.html")]
struct PublishPage {
    v: View,
    s: &'static Service,
    published: bool,
    authorisations_left: u32,
    /// Whether it was asked for without the confirmation.
    unconfirmed: bool,
}

pub(in crate::console) async fn ask(State(console): State<Arc<Console>>, visit: Visit) -> Response {
    let show = |v, console: &Console| Page::of(&page(v, console, false));
    console.show(visit, Section::Publishing, show).await
}

pub(in crate::console) async fn publish(
    State(console): State<Arc<Console>>,
    posted: Posted,
) -> Response {
    if !posted.is_ticked("understood") {
        let show = |v, console: &Console| {
            Page::with(StatusCode::UNPROCESSABLE_ENTITY, &page(v, console, true))
        };
        return console.show(posted.visit, Section::Publishing, show).await;
    }
    console.service.registry.publish();
    posted.done("/", "published")
}

fn page(mut v: View, console: &Console, unconfirmed: bool) -> PublishPage {
    let s = Service::of(v.lang);
    v.heading = s.publish_title;
    let standing = console.service.registry.standing();
    let left = standing.authorisations_bought.saturating_sub(standing.authorisations_used);
    PublishPage { v, s, published: standing.published, authorisations_left: left, unconfirmed }
}
