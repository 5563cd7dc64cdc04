//! The service as the workers reach it: calls arrive, and are answered when the world says
//! so.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use emberline_service_client::{HttpAnswer, Phase, Transport, TransportError};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::input::number_of;
use crate::lane::Action;

/// What a call says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) action: Action,
    pub(super) customer: Option<u8>,
    /// Of a report or a state.
    pub(super) device: Option<u8>,
    pub(super) category: u16,
    /// Report times.
    pub(super) seconds: Vec<i64>,
    /// Devices of a push.
    pub(super) devices: Vec<u8>,
    pub(super) online: bool,
}

impl Seen {
    fn of(body: &[u8]) -> Self {
        let body: serde_json::Value = serde_json::from_slice(body).unwrap();
        let text = |name: &str| body[name].as_str().map(number_of);
        let list = |name: &str| body[name].as_array().into_iter().flatten();
        let action = body["Action"].as_str().unwrap();
        Self {
            action: Action::ALL.into_iter().find(|known| known.name() == action).unwrap(),
            customer: text("CustomerId"),
            device: text("DeviceId"),
            category: body["DataCategory"].as_u64().map_or(0, |code| u16::try_from(code).unwrap()),
            seconds: list("DataInfo").filter_map(|report| report["ReportTime"].as_i64()).collect(),
            devices: list("DeviceInfos")
                .filter_map(|device| device["DeviceId"].as_str().map(number_of))
                .collect(),
            online: body["OnlineStatus"].as_i64() == Some(1),
        }
    }
}

/// How a call ends for the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Answer {
    Accepted,
    Refused,
    UnknownCustomer,
    Status503,
    InternalError,
    Unreadable,
    Broken,
    TimedOut,
    NoConnection,
    Throttled,
    ThrottledFor(u8),
    BadSignature,
    Status401,
}

impl Answer {
    /// Whether it says that the credentials are refused.
    pub(super) fn refuses_credentials(self) -> bool {
        matches!(self, Self::BadSignature | Self::Status401)
    }

    /// Whether there was none at all.
    pub(super) fn is_silence(self) -> bool {
        matches!(self, Self::Broken | Self::TimedOut | Self::NoConnection)
    }

    fn give(self) -> Result<HttpAnswer, TransportError> {
        let refused = |code: &str, message: &str| {
            let body = format!(
                r#"{{"Response":{{"Error":{{"Code":"{code}","Message":"{message}"}},"RequestId":"r"}}}}"#
            );
            Ok(HttpAnswer { status: 200, retry_after: None, body: body.into() })
        };
        let status = |status: u16, retry_after: Option<String>| {
            Ok(HttpAnswer { status, retry_after, body: Bytes::new() })
        };
        match self {
            Self::Accepted => Ok(HttpAnswer {
                status: 200,
                retry_after: None,
                body: Bytes::from_static(br#"{"Response":{"RequestId":"r","Status":"OK"}}"#),
            }),
            Self::Refused => refused("InvalidParameterValue", "bad value"),
            Self::UnknownCustomer => refused("invalid CustomerId or invalid ServiceAppKey", ""),
            Self::InternalError => refused("InternalError", "internal error"),
            Self::BadSignature => refused("InvalidParameterValue", "Signature mismatch"),
            Self::Status503 => status(503, None),
            Self::Status401 => status(401, None),
            Self::Unreadable => status(200, None),
            Self::Throttled => status(429, None),
            Self::ThrottledFor(seconds) => status(429, Some(seconds.to_string())),
            Self::Broken => Err(TransportError::Broken("reset".into())),
            Self::TimedOut => Err(TransportError::TimedOut { phase: Phase::Waiting }),
            Self::NoConnection => Err(TransportError::Connect("refused".into())),
        }
    }
}

#[derive(Default)]
struct Inner {
    next: u64,
    arrived: Vec<(u64, usize, Seen)>,
    waiting: BTreeMap<u64, oneshot::Sender<Answer>>,
}

/// All calls of a world.
#[derive(Clone, Default)]
pub(super) struct Service(Arc<Mutex<Inner>>);

impl Service {
    /// What has arrived since this was last asked: a number, the member, what it says.
    pub(super) fn arrived(&self) -> Vec<(u64, usize, Seen)> {
        std::mem::take(&mut self.0.lock().arrived)
    }

    pub(super) fn answer(&self, call: u64, answer: Answer) {
        let waiting = self.0.lock().waiting.remove(&call);
        if let Some(waiting) = waiting {
            // Whoever asked may be dead.
            let _ = waiting.send(answer);
        }
    }

    /// Nobody waits for it any more.
    pub(super) fn forget(&self, call: u64) {
        self.0.lock().waiting.remove(&call);
    }
}

/// One member's way to the service.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) member: usize,
    pub(super) service: Service,
}

impl Transport for Line {
    async fn post(&self, body: Bytes) -> Result<HttpAnswer, TransportError> {
        let seen = Seen::of(&body);
        let (sender, answered) = oneshot::channel();
        {
            let mut inner = self.service.0.lock();
            inner.next += 1;
            let call = inner.next;
            inner.arrived.push((call, self.member, seen));
            inner.waiting.insert(call, sender);
        }
        match answered.await {
            Ok(answer) => answer.give(),
            Err(_) => Err(TransportError::Broken("the world has ended".into())),
        }
    }
}
