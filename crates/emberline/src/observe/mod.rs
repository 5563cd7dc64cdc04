//! How the process is seen from outside: logs on stderr, metrics and health over HTTP.

pub mod admin;
pub mod http;
pub mod logs;
pub mod metrics;
