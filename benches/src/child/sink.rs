//! A service that accepts everything, after a while: what calls are measured against.

use std::convert::Infallible;
use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::{Did, ready};

/// The answer to every call.
pub(super) const ACCEPTED: &[u8] = br#"{"Response":{"RequestId":"x","Status":"OK"}}"#;

/// Serves on loopback until standard input ends; the parent is told the URL.
pub(super) async fn serve(latency: Duration) -> anyhow::Result<Did> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    ready(&format!("http://{}/", listener.local_addr()?))?;
    let (end, mut ended) = oneshot::channel();
    std::thread::spawn(move || {
        // What comes is of no interest, only that it has ended.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        let _ = end.send(());
    });
    let calls = Arc::new(AtomicU64::new(0));
    loop {
        let (stream, _) = tokio::select! {
            accepted = listener.accept() => accepted?,
            _ = &mut ended => break,
        };
        stream.set_nodelay(true)?;
        let calls = Arc::clone(&calls);
        let service = service_fn(move |request| answer(request, latency, Arc::clone(&calls)));
        tokio::spawn(async move {
            // A client that goes away ends its connection, and that is all.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
    Ok(Did { calls: calls.load(Ordering::Relaxed), ..Did::default() })
}

async fn answer(
    request: Request<Incoming>,
    latency: Duration,
    calls: Arc<AtomicU64>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.into_body().collect().await.is_ok() {
        calls.fetch_add(1, Ordering::Relaxed);
    }
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let mut response = Response::new(Full::new(Bytes::from_static(ACCEPTED)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}
