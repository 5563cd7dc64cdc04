//! The style sheet and the icon: the only things that a page loads.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;

/// A new version of the program has another style soon.
const KEPT: &str = "max-age=60";

pub(in crate::console) async fn style() -> impl IntoResponse {
    let headers = [(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, KEPT)];
    (headers, include_str!("../../../templates/style.css"))
}

pub(in crate::console) async fn icon() -> impl IntoResponse {
    let headers = [(CONTENT_TYPE, "image/svg+xml"), (CACHE_CONTROL, KEPT)];
    (headers, include_str!("../../../templates/icon.svg"))
}
