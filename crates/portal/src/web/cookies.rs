//! The two cookies: the session, and the language that was chosen.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use cookie::{Cookie, SameSite};

use crate::portal::now;
use crate::session::Session;
use crate::{Language, Portal, PublicUrl};

/// How long a chosen language is remembered: a year.
const LANGUAGE_AGE: cookie::time::Duration = cookie::time::Duration::days(365);

/// The session of a request, if it has one that holds.
pub(super) fn session(headers: &HeaderMap, portal: &Portal) -> Option<Session> {
    let name = name("session", &portal.settings.public_url);
    values(headers, &name).find_map(|value| Session::opened(&value, &portal.keys, now()))
}

/// Makes it the browser's session.
pub(super) fn of_session(session: &Session, portal: &Portal) -> Option<HeaderValue> {
    let age = session.expires.saturating_sub(now());
    let age = cookie::time::Duration::seconds(age);
    written("session", session.sealed(&portal.keys), age, &portal.settings.public_url)
}

/// The language that was chosen before.
pub(super) fn language(headers: &HeaderMap, url: &PublicUrl) -> Option<Language> {
    values(headers, &name("language", url)).find_map(|value| Language::of_tag(&value))
}

/// Remembers a language.
pub(super) fn of_language(language: Language, url: &PublicUrl) -> Option<HeaderValue> {
    written("language", language.tag().to_owned(), LANGUAGE_AGE, url)
}

/// With the prefix, a browser takes the cookie only from this host itself, and over TLS.
fn name(name: &str, url: &PublicUrl) -> String {
    let prefix = if url.is_secure() { "__Host-" } else { "" };
    format!("{prefix}emberline-{name}")
}

fn written(
    of: &str,
    value: String,
    age: cookie::time::Duration,
    url: &PublicUrl,
) -> Option<HeaderValue> {
    let cookie = Cookie::build((name(of, url), value))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(url.is_secure())
        .max_age(age);
    HeaderValue::try_from(cookie.build().to_string()).ok()
}

/// All values of this name: a neighbour under the same domain may have set another one.
fn values<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = String> + 'a {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(Cookie::split_parse)
        .filter_map(Result::ok)
        .filter(move |cookie| cookie.name() == name)
        .map(|cookie| cookie.value().to_owned())
}
