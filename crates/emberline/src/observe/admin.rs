//! What a person beside the process may ask it: what is being sent, and what failed last.
//!
//! Invariant: it is served on loopback, to programs and not to browsers, and nothing leaves by
//! it but what `shown` lets through. It changes nothing.

mod shown;

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Query, Request, State};
use axum::http::header::{CONTENT_TYPE, HOST, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use emberline_pipeline::Monitor;
use emberline_pipeline::metrics::TAP_LEFT_OUT;
use emberline_pipeline::tap::{Listening, Wanted};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use shown::{ShownCall, ShownFailure};

/// Most calls a second that one listener is shown.
pub const MOST_A_SECOND: u32 = 1_000;
/// An empty line is sent so often where nothing else is, so that it is noticed who has gone.
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);
/// Sent by browsers of today with every request to loopback.
const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// The pages, bound to an address and not yet served.
#[derive(Debug)]
pub struct Admin {
    listener: TcpListener,
    address: SocketAddr,
}

/// What `/failures` answers.
#[derive(Debug, Serialize, Deserialize)]
pub struct Failures {
    /// The latest first.
    pub failures: Vec<ShownFailure>,
}

/// What may be asked of `/tap`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    device: Option<String>,
    action: Option<String>,
    per_second: Option<u32>,
}

#[derive(Clone)]
struct Pages {
    monitor: Arc<Monitor>,
    stop: CancellationToken,
}

impl Admin {
    /// Takes the address.
    ///
    /// # Errors
    /// If it cannot be had, or is not one of loopback.
    pub async fn bind(listen: SocketAddr) -> io::Result<Self> {
        if !listen.ip().is_loopback() {
            return Err(io::Error::other("not an address of loopback"));
        }
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Where it is, with the port that was given for port 0.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until told to stop.
    pub async fn serve(self, monitor: Arc<Monitor>, stop: CancellationToken) {
        metrics::counter!(TAP_LEFT_OUT).increment(0);
        let pages = Pages { monitor, stop: stop.clone() };
        let routes = Router::new()
            .route("/failures", get(failures))
            .route("/tap", get(tap))
            .with_state(pages)
            .layer(middleware::from_fn(no_browser));
        let serving = axum::serve(self.listener, routes);
        if let Err(error) = serving.with_graceful_shutdown(stop.cancelled_owned()).await {
            tracing::error!(%error, "admin pages ended");
        }
    }
}

/// A site that somebody has open must not read here: neither by a request of its page, nor by a
/// name of its own that leads to this machine.
async fn no_browser(request: Request, next: Next) -> Response {
    let headers = request.headers();
    if headers.contains_key(SEC_FETCH_SITE) || headers.contains_key(ORIGIN) || !is_for_us(headers) {
        return (StatusCode::FORBIDDEN, "for programs on this machine only\n").into_response();
    }
    next.run(request).await
}

fn is_for_us(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else { return false };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

async fn failures(State(Pages { monitor, .. }): State<Pages>) -> Json<Failures> {
    let latest = monitor.failures().latest();
    Json(Failures { failures: latest.into_iter().map(ShownFailure::from).collect() })
}

async fn tap(State(pages): State<Pages>, Query(asked): Query<Asked>) -> Response {
    let wanted = Wanted {
        device: asked.device,
        action: asked.action,
        per_second: asked.per_second.unwrap_or(MOST_A_SECOND).min(MOST_A_SECOND),
    };
    let Some(listening) = pages.monitor.tap().listen(wanted) else {
        let text = "enough others listen already\n";
        return (StatusCode::SERVICE_UNAVAILABLE, text).into_response();
    };
    let lines = stream::unfold((listening, pages.stop), async |(mut listening, stop)| {
        let line = tokio::select! {
            () = stop.cancelled() => return None,
            line = next_line(&mut listening) => line?,
        };
        Some((Ok::<_, Infallible>(line), (listening, stop)))
    });
    ([(CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response()
}

/// The next call as a line, or an empty one as a sign of life.
async fn next_line(listening: &mut Listening) -> Option<Bytes> {
    let Ok(sample) = tokio::time::timeout(SIGN_OF_LIFE, listening.next()).await else {
        return Some(Bytes::from_static(b"\n"));
    };
    let shown = ShownCall::of(&*sample?, listening.left_out());
    let mut line = serde_json::to_vec(&shown).unwrap_or_default();
    line.push(b'\n');
    Some(line.into())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;
    use axum::http::header::HOST;

    use super::{Admin, is_for_us};

    #[test]
    fn a_foreign_name_that_leads_here_gets_nothing() {
        for (host, ours) in [
            ("127.0.0.1:9465", true),
            ("localhost:9465", true),
            ("[::1]:9465", true),
            ("evil.example:9465", false),
            ("10.0.0.7:9465", false),
        ] {
            let headers = HeaderMap::from_iter([(HOST, host.parse().unwrap())]);
            assert_eq!(is_for_us(&headers), ours, "{host}");
        }
        assert!(!is_for_us(&HeaderMap::new()));
    }

    #[tokio::test]
    async fn it_is_served_on_loopback_only() {
        assert!(Admin::bind(([0, 0, 0, 0], 0).into()).await.is_err());
        let admin = Admin::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        assert!(admin.address().ip().is_loopback());
    }
}
