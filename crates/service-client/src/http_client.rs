//! The transport over HTTP/1.1.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use tokio::time::{Instant, timeout_at};

use crate::connect::{Connection, Connector, Outgoing};
use crate::error::with_causes;
use crate::pool::Pool;
use crate::target::Target;
use crate::tls::Tls;
use crate::{HttpAnswer, HttpSettings, Phase, SetupError, Transport, TransportError};

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

    fn request(&self, body: Bytes) -> Outgoing {
        let mut request = Outgoing::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.path.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }

    /// Sends on a connection and waits for the answer's head.
    async fn send(
        &self,
        connection: &mut Connection,
        request: Outgoing,
        deadline: Instant,
    ) -> Result<Response<Incoming>, Unanswered> {
        let deadline = deadline.min(Instant::now() + self.read_timeout);
        let sent = connection.sender.try_send_request(request);
        let mut error = match timeout_at(deadline, sent).await {
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

    /// Reads the answer to its end; only then is the connection good for another call.
    async fn read(
        &self,
        connection: Connection,
        response: Response<Incoming>,
        deadline: Instant,
    ) -> Result<HttpAnswer, TransportError> {
        let (head, body) = response.into_parts();
        let body = self.read_body(body, deadline).await?;
        self.pool.put(connection);
        let retry_after = head.headers.get(RETRY_AFTER).and_then(|text| text.to_str().ok());
        Ok(HttpAnswer {
            status: head.status.as_u16(),
            retry_after: retry_after.map(str::to_owned),
            body,
        })
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
            let step = deadline.min(Instant::now() + self.read_timeout);
            let frame = match timeout_at(step, body.frame()).await {
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
        let mut request = self.request(body);
        if let Some(mut kept) = self.pool.take(deadline).await {
            match self.send(&mut kept, request, deadline).await {
                Ok(response) => return self.read(kept, response, deadline).await,
                Err(Unanswered::Failed(error)) => return Err(error),
                // The service closed it in the meantime. It goes out on a new one, once.
                Err(Unanswered::NotSent(unsent, _)) => request = *unsent,
            }
        }
        let mut new = self.connect(deadline).await?;
        match self.send(&mut new, request, deadline).await {
            Ok(response) => self.read(new, response, deadline).await,
            Err(Unanswered::Failed(error)) => Err(error),
            Err(Unanswered::NotSent(_, text)) => Err(TransportError::NotSent(text)),
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::{A_DAY, HttpClient, Instant};
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
    async fn a_request_that_a_new_connection_did_not_send_is_told_as_not_sent() {
        let client = service().await;
        let mut new = client.connect(Instant::now() + A_DAY).await.unwrap();
        new.sender.ready().await.unwrap();
        new.task.abort();
        let request = client.request(Bytes::new());
        let sent = client.send(&mut new, request, Instant::now() + A_DAY).await;
        assert!(matches!(sent, Err(super::Unanswered::NotSent(..))));
    }
}
#[cfg(test)]
mod zz { #[test] fn sizes(){ let c=super::HttpClient::new(&crate::HttpSettings::new("http://127.0.0.1:1/")).unwrap(); let f=crate::Transport::post(&c, bytes::Bytes::new()); eprintln!("post {}", std::mem::size_of_val(&f)); let d=super::Instant::now(); let f=c.connect(d); eprintln!("connect {}", std::mem::size_of_val(&f)); eprintln!("outgoing {} answer {}", std::mem::size_of::<crate::connect::Outgoing>(), std::mem::size_of::<Result<crate::HttpAnswer,crate::TransportError>>()); eprintln!("resp {}", std::mem::size_of::<http::Response<hyper::body::Incoming>>());} }
