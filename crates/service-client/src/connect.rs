//! New connections: name, TCP, TLS, HTTP, all before one deadline.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::client::TlsStream;

use crate::error::with_causes;
use crate::target::Target;
use crate::tls::Tls;
use crate::{Phase, TransportError};

/// A request as it goes out.
pub(crate) type Outgoing = Request<Full<Bytes>>;

/// One HTTP connection. Its bytes are moved by a task of its own, which ends with it: a
/// connection dropped in the middle of an answer is closed, never used again.
pub(crate) struct Connection {
    pub(crate) sender: SendRequest<Full<Bytes>>,
    pub(crate) task: AbortHandle,
    /// Those of the last answer, whose memory the next request uses again.
    pub(crate) spare_headers: HeaderMap,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Makes connections to one target.
pub(crate) struct Connector {
    target: Target,
    tls: Option<Tls>,
}

impl Connector {
    pub(crate) const fn new(target: Target, tls: Option<Tls>) -> Self {
        Self { target, tls }
    }

    pub(crate) async fn connect(&self, deadline: Instant) -> Result<Connection, TransportError> {
        let addresses = self.look_up(deadline).await?;
        let stream = self.tcp(&addresses, deadline).await?;
        if self.tls.is_none() {
            return start(stream).await;
        }
        start(self.secure(stream, deadline).await?).await
    }

    /// Whether connections are TLS ones.
    pub(crate) const fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    /// The addresses of the name.
    pub(crate) async fn look_up(
        &self,
        deadline: Instant,
    ) -> Result<Vec<SocketAddr>, TransportError> {
        let Target { host, port, .. } = &self.target;
        let found = timeout_at(deadline, lookup_host((host.as_str(), *port)));
        let found = found.await.map_err(|_| OUT_OF_TIME)?;
        let addresses: Vec<_> = found.map_err(|error| self.no_connection(&error))?.collect();
        if addresses.is_empty() {
            return Err(TransportError::Connect(format!("{host} has no address")));
        }
        Ok(addresses)
    }

    /// Tries each address in turn. Each gets its share of the time that is left, so that one
    /// that swallows packets does not hide a good one behind it.
    pub(crate) async fn tcp(
        &self,
        addresses: &[SocketAddr],
        deadline: Instant,
    ) -> Result<TcpStream, TransportError> {
        let mut outcome = Err(OUT_OF_TIME);
        for (left, address) in
            (1..=u32::try_from(addresses.len()).unwrap_or(1)).rev().zip(addresses)
        {
            let now = Instant::now();
            let share = now + deadline.saturating_duration_since(now) / left;
            outcome = match timeout_at(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Of no use if the other side has gone already, and then noticed below.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(error)) => Err(self.no_connection(&error)),
                Err(_) => Err(OUT_OF_TIME),
            };
        }
        outcome
    }

    /// Makes a TCP connection a TLS one; only for a target that wants it.
    pub(crate) async fn secure(
        &self,
        stream: TcpStream,
        deadline: Instant,
    ) -> Result<TlsStream<TcpStream>, TransportError> {
        let Some(tls) = &self.tls else {
            return Err(TransportError::Tls("the URL is not https".to_owned()));
        };
        timeout_at(deadline, tls.connector.connect(tls.server.clone(), stream))
            .await
            .map_err(|_| OUT_OF_TIME)?
            .map_err(|error| TransportError::Tls(with_causes(&error)))
    }

    fn no_connection(&self, error: &std::io::Error) -> TransportError {
        let Target { host, port, .. } = &self.target;
        TransportError::Connect(format!("{host}:{port}: {error}"))
    }
}

const OUT_OF_TIME: TransportError = TransportError::TimedOut { phase: Phase::Connecting };

/// Speaks HTTP over a stream.
pub(crate) async fn start<S>(stream: S) -> Result<Connection, TransportError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    // Head and body in one buffer and one write: measured, it is what makes the call
    // cheaper.
    let (sender, connection) = http1::Builder::new()
        .writev(false)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| TransportError::NotSent(with_causes(&error)))?;
    let task = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(error = with_causes(&error), "connection to the service ended");
        }
    });
    Ok(Connection { sender, task: task.abort_handle(), spare_headers: HeaderMap::new() })
}
