//! The pipeline as a whole, on an embedded broker, with a service that the test plays.
#![expect(clippy::unwrap_used, reason = "tests")]

mod ends;
mod own_partitions;
mod placing;
mod repartition;
mod replay;
mod set_aside;
mod world;
