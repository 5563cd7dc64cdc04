//! `/metrics`, `/livez`, `/readyz`.
//!
//! A page that says no says why: its body is what an operator reads first. Nothing here
//! decides health; [`Health`] is told by the workers.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use emberline_pipeline::metrics::{INFO, READY};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Whether the process lives, and whether it works.
pub trait Health: Send + Sync + 'static {
    /// Whether it should be left running. The service being down is no reason to restart.
    ///
    /// # Errors
    /// Why it should be restarted.
    fn live(&self) -> Result<(), String>;

    /// Whether it does its work now.
    ///
    /// # Errors
    /// What it waits for.
    fn ready(&self) -> Result<(), String>;
}

/// What `/metrics` shows: what was recorded, and what holds when it is asked.
#[derive(Debug, Clone)]
pub struct MetricsPage {
    /// What was recorded.
    pub recorded: PrometheusHandle,
    /// The prefix of the Kafka groups.
    pub group: String,
}

impl MetricsPage {
    /// A gauge that is not set for a while goes; these are set whenever they are asked for.
    fn render(&self, ready: bool) -> String {
        metrics::gauge!(READY).set(f64::from(u8::from(ready)));
        let version = env!("CARGO_PKG_VERSION");
        metrics::gauge!(INFO, "group" => self.group.clone(), "version" => version).set(1.0);
        self.recorded.render()
    }
}

/// The endpoints, bound to an address and not yet served.
#[derive(Debug)]
pub struct Endpoints {
    listener: TcpListener,
    address: SocketAddr,
}

impl Endpoints {
    /// Takes the address, so that a process that cannot have it fails at its start.
    ///
    /// # Errors
    /// If the address cannot be had.
    pub async fn bind(listen: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Where they are, with the port that was given for port 0.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until told to stop.
    ///
    /// # Errors
    /// If the listener fails for good.
    pub async fn serve(
        self,
        metrics: MetricsPage,
        health: Arc<dyn Health>,
        stop: CancellationToken,
    ) -> io::Result<()> {
        let measured = (metrics, Arc::clone(&health));
        let routes = Router::new()
            .route("/metrics", get(page_of_metrics).with_state(measured))
            .route("/livez", get(livez).with_state(Arc::clone(&health)))
            .route("/readyz", get(readyz).with_state(health));
        axum::serve(self.listener, routes).with_graceful_shutdown(stop.cancelled_owned()).await
    }
}

async fn page_of_metrics(
    State((metrics, health)): State<(MetricsPage, Arc<dyn Health>)>,
) -> Response {
    let text = (header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
    ([text], metrics.render(health.ready().is_ok())).into_response()
}

async fn livez(State(health): State<Arc<dyn Health>>) -> Response {
    answer(health.live())
}

async fn readyz(State(health): State<Arc<dyn Health>>) -> Response {
    answer(health.ready())
}

fn answer(verdict: Result<(), String>) -> Response {
    match verdict {
        Ok(()) => "ok\n".into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use metrics_exporter_prometheus::PrometheusBuilder;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio_util::sync::CancellationToken;

    use super::{Endpoints, Health, MetricsPage};

    #[derive(Default)]
    struct Starting(AtomicBool);

    impl Health for Starting {
        fn live(&self) -> Result<(), String> {
            Ok(())
        }

        fn ready(&self) -> Result<(), String> {
            let started = self.0.load(Ordering::Relaxed);
            if started { Ok(()) } else { Err("bindings are still being read".to_owned()) }
        }
    }

    async fn get(address: std::net::SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_page_that_says_no_says_why() {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || {
            metrics::counter!("emberline_test_total").increment(3);
        });
        let health = Arc::new(Starting::default());
        let stop = CancellationToken::new();
        let endpoints = Endpoints::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = endpoints.address();
        let told = Arc::clone(&health);
        let page = MetricsPage { recorded: recorder.handle(), group: "test".to_owned() };
        let server = tokio::spawn(endpoints.serve(page, told, stop.clone()));

        assert!(get(address, "/livez").await.starts_with("HTTP/1.1 200"));
        let ready = get(address, "/readyz").await;
        assert!(ready.starts_with("HTTP/1.1 503"), "{ready}");
        assert!(ready.ends_with("bindings are still being read\n"), "{ready}");
        health.0.store(true, Ordering::Relaxed);
        assert!(get(address, "/readyz").await.starts_with("HTTP/1.1 200"));
        let metrics = get(address, "/metrics").await;
        assert!(metrics.contains("text/plain; version=0.0.4"), "{metrics}");
        assert!(metrics.contains("emberline_test_total 3"), "{metrics}");

        stop.cancel();
        let ended = tokio::time::timeout(Duration::from_secs(10), server).await;
        assert!(matches!(ended, Ok(Ok(Ok(())))), "{ended:?}");
    }
}
