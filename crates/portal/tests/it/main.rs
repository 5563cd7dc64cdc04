//! The portal over HTTP, against the sandbox: what it shows, what it refuses, and what stands
//! at the head of each answer.
//!
//! Start at [`world::World`]: a portal, the service behind it, and a browser without scripts
//! in front of it.

#![expect(clippy::unwrap_used, reason = "whatever fails here has failed its test")]

mod browser;
mod claims;
mod desk;
mod enter;
mod headers;
mod limits;
mod orders;
mod refusals;
mod world;
