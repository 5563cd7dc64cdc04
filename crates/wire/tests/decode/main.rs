//! What the decoder promises, by example and as laws.

mod errors;
mod examples;
mod laws;
mod properties;
mod raw;
mod skipped;
mod support;
mod times;
