//! How far a call comes.

use bytes::Bytes;
use emberline_service_client::{HttpClient, HttpSettings, Probe, Stage};

use crate::support::{Act, Service, answer, ok, within};
use crate::tls::Authority;

const BODY: Bytes = Bytes::from_static(b"{}");

async fn probe(url: &str) -> Probe {
    within(HttpClient::new(&HttpSettings::new(url)).unwrap().probe(BODY)).await
}

fn ended_at(probe: &Probe) -> Option<Stage> {
    probe.failed.as_ref().map(|(stage, _)| *stage)
}

#[tokio::test]
async fn a_call_that_arrives_tells_each_step_and_the_services_time() {
    let authority = Authority::new();
    let service = Service::start_tls(authority.certifies("localhost"), |_| {
        let date = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: 3\r\n";
        Act::Write(answer("429 Slow", date, "busy"))
    });
    let service = service.await;
    let probe = within(authority.trusted_by_a_client_of(&service).probe(BODY)).await;
    assert!(probe.failed.is_none(), "{probe:?}");
    assert!(probe.addresses.contains(&probe.peer.unwrap()), "{probe:?}");
    assert_eq!(probe.tls.as_deref(), Some("TLSv1_3"));
    let found = probe.answer.unwrap();
    assert_eq!((found.status, found.retry_after.as_deref()), (429, Some("3")));
    assert_eq!(found.body, "busy");
    // Some thirty years.
    assert!(probe.clock_ahead.unwrap() > 900_000_000);
}

#[tokio::test]
async fn a_service_without_tls_or_a_date_is_answered_for_as_it_is() {
    let service = Service::start(|_| ok()).await;
    let probe = within(service.client().probe(BODY)).await;
    assert_eq!((ended_at(&probe), probe.tls, probe.clock_ahead), (None, None, None));
}

#[tokio::test]
async fn the_step_that_fails_is_named() {
    let unknown = probe("http://no-such-host.invalid/").await;
    assert_eq!(ended_at(&unknown), Some(Stage::Name), "{unknown:?}");
    let refused = probe("http://127.0.0.1:1/").await;
    assert_eq!(ended_at(&refused), Some(Stage::Connection), "{refused:?}");
    assert_eq!(refused.addresses.len(), 1);

    let service = Service::start_tls(Authority::new().certifies("localhost"), |_| ok()).await;
    let stranger = Authority::new().trusted_by_a_client_of(&service);
    let untrusted = within(stranger.probe(BODY)).await;
    assert_eq!(ended_at(&untrusted), Some(Stage::Tls), "{untrusted:?}");

    let service = Service::start(|_| Act::WriteAndClose(Vec::new())).await;
    let cut = within(service.client().probe(BODY)).await;
    assert_eq!(ended_at(&cut), Some(Stage::Answer), "{cut:?}");
}
