//! Whole calls: stamped, signed, sent, and their answers sorted.

use std::sync::Arc;
use std::time::Duration;

use crate::support::{Act, Service, answer, ok};
use bytes::Bytes;
use emberline_model::OnlineStatus;
use emberline_service_api::{
    Accepted, CallError, Credentials, Dialect, FailureClass, Secret, ServiceReportDeviceState,
    Signer, sign_message,
};
use emberline_service_client::{
    HttpAnswer, HttpClient, HttpSettings, Phase, ServiceClient, Transport, TransportError,
    fresh_stamp,
};
use serde_json::Value;

const STATE: ServiceReportDeviceState<'static> =
    ServiceReportDeviceState { device: "P/dev1", status: OnlineStatus::Online };

fn signer() -> Signer {
    let credentials = Credentials { app_key: "key".into(), app_secret: Secret::new("hunter2") };
    Signer::new(&credentials, Dialect::default())
}

#[tokio::test]
async fn a_call_arrives_signed_and_its_acceptance_comes_back() {
    let mut service = Service::start(|_| ok()).await;
    let client = ServiceClient::new(signer(), service.client());
    assert_eq!(client.call(&STATE).await, Ok(Accepted));
    let request = service.request().await;
    let body: Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
    let text = |name: &str| match &body[name] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let names = ["Action", "AppKey", "DeviceId", "Nonce", "OnlineStatus", "RequestId", "Timestamp"];
    let parameters = names.map(|name| (name, text(name)));
    let parameters = parameters.iter().map(|(name, value)| (*name, value.as_str()));
    assert_eq!(text("Signature"), sign_message(&Secret::new("hunter2"), parameters));
    assert_eq!(body.as_object().unwrap().len(), names.len() + 1);
    assert!(!request.contains("hunter2"));
}

#[tokio::test]
async fn being_told_to_wait_reaches_the_caller() {
    let service =
        Service::start(|_| Act::Write(answer("429 Slow", "Retry-After: 7\r\n", ""))).await;
    let error = ServiceClient::new(signer(), service.client()).call(&STATE).await.unwrap_err();
    let CallError::Throttled { retry_after, .. } = error else { panic!("{error:?}") };
    assert_eq!(retry_after, Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn a_service_that_is_away_is_transient_and_unambiguous() {
    let client = HttpClient::new(&HttpSettings::new("http://127.0.0.1:1/")).unwrap();
    let error = ServiceClient::new(signer(), client).call(&STATE).await.unwrap_err();
    assert_eq!((error.class(), error.is_ambiguous()), (FailureClass::Transient, false));
}

/// Answers within the process.
struct Canned(Result<HttpAnswer, TransportError>);

impl Transport for Canned {
    async fn post(&self, _: Bytes) -> Result<HttpAnswer, TransportError> {
        self.0.clone()
    }
}

#[tokio::test]
async fn a_failed_transport_is_ambiguous_once_the_request_may_have_left() {
    let text = || "cut".to_owned();
    let table = [
        (TransportError::Connect(text()), false),
        (TransportError::Tls(text()), false),
        (TransportError::NotSent(text()), false),
        (TransportError::TimedOut { phase: Phase::Connecting }, false),
        (TransportError::TimedOut { phase: Phase::Waiting }, true),
        (TransportError::TimedOut { phase: Phase::Reading }, true),
        (TransportError::Broken(text()), true),
        (TransportError::TooLarge, true),
    ];
    for (failure, ambiguous) in table {
        let client = ServiceClient::new(signer(), Arc::new(Canned(Err(failure.clone()))));
        let error = client.call(&STATE).await.unwrap_err();
        assert_eq!(error.class(), FailureClass::Transient, "{failure}");
        assert_eq!(error.is_ambiguous(), ambiguous, "{failure}");
    }
}

#[test]
fn no_two_stamps_are_alike() {
    let (a, b) = (fresh_stamp(), fresh_stamp());
    assert_ne!(a.request_id, b.request_id);
    for stamp in [a, b] {
        assert!(i32::try_from(stamp.nonce).is_ok_and(|nonce| nonce > 0));
        assert!(stamp.timestamp > 1_700_000_000);
        assert_eq!(stamp.request_id.as_str().as_bytes()[14], b'4', "a random UUID");
    }
}
