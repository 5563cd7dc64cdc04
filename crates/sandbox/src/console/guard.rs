//! Who may have a page, and who may change something.
//!
//! The sandbox listens on loopback without any access control, and every page that a browser
//! has open can send it requests. So what comes from another site changes nothing; a form is
//! taken only with the token that its page was given; and on loopback a name that is not this
//! machine's gets no page, or a foreign site could give its own name our address and read.
//! Programs that are no browser send none of the headers that are looked at here.

use std::net::IpAddr;

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Method};

use crate::SandboxSettings;

/// Sent by browsers of today with every request to loopback.
const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// Whether a request may change something, as far as its headers tell: it comes from a page
/// of ours, or from no page at all.
pub(crate) fn is_of_our_site(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get(SEC_FETCH_SITE) {
        return site == "same-origin" || site == "none";
    }
    let Some(origin) = headers.get(ORIGIN) else { return true };
    // Behind a proxy with TLS the scheme differs from ours.
    let host = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    host.is_some_and(|(_, host)| headers.get(HOST).is_some_and(|ours| ours == host))
}

/// Whether a browser sent it, as far as its headers tell.
pub(crate) fn is_of_a_browser(headers: &HeaderMap) -> bool {
    headers.contains_key(SEC_FETCH_SITE) || headers.contains_key(ORIGIN)
}

/// By which names a browser may ask for us. On loopback any site could point a name of its own
/// here; who listens elsewhere can be reached by its address anyway.
pub(crate) struct OwnName {
    on_loopback: bool,
    /// With its port.
    public: Option<String>,
}

impl OwnName {
    pub(crate) fn new(settings: &SandboxSettings) -> Self {
        let host_of = |url: &str| url.split_once("://")?.1.split('/').next().map(str::to_owned);
        Self {
            on_loopback: settings.listen.ip().is_loopback(),
            public: settings.public_url.as_deref().and_then(host_of),
        }
    }

    /// Whether a request asks by one that is ours.
    pub(crate) fn is_asked_for(&self, headers: &HeaderMap) -> bool {
        if !self.on_loopback {
            return true;
        }
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        host.is_some_and(|host| is_of_this_machine(host) || self.public.as_deref() == Some(host))
    }
}

/// Whether nobody else can have this name.
fn is_of_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

/// Whether a method changes something.
pub(crate) fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// What a form must carry: nobody knows it who could not read the page that the form is on.
#[derive(Clone)]
pub(super) struct FormToken(String);

impl FormToken {
    /// The field of a form that it is in.
    pub(super) const FIELD: &str = "token";

    /// A new one that cannot be guessed.
    pub(super) fn random() -> Self {
        Self(format!("{:032x}", rand::random::<u128>()))
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// Takes as long whichever of the bytes differ.
    pub(super) fn is(&self, text: &str) -> bool {
        let pairs = self.0.bytes().zip(text.bytes());
        text.len() == self.0.len() && pairs.fold(0, |other, (a, b)| other | (a ^ b)) == 0
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderName, HeaderValue};

    use super::{FormToken, OwnName, is_of_our_site};
    use crate::SandboxSettings;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn only_a_page_of_ours_or_no_page_at_all_may_change_something() {
        let ours = ("host", "127.0.0.1:9470");
        for (more, expected) in [
            (&[][..], true),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "same-site"), ("origin", "http://127.0.0.1:9470")], false),
            (&[("origin", "http://127.0.0.1:9470")], true),
            (&[("origin", "https://127.0.0.1:9470")], true),
            (&[("origin", "http://127.0.0.1:8080")], false),
            (&[("origin", "http://evil.example")], false),
            (&[("origin", "null")], false),
        ] {
            let all: Vec<_> = [ours].into_iter().chain(more.iter().copied()).collect();
            assert_eq!(is_of_our_site(&headers(&all)), expected, "{more:?}");
        }
    }

    #[test]
    fn on_loopback_a_name_that_anyone_could_point_here_is_not_ours() {
        let public_url = Some("https://ours.example:8443/".to_owned());
        let settings = SandboxSettings { public_url, ..SandboxSettings::default() };
        let own = OwnName::new(&settings);
        let asked = |host| own.is_asked_for(&headers(&[("host", host)]));
        for host in
            ["localhost", "LOCALHOST:9470", "127.0.0.1:9470", "[::1]:9470", "ours.example:8443"]
        {
            assert!(asked(host), "{host}");
        }
        for host in ["evil.example", "evil.example:9470", "localhost.evil.example", "", "::x"] {
            assert!(!asked(host), "{host}");
        }
        assert!(!own.is_asked_for(&HeaderMap::new()));

        let listen = ([0, 0, 0, 0], 9470).into();
        let everywhere = OwnName::new(&SandboxSettings { listen, ..settings });
        assert!(everywhere.is_asked_for(&headers(&[("host", "sandbox:9470")])));
    }

    #[test]
    fn a_token_is_another_one_each_time_and_only_itself() {
        let (token, other) = (FormToken::random(), FormToken::random());
        assert!(token.is(token.text()) && !token.is(other.text()));
        assert!(!token.is("") && !token.is(&token.text()[1..]));
    }
}
