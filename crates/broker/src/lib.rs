//! The only crate that knows rdkafka.
