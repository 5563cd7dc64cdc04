//! The registry of named replays: which there are, how far each is, who runs it, and how
//! someone elsewhere asks it to stop.
//!
//! All of it is one log, the topic `<prefix>.replays`, which each process reads whole. The
//! rules of who runs a replay are `flow::replay_lease`'s; here they meet Kafka.
//!
//! Absent: what a replay does, and where it goes on, which its group's commits tell.
//!
//! Start at [`Registry`]; who runs a replay has a [`Tenure`].

mod book;
mod cancel;
mod entry;
mod error;
mod registry;
mod tenure;
#[cfg(test)]
pub(crate) mod tests;

use std::time::Duration;

pub use cancel::CancelOutcome;
pub use emberline_wire::replay::{
    ReplayKind, ReplayProgress, ReplayRange, ReplayState, ReplayStatus,
};
pub use entry::{CancelRequest, Entry};
pub use error::{ClaimError, RegistryError};
pub use registry::Registry;
pub use tenure::{End, Interruption, Tenure};

/// How often who runs a replay says so, and when it counts as dead.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// Between two words.
    pub heartbeat: Duration,
    /// Without a word for so long it counts as dead. The same for all, and some three times
    /// the heartbeat.
    pub silence: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self { heartbeat: Duration::from_secs(5), silence: Duration::from_secs(15) }
    }
}

/// This machine's name, by which people find a run: in Kubernetes the pod's.
pub fn this_host() -> String {
    hostname::get().map_or_else(|_| "unknown".to_owned(), |name| name.to_string_lossy().into())
}

/// Now, in Unix milliseconds.
fn unix_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
