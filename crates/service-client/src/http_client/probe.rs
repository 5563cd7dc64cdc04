//! One call, step by step, on a connection of its own: how far it comes, and what time the
//! service has. For a person who wants to know why no call arrives.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};
use tokio::time::Instant;

use super::HttpClient;
use crate::connect::start;
use crate::{HttpAnswer, TransportError};

/// How far a call came. What was not reached is `None`.
#[derive(Debug, Default)]
pub struct Probe {
    /// The addresses of the URL's host.
    pub addresses: Vec<SocketAddr>,
    /// The one that a TCP connection was made to.
    pub peer: Option<SocketAddr>,
    /// The protocol's version of a TLS connection, for example `TLSv1_3`.
    pub tls: Option<String>,
    /// The answer, whatever it says.
    pub answer: Option<HttpAnswer>,
    /// How far this machine's clock is ahead of the service's, in whole seconds; below 0 it
    /// is behind. By the answer's `Date`, which has whole seconds, and exact to half the
    /// time that the answer took.
    pub clock_ahead: Option<i64>,
    /// Where it ended, if there is no answer.
    pub failed: Option<(Stage, TransportError)>,
}

/// A step of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The host's name.
    Name,
    /// The TCP connection.
    Connection,
    /// The TLS handshake.
    Tls,
    /// Request and answer.
    Answer,
}

impl HttpClient {
    /// Posts a body on a new connection, once, and tells how far it came. Each stage up to
    /// the TLS handshake has the time that a connection may take.
    pub async fn probe(&self, body: Bytes) -> Probe {
        let mut probe = Probe::default();
        probe.failed = self.walk(body, &mut probe).await.err();
        probe
    }

    async fn walk(&self, body: Bytes, probe: &mut Probe) -> Result<(), (Stage, TransportError)> {
        let at = |stage| move |error| (stage, error);
        let soon = || Instant::now() + self.connect_timeout;
        probe.addresses = self.connector.look_up(soon()).await.map_err(at(Stage::Name))?;
        let stream = self.connector.tcp(&probe.addresses, soon()).await;
        let stream = stream.map_err(at(Stage::Connection))?;
        probe.peer = stream.peer_addr().ok();
        let started = if self.connector.is_secure() {
            let stream = self.connector.secure(stream, soon()).await.map_err(at(Stage::Tls))?;
            let version = stream.get_ref().1.protocol_version();
            probe.tls = version.map(|version| format!("{version:?}"));
            start(stream).await
        } else {
            start(stream).await
        };
        let mut connection = started.map_err(at(Stage::Answer))?;

        let deadline = Instant::now() + self.timeout;
        let sent_at = SystemTime::now();
        let sent = connection.sender.try_send_request(self.request(body, HeaderMap::new()));
        let response = self.head(sent, deadline).await;
        let response = response.map_err(|it| (Stage::Answer, it.into_error()))?;
        let took = sent_at.elapsed().unwrap_or_default();
        let (head, body) = response.into_parts();
        let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
        probe.clock_ahead = text(DATE)
            .and_then(|date| httpdate::parse_http_date(date).ok())
            .map(|date| seconds_ahead(sent_at + took / 2, date));
        let retry_after = text(RETRY_AFTER).map(str::to_owned);
        let body = self.read_body(body, deadline).await.map_err(at(Stage::Answer))?;
        probe.answer = Some(HttpAnswer { status: head.status.as_u16(), retry_after, body });
        Ok(())
    }
}

/// A date is cut to its second: on average it lies half of one back.
fn seconds_ahead(ours: SystemTime, theirs: SystemTime) -> i64 {
    let theirs = theirs + Duration::from_millis(500);
    let seconds = |time: Duration| i64::try_from(time.as_millis() + 500).unwrap_or(i64::MAX) / 1000;
    match ours.duration_since(theirs) {
        Ok(ahead) => seconds(ahead),
        Err(behind) => -seconds(behind.duration()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::seconds_ahead;

    #[test]
    fn a_clock_that_agrees_within_the_second_is_neither_ahead_nor_behind() {
        let second = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let ahead = |millis| seconds_ahead(second + Duration::from_millis(millis), second);
        assert_eq!([ahead(1), ahead(500), ahead(999)], [0, 0, 0]);
        assert_eq!(ahead(60_500), 60);
        assert_eq!(seconds_ahead(second, second + Duration::from_mins(10)), -601);
    }
}
