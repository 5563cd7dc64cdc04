//! One request body out, one answer back.

use std::sync::Arc;

use bytes::Bytes;

use crate::TransportError;

/// What carries a signed body to the service. [`HttpClient`](crate::HttpClient) does; a
/// test may answer within the process.
pub trait Transport: Send + Sync + 'static {
    /// Posts a body and waits for the whole answer.
    ///
    /// Dropping the future gives the request up; whether it arrived is then unknown.
    ///
    /// # Errors
    /// [`TransportError`] if there is no whole answer.
    fn post(&self, body: Bytes) -> impl Future<Output = Result<HttpAnswer, TransportError>> + Send;
}

impl<T: Transport> Transport for Arc<T> {
    fn post(&self, body: Bytes) -> impl Future<Output = Result<HttpAnswer, TransportError>> + Send {
        T::post(self, body)
    }
}

/// An answer, read to its end. Of its headers only those that matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    /// HTTP status.
    pub status: u16,
    /// `Retry-After`, as it stands.
    pub retry_after: Option<String>,
    /// The whole body.
    pub body: Bytes,
}
