//! Connections between two calls.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, timeout_at};

use crate::connect::Connection;

/// Longest wait for a kept connection to be done with the call before. It is ready at
/// once, or it has been closed; only a service that answered without reading the whole
/// request leaves one that is neither.
const SETTLING: Duration = Duration::from_millis(50);

/// Idle connections, the one used last in front of the queue's end: those that are not
/// needed age at its beginning and are dropped there.
pub(crate) struct Pool {
    idle: Mutex<VecDeque<Idle>>,
    max_idle: usize,
    idle_timeout: Duration,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

impl Pool {
    pub(crate) const fn new(max_idle: usize, idle_timeout: Duration) -> Self {
        Self { idle: Mutex::new(VecDeque::new()), max_idle, idle_timeout }
    }

    /// A connection that is ready for a request, if there is one before the deadline.
    pub(crate) async fn take(&self, deadline: Instant) -> Option<Connection> {
        loop {
            let mut connection = self.pop()?;
            if connection.sender.is_ready() {
                return Some(connection);
            }
            // Boxed, because it is rare: see `HttpClient::post_anew`.
            let settled = deadline.min(Instant::now() + SETTLING);
            if let Ok(Ok(())) = Box::pin(timeout_at(settled, connection.sender.ready())).await {
                return Some(connection);
            }
        }
    }

    /// Keeps a connection whose last answer was read to its end.
    pub(crate) fn put(&self, connection: Connection) {
        if connection.sender.is_closed() {
            return;
        }
        let now = Instant::now();
        let mut idle = self.idle.lock();
        idle.push_back(Idle { connection, since: now });
        while idle.len() > self.max_idle || idle.front().is_some_and(|it| self.is_old(it, now)) {
            idle.pop_front();
        }
    }

    fn pop(&self) -> Option<Connection> {
        let mut idle = self.idle.lock();
        let youngest = idle.pop_back()?;
        if self.is_old(&youngest, Instant::now()) {
            // Then so are all the others.
            idle.clear();
            return None;
        }
        Some(youngest.connection)
    }

    fn is_old(&self, idle: &Idle, now: Instant) -> bool {
        now.duration_since(idle.since) >= self.idle_timeout
    }
}
