//! The client against a service that does what it is told, over real sockets.

#![expect(clippy::unwrap_used, reason = "helpers of tests, too, fail by panicking")]

mod answers;
mod calls;
mod connections;
mod probe;
mod support;
mod tls;
