//! Calls of the service: stamp, sign, post, read.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use emberline_service_api::{Action, CallError, RequestId, Signer, Stamp, read_answer};
use uuid::Uuid;

use crate::nonce::next_nonce;
use crate::{HttpClient, Transport};

/// Room for a body's beginning, enough for a call with one report.
const USUAL_BODY: usize = 640;

/// Calls one service with one set of credentials.
#[derive(Debug)]
pub struct ServiceClient<T = HttpClient> {
    signer: Signer,
    transport: T,
}

impl<T: Transport> ServiceClient<T> {
    /// A client that signs with `signer` and sends with `transport`.
    pub const fn new(signer: Signer, transport: T) -> Self {
        Self { signer, transport }
    }

    /// Calls once, with a fresh stamp.
    ///
    /// # Errors
    /// [`CallError`] unless the service accepted the call. Nothing is tried again here.
    pub async fn call<A: Action + Sync>(&self, action: &A) -> Result<A::Answer, CallError> {
        self.call_stamped(action, &fresh_stamp()).await
    }

    /// Calls once, with a stamp that the caller knows: its [`RequestId`] is what a receipt
    /// or a log line quotes. A stamp is good for one call.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn call_stamped<A: Action + Sync>(
        &self,
        action: &A,
        stamp: &Stamp,
    ) -> Result<A::Answer, CallError> {
        let mut body = Vec::with_capacity(USUAL_BODY);
        self.signer.write(action, stamp, &mut body);
        let answer = self.transport.post(Bytes::from(body)).await?;
        let retry_after = answer.retry_after.as_deref();
        read_answer(answer.status, retry_after, &answer.body, unix_seconds())
    }
}

/// A stamp that no other call has: a random id, a nonce that this process has not used
/// lately, and the time.
pub fn fresh_stamp() -> Stamp {
    Stamp {
        request_id: RequestId::from_bytes(Uuid::new_v4().into_bytes()),
        timestamp: unix_seconds(),
        nonce: next_nonce(),
    }
}

fn unix_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
