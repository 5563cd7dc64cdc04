//! How the service is reached.

use std::path::PathBuf;
use std::time::Duration;

/// Where the service is, and what a call may take.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// `http` or `https`; one URL for all actions.
    pub url: String,
    /// Longest wait for a connection: name, TCP and TLS together. Default 3 s.
    pub connect_timeout: Duration,
    /// Longest wait for the answer's head, and then for each further piece of its body.
    /// Default 10 s.
    pub read_timeout: Duration,
    /// Longest time of a whole call. Default 10 s.
    pub timeout: Duration,
    /// Largest answer. Default 1 MiB.
    pub max_answer_bytes: usize,
    /// Most connections kept while idle. Default 256.
    pub max_idle: usize,
    /// A connection that was idle for longer is not used again. Better below the
    /// service's own keep-alive time than above it. Default 20 s.
    pub idle_timeout: Duration,
    /// PEM file with certificates to trust beside the system's.
    pub extra_ca: Option<PathBuf>,
}

impl HttpSettings {
    /// The defaults, for a URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            connect_timeout: Duration::from_secs(3),
            read_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(10),
            max_answer_bytes: 1 << 20,
            max_idle: 256,
            idle_timeout: Duration::from_secs(20),
            extra_ca: None,
        }
    }
}
