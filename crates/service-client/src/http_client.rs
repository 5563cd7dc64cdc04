//! The transport over HTTP/1.1.

mod get;
mod probe;

use std::pin::Pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::TrySendError;
use tokio::time::{Instant, timeout_at};

use crate::connect::{Connection, Connector, Outgoing};
use crate::error::with_causes;
use crate::pool::Pool;
use crate::target::Target;
use crate::tls::Tls;
use crate::{HttpAnswer, HttpSettings, Phase, SetupError, Transport, TransportError};

pub use get::Stream;
pub use probe::{Probe, Stage};

/// Longest time that a setting can ask for; more would overflow the clock.
const A_DAY: Duration = Duration::from_hours(24);

/// Posts to one URL over connections that it keeps alive.
///
/// Connections belong to the runtime that they were made on, and close with it.
pub struct HttpClient {
    connector: Connector,
    pool: Pool,
    path: Uri,
    headers: HeaderMap,
    connect_timeout: Duration,
    read_timeout: Duration,
    timeout: Duration,
    max_answer_bytes: usize,
}

impl HttpClient {
    /// A client with no connection yet. Reads certificate files if the URL is `https`.
    ///
    /// # Errors
    /// [`SetupError`] if the URL or the certificates are of no use.
    pub fn new(settings: &HttpSettings) -> Result<Self, SetupError> {
        let target = Target::parse(&settings.url)?;
        let extra_ca = settings.extra_ca.as_deref();
        let tls = target.secure.then(|| Tls::new(&target.host, extra_ca)).transpose()?;
        let headers = HeaderMap::from_iter([
            (HOST, target.host_header.clone()),
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (
                USER_AGENT,
                HeaderValue::from_static(concat!("emberline/", env!("CARGO_PKG_VERSION"))),
            ),
        ]);
        Ok(Self {
            path: target.path.clone(),
            connector: Connector::new(target, tls),
            pool: Pool::new(settings.max_idle, settings.idle_timeout),
            headers,
            connect_timeout: settings.connect_timeout.min(A_DAY),
            read_timeout: settings.read_timeout.min(A_DAY),
            timeout: settings.timeout.min(A_DAY),
            max_answer_bytes: settings.max_answer_bytes,
        })
    }

    async fn connect(&self, deadline: Instant) -> Result<Connection, TransportError> {
        self.connector.connect(deadline.min(Instant::now() + self.connect_timeout)).await
    }

    /// A request; `headers` lends its memory, as it comes from the answer before.
    fn request(&self, body: Bytes, mut headers: HeaderMap) -> Outgoing {
        headers.clear();
        headers.extend(self.headers.iter().map(|(name, value)| (name.clone(), value.clone())));
        let mut request = Outgoing::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.path.clone();
        *request.headers_mut() = headers;
        request
    }

    /// When the next piece of an answer must be there.
    fn step(&self, deadline: Instant) -> Instant {
        if self.read_timeout >= self.timeout {
            return deadline;
        }
        deadline.min(Instant::now() + self.read_timeout)
    }

    /// Sends on a new connection, once. Boxed, because it is rare and large: otherwise every
    /// call would carry the room for a handshake.
    fn post_anew(
        &self,
        request: Outgoing,
        deadline: Instant,
    ) -> Pin<Box<dyn Future<Output = Result<HttpAnswer, TransportError>> + Send + '_>> {
        Box::pin(async move {
            let mut new = self.connect(deadline).await?;
            let sent = new.sender.try_send_request(request);
            match self.head(sent, deadline).await {
                Ok(response) => {
                    let (head, body) = response.into_parts();
                    let body = self.read_body(body, deadline).await?;
                    Ok(self.done(new, head, body))
                }
                Err(unanswered) => Err(unanswered.into_error()),
            }
        })
    }

    /// Waits for the head of the answer to what was sent.
    async fn head(
        &self,
        sent: impl Future<Output = Result<Response<Incoming>, TrySendError<Outgoing>>>,
        deadline: Instant,
    ) -> Result<Response<Incoming>, Unanswered> {
        let mut error = match timeout_at(self.step(deadline), sent).await {
            Ok(Ok(response)) => return Ok(response),
            Ok(Err(error)) => error,
            Err(_) => {
                return Err(Unanswered::Failed(TransportError::TimedOut { phase: Phase::Waiting }));
            }
        };
        let request = error.take_message();
        let text = with_causes(error.error());
        Err(match request {
            Some(request) => Unanswered::NotSent(Box::new(request), text),
            None => Unanswered::Failed(TransportError::Broken(text)),
        })
    }

    /// The answer has been read to its end; only then is the connection good for another
    /// call.
    fn done(&self, mut connection: Connection, head: Parts, body: Bytes) -> HttpAnswer {
        let retry_after = head.headers.get(RETRY_AFTER).and_then(|text| text.to_str().ok());
        let retry_after = retry_after.map(str::to_owned);
        connection.spare_headers = head.headers;
        self.pool.put(connection);
        HttpAnswer { status: head.status.as_u16(), retry_after, body }
    }

    async fn read_body(
        &self,
        mut body: Incoming,
        deadline: Instant,
    ) -> Result<Bytes, TransportError> {
        let limit = self.max_answer_bytes;
        if body.size_hint().lower() > limit as u64 {
            return Err(TransportError::TooLarge);
        }
        // The usual answer is one piece, and is handed on as it is.
        let mut first = Bytes::new();
        let mut joined = BytesMut::new();
        while !body.is_end_stream() {
            let frame = match timeout_at(self.step(deadline), body.frame()).await {
                Ok(Some(Ok(frame))) => frame,
                Ok(Some(Err(error))) => return Err(TransportError::Broken(with_causes(&error))),
                Ok(None) => break,
                Err(_) => return Err(TransportError::TimedOut { phase: Phase::Reading }),
            };
            let Ok(piece) = frame.into_data() else { continue };
            if first.len() + joined.len() + piece.len() > limit {
                return Err(TransportError::TooLarge);
            }
            if first.is_empty() && joined.is_empty() {
                first = piece;
            } else {
                joined.extend_from_slice(&std::mem::take(&mut first));
                joined.extend_from_slice(&piece);
            }
        }
        Ok(if joined.is_empty() { first } else { joined.freeze() })
    }
}

impl Transport for HttpClient {
    async fn post(&self, body: Bytes) -> Result<HttpAnswer, TransportError> {
        let deadline = Instant::now() + self.timeout;
        let Some(mut kept) = self.pool.take(deadline).await else {
            return self.post_anew(self.request(body, HeaderMap::new()), deadline).await;
        };
        let spare = std::mem::take(&mut kept.spare_headers);
        let sent = kept.sender.try_send_request(self.request(body, spare));
        match self.head(sent, deadline).await {
            Ok(response) => {
                let (head, body) = response.into_parts();
                let body = self.read_body(body, deadline).await?;
                Ok(self.done(kept, head, body))
            }
            Err(Unanswered::Failed(error)) => Err(error),
            // The service closed it in the meantime. It goes out on a new one, once.
            Err(Unanswered::NotSent(unsent, _)) => self.post_anew(*unsent, deadline).await,
        }
    }
}

/// Why there is no answer's head.
enum Unanswered {
    /// The connection had ended; the request is as good as new.
    NotSent(Box<Outgoing>, String),
    /// Anything else.
    Failed(TransportError),
}

impl Unanswered {
    fn into_error(self) -> TransportError {
        match self {
            Self::NotSent(_, text) => TransportError::NotSent(text),
            Self::Failed(error) => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::{A_DAY, HeaderMap, HttpClient, Instant};
    use crate::{HttpSettings, Transport};

    /// Answers each connection's first request.
    async fn service() -> HttpClient {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let _ = stream.read(&mut [0; 1024]).await;
                    let _ =
                        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
                });
            }
        });
        HttpClient::new(&HttpSettings::new(url)).unwrap()
    }

    #[tokio::test]
    async fn a_request_that_its_kept_connection_did_not_send_goes_out_on_a_new_one() {
        let client = service().await;
        let mut kept = client.connect(Instant::now() + A_DAY).await.unwrap();
        kept.sender.ready().await.unwrap();
        // It ends in the moment between being found ready and sending.
        kept.task.abort();
        client.pool.put(kept);
        assert_eq!(client.post(Bytes::from_static(b"{}")).await.unwrap().body, "{}");
    }

    #[tokio::test]
    async fn a_call_does_not_carry_the_room_for_a_handshake() {
        let client = service().await;
        let call = size_of_val(&client.post(Bytes::new()));
        let handshake = size_of_val(&client.connect(Instant::now()));
        assert!(call < handshake, "{call} bytes of a call, {handshake} of a handshake");
    }

    #[tokio::test]
    async fn a_request_that_a_new_connection_did_not_send_is_told_as_not_sent() {
        let client = service().await;
        let mut new = client.connect(Instant::now() + A_DAY).await.unwrap();
        new.sender.ready().await.unwrap();
        new.task.abort();
        let request = client.request(Bytes::new(), HeaderMap::new());
        let sent = new.sender.try_send_request(request);
        let head = client.head(sent, Instant::now() + A_DAY).await;
        assert!(matches!(head, Err(super::Unanswered::NotSent(..))));
    }
}
