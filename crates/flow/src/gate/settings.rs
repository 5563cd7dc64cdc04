//! When the gate opens, and how it is tried whether it may close.

use std::time::Duration;

/// The gate's thresholds. The defaults suit calls that take well below a second.
#[derive(Debug, Clone, PartialEq)]
pub struct GateSettings {
    /// Over how long failures are weighed. Default 30 s.
    pub window: Duration,
    /// Fewer calls than this in the window never open the circuit. Default 20.
    pub min_calls: u32,
    /// The circuit opens when this share of them failed in passing, 0 to 1. Default 0.5.
    pub failure_share: f64,
    /// Fewer failures than this during a slow start don't open the circuit again: a service
    /// that fails now and then is not down. Default 3.
    pub slow_failures: u32,
    /// Wait before the first probe of a service that is down; doubles with each probe
    /// that fails. Default 1 s.
    pub probe_interval: Duration,
    /// Longest wait between probes. Default 30 s.
    pub probe_interval_cap: Duration,
    /// Wait between probes while credentials are refused. Default 10 s.
    pub halt_probe_interval: Duration,
    /// Calls at once that need no limit of the gate any more. Default 64.
    pub full_concurrency: usize,
    /// Wait of an action that is told to slow down and not how long; doubles while that is
    /// all it is told. Default 1 s.
    pub throttle_wait: Duration,
    /// Longest wait that the service is granted. Default 5 min.
    pub throttle_cap: Duration,
    /// A call that has not come back after so long has been lost with its worker: nobody
    /// waits for it any longer. To be well above the longest call. Default 2 min.
    pub patience: Duration,
}

impl Default for GateSettings {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(30),
            min_calls: 20,
            slow_failures: 3,
            failure_share: 0.5,
            probe_interval: Duration::from_secs(1),
            probe_interval_cap: Duration::from_secs(30),
            halt_probe_interval: Duration::from_secs(10),
            full_concurrency: 64,
            throttle_wait: Duration::from_secs(1),
            throttle_cap: Duration::from_mins(5),
            patience: Duration::from_mins(2),
        }
    }
}
