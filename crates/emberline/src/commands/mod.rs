//! The commands, one module each: its arguments and `run`.
//!
//! A command takes its own arguments and the settings, writes its result through
//! [`crate::output`], and says how it ended.

mod again;
pub mod audit;
pub mod check;
pub mod completions;
pub mod config;
pub mod demo;
pub mod dlq;
pub mod generate;
pub mod health;
pub mod portal;
pub mod reconcile;
pub mod replay;
pub mod run;
pub mod sandbox;
pub mod service;
mod table;
pub mod tap;
pub mod thing_model;
pub mod top;
pub mod topics;
