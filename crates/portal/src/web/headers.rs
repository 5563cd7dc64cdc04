//! What stands at the head of every answer: what a browser may do with it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, SET_COOKIE,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

use super::{cookies, enter, visitor};
use crate::{Portal, PublicUrl};

/// One year, as browsers' preload lists ask for at least.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");
const PERMISSIONS: HeaderValue =
    HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=()");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// The headers that follow from the settings.
pub(crate) struct Headers {
    policy: HeaderValue,
    is_framed: bool,
    is_secure: bool,
}

impl Headers {
    /// Sources that are no header text are left out; the settings refuse them before.
    pub(crate) fn new(url: &PublicUrl, frame_ancestors: &[String]) -> Self {
        let ancestors = if frame_ancestors.is_empty() {
            "'none'".to_owned()
        } else {
            frame_ancestors.join(" ")
        };
        let policy = format!(
            "default-src 'none'; style-src 'self'; img-src 'self'; form-action {}; \
             frame-ancestors {ancestors}; base-uri 'none'",
            url.form_targets()
        );
        let strictest = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
        Self {
            policy: HeaderValue::try_from(policy).unwrap_or(strictest),
            is_framed: !frame_ancestors.is_empty(),
            is_secure: url.is_secure(),
        }
    }

    fn lay_over(&self, headers: &mut HeaderMap, referrer: HeaderValue) {
        headers.insert(CONTENT_SECURITY_POLICY, self.policy.clone());
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(REFERRER_POLICY, referrer);
        headers.insert(HeaderName::from_static("permissions-policy"), PERMISSIONS);
        let own = HeaderValue::from_static("same-origin");
        headers.insert(HeaderName::from_static("cross-origin-opener-policy"), own.clone());
        headers.insert(HeaderName::from_static("cross-origin-resource-policy"), own);
        if !self.is_framed {
            headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        }
        if self.is_secure {
            headers.insert(STRICT_TRANSPORT_SECURITY, HSTS);
        }
        headers.entry(CACHE_CONTROL).or_insert(NO_STORE);
    }
}

/// Adds them, and remembers a language that was chosen.
pub(super) async fn add(
    State(portal): State<Arc<Portal>>,
    request: Request,
    next: Next,
) -> Response {
    // A form's `Origin` would be `null` under `no-referrer`; only the address of a hand-over
    // holds something that must not travel at all.
    let is_enter = request.uri().path() == enter::PATH;
    let referrer = if is_enter { "no-referrer" } else { "same-origin" };
    let chosen = visitor::chosen_language(request.uri());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    portal.headers.lay_over(headers, HeaderValue::from_static(referrer));
    if let Some(language) = chosen
        && let Some(cookie) = cookies::of_language(language, &portal.settings.public_url)
    {
        headers.append(SET_COOKIE, cookie);
    }
    response
}
