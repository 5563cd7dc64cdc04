//! For tests: a real Kafka, a driver of the binary, a proxy that misbehaves, a world to tell
//! stories in and a judge of how they ended.
//!
//! Invariant: nothing here depends on the crates that deliver (`pipeline`, `broker`, `flow`,
//! `service-client`): the program is seen from outside, as its users see it.
//!
//! Start at [`World`]; [`Load`] is what its devices send, [`judge`] compares what had to
//! arrive with what did.

mod background;
pub mod browser;
pub mod command;
mod emberline;
mod fetched;
mod guard;
pub mod harness;
mod http;
mod judge;
pub mod kafka;
mod load;
mod metrics_page;
pub mod prometheus;
mod proxy;
mod recorder;
mod target;
pub mod tools;
mod wait;
mod world;

pub use emberline::{Emberline, Memory, Signal, binary};
pub use judge::{Verdict, judge};
pub use load::Load;
pub use metrics_page::{MetricsPage, Sample};
pub use proxy::{Proxy, ProxyCounts, ProxyFaults};
pub use recorder::Recorder;
pub use wait::wait_for;
pub use world::World;
