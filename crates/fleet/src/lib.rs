//! A simulated fleet of devices: seeded events in every shape of the input contract,
//! and what must come of them.
//!
//! Invariant: nothing here knows Kafka, reads a clock or starts a thread. Time is
//! handed in, and the same plan at the same times makes the same bytes. A record is
//! written by hand, never with the code that the pipeline reads it by, so that the two
//! share no mistake (the protobuf types alone are common).
//!
//! Start at [`Fleet`]; [`FleetPlan`] says what a fleet is like.

mod catalogue;
mod damage;
mod device;
mod expectation;
mod fleet;
mod json;
mod message;
mod paperwork;
mod payload;
mod plan;
mod protobuf;
mod record;
mod resend;
mod text;

pub use expectation::{Counts, Expectation, Story};
pub use fleet::Fleet;
pub use plan::{FleetPlan, Formats};
pub use record::{FleetRecord, Topic};
