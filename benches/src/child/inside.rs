//! Calls answered within the process: what is left is everything but the service.

use bytes::Bytes;
use emberline_service_client::{HttpAnswer, Transport, TransportError};

/// Accepts every call at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inside;

impl Transport for Inside {
    async fn post(&self, body: Bytes) -> Result<HttpAnswer, TransportError> {
        std::hint::black_box(&body);
        Ok(HttpAnswer {
            status: 200,
            retry_after: None,
            body: Bytes::from_static(super::sink::ACCEPTED),
        })
    }
}
