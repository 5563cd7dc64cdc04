//! What all pages have around their content, and how one is made an answer.

use askama::Template;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};

use super::same_site;
use super::visitor::Visitor;
use crate::Language;
use crate::session::Session;
use crate::texts::Texts;

/// Which of the two pages is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Introduction,
    Claims,
    Elsewhere,
}

/// A page's frame.
pub(super) struct Page<'a> {
    pub(super) t: &'static Texts,
    pub(super) language: Language,
    /// Those that the page can be read in.
    pub(super) languages: [Language; 2],
    pub(super) title: &'a str,
    pub(super) place: Place,
    pub(super) name: &'a str,
    pub(super) footer: &'a str,
    pub(super) imprint_url: Option<&'a str>,
    pub(super) privacy_url: Option<&'a str>,
    pub(super) style: &'a str,
    pub(super) logo: &'a str,
    /// Whether there is somebody to navigate.
    pub(super) is_member: bool,
    /// Where the page is in each language.
    pub(super) path: &'a str,
}

impl<'a> Page<'a> {
    pub(super) fn new(visitor: &'a Visitor, place: Place, title: &'a str) -> Self {
        let portal = &visitor.portal;
        let branding = &portal.settings.branding;
        Self {
            t: visitor.language.texts(),
            language: visitor.language,
            languages: Language::ALL,
            title,
            place,
            name: branding.name.get(visitor.language),
            footer: branding.footer.get(visitor.language),
            imprint_url: branding.imprint_url.as_deref(),
            privacy_url: branding.privacy_url.as_deref(),
            style: &portal.assets.style,
            logo: &portal.assets.logo,
            is_member: visitor.session.is_some(),
            path: visitor.path.as_deref().unwrap_or("/"),
        }
    }

    pub(super) fn is_at(&self, place: Place) -> bool {
        self.place == place
    }
}

/// What a session's forms carry.
pub(super) fn form_token(visitor: &Visitor, session: &Session) -> String {
    same_site::token(session, &visitor.portal.keys)
}

/// A template as an answer.
pub(super) fn answer(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => (status, [(CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
