//! Pages that a process serves: read whole, or piece by piece while they are written.
//!
//! Each on a connection of its own: they are asked for by a person, not by the thousand.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::Instant;

use super::HttpClient;
use crate::connect::Connection;
use crate::error::with_causes;
use crate::{HttpAnswer, TransportError};

/// A page that goes on for as long as somebody reads it.
pub struct Stream {
    /// HTTP status.
    pub status: u16,
    body: Incoming,
    /// It ends with this.
    _connection: Connection,
}

impl HttpClient {
    /// Gets the page, whole.
    ///
    /// # Errors
    /// [`TransportError`] if there is no whole answer.
    pub async fn get(&self) -> Result<HttpAnswer, TransportError> {
        let deadline = Instant::now() + self.timeout;
        let Stream { status, body, _connection } = self.begin_to_get(deadline).await?;
        let body = self.read_body(body, deadline).await?;
        Ok(HttpAnswer { status, retry_after: None, body })
    }

    /// Gets the page's beginning; the time that a call may take is for that.
    ///
    /// # Errors
    /// [`TransportError`] if there is no answer.
    pub async fn stream(&self) -> Result<Stream, TransportError> {
        self.begin_to_get(Instant::now() + self.timeout).await
    }

    async fn begin_to_get(&self, deadline: Instant) -> Result<Stream, TransportError> {
        let mut connection = self.connect(deadline).await?;
        let mut request = self.request(Bytes::new(), HeaderMap::new());
        *request.method_mut() = Method::GET;
        request.headers_mut().remove(CONTENT_TYPE);
        let sent = connection.sender.try_send_request(request);
        let response = self.head(sent, deadline).await;
        let (head, body) = response.map_err(super::Unanswered::into_error)?.into_parts();
        Ok(Stream { status: head.status.as_u16(), body, _connection: connection })
    }
}

impl Stream {
    /// The next piece; `None` at the end. Waits for as long as it takes.
    ///
    /// # Errors
    /// [`TransportError`] if it breaks off.
    pub async fn next(&mut self) -> Result<Option<Bytes>, TransportError> {
        while let Some(frame) = self.body.frame().await {
            let frame = frame.map_err(|error| TransportError::Broken(with_causes(&error)))?;
            if let Ok(piece) = frame.into_data() {
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }
}
