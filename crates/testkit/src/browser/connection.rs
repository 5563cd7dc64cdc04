//! The `DevTools` protocol: JSON messages over one WebSocket, answers found by their number.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Longest that the browser may take for one method.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// What pages complain of is told by events of these names.
const COMPLAINTS: [&str; 2] = ["Log.entryAdded", "Runtime.exceptionThrown"];

/// Ends when dropped.
pub(super) struct Connection {
    sink: tokio::sync::Mutex<SplitSink<Socket, Message>>,
    shared: Arc<Shared>,
    next: AtomicU64,
    reader: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<HashMap<u64, oneshot::Sender<Value>>>,
    complaints: Mutex<Vec<Value>>,
}

impl Connection {
    pub(super) async fn open(address: &str) -> Result<Self> {
        // A picture of a long page is larger than what a message may be by default.
        let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        let (socket, _) = connect_async_with_config(address, Some(config), true)
            .await
            .context("could not connect to the browser")?;
        let (sink, stream) = socket.split();
        let shared = Arc::<Shared>::default();
        let reader = tokio::spawn(read(stream, Arc::clone(&shared)));
        let sink = tokio::sync::Mutex::new(sink);
        Ok(Self { sink, shared, next: AtomicU64::new(1), reader })
    }

    /// Calls a method, of a page if there is a session, and waits for its result.
    pub(super) async fn call(
        &self,
        session: Option<&str>,
        method: &str,
        parameters: Value,
    ) -> Result<Value> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let mut message = json!({"id": id, "method": method, "params": parameters});
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let (sender, answer) = oneshot::channel();
        lock(&self.shared.waiting).insert(id, sender);
        self.sink.lock().await.send(Message::text(message.to_string())).await?;
        let answer = timeout(ANSWER_LIMIT, answer)
            .await
            .map_err(|_| anyhow!("the browser did not answer {method} in {ANSWER_LIMIT:?}"))?
            .with_context(|| format!("the browser ended before it answered {method}"))?;
        match answer.get("error") {
            Some(error) => bail!("the browser refused {method}: {error}"),
            None => Ok(answer["result"].clone()),
        }
    }

    /// What the page of this session has complained of so far, as the events told it.
    pub(super) fn complaints(&self, session: &str) -> Vec<Value> {
        let complaints = lock(&self.shared.complaints);
        let of_session = |event: &&Value| event["sessionId"] == session;
        complaints.iter().filter(of_session).map(|event| event["params"].clone()).collect()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

async fn read(mut stream: SplitStream<Socket>, shared: Arc<Shared>) {
    while let Some(Ok(message)) = stream.next().await {
        let bytes: Bytes = message.into_data();
        let Ok(message) = serde_json::from_slice::<Value>(&bytes) else { continue };
        if let Some(id) = message["id"].as_u64() {
            if let Some(waiting) = lock(&shared.waiting).remove(&id) {
                // Whoever asked may have given up meanwhile.
                let _ = waiting.send(message);
            }
        } else if COMPLAINTS.iter().any(|name| message["method"] == *name) {
            lock(&shared.complaints).push(message);
        }
    }
    // Their senders' end tells those who wait.
    lock(&shared.waiting).clear();
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
