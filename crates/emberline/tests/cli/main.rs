//! The built program, run as a user would run it: what it prints, where, and how it ends.

mod binary;
mod config;
mod examples;
mod program;
mod service;
