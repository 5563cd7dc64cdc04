//! Answers that are late, broken, too large, or simply good.

use std::time::Duration;

use crate::support::{Act, Service, answer, ok, within};
use bytes::Bytes;
use emberline_service_client::{HttpClient, HttpSettings, Phase, Transport, TransportError};

const BODY: Bytes = Bytes::from_static(b"{\"Action\":\"x\"}");

/// The outcome of one call whose answer is this.
async fn outcome(act: Act, limit: impl FnOnce(&mut HttpSettings)) -> Result<Bytes, TransportError> {
    let service = Service::start(move |_| act.clone()).await;
    let mut settings = service.settings();
    limit(&mut settings);
    let client = HttpClient::new(&settings).unwrap();
    within(client.post(BODY)).await.map(|answer| answer.body)
}

fn write(text: &str) -> Act {
    Act::Write(text.as_bytes().to_vec())
}

fn write_and_hang(text: &str) -> Act {
    Act::WriteAndHang(text.as_bytes().to_vec())
}

#[tokio::test]
async fn a_request_says_what_a_service_wants_to_know() {
    let mut service = Service::start(|_| ok()).await;
    service.client().post(BODY).await.unwrap();
    let request = service.request().await;
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<_> = head.lines().map(str::to_ascii_lowercase).collect();
    assert_eq!(lines.remove(0), "post /api/exploreropen/serviceapi http/1.1");
    lines.sort();
    assert_eq!(
        lines,
        [
            "content-length: 14",
            "content-type: application/json",
            &format!("host: {}", service.address),
            concat!("user-agent: emberline/", env!("CARGO_PKG_VERSION")),
        ]
    );
    assert_eq!(body, "{\"Action\":\"x\"}");
}

#[tokio::test]
async fn status_and_retry_after_come_with_the_body() {
    let service =
        Service::start(|_| Act::Write(answer("429 Slow", "Retry-After: 7\r\n", "no"))).await;
    let answer = service.client().post(BODY).await.unwrap();
    assert_eq!((answer.status, answer.retry_after.as_deref()), (429, Some("7")));
    assert_eq!(answer.body, "no");
}

#[tokio::test]
async fn a_chunked_answer_is_put_together() {
    let text =
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\n\r\n";
    assert_eq!(outcome(write(text), |_| ()).await.unwrap(), "{\"a\":1}");
}

#[tokio::test]
async fn an_answer_that_ends_with_its_connection_is_whole() {
    let act = Act::WriteAndClose(b"HTTP/1.1 200 OK\r\n\r\n{}".to_vec());
    assert_eq!(outcome(act, |_| ()).await.unwrap(), "{}");
}

#[tokio::test]
async fn a_large_answer_within_the_limit_arrives_whole() {
    let text = "x".repeat(700_000);
    let act = Act::Write(answer("200 OK", "", &text));
    assert_eq!(outcome(act, |_| ()).await.unwrap(), text);
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_refused_however_it_is_sent() {
    let announced = write_and_hang("HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n");
    let mut endless = String::from("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    for _ in 0..101 {
        endless.push_str("a\r\n0123456789\r\n");
    }
    for act in [announced, write_and_hang(&endless)] {
        let result = outcome(act, |settings| settings.max_answer_bytes = 1000).await;
        assert_eq!(result, Err(TransportError::TooLarge));
    }
    let exact = Act::Write(answer("200 OK", "", &"x".repeat(1000)));
    let result = outcome(exact, |settings| settings.max_answer_bytes = 1000).await;
    assert_eq!(result.unwrap().len(), 1000);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_told_as_broken() {
    for text in [
        "",
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{\"a\"",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"a",
        "I speak no HTTP\r\n\r\n",
    ] {
        let result = outcome(Act::WriteAndClose(text.as_bytes().to_vec()), |_| ()).await;
        assert!(matches!(result, Err(TransportError::Broken(_))), "{text:?}: {result:?}");
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_out_of_time_while_waiting() {
    for text in ["", "HTTP/1.1 200 OK\r\ncontent-"] {
        let short = |settings: &mut HttpSettings| settings.read_timeout = Duration::from_millis(50);
        let result = outcome(write_and_hang(text), short).await;
        assert_eq!(result, Err(TransportError::TimedOut { phase: Phase::Waiting }));
    }
}

#[tokio::test]
async fn an_answer_that_stops_is_out_of_time_while_reading() {
    let text = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{\"a\"";
    let short = |settings: &mut HttpSettings| settings.read_timeout = Duration::from_millis(50);
    let result = outcome(write_and_hang(text), short).await;
    assert_eq!(result, Err(TransportError::TimedOut { phase: Phase::Reading }));
}

#[tokio::test]
async fn the_whole_call_has_a_limit_whatever_its_parts_may_take() {
    let short = |settings: &mut HttpSettings| {
        settings.timeout = Duration::from_millis(50);
        settings.read_timeout = Duration::from_hours(1);
    };
    let text = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{\"a\"";
    let result = outcome(write_and_hang(text), short).await;
    assert_eq!(result, Err(TransportError::TimedOut { phase: Phase::Reading }));
}

#[tokio::test]
async fn a_setting_without_end_is_no_overflow() {
    let endless = |settings: &mut HttpSettings| {
        settings.timeout = Duration::MAX;
        settings.read_timeout = Duration::MAX;
        settings.connect_timeout = Duration::MAX;
        settings.idle_timeout = Duration::MAX;
    };
    assert!(outcome(ok(), endless).await.is_ok());
}
