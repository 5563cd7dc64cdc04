//! Whether what a form asks for was asked on one of these pages: a token that only a page of
//! the session has, and what the browser says of where it was sent from.

use axum::http::HeaderMap;
use axum::http::header::ORIGIN;
use base64_simd::URL_SAFE_NO_PAD as BASE64;
use ring::hmac;

use crate::PublicUrl;
use crate::keys::Keys;
use crate::session::Session;

/// What the forms of this session carry.
pub(super) fn token(session: &Session, keys: &Keys) -> String {
    BASE64.encode_to_string(hmac::sign(&keys.csrf, &message(session)))
}

/// Whether this is that. Takes as long, whatever is wrong with it.
pub(super) fn is_token(session: &Session, token: &str, keys: &Keys) -> bool {
    let Ok(tag) = BASE64.decode_to_vec(token) else { return false };
    hmac::verify(&keys.csrf, &message(session), &tag).is_ok()
}

fn message(session: &Session) -> Vec<u8> {
    // A customer's id has no space.
    format!("{} {}", session.customer, session.id).into_bytes()
}

/// Whether the browser says so, or is one that says nothing.
pub(super) fn is_from_here(headers: &HeaderMap, url: &PublicUrl) -> bool {
    let origin = headers.get(ORIGIN).is_none_or(|origin| origin == url.origin());
    let site = headers.get("sec-fetch-site");
    origin && site.is_none_or(|site| site == "same-origin" || site == "none")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;

    use super::{is_from_here, is_token, token};
    use crate::PublicUrl;
    use crate::keys::{Keys, MasterKey};
    use crate::session::tests::session;

    #[test]
    fn a_forms_token_is_its_sessions() {
        let keys = Keys::new(&MasterKey::new(b"k"));
        let own = token(&session("c_1", "t-1"), &keys);
        assert!(is_token(&session("c_1", "t-1"), &own, &keys));
        for (customer, id) in [("c_1", "t-2"), ("c_2", "t-1")] {
            assert!(!is_token(&session(customer, id), &own, &keys));
        }
        for bad in ["", "AAAA", "!", &own[1..]] {
            assert!(!is_token(&session("c_1", "t-1"), bad, &keys), "{bad}");
        }
    }

    #[test]
    fn a_browser_that_names_another_place_is_believed() {
        let url = PublicUrl::parse("https://portal.example.com").unwrap();
        let says = |lines: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.insert(*name, value.parse().unwrap());
            }
            is_from_here(&headers, &url)
        };
        assert!(says(&[]));
        assert!(says(&[("origin", "https://portal.example.com")]));
        assert!(says(&[("sec-fetch-site", "same-origin")]));
        assert!(says(&[("sec-fetch-site", "none")]));
        assert!(!says(&[("origin", "https://evil.example.com")]));
        assert!(!says(&[("origin", "null")]));
        assert!(!says(&[("sec-fetch-site", "same-site")]));
        assert!(!says(&[("sec-fetch-site", "cross-site")]));
        let mixed = [("origin", "https://portal.example.com"), ("sec-fetch-site", "cross-site")];
        assert!(!says(&mixed));
    }
}
