//! A service of a few lines: it reads requests off a plain socket and does what a script
//! says, byte by byte, so that a test can be as rude as a network.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use emberline_service_client::{HttpClient, HttpSettings};
use rustls::ServerConfig;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

/// What to do once a request has been read.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Write these bytes and read the next request.
    Write(Vec<u8>),
    /// Write these bytes and close.
    WriteAndClose(Vec<u8>),
    /// Write these bytes, then nothing more, with the connection open.
    WriteAndHang(Vec<u8>),
}

/// A whole answer with a length.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}

/// An answer that accepts.
pub(crate) fn ok() -> Act {
    Act::Write(answer("200 OK", "", r#"{"Response":{"RequestId":"r","Status":"OK"}}"#))
}

/// What the stand-in saw.
pub(crate) struct Service {
    pub(crate) address: String,
    connections: Arc<AtomicUsize>,
    requests: mpsc::UnboundedReceiver<String>,
    closed: mpsc::UnboundedReceiver<usize>,
}

impl Service {
    /// Starts it. The script is asked with the number of the request, from 0.
    pub(crate) async fn start(script: impl Fn(usize) -> Act + Send + Sync + 'static) -> Self {
        Self::listen(None, script).await
    }

    pub(crate) async fn start_tls(
        config: ServerConfig,
        script: impl Fn(usize) -> Act + Send + Sync + 'static,
    ) -> Self {
        Self::listen(Some(TlsAcceptor::from(Arc::new(config))), script).await
    }

    async fn listen(
        tls: Option<TlsAcceptor>,
        script: impl Fn(usize) -> Act + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("localhost:{}", listener.local_addr().unwrap().port());
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let (requests_in, requests) = mpsc::unbounded_channel();
        let (closed_in, closed) = mpsc::unbounded_channel();
        let script = Arc::new(Script {
            next: AtomicUsize::new(0),
            act: Box::new(script),
            requests: requests_in,
        });
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = counted.fetch_add(1, Ordering::SeqCst);
                let (script, tls, closed) = (Arc::clone(&script), tls.clone(), closed_in.clone());
                tokio::spawn(async move {
                    match tls {
                        None => script.serve(stream).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                script.serve(stream).await;
                            }
                        }
                    }
                    let _ = closed.send(number);
                });
            }
        });
        Self { address, connections, requests, closed }
    }

    /// Connections accepted so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The next request, head and body, as soon as it has been read.
    pub(crate) async fn request(&mut self) -> String {
        within(self.requests.recv()).await.unwrap()
    }

    /// The number of the next connection that the *client* has left.
    pub(crate) async fn left(&mut self) -> usize {
        within(self.closed.recv()).await.unwrap()
    }

    pub(crate) fn settings(&self) -> HttpSettings {
        HttpSettings::new(format!("http://{}/api/exploreropen/serviceapi", self.address))
    }

    pub(crate) fn client(&self) -> HttpClient {
        HttpClient::new(&self.settings()).unwrap()
    }
}

/// Waits for what must happen, and fails the test instead of hanging it.
pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("in time")
}

struct Script {
    next: AtomicUsize,
    act: Box<dyn Fn(usize) -> Act + Send + Sync>,
    requests: mpsc::UnboundedSender<String>,
}

impl Script {
    /// Serves one connection until both sides are done with it.
    async fn serve(&self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let mut stream = BufReader::new(stream);
        while let Some(request) = read_request(&mut stream).await {
            let number = self.next.fetch_add(1, Ordering::SeqCst);
            let _ = self.requests.send(request);
            let (bytes, go_on) = match (self.act)(number) {
                Act::Write(bytes) => (bytes, Some(true)),
                Act::WriteAndClose(bytes) => (bytes, None),
                Act::WriteAndHang(bytes) => (bytes, Some(false)),
            };
            if stream.write_all(&bytes).await.is_err() || stream.flush().await.is_err() {
                return;
            }
            match go_on {
                Some(true) => continue,
                None => drop(stream.shutdown().await),
                Some(false) => {}
            }
            // The other side's leaving ends it.
            let _ = stream.read_to_end(&mut Vec::new()).await;
            return;
        }
    }
}

async fn read_request(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    Some(head + std::str::from_utf8(&body).ok()?)
}
