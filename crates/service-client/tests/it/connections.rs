//! Which connection a call takes, and which are kept.

use std::time::Duration;

use crate::support::{Act, Service, answer, ok, within};
use bytes::Bytes;
use emberline_service_client::{
    HttpClient, HttpSettings, Phase, SetupError, Transport, TransportError,
};
use tokio::net::TcpListener;

const BODY: Bytes = Bytes::from_static(b"{}");

#[tokio::test]
async fn calls_in_turn_share_one_connection() {
    let service = Service::start(|_| ok()).await;
    let client = service.client();
    for _ in 0..20 {
        assert_eq!(client.post(BODY).await.unwrap().status, 200);
    }
    assert_eq!(service.connections(), 1);
}

#[tokio::test]
async fn calls_at_once_have_a_connection_each_and_keep_them() {
    let service = Service::start(|_| ok()).await;
    let client = service.client();
    for _ in 0..3 {
        let (a, b, c) = tokio::join!(client.post(BODY), client.post(BODY), client.post(BODY));
        assert!(a.is_ok() && b.is_ok() && c.is_ok());
    }
    assert_eq!(service.connections(), 3);
}

#[tokio::test]
async fn no_more_connections_are_kept_than_the_setting_says() {
    let mut service = Service::start(|_| ok()).await;
    let client = HttpClient::new(&HttpSettings { max_idle: 1, ..service.settings() }).unwrap();
    let (a, b) = tokio::join!(client.post(BODY), client.post(BODY));
    assert!(a.is_ok() && b.is_ok());
    service.left().await;
    client.post(BODY).await.unwrap();
    assert_eq!(service.connections(), 2, "one of the two was kept");
}

#[tokio::test]
async fn a_connection_that_idled_too_long_is_not_used_again() {
    let service = Service::start(|_| ok()).await;
    let settings = HttpSettings { idle_timeout: Duration::ZERO, ..service.settings() };
    let client = HttpClient::new(&settings).unwrap();
    client.post(BODY).await.unwrap();
    client.post(BODY).await.unwrap();
    assert_eq!(service.connections(), 2);
}

#[tokio::test]
async fn a_connection_that_the_service_closed_while_idle_is_replaced() {
    let mut service = Service::start(|number| match number {
        0 => Act::WriteAndClose(answer("200 OK", "", "{}")),
        _ => ok(),
    })
    .await;
    let client = service.client();
    client.post(BODY).await.unwrap();
    service.left().await;
    client.post(BODY).await.unwrap();
    assert_eq!(service.connections(), 2);
}

#[tokio::test]
async fn a_connection_that_the_service_announces_to_close_is_not_used_again() {
    let service =
        Service::start(|_| Act::WriteAndClose(answer("200 OK", "connection: close\r\n", "{}")))
            .await;
    let client = service.client();
    for _ in 0..3 {
        client.post(BODY).await.unwrap();
    }
    assert_eq!(service.connections(), 3);
}

#[tokio::test]
async fn a_call_that_was_dropped_takes_its_connection_with_it() {
    let mut service = Service::start(|number| match number {
        0 => Act::WriteAndHang(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{".to_vec()),
        _ => ok(),
    })
    .await;
    let client = service.client();
    tokio::select! {
        _ = client.post(BODY) => panic!("it has no whole answer"),
        _ = service.request() => {}
    }
    assert_eq!(service.left().await, 0, "closed, not kept");
    client.post(BODY).await.unwrap();
    assert_eq!(service.connections(), 2);
}

#[tokio::test]
async fn a_refused_connection_is_told_as_one() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let client = HttpClient::new(&HttpSettings::new(format!("http://{address}/"))).unwrap();
    let error = within(client.post(BODY)).await.unwrap_err();
    assert!(matches!(error, TransportError::Connect(_)), "{error:?}");
}

#[tokio::test]
async fn a_service_that_never_shakes_hands_is_out_of_time_while_connecting() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let authority = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), authority.cert.pem()).unwrap();
    let settings = HttpSettings {
        connect_timeout: Duration::from_millis(50),
        extra_ca: Some(file.path().to_owned()),
        ..HttpSettings::new(format!("https://localhost:{port}/"))
    };
    let client = HttpClient::new(&settings).unwrap();
    let error = within(client.post(BODY)).await.unwrap_err();
    assert_eq!(error, TransportError::TimedOut { phase: Phase::Connecting });
}

#[test]
fn a_ca_file_without_a_certificate_is_refused_with_its_name() {
    let empty = tempfile::NamedTempFile::new().unwrap();
    for path in [empty.path().to_owned(), "/nonexistent/ca.pem".into()] {
        let settings = HttpSettings {
            extra_ca: Some(path.clone()),
            ..HttpSettings::new("https://localhost/")
        };
        let error = HttpClient::new(&settings).err().unwrap();
        assert!(matches!(error, SetupError::ExtraCa { .. }), "{error:?}");
        assert!(error.to_string().contains(path.to_str().unwrap()));
    }
}

#[tokio::test]
async fn several_threads_can_share_a_client() {
    fn shared<T: Send + Sync>(client: T) -> T {
        client
    }
    fn sent<F: Future + Send>(future: F) -> F {
        future
    }
    let service = Service::start(|_| ok()).await;
    let client = shared(service.client());
    assert!(sent(client.post(BODY)).await.is_ok());
}
