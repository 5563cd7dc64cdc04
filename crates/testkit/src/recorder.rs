//! A service that accepts everything and keeps each call's body as it came.
//!
//! Beside the sandbox: it checks nothing, so it shows what was sent also where the sandbox
//! keeps only what it means.

use std::sync::Arc;
use std::sync::Mutex;

use anyhow::Result;
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

type Calls = Arc<Mutex<Vec<Value>>>;

/// A running recorder; it ends when this is dropped.
#[derive(Debug)]
pub struct Recorder {
    url: String,
    calls: Calls,
    server: JoinHandle<()>,
}

impl Recorder {
    /// Starts one on a free port of loopback, on the current runtime.
    ///
    /// # Errors
    /// No port.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/", listener.local_addr()?);
        let calls = Calls::default();
        let routes = Router::new().route("/", post(record)).with_state(Arc::clone(&calls));
        let server = tokio::spawn(async move {
            // Without it the calls fail, and the test with them.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self { url, calls, server })
    }

    /// Where calls go to.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The bodies of all calls of an action, in the order in which they came.
    pub fn calls_of(&self, action: &str) -> Vec<Value> {
        let calls = self.calls.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        calls.iter().filter(|call| call["Action"] == action).cloned().collect()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn record(State(calls): State<Calls>, Json(call): Json<Value>) -> Json<Value> {
    let answer = json!({ "Response": { "RequestId": call["RequestId"], "Status": "OK" } });
    calls.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(call);
    Json(answer)
}
