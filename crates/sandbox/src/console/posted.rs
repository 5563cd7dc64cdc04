//! A form that was sent from a page of ours.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::guard::FormToken;
use super::view::Section;
use super::visit::Visit;
use super::{Console, pages};

/// Longest form that is read, in bytes.
const MOST_BYTES: usize = 64 * 1024;

/// The fields of a form. That it exists means that its token was right.
pub(super) struct Posted {
    pub(super) visit: Visit,
    fields: HashMap<String, String>,
}

impl Posted {
    /// A field without space around it; empty if it is not there.
    pub(super) fn get(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", |value| value.trim())
    }

    /// Whether a box was ticked.
    pub(super) fn is_ticked(&self, name: &str) -> bool {
        !self.get(name).is_empty()
    }

    /// To a page that tells what was done.
    pub(super) fn done(&self, path: &str, what: &str) -> Response {
        Redirect::to(&self.visit.to(path, &[("done", what)])).into_response()
    }
}

impl FromRequest<Arc<Console>> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, console: &Arc<Console>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let Ok(visit) = Visit::from_request_parts(&mut parts, &()).await;
        let body = axum::body::to_bytes(body, MOST_BYTES).await;
        let body = body.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE.into_response())?;
        let fields: HashMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
        let is_ours = fields.get(FormToken::FIELD).is_some_and(|token| console.token.is(token));
        if !is_ours {
            let show = |view, _: &Console| pages::refused(view);
            return Err(console.show(visit, Section::Elsewhere, show).await);
        }
        Ok(Self { visit, fields })
    }
}
