//! For tests: a real Kafka, builders, a driver of the binary.

pub mod kafka;
