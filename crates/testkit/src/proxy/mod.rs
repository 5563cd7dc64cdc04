//! A proxy for TCP that misbehaves on demand: slow, cut, deaf, closed. What it carries it
//! does not understand.
//!
//! Its faults can be changed while it runs, and it counts what they really hit: a test whose
//! faults hit nothing proves nothing.
//!
//! Start at [`Proxy::start`]; [`ProxyFaults`] says what can go wrong.

mod connection;
mod counts;
mod faults;

use std::net::{SocketAddr, TcpListener as StdListener};
use std::ops::RangeInclusive;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use counts::Counters;
pub use counts::ProxyCounts;
pub use faults::ProxyFaults;

/// A running proxy. It ends, and its connections with it, when this is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    faults: watch::Sender<ProxyFaults>,
    /// Each change cuts all connections that are open.
    cuts: watch::Sender<u64>,
    counters: Counters,
    dice: Mutex<fastrand::Rng>,
}

impl Shared {
    /// A number in 0 to 1 that decides whether faults befall a connection.
    fn draw_lot(&self) -> f64 {
        self.dice.lock().unwrap_or_else(PoisonError::into_inner).f64()
    }

    fn draw(&self, range: RangeInclusive<u64>) -> u64 {
        self.dice.lock().unwrap_or_else(PoisonError::into_inner).u64(range)
    }
}

impl Proxy {
    /// Listens on a free port of loopback and carries what comes there to `target`, on the
    /// current runtime.
    ///
    /// # Errors
    /// No port.
    pub fn start(target: SocketAddr) -> Result<Self> {
        Self::listen(StdListener::bind("127.0.0.1:0")?, target)
    }

    /// As [`Proxy::start`], with a listener that is there already.
    pub(crate) fn listen(listener: StdListener, target: SocketAddr) -> Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            faults: watch::Sender::new(ProxyFaults::default()),
            cuts: watch::Sender::new(0),
            counters: Counters::default(),
            dice: Mutex::new(fastrand::Rng::with_seed(1)),
        });
        let accepting = tokio::spawn(accept(listener, target, Arc::clone(&shared)));
        Ok(Self { address, shared, accepting })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Puts these faults in force, for the connections that are open too.
    pub fn set(&self, faults: ProxyFaults) {
        self.shared.faults.send_replace(faults);
    }

    /// Ends all misbehaviour.
    pub fn heal(&self) {
        self.set(ProxyFaults::default());
    }

    /// Resets all connections that are open, once.
    pub fn cut_all(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// What went through it, and what its faults hit.
    pub fn counts(&self) -> ProxyCounts {
        self.shared.counters.now()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // One that was gone before it was accepted is no loss.
                let Ok((near, _)) = accepted else { continue };
                shared.counters.connections.fetch_add(1, Relaxed);
                let shared = Arc::clone(&shared);
                connections.spawn(async move {
                    connection::carry(near, target, &shared).await;
                    shared.counters.ended.fetch_add(1, Relaxed);
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}
