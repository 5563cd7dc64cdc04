//! The service's URL, taken apart once.

use http::uri::{PathAndQuery, Scheme};
use http::{HeaderValue, Uri};

use crate::SetupError;

/// What a connection and a request need of the URL.
#[derive(Debug)]
pub(crate) struct Target {
    /// Whether the connection is a TLS one.
    pub(crate) secure: bool,
    /// Name or address to connect to, without the brackets of an IPv6 address.
    pub(crate) host: String,
    /// Port to connect to.
    pub(crate) port: u16,
    /// The `Host` header: with the port, unless it is the scheme's own.
    pub(crate) host_header: HeaderValue,
    /// What stands in the request line.
    pub(crate) path: Uri,
}

impl Target {
    pub(crate) fn parse(url: &str) -> Result<Self, SetupError> {
        let uri: Uri = url.trim().parse().map_err(|_| SetupError::Url("not a URL"))?;
        let secure = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err(SetupError::Url("it must begin with http:// or https://")),
        };
        let authority = uri.authority().ok_or(SetupError::Url("it has no host"))?;
        if authority.as_str().contains('@') {
            return Err(SetupError::Url("it must not hold a user name or password"));
        }
        let default_port = if secure { 443 } else { 80 };
        let has_port = authority.as_str().len() > authority.host().len();
        if has_port && authority.port_u16().is_none() {
            return Err(SetupError::Url("its port is no number from 1 to 65535"));
        }
        let port = authority.port_u16().unwrap_or(default_port);
        let shown = authority.host();
        let host = shown.trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() || port == 0 {
            return Err(SetupError::Url("its host or port is empty"));
        }
        let host_header =
            if port == default_port { shown.to_owned() } else { format!("{shown}:{port}") };
        let path = uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
        Ok(Self {
            secure,
            host,
            port,
            host_header: HeaderValue::try_from(host_header)
                .map_err(|_| SetupError::Url("its host can't stand in a header"))?,
            path: Uri::from(path),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Target;

    #[test]
    fn a_url_says_where_to_connect_and_what_to_ask_for() {
        let table = [
            ("https://a.example/api/x?y=1", true, "a.example", 443, "a.example", "/api/x?y=1"),
            ("http://a.example:8080", false, "a.example", 8080, "a.example:8080", "/"),
            ("https://a.example:443/p", true, "a.example", 443, "a.example", "/p"),
            ("https://a.example:80/p", true, "a.example", 80, "a.example:80", "/p"),
            ("http://[::1]:99/p", false, "::1", 99, "[::1]:99", "/p"),
            ("http://[::1]/p", false, "::1", 80, "[::1]", "/p"),
        ];
        for (url, secure, host, port, header, path) in table {
            let target = Target::parse(url).unwrap();
            assert_eq!((target.secure, target.host.as_str(), target.port), (secure, host, port));
            assert_eq!(
                (target.host_header.to_str().unwrap(), target.path.to_string().as_str()),
                (header, path)
            );
        }
    }

    #[test]
    fn a_bad_url_is_refused_and_not_repeated() {
        for url in [
            "",
            "a.example",
            "/x",
            "ftp://a.example",
            "https://",
            "http://a:99999/",
            "http://a:x/",
            "https://me:hunter2@a/",
        ] {
            let text = Target::parse(url).unwrap_err().to_string();
            assert!(!text.contains("hunter2"), "{text}");
        }
    }
}
