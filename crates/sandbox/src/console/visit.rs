//! What a visitor asked for: the page's address, and the language.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::request::Parts;
use form_urlencoded::Serializer;

use super::lang::Lang;
use crate::browse::{Needle, Window};

/// Rows of a page of a list.
const ROWS: usize = 50;
/// Parts of a query that are looked at.
const MOST_PARTS: usize = 32;

/// A request for a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Visit {
    path: String,
    query: Vec<(String, String)>,
    lang: Lang,
}

impl Visit {
    /// Every how many seconds a page can be asked to load itself again.
    pub(super) const REFRESHES: [u16; 3] = [2, 5, 30];

    fn new(path: &str, query: &str, accept_language: &str) -> Self {
        let query: Vec<_> =
            form_urlencoded::parse(query.as_bytes()).into_owned().take(MOST_PARTS).collect();
        let mut visit = Self { path: path.to_owned(), query, lang: Lang::En };
        let chosen = visit.get("lang").and_then(Lang::of_tag);
        visit.lang = chosen.unwrap_or_else(|| Lang::liked(accept_language));
        visit
    }

    /// A part of the query.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    pub(super) fn lang(&self) -> Lang {
        self.lang
    }

    /// The text that a list is searched for, as it was typed.
    pub(super) fn search(&self) -> &str {
        self.get("q").unwrap_or_default()
    }

    pub(super) fn needle(&self) -> Needle {
        Needle::new(self.search())
    }

    /// The page of a list.
    pub(super) fn window(&self) -> Window {
        let page = self.get("page").and_then(|page| page.parse().ok());
        Window::new(page.unwrap_or(1), ROWS)
    }

    /// Every how many seconds the page loads itself again, if it shall.
    pub(super) fn refresh(&self) -> Option<u16> {
        let seconds = self.get("refresh")?.parse().ok()?;
        Self::REFRESHES.contains(&seconds).then_some(seconds)
    }

    /// The way to a page, in the same language and as lively as this one.
    pub(super) fn to(&self, path: &str, query: &[(&str, &str)]) -> String {
        let kept = self.kept();
        address(path, kept.iter().chain(query).copied())
    }

    /// What the way to every page has in its query.
    pub(super) fn kept(&self) -> Vec<(&str, &str)> {
        let pair = |key| self.get(key).map(|value| (key, value));
        ["lang", "refresh"].into_iter().filter_map(pair).collect()
    }

    /// This page again, with one part of its query changed, or left out. What was done before
    /// is not told again.
    pub(super) fn again(&self, key: &str, value: Option<&str>) -> String {
        let others = self.query.iter().map(|(known, value)| (known.as_str(), value.as_str()));
        let others = others.filter(|(known, _)| *known != key && *known != "done");
        address(&self.path, others.chain(value.map(|value| (key, value))))
    }
}

fn address<'a>(path: &str, query: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let query = Serializer::new(String::new()).extend_pairs(query).finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

impl<S: Sync> FromRequestParts<S> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let liked = parts.headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self::new(parts.uri.path(), query, liked.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::Visit;
    use crate::console::lang::Lang;

    #[test]
    fn the_address_decides_on_the_language_before_the_browser_does() {
        assert_eq!(Visit::new("/", "", "zh-CN").lang(), Lang::Zh);
        assert_eq!(Visit::new("/", "lang=en", "zh-CN").lang(), Lang::En);
        assert_eq!(Visit::new("/", "lang=xx", "zh-CN").lang(), Lang::Zh);
    }

    #[test]
    fn language_and_refresh_stay_on_the_way() {
        let visit = Visit::new("/console/orders", "q=a%26b&lang=zh-CN&refresh=5&done=x", "");
        assert_eq!(visit.to("/", &[]), "/?lang=zh-CN&refresh=5");
        let device = visit.to("/console/device", &[("id", "P/ä&b=\"")]);
        assert_eq!(device, "/console/device?lang=zh-CN&refresh=5&id=P%2F%C3%A4%26b%3D%22");
        let again = visit.again("refresh", None);
        assert_eq!(again, "/console/orders?q=a%26b&lang=zh-CN", "and nothing is told twice");
    }

    #[test]
    fn nonsense_in_an_address_counts_as_nothing() {
        let visit = Visit::new("/", "page=-1&refresh=1&q", "");
        assert_eq!((visit.window().page, visit.refresh(), visit.search()), (1, None, ""));
    }
}
