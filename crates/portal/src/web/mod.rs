//! The pages over HTTP: which there are, and what is the same for all of them.
//!
//! Start at [`routes`]; who asks is found out in `visitor`, what is answered in a module a
//! page.

mod assets;
mod claims;
mod cookies;
mod enter;
mod headers;
mod introduction;
mod notice;
mod orders;
mod page;
mod same_site;
mod visitor;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::get;

pub(crate) use assets::Assets;
pub(crate) use headers::Headers;

use crate::Portal;

/// Largest form, in bytes: a token has 4 KB at most.
const MAX_FORM: usize = 16 * 1024;

pub(crate) fn routes(portal: Arc<Portal>) -> Router {
    Router::new()
        .route("/", get(introduction::show))
        .route("/enter", get(enter::by_link).post(enter::by_form))
        .route("/claims", get(claims::show).post(claims::claim))
        .route("/orders", axum::routing::post(orders::place))
        .route("/orders/{order_no}", get(orders::show))
        .route("/assets/{name}", get(assets::serve))
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(async || "ok\n"))
        .fallback(notice::not_found)
        .method_not_allowed_fallback(notice::not_found)
        .layer(DefaultBodyLimit::max(MAX_FORM))
        .layer(from_fn_with_state(Arc::clone(&portal), headers::add))
        .with_state(portal)
}
