//! Where customers find the portal, as they write it: behind a proxy that is another address
//! than the one it listens on.

use std::net::SocketAddr;

use axum::http::Uri;

/// The portal's public address: scheme and authority. It has no path of its own, because a
/// `__Host-` cookie belongs to a whole host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    origin: String,
    secure: bool,
    loopback: bool,
}

/// Why a text is no public address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPublicUrl {
    /// It can't be read as one.
    #[error("is no address: write one as https://portal.example.com")]
    Malformed,
    /// Sessions would travel in the clear.
    #[error("must begin with https://; http:// is for 127.0.0.1 and localhost only")]
    Insecure,
    /// It has more than scheme, host and port.
    #[error("must end after the host and port: the portal has its host for itself")]
    HasPath,
}

impl PublicUrl {
    /// Reads one.
    ///
    /// # Errors
    /// [`InvalidPublicUrl`] says what to write.
    pub fn parse(text: &str) -> Result<Self, InvalidPublicUrl> {
        let uri: Uri = text.parse().map_err(|_| InvalidPublicUrl::Malformed)?;
        let scheme = uri.scheme_str().ok_or(InvalidPublicUrl::Malformed)?;
        let authority = uri.authority().ok_or(InvalidPublicUrl::Malformed)?;
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(InvalidPublicUrl::Malformed);
        }
        let secure = scheme == "https";
        let loopback = is_loopback(authority.host());
        let is_for_trying = scheme == "http" && loopback;
        if !(secure || is_for_trying) {
            return Err(InvalidPublicUrl::Insecure);
        }
        if uri.path_and_query().is_some_and(|rest| rest.as_str() != "/") {
            return Err(InvalidPublicUrl::HasPath);
        }
        // As browsers write it in `Origin`: lower case, without the scheme's own port.
        let port = authority.port_u16().filter(|port| *port != if secure { 443 } else { 80 });
        let port = port.map_or_else(String::new, |port| format!(":{port}"));
        let origin = format!("{scheme}://{}{port}", authority.host().to_ascii_lowercase());
        Ok(Self { origin, secure, loopback })
    }

    /// What is reached directly on this machine.
    pub fn of_listener(address: SocketAddr) -> Self {
        let loopback = address.ip().is_loopback();
        Self { origin: format!("http://{address}"), secure: false, loopback }
    }

    /// `https://portal.example.com`, without a slash at its end.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether it is https.
    pub(crate) const fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether customers are led to this address. Besides https that is http to this machine
    /// from a portal on this machine, which is how it is tried.
    pub(crate) fn may_lead_to(&self, url: &str) -> bool {
        let Ok(uri) = url.parse::<Uri>() else { return false };
        let Some(authority) = uri.authority() else { return false };
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return false;
        }
        match uri.scheme_str() {
            Some("https") => true,
            Some("http") => !self.secure && self.loopback && is_loopback(authority.host()),
            _ => false,
        }
    }

    /// The policy's sources that forms may lead to, after redirections too.
    pub(crate) const fn form_targets(&self) -> &'static str {
        if self.secure || !self.loopback {
            "'self' https:"
        } else {
            "'self' https: http://127.0.0.1:* http://localhost:*"
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::{InvalidPublicUrl, PublicUrl};

    #[test]
    fn a_public_address_is_an_origin_and_safe() {
        let origin = |text: &str| PublicUrl::parse(text).map(|url| url.origin);
        assert_eq!(origin("https://A.example.com/"), Ok("https://a.example.com".into()));
        assert_eq!(origin("https://a.example.com:443"), Ok("https://a.example.com".into()));
        assert_eq!(origin("http://127.0.0.1:9480"), Ok("http://127.0.0.1:9480".into()));
        assert_eq!(origin("http://[::1]:9480"), Ok("http://[::1]:9480".into()));
        assert_eq!(origin("http://a.example.com"), Err(InvalidPublicUrl::Insecure));
        assert_eq!(origin("ftp://127.0.0.1"), Err(InvalidPublicUrl::Insecure));
        assert_eq!(origin("https://a.example.com/portal"), Err(InvalidPublicUrl::HasPath));
        assert_eq!(origin("https://u:p@a.example.com"), Err(InvalidPublicUrl::Malformed));
        assert_eq!(origin("a.example.com"), Err(InvalidPublicUrl::Malformed));
    }

    #[test]
    fn customers_are_led_only_where_it_is_safe() {
        let (near, far) =
            (PublicUrl::parse("http://localhost:1"), PublicUrl::parse("https://a.example.com"));
        let (near, far) = (near.unwrap(), far.unwrap());
        assert!(near.may_lead_to("https://insurer.example.com/h5?a=b"));
        assert!(near.may_lead_to("http://127.0.0.1:9470/h5"));
        assert!(!near.may_lead_to("http://insurer.example.com/"));
        assert!(!far.may_lead_to("http://127.0.0.1:9470/h5"));
        for bad in
            ["javascript:alert(1)", "//insurer.example.com", "", "/h5", "https://a@b.example.com/"]
        {
            assert!(!near.may_lead_to(bad) && !far.may_lead_to(bad), "{bad}");
        }
    }
}
