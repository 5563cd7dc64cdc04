//! The sandbox over the wire, called by a client of its own: raw TCP, and a signature
//! made by the steps of the contract's text.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail like tests")]

mod accepted;
mod admin;
mod call;
mod caller;
mod claims;
mod console;
mod faults;
mod judge;
mod refused;
mod signatures;
