//! Who asks: in which language, from where, and as whom.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, Uri};
use axum::response::Response;

use super::cookies;
use super::notice::{Action, Say};
use crate::limits::TooOften;
use crate::session::Session;
use crate::{Language, Portal};

/// Somebody, perhaps without a session.
pub(super) struct Visitor {
    pub(super) portal: Arc<Portal>,
    pub(super) language: Language,
    pub(super) session: Option<Session>,
    remote: IpAddr,
    /// The page that they look at, if it can be looked at again.
    pub(super) path: Option<String>,
    /// Whether a request was made from one of these pages.
    pub(super) is_from_here: bool,
}

/// Somebody with a session.
pub(super) struct Member {
    pub(super) visitor: Visitor,
    pub(super) session: Session,
}

/// The language that an address asks for, as in `?lang=en`.
pub(super) fn chosen_language(uri: &Uri) -> Option<Language> {
    let mut pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| *name == "lang").and_then(|(_, tag)| Language::of_tag(tag))
}

impl FromRequestParts<Arc<Portal>> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        portal: &Arc<Portal>,
    ) -> Result<Self, Infallible> {
        let settings = &portal.settings;
        let asked = || {
            let header = parts.headers.get(ACCEPT_LANGUAGE)?.to_str().ok()?;
            Some(Language::preferred(header))
        };
        let language = chosen_language(&parts.uri)
            .or_else(|| cookies::language(&parts.headers, &settings.public_url))
            .or_else(asked)
            .unwrap_or(Language::Chinese);
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
        let is_page = parts.method == Method::GET && parts.uri.path() != super::enter::PATH;
        Ok(Self {
            language,
            session: cookies::session(&parts.headers, portal),
            remote: settings.proxies.remote(peer, &parts.headers),
            path: is_page.then(|| parts.uri.path().to_owned()),
            is_from_here: super::same_site::is_from_here(&parts.headers, &settings.public_url),
            portal: Arc::clone(portal),
        })
    }
}

impl FromRequestParts<Arc<Portal>> for Member {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, portal: &Arc<Portal>) -> Result<Self, Response> {
        let Ok(mut visitor) = Visitor::from_request_parts(parts, portal).await;
        if let Some(session) = visitor.session.clone() {
            return Ok(Self { visitor, session });
        }
        // There is nothing to lead to.
        visitor.path = None;
        let notice = &visitor.language.texts().notices.no_session;
        Err(visitor.say(&Say::new(StatusCode::FORBIDDEN, notice)))
    }
}

impl Visitor {
    /// An attempt to enter.
    pub(super) fn attempt(&self, retry: Action) -> Result<(), Box<Response>> {
        let taken = self.portal.limits.attempt_from(self.remote);
        taken.map_err(|too_often| Box::new(self.say_too_often(too_often, retry)))
    }

    fn say_too_often(&self, TooOften(wait): TooOften, retry: Action) -> Response {
        let notice = &self.language.texts().notices.too_often;
        let say = Say::new(StatusCode::TOO_MANY_REQUESTS, notice).with_wait(wait);
        self.say(&say.with_action(retry))
    }
}

impl Member {
    /// An attempt to have something done, which must come from one of these pages: `form` is
    /// what the form's token said.
    pub(super) fn attempt(&self, form: &str, retry: Action) -> Result<(), Box<Response>> {
        let visitor = &self.visitor;
        let is_own = super::same_site::is_token(&self.session, form, &visitor.portal.keys);
        if !(is_own && visitor.is_from_here) {
            tracing::warn!(is_own, "a form that was not sent from the portal's own pages");
            let notice = &visitor.language.texts().notices.old_form;
            return Err(Box::new(visitor.say(&Say::new(StatusCode::FORBIDDEN, notice))));
        }
        let limits = &visitor.portal.limits;
        let taken = limits.attempt_from(visitor.remote);
        let taken = taken.and_then(|()| limits.attempt_of(self.session.customer.as_str()));
        taken.map_err(|too_often| Box::new(visitor.say_too_often(too_often, retry)))
    }

    /// A look at a page that asks the service.
    pub(super) fn look(&self) -> Result<(), Box<Response>> {
        let taken = self.visitor.portal.limits.look_of(self.session.customer.as_str());
        taken.map_err(|too_often| {
            let retry = Action::look_again(&self.visitor);
            Box::new(self.visitor.say_too_often(too_often, retry))
        })
    }
}
