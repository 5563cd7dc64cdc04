//! The pages: each module copies what its page shows, and has its template's struct.

pub(super) mod assets;
pub(super) mod bindings;
pub(super) mod calls;
pub(super) mod customers;
pub(super) mod device;
pub(super) mod devices;
pub(super) mod faults;
pub(super) mod insurance;
pub(super) mod orders;
mod pace;
pub(super) mod publish;
pub(super) mod service;

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::view::{Section, View};
use super::visit::Visit;
use super::{Console, Page};

/// A page that says one thing.
#[derive(Template)]
#[template(path = "message.html")]
struct Message {
    v: View,
    text: &'static str,
}

/// For an address that has no page.
pub(super) async fn missing(State(console): State<Arc<Console>>, visit: Visit) -> Response {
    console.show(visit, Section::Elsewhere, |v, _| not_found(v)).await
}

fn not_found(v: View) -> Page {
    let text = v.t.not_found;
    message(StatusCode::NOT_FOUND, v, text)
}

/// For a form without the right token.
pub(super) fn refused(mut v: View) -> Page {
    v.heading = v.t.refused_title;
    let text = v.t.refused_stale;
    message(StatusCode::FORBIDDEN, v, text)
}

fn message(status: StatusCode, v: View, text: &'static str) -> Page {
    Page::with(status, &Message { v, text })
}
