//! The hand-over: a token becomes a session, and goes no further than this address.

use axum::Form;
use axum::extract::Query;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::cookies;
use super::notice::{Action, Say};
use super::visitor::Visitor;
use crate::portal::now;
use crate::session::Session;
use crate::{Handover, Redeemed, TokenError};

pub(super) const PATH: &str = "/enter";

#[derive(Deserialize)]
pub(super) struct Entrance {
    #[serde(default)]
    token: String,
    /// The page to open: `claims`, or the introduction.
    #[serde(default)]
    to: String,
}

impl Entrance {
    fn destination(&self) -> &'static str {
        if self.to == "claims" { "/claims" } else { "/" }
    }

    /// Once more, with the token out of the address.
    fn again(&self) -> Action {
        let fields = vec![("token", self.token.clone()), ("to", self.to.clone())];
        Action::Send { path: PATH, fields }
    }
}

pub(super) async fn by_link(
    visitor: Visitor,
    method: Method,
    headers: HeaderMap,
    query: Result<Query<Entrance>, QueryRejection>,
) -> Response {
    // Whoever only looks ahead must not use the token up.
    let purpose = headers.get("sec-purpose").or_else(|| headers.get("purpose"));
    let is_ahead = purpose.is_some_and(|it| it.as_bytes().starts_with(b"prefetch"));
    if is_ahead || method == Method::HEAD {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    match query {
        Ok(Query(entrance)) => enter(visitor, entrance).await,
        Err(_) => refuse(&visitor, TokenError::Malformed),
    }
}

/// There is no token of ours in this form, because it begins where there is no session: the
/// app's own token is what shows that it is meant.
pub(super) async fn by_form(
    visitor: Visitor,
    form: Result<Form<Entrance>, FormRejection>,
) -> Response {
    match form {
        Ok(Form(entrance)) => enter(visitor, entrance).await,
        Err(_) => refuse(&visitor, TokenError::Malformed),
    }
}

async fn enter(visitor: Visitor, entrance: Entrance) -> Response {
    if let Err(response) = visitor.attempt(entrance.again()) {
        return *response;
    }
    let now = now();
    let handover = match visitor.portal.settings.token.read(&entrance.token, now) {
        Ok(handover) => handover,
        Err(error) => return refuse(&visitor, error),
    };
    if is_in_already(&visitor, &handover) {
        return Redirect::to(entrance.destination()).into_response();
    }
    let redemptions = &visitor.portal.redemptions;
    let notices = &visitor.language.texts().notices;
    match redemptions.redeem(&handover.id, handover.expires, now).await {
        Ok(Redeemed::Now) => begin(&visitor, handover, entrance.destination()),
        Ok(Redeemed::Before) => {
            tracing::warn!("a token was used twice");
            visitor.say(&Say::new(StatusCode::FORBIDDEN, &notices.token_used))
        }
        Err(error) => {
            tracing::error!(%error, "nobody can enter");
            let say = Say::new(StatusCode::SERVICE_UNAVAILABLE, &notices.cannot_enter_now);
            visitor.say(&say.with_action(entrance.again()))
        }
    }
}

/// Whether this browser is in by the same token: somebody went back to the address, or loaded
/// it again.
fn is_in_already(visitor: &Visitor, handover: &Handover) -> bool {
    let is_same =
        |session: &Session| session.id == handover.id && session.customer == handover.customer;
    visitor.session.as_ref().is_some_and(is_same)
}

fn begin(visitor: &Visitor, handover: Handover, destination: &str) -> Response {
    let portal = &visitor.portal;
    let session = Session::begin(handover, portal.session_seconds(), now());
    let mut response = Redirect::to(destination).into_response();
    if let Some(cookie) = cookies::of_session(&session, portal) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

fn refuse(visitor: &Visitor, error: TokenError) -> Response {
    tracing::warn!(%error, "a token is refused: it");
    let notice = &visitor.language.texts().notices.token_refused;
    visitor.say(&Say::new(StatusCode::FORBIDDEN, notice))
}
