//! The `emberline` binary's parts: command line, settings, logs, metrics and health
//! endpoints, life cycle.
//!
//! Invariant: no rule of delivery is decided here. This crate reads what is wanted, puts
//! the other crates together and shows what they do.
//!
//! Start at [`cli`] for what can be asked, at [`settings`] for what can be set.

pub mod app;
pub mod cli;
pub mod commands;
mod masked;
pub mod observe;
pub mod output;
mod paced;
pub mod reload;
pub mod replays;
pub mod settings;
pub mod signals;
pub mod span;
pub mod wiring;

pub use app::main;
