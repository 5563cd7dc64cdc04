//! The built program, run as a user would run it: what it prints, where, and how it ends.

#![expect(clippy::unwrap_used, reason = "whatever fails here has failed its test")]

mod again;
mod audit;
mod binary;
mod check;
mod config;
mod dlq;
mod examples;
mod far_end;
mod health;
mod kafka;
mod portal;
mod program;
mod reconcile;
mod replay;
mod service;
mod thing_model;
mod watching;
