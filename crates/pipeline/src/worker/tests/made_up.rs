//! What made-up worlds are made of: chance, time, and a worker's edges.

pub(super) mod clock;
pub(super) mod draw;
pub(super) mod edges;
