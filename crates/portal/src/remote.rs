//! Who asks, by address: the one of the connection, or the one that trusted proxies tell.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::{HeaderMap, HeaderName};

/// How many proxies stand before the portal, and where they say whom they heard.
#[derive(Debug, Clone)]
pub struct Proxies {
    /// So many addresses from the header's end were written by proxies that are trusted.
    /// With 0 the header is not looked at: everybody can write one.
    pub hops: u8,
    /// A header with addresses separated by commas, to which each proxy adds the one that it
    /// heard.
    pub header: HeaderName,
}

impl Default for Proxies {
    fn default() -> Self {
        Self { hops: 0, header: HeaderName::from_static("x-forwarded-for") }
    }
}

impl Proxies {
    /// The address that limits are kept for. Of IPv6 that is the network of 64 bits, which
    /// one household or phone has for itself.
    pub(crate) fn remote(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        network(self.told(headers).unwrap_or(peer))
    }

    /// What the outermost trusted proxy heard; `None` where it told nothing readable.
    fn told(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let steps = usize::from(self.hops).checked_sub(1)?;
        let lines: Vec<&str> =
            headers.get_all(&self.header).iter().map_while(|line| line.to_str().ok()).collect();
        let told = lines.iter().rev().flat_map(|line| line.rsplit(',')).nth(steps)?;
        address(told.trim())
    }
}

/// An address, which some proxies write with its port.
fn address(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse::<std::net::SocketAddr>().map(|address| address.ip());
    text.parse().or_else(|_| with_port()).ok()
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use axum::http::HeaderMap;

    use super::Proxies;

    fn remote(hops: u8, lines: &[&'static str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let peer: IpAddr = "10.0.0.1".parse().unwrap();
        Proxies { hops, ..Proxies::default() }.remote(peer, &headers).to_string()
    }

    #[test]
    fn only_what_trusted_proxies_wrote_is_believed() {
        assert_eq!(remote(0, &["1.1.1.1"]), "10.0.0.1");
        assert_eq!(remote(1, &["6.6.6.6, 1.1.1.1"]), "1.1.1.1");
        assert_eq!(remote(2, &["6.6.6.6, 1.1.1.1, 10.0.0.9"]), "1.1.1.1");
        assert_eq!(remote(2, &["6.6.6.6, 1.1.1.1", "10.0.0.9"]), "1.1.1.1");
        assert_eq!(remote(2, &["1.1.1.1"]), "10.0.0.1");
        assert_eq!(remote(1, &[]), "10.0.0.1");
        assert_eq!(remote(1, &["unknown"]), "10.0.0.1");
        assert_eq!(remote(1, &["1.1.1.1:4711"]), "1.1.1.1");
    }

    #[test]
    fn an_ipv6_customer_is_a_network() {
        assert_eq!(remote(1, &["2001:db8:1:2:3:4:5:6"]), "2001:db8:1:2::");
        assert_eq!(remote(1, &["[2001:db8:1:2:3:4:5:6]:80"]), "2001:db8:1:2::");
        assert_eq!(remote(1, &["::ffff:1.1.1.1"]), "1.1.1.1");
    }
}
